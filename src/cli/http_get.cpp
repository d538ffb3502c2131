#include "cli/http_get.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

namespace clasp::cli {

namespace {

using Clock = std::chrono::steady_clock;

class Socket {
 public:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Socket(const Socket&) = delete;
  ~Socket() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

Error failed(std::string_view what, int number) {
  return {ErrorCode::connection_failed, fmt::format("{}{}{}", what, what.empty() ? "" : ": ", std::strerror(number)), {}};
}

Result<void> wait_for(int descriptor, short events, Clock::time_point until) {
  while (true) {
    pollfd polled{descriptor, events, 0};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) return Error{ErrorCode::timeout, "no answer in time", {}};
    const int ready = poll(&polled, 1, static_cast<int>(std::min<std::int64_t>(left, 3'600'000)));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return failed("poll", errno);
  }
}

Result<void> connect_to(int descriptor, const addrinfo& address, Clock::time_point until) {
  if (fcntl(descriptor, F_SETFL, O_NONBLOCK) != 0) return failed("socket", errno);
  if (connect(descriptor, address.ai_addr, address.ai_addrlen) == 0) return {};
  if (errno != EINPROGRESS) return failed("", errno);
  if (const auto ready = wait_for(descriptor, POLLOUT, until); !ready) return ready;
  int fault = 0;
  socklen_t size = sizeof fault;
  if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &fault, &size) != 0) fault = errno;
  if (fault != 0) return failed("", fault);
  return {};
}

Result<HttpReply> exchange(int descriptor, std::string_view request, Clock::time_point until, std::size_t bytes_max) {
  while (!request.empty()) {
    if (const auto ready = wait_for(descriptor, POLLOUT, until); !ready) return ready.error();
    const ssize_t put = send(descriptor, request.data(), request.size(), MSG_NOSIGNAL);
    if (put < 0 && errno != EAGAIN && errno != EINTR) return failed("send", errno);
    if (put > 0) request.remove_prefix(static_cast<std::size_t>(put));
  }
  std::string reply;
  std::array<char, 65'536> buffer;
  while (reply.size() <= bytes_max) {
    if (const auto ready = wait_for(descriptor, POLLIN, until); !ready) return ready.error();
    const ssize_t got = recv(descriptor, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno != EAGAIN && errno != EINTR) return failed("receive", errno);
    if (got > 0) reply.append(buffer.data(), static_cast<std::size_t>(got));
    if (got != 0) continue;
    if (auto parsed = parse_http_reply(reply)) return std::move(*parsed);
    break;
  }
  return Error{ErrorCode::connection_failed, "what answers there does not speak HTTP", {}};
}

// The field's value, nothing if there is none. Names compare without regard to case.
std::optional<std::string_view> find_field(std::string_view head, std::string_view name) {
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b)); };
  while (!head.empty()) {
    const std::size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    if (line.size() > name.size() && line[name.size()] == ':' && std::ranges::equal(line.substr(0, name.size()), name, same)) {
      const std::size_t begin = line.find_first_not_of(" \t", name.size() + 1);
      return begin == std::string_view::npos ? std::string_view() : line.substr(begin);
    }
    if (end == std::string_view::npos) break;
    head.remove_prefix(end + 2);
  }
  return std::nullopt;
}

template <typename T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Result<HttpReply> http_get(const std::string& host, std::uint16_t port, std::string_view path, std::chrono::milliseconds timeout,
                           const HttpGetOptions& options) {
  const auto until = Clock::now() + timeout;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int fault = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); fault != 0)
    return Error{ErrorCode::connection_failed, fmt::format("cannot find {}: {}", host, gai_strerror(fault)), {}};
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
  const std::string request = fmt::format("GET {} HTTP/1.0\r\nHost: {}:{}\r\nConnection: close\r\n{}\r\n", path, host, port,
                                          options.token.empty() ? "" : fmt::format("Authorization: Bearer {}\r\n", options.token));
  const auto where = [&](Error error) {
    error.message = fmt::format("cannot reach {}:{}: {}", host, port, error.message);
    return error;
  };
  Error last{ErrorCode::connection_failed, "it has no address", {}};
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    const Socket socket(::socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, address->ai_protocol));
    if (socket.descriptor() < 0) {
      last = failed("socket", errno);
    } else if (const auto connected = connect_to(socket.descriptor(), *address, until); !connected) {
      last = connected.error();
    } else {
      auto reply = exchange(socket.descriptor(), request, until, options.bytes_max);
      if (!reply) return where(reply.error());
      return reply;
    }
  }
  return where(last);
}

std::optional<HttpReply> parse_http_reply(std::string_view text) {
  const std::size_t head_end = text.find("\r\n\r\n");
  if (head_end == std::string_view::npos || !text.starts_with("HTTP/1.")) return std::nullopt;
  const std::string_view head = text.substr(0, head_end);
  if (head.size() < 12 || head[8] != ' ') return std::nullopt;
  const auto status = parse_number<unsigned>(head.substr(9, 3));
  if (!status || *status < 100) return std::nullopt;
  HttpReply reply{.status = *status, .body = std::string(text.substr(head_end + 4))};
  if (const auto length_text = find_field(head, "Content-Length")) {
    const auto length = parse_number<std::size_t>(*length_text);
    if (!length || reply.body.size() < *length) return std::nullopt;
    reply.body.resize(*length);
  }
  return reply;
}

std::optional<double> find_metric(std::string_view exposition, std::string_view name) {
  while (!exposition.empty()) {
    const std::size_t end = exposition.find('\n');
    const std::string_view line = exposition.substr(0, end);
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ' ') return parse_number<double>(line.substr(name.size() + 1));
    if (end == std::string_view::npos) break;
    exposition.remove_prefix(end + 1);
  }
  return std::nullopt;
}

}  // namespace clasp::cli
