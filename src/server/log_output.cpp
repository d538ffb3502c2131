#include "server/log_output.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace clasp::server {

int LogOutput::write(std::string_view line) {
  if (torn_) {
    std::string_view end = "\n";
    if (const int error = write_piece(end); error != 0) return error;
    torn_ = false;
  }
  const std::size_t whole = line.size();
  while (!line.empty()) {
    if (const int error = write_piece(line); error != 0) {
      torn_ = line.size() < whole;
      return error;
    }
  }
  return 0;
}

// A pipe that can be written takes PIPE_BUF bytes without waiting (pipe(7)); the descriptor is not ours alone, so O_NONBLOCK is no choice.
int LogOutput::write_piece(std::string_view& rest) {
  pollfd room{.fd = descriptor_, .events = POLLOUT, .revents = 0};
  if (::poll(&room, 1, 0) == 0) return EAGAIN;
  const ssize_t written = ::write(descriptor_, rest.data(), std::min<std::size_t>(rest.size(), PIPE_BUF));
  if (written < 0) return errno == EINTR ? 0 : errno;
  rest.remove_prefix(static_cast<std::size_t>(written));
  return 0;
}

}  // namespace clasp::server
