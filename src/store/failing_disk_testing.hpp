// A disk whose nth operation fails.
#pragma once

#include <cerrno>

#include "store/disk.hpp"

namespace clasp::store {

class FailingDisk final : public Disk {
 public:
  FailingDisk(int nth, int error) : left_(nth), error_(error) {}
  bool failed() const { return left_ < 0; }

  int open(const char* path, int flags, mode_t mode) override { return fails() ? -1 : Disk::open(path, flags, mode); }
  // Half of it is written all the same.
  ssize_t write(int descriptor, const void* bytes, std::size_t count) override {
    if (!fails()) return Disk::write(descriptor, bytes, count);
    static_cast<void>(Disk::write(descriptor, bytes, count / 2));
    errno = error_;
    return -1;
  }
  int fsync(int descriptor) override { return fails() ? -1 : Disk::fsync(descriptor); }
  int flock(int descriptor, int operation) override { return fails() ? -1 : Disk::flock(descriptor, operation); }
  int ftruncate(int descriptor, off_t length) override { return fails() ? -1 : Disk::ftruncate(descriptor, length); }
  int link(const char* from, const char* to) override { return fails() ? -1 : Disk::link(from, to); }
  int rename(const char* from, const char* to) override { return fails() ? -1 : Disk::rename(from, to); }
  int unlink(const char* path) override { return fails() ? -1 : Disk::unlink(path); }

 private:
  bool fails() {
    if (left_ < 0 || left_-- > 0) return false;
    errno = error_;
    return true;
  }
  int left_;
  const int error_;
};

}  // namespace clasp::store
