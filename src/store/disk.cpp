#include "store/disk.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdio>

namespace clasp::store {

int Disk::open(const char* path, int flags, mode_t mode) { return ::open(path, flags, mode); }
ssize_t Disk::write(int descriptor, const void* bytes, std::size_t count) { return ::write(descriptor, bytes, count); }
int Disk::fsync(int descriptor) { return ::fsync(descriptor); }
int Disk::flock(int descriptor, int operation) { return ::flock(descriptor, operation); }
int Disk::ftruncate(int descriptor, off_t length) { return ::ftruncate(descriptor, length); }
int Disk::link(const char* from, const char* to) { return ::link(from, to); }
int Disk::rename(const char* from, const char* to) { return ::rename(from, to); }
int Disk::unlink(const char* path) { return ::unlink(path); }

Disk& real_disk() {
  static Disk disk;
  return disk;
}

}  // namespace clasp::store
