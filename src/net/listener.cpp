#include "net/listener.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "io/timer.hpp"
#include "io/watch.hpp"
#include "net/port_owner.hpp"

namespace clasp::net {

namespace {

constexpr int backlog = 4'096;
constexpr unsigned accepts_per_turn_max = 64;
constexpr Micros retry_after{100'000};
constexpr int keepalive_idle_seconds = 30;
constexpr int keepalive_interval_seconds = 10;
constexpr int keepalive_probes = 3;
constexpr int unsent_bytes_max = 65'536;  // the kernel must not hold megabytes of stale frames for a slow link

Error invalid(std::string_view text, std::string_view why) {
  return {.code = ErrorCode::invalid_argument, .message = fmt::format("listen address \"{}\": {}", text, why), .address = {}};
}

void set_option(int socket, int level, int name, int value) { ::setsockopt(socket, level, name, &value, sizeof value); }

void set_connection_options(int socket) {
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, unsent_bytes_max);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, keepalive_idle_seconds);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, keepalive_interval_seconds);
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, keepalive_probes);
}

// A listening socket, or -1 and errno.
int listen_on(const sockaddr* address, socklen_t length, bool dual_stack) {
  const int socket = ::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) return -1;
  set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
  if (address->sa_family == AF_INET6) set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, dual_stack ? 0 : 1);
  if (::bind(socket, address, length) == 0 && ::listen(socket, backlog) == 0) return socket;
  const int error = errno;
  ::close(socket);
  errno = error;
  return -1;
}

// All addresses: IPv6 with IPv4 mapped into it, or IPv4 alone where there is no IPv6.
int listen_on_all(std::uint16_t port) {
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  six.sin6_addr = in6addr_any;
  const int socket = listen_on(reinterpret_cast<const sockaddr*>(&six), sizeof six, true);
  if (socket >= 0 || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL)) return socket;
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = htons(port);
  four.sin_addr.s_addr = htonl(INADDR_ANY);
  return listen_on(reinterpret_cast<const sockaddr*>(&four), sizeof four, false);
}

Error listen_failed(const ListenAddress& address, std::string reason, bool in_use) {
  std::string message = fmt::format("cannot listen on {}: {}", to_text(address), reason);
  if (in_use) {
    if (const std::optional<PortOwner> owner = find_port_owner(address.port)) {
      message += owner->pid == ::getpid() ? " (by this process: two options name the same port)" : fmt::format(" (by {}, process {})", owner->name, owner->pid);
    }
  }
  return {.code = ErrorCode::connection_failed, .message = std::move(message), .address = {}};
}

Result<int> listen_on_host(const ListenAddress& address) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found); error != 0) {
    return listen_failed(address, ::gai_strerror(error), false);
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned{found, &::freeaddrinfo};
  const bool any_six = found->ai_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<sockaddr_in6*>(found->ai_addr)->sin6_addr) != 0;
  const int socket = any_six ? listen_on_all(address.port) : listen_on(found->ai_addr, found->ai_addrlen, false);
  if (socket < 0) return listen_failed(address, std::strerror(errno), errno == EADDRINUSE);
  return socket;
}

std::uint16_t port_of(int socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&address)->sin6_port
                                             : reinterpret_cast<sockaddr_in*>(&address)->sin_port);
}

bool is_shortage(int error) { return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM; }

}  // namespace

Result<ListenAddress> parse_listen_address(std::string_view text) {
  ListenAddress address;
  std::string_view port = text;
  if (text.starts_with('[')) {
    const std::size_t bracket = text.find(']');
    if (bracket == std::string_view::npos) return invalid(text, "bracket without its end");
    address.host = text.substr(1, bracket - 1);
    port = text.substr(bracket + 1);
    if (!port.starts_with(':')) return invalid(text, "no port behind the bracket");
    port.remove_prefix(1);
  } else if (const std::size_t colon = text.rfind(':'); colon != std::string_view::npos) {
    address.host = text.substr(0, colon);
    if (address.host.find(':') != std::string::npos) return invalid(text, "an IPv6 address needs brackets: [::1]:7330");
    port = text.substr(colon + 1);
  }
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (port.empty() || error != std::errc{} || end != port.data() + port.size()) 
    return invalid(text, "expected PORT or HOST:PORT, the port a number from 0 to 65535");
  return address;
}

std::string to_text(const ListenAddress& address) {
  if (address.host.find(':') != std::string::npos) return fmt::format("[{}]:{}", address.host, address.port);
  return fmt::format("{}:{}", address.host.empty() ? "*" : address.host, address.port);
}

struct Listener::Acceptor final : private io::WatchHandler, std::enable_shared_from_this<Acceptor> {
  Acceptor(EventLoop& in, int socket, std::uint16_t on, Protocols spoken)
      : loop(in),
        port(on),
        known(std::make_shared<const Protocols>(std::move(spoken))),
        watch(in.io(), socket, *this),
        retry(in.io(), [this] { watch.set_reading(true); }) {}

  // The loop's clock is that of the last turn here: accept when it has been read.
  void on_readable() override {
    loop.defer([weak = weak_from_this()] {
      if (const std::shared_ptr<Acceptor> self = weak.lock()) self->accept_all();
    });
  }
  void on_writable() override {}

  void accept_all() {
    for (unsigned n = 0; n < accepts_per_turn_max; ++n) {
      const int socket = ::accept4(watch.descriptor(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (socket >= 0) {
        adopt(socket);
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        break;
      } else if (is_shortage(errno)) {
        return on_shortage(errno);
      }
      // Anything else concerns one connection that is gone already; the next one may be fine.
    }
  }

  void adopt(int socket) {
    ++loop.stats().accepted;
    set_connection_options(socket);
    loop.adopt(socket, [this](Stream& stream) { return std::make_unique<Recogniser>(stream, known); });
  }

  void on_shortage(int error) {
    ++loop.stats().accepts_failed;
    const SteadyTime now = loop.now().steady;
    known->tell("accept", fmt::format("cannot accept connections on port {}: {}; {} are open", port, std::strerror(error), loop.streams()), loop.now());
    loop.evict_oldest_setup();
    watch.set_reading(false);
    retry.set(now + retry_after);
  }

  EventLoop& loop;
  std::uint16_t port;
  std::shared_ptr<const Protocols> known;
  io::Watch watch;
  io::Timer retry;
};

Listener::Listener(EventLoop& loop, int socket, std::uint16_t port, Protocols known)
    : port_(port), acceptor_(std::make_shared<Acceptor>(loop, socket, port, std::move(known))) {}

Listener::~Listener() = default;

void Listener::close() { acceptor_.reset(); }

Result<std::unique_ptr<Listener>> Listener::open(EventLoop& loop, const ListenAddress& address, Protocols known) {
  int socket = -1;
  if (address.host.empty()) {
    socket = listen_on_all(address.port);
    if (socket < 0) return listen_failed(address, std::strerror(errno), errno == EADDRINUSE);
  } else {
    const Result<int> listening = listen_on_host(address);
    if (!listening) return listening.error();
    socket = *listening;
  }
  return std::unique_ptr<Listener>{new Listener{loop, socket, port_of(socket), std::move(known)}};
}

}  // namespace clasp::net
