// A pipe whose reader is the test: full if it wants, empty again, or gone.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <string>
#include <utility>

#include "core/check.hpp"

namespace clasp::server {

class Pipe {
 public:
  Pipe() {
    CLASP_CHECK(::pipe2(ends_.data(), O_CLOEXEC) == 0);
    CLASP_CHECK(::fcntl(ends_[0], F_SETFL, O_NONBLOCK) == 0);
  }
  ~Pipe() {
    close_reader();
    ::close(ends_[1]);
  }
  Pipe(const Pipe&) = delete;

  int in() const { return ends_[1]; }
  std::size_t bytes() const { return static_cast<std::size_t>(::fcntl(ends_[1], F_GETPIPE_SZ)); }

  void fill() {
    const std::string page(4'096, '\n');
    for (pollfd room{.fd = in(), .events = POLLOUT, .revents = 0}; ::poll(&room, 1, 0) == 1;)
      CLASP_CHECK(::write(in(), page.data(), page.size()) > 0);
  }
  std::string drain() {
    std::string all;
    std::array<char, 4'096> piece{};
    for (ssize_t got = 0; (got = ::read(ends_[0], piece.data(), piece.size())) > 0;) all.append(piece.data(), static_cast<std::size_t>(got));
    return all;
  }
  void close_reader() {
    if (const int reader = std::exchange(ends_[0], -1); reader >= 0) ::close(reader);
  }

 private:
  std::array<int, 2> ends_{};
};

}  // namespace clasp::server
