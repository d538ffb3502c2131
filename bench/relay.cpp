#include "bench/relay.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/byte_buffer.hpp"
#include "core/limits.hpp"

namespace clasp::bench {

namespace {

constexpr std::size_t read_bytes_max = 65'536;
constexpr std::size_t prefix_bytes = 4;

struct Connection {
  int socket = -1;
  char role = 0;
  bool dirty = false;
  bool broken = false;
  bool waits_for_room = false;
  Connection* partner = nullptr;  // of paired ones
  ByteBuffer incomplete;  // the beginning of a frame
  ByteBuffer out;
  std::size_t out_from = 0;
};

class Relay {
 public:
  Relay(int epoll, int listener) : epoll_(epoll), listener_(listener) {}

  void turn() {
    std::array<epoll_event, 1'024> events;
    const int n = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < n; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.fd == listener_) {
        accept();
      } else if (const auto found = connections_.find(event.data.fd); found != connections_.end()) {
        if ((event.events & EPOLLOUT) != 0) mark_dirty(*found->second);
        if ((event.events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) read(*found->second);
      }
    }
    for (Connection* connection : std::exchange(dirty_, {})) flush(*connection);
    for (const int socket : std::exchange(broken_, {})) drop(socket);
  }

 private:
  void accept() {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) return;
    const int on = 1;
    epoll_event event{.events = EPOLLIN, .data = {.fd = socket}};
    if (connections_.size() >= relay_connections_max || ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) != 0) {
      ::close(socket);
      return;
    }
    auto connection = std::make_unique<Connection>();
    connection->socket = socket;
    connections_.emplace(socket, std::move(connection));
  }

  void read(Connection& from) {
    const ssize_t n = ::recv(from.socket, buffer_.data(), buffer_.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) return mark_broken(from);
    Bytes input{buffer_.data(), static_cast<std::size_t>(n)};
    if (from.role == 0) {
      from.role = static_cast<char>(input.front());
      if (from.role == relay_subscriber) subscribers_.push_back(&from);
      if (from.role == relay_paired_publisher) unpaired_.push_back(&from);
      if (from.role == relay_paired_subscriber) pair(from);
      send(from, input.first(1));
      input = input.subspan(1);
    }
    if (!from.incomplete.empty()) {
      from.incomplete.append(input);
      input = from.incomplete.view();
    }
    const std::size_t whole = whole_frames(input);
    if (whole > input.size()) return mark_broken(from);
    if (whole > 0 && from.role == relay_paired_publisher) {
      if (from.partner != nullptr) send(*from.partner, input.first(whole));
    } else if (whole > 0) {
      for (Connection* to : subscribers_) {
        if (to != &from) send(*to, input.first(whole));
      }
    }
    ByteBuffer rest;
    rest.append(input.subspan(whole));
    from.incomplete = std::move(rest);
  }

  void pair(Connection& subscriber) {
    if (unpaired_.empty()) return mark_broken(subscriber);
    subscriber.partner = unpaired_.front();
    subscriber.partner->partner = &subscriber;
    unpaired_.erase(unpaired_.begin());
  }

  // Bytes of the complete frames at the front; more than there are if a length is none.
  static std::size_t whole_frames(Bytes input) {
    std::size_t at = 0;
    while (input.size() - at >= prefix_bytes) {
      const std::size_t length = load_be<std::uint32_t>(input.data() + at);
      if (length == 0 || length > wire::frame_bytes_max) return input.size() + 1;
      if (input.size() - at - prefix_bytes < length) break;
      at += prefix_bytes + length;
    }
    return at;
  }

  void send(Connection& to, Bytes bytes) {
    if (to.broken) return;
    if (to.out.size() - to.out_from + bytes.size() > relay_waiting_bytes_max) return mark_broken(to);
    to.out.append(bytes);
    mark_dirty(to);
  }

  void flush(Connection& to) {
    to.dirty = false;
    while (!to.broken && to.out_from < to.out.size()) {
      const Bytes waiting = to.out.view(to.out_from);
      const ssize_t n = ::send(to.socket, waiting.data(), waiting.size(), MSG_NOSIGNAL);
      if (n >= 0) {
        to.out_from += static_cast<std::size_t>(n);
      } else if (errno == EAGAIN) {
        return want_room(to, true);
      } else if (errno != EINTR) {
        return mark_broken(to);
      }
    }
    to.out.clear();
    to.out_from = 0;
    want_room(to, false);
  }

  void want_room(Connection& connection, bool on) {
    if (connection.waits_for_room == on || connection.broken) return;
    connection.waits_for_room = on;
    epoll_event event{.events = on ? static_cast<std::uint32_t>(EPOLLIN | EPOLLOUT) : static_cast<std::uint32_t>(EPOLLIN),
                      .data = {.fd = connection.socket}};
    if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.socket, &event) != 0) mark_broken(connection);
  }

  void mark_dirty(Connection& connection) {
    if (!std::exchange(connection.dirty, true)) dirty_.push_back(&connection);
  }
  void mark_broken(Connection& connection) {
    if (!std::exchange(connection.broken, true)) broken_.push_back(connection.socket);
  }
  void drop(int socket) {
    const auto found = connections_.find(socket);
    std::erase(subscribers_, found->second.get());
    std::erase(unpaired_, found->second.get());
    if (Connection* partner = found->second->partner) partner->partner = nullptr;
    std::erase(dirty_, found->second.get());
    ::close(socket);
    connections_.erase(found);
  }

  int epoll_;
  int listener_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(read_bytes_max);
  std::unordered_map<int, std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> subscribers_;
  std::vector<Connection*> unpaired_;
  std::vector<Connection*> dirty_;
  std::vector<int> broken_;
};

}  // namespace

int run_relay(std::uint16_t port, const std::function<void(std::uint16_t)>& ready) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  const int on = 1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  epoll_event event{.events = EPOLLIN, .data = {.fd = listener}};
  if (listener < 0 || epoll < 0 || ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener, 4'096) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0 || ::epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0)
    return errno;
  ready(ntohs(address.sin_port));
  Relay relay(epoll, listener);
  for (;;) relay.turn();
}

}  // namespace clasp::bench
