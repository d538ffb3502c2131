#include "options/read_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace clasp::options {

namespace {

Error failed(std::string message) { return {ErrorCode::invalid_argument, std::move(message), {}}; }

}  // namespace

Result<std::string> read_descriptor(int descriptor, std::string_view name, std::size_t bytes_max) {
  std::string text;
  std::array<char, 65'536> buffer;
  while (true) {
    const ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
    if (got == 0) return text;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(fmt::format("cannot read {}: {}", name, std::strerror(errno)));
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > bytes_max) return failed(fmt::format("{} is longer than {} bytes", name, bytes_max));
  }
}

Result<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return failed(fmt::format("cannot open {}: {}", path, std::strerror(errno)));
  auto text = read_descriptor(descriptor, path, bytes_max);
  ::close(descriptor);
  return text;
}

}  // namespace clasp::options
