// The system calls of what is written without SQLite: the state file and the lock. In tests each of them can be made to fail.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace clasp::store {

// As the system calls of these names: negative, and errno, when they fail. Any thread.
class Disk {
 public:
  virtual ~Disk() = default;
  virtual int open(const char* path, int flags, mode_t mode);
  virtual ssize_t write(int descriptor, const void* bytes, std::size_t count);
  virtual int fsync(int descriptor);
  virtual int flock(int descriptor, int operation);
  virtual int ftruncate(int descriptor, off_t length);
  virtual int link(const char* from, const char* to);
  virtual int rename(const char* from, const char* to);
  virtual int unlink(const char* path);
};

Disk& real_disk();

}  // namespace clasp::store
