// One process at a time: an advisory lock on "<path>.lock", which says who holds it. Gone with the process, however it ends; the file stays.
#pragma once

#include <string>
#include <utility>

#include "clasp/error.hpp"
#include "store/disk.hpp"

namespace clasp::store {

class FileLock {
 public:
  // Error: another process holds it, with its id; or the lock file cannot be made, or its file system cannot lock.
  static Result<FileLock> take(const std::string& path, Disk& disk = real_disk());
  FileLock() = default;
  FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~FileLock();

 private:
  int descriptor_ = -1;
};

}  // namespace clasp::store
