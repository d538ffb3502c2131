#include "store/file_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace clasp::store {

Result<FileLock> FileLock::take(const std::string& given, Disk& disk) {
  std::error_code ignored;
  const auto real = std::filesystem::weakly_canonical(given, ignored);  // one file has one lock, whatever links lead to it
  const std::string path = (real.empty() ? given : real.string()) + ".lock";
  FileLock lock;
  lock.descriptor_ = disk.open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock.descriptor_ < 0) return Error{ErrorCode::unavailable, fmt::format("cannot open {}: {}", path, std::strerror(errno)), {}};
  if (disk.flock(lock.descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return Error{ErrorCode::unavailable, fmt::format("cannot lock {}: {}", path, std::strerror(errno)), {}};
    char holder[32] = {};
    const auto bytes = ::read(lock.descriptor_, holder, sizeof holder - 1);
    std::string who(holder, bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
    while (!who.empty() && (who.back() < '0' || who.back() > '9')) who.pop_back();
    return Error{ErrorCode::unavailable, fmt::format("{} is in use by another process{}", given, who.empty() ? "" : fmt::format(" ({})", who)), {}};
  }
  const std::string self = fmt::format("{}\n", ::getpid());
  if (disk.ftruncate(lock.descriptor_, 0) != 0 || disk.write(lock.descriptor_, self.data(), self.size()) < 0) {
    // A full disk: the lock is held all the same, only its holder is not named.
  }
  return lock;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace clasp::store
