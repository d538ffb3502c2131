#include "bridge/osc/tcp_socket.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace clasp::bridge::osc {
namespace {

constexpr int waiting_connections_max = 128;

void set_option(int descriptor, int level, int name, int value) { ::setsockopt(descriptor, level, name, &value, sizeof value); }

int open_stream(int family) { return ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

// Packets leave at once, and a peer that is gone without a word is noticed some time.
void prepare(int descriptor) {
  set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
}

}  // namespace

Result<int> listen_tcp(std::string_view bind) {
  Result<sockaddr_storage> local = bind_address(bind);
  if (!local) return local.error();
  int descriptor = open_stream(local->ss_family);
  if (descriptor < 0 && is_any_v6(*local)) {  // a machine without IPv6
    *local = any_address(AF_INET, ntohs(reinterpret_cast<sockaddr_in6&>(*local).sin6_port));
    descriptor = open_stream(AF_INET);
  }
  if (descriptor < 0) return socket_error("open a TCP socket", errno);
  set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
  if (local->ss_family == AF_INET6) set_option(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&*local), length_of(*local)) != 0 || ::listen(descriptor, waiting_connections_max) != 0) {
    const int error = errno;
    ::close(descriptor);
    return socket_error(fmt::format("listen on TCP {}", bind), error);
  }
  return descriptor;
}

Result<int> connect_tcp(const sockaddr_storage& to) {
  const int descriptor = open_stream(to.ss_family);
  if (descriptor < 0) return socket_error("open a TCP socket", errno);
  prepare(descriptor);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&to), length_of(to)) != 0 && errno != EINPROGRESS) {
    const int error = errno;
    ::close(descriptor);
    return socket_error(fmt::format("connect to {}", to_text(from_sockaddr(to))), error);
  }
  return descriptor;
}

std::string connect_error(int descriptor) {
  int error = 0;
  socklen_t bytes = sizeof error;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0) error = errno;
  return error == 0 ? std::string() : std::string(std::strerror(error));
}

Accepted accept_tcp(int listener) {
  for (;;) {
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    const int descriptor = ::accept4(listener, reinterpret_cast<sockaddr*>(&from), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0) {
      prepare(descriptor);
      return {.state = Accepted::State::connection, .descriptor = descriptor, .from = from_sockaddr(from)};
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) return {.state = Accepted::State::no_descriptors, .from = {}};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {};
    // Of a connection that was gone again, or interrupted: the next one.
  }
}

void close_descriptor(int descriptor) { ::close(descriptor); }

StreamRead receive_some(int descriptor, std::span<std::byte> buffer) {
  const ssize_t n = ::recv(descriptor, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n > 0) return {.state = StreamRead::State::bytes, .bytes = static_cast<std::size_t>(n)};
  if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return {};
  return {.state = StreamRead::State::ended};
}

std::optional<std::size_t> send_some(int descriptor, Bytes bytes) {
  const ssize_t n = ::send(descriptor, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n >= 0) return static_cast<std::size_t>(n);
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return 0;
  return std::nullopt;
}

}  // namespace clasp::bridge::osc
