// From a name to an open connection.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "dial/connection_state.hpp"

namespace clasp::dial {
namespace {

constexpr std::size_t addresses_max = 16;

socklen_t length_of(const sockaddr_storage& address) { return address.ss_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in); }

std::string to_text(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET6) {
    ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, text.data(), text.size());
  } else {
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text.data(), text.size());
  }
  return text.data();
}

std::optional<sockaddr_storage> literal(const std::string& host, std::uint16_t port) {
  sockaddr_storage address{};
  auto& four = reinterpret_cast<sockaddr_in&>(address);
  auto& six = reinterpret_cast<sockaddr_in6&>(address);
  if (::inet_pton(AF_INET, host.c_str(), &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    return address;
  }
  address = {};
  if (::inet_pton(AF_INET6, host.c_str(), &six.sin6_addr) != 1) return std::nullopt;
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  return address;
}

void set_option(int descriptor, int level, int name) {
  const int on = 1;
  ::setsockopt(descriptor, level, name, &on, sizeof on);
}

}  // namespace

Connection::State::State(io::IoLoop& in, Target to, ConnectionEvents& told)
    : loop(in), target(std::move(to)), events(&told), lookup(in), timer(in, [this] { due(); }) {
  if (target.tls) tls.emplace(target.tls, target.host);
  if (target.websocket) channel.emplace(target);
}

void Connection::State::start() {
  if (phase != Phase::idle) return;
  give_up_at = io::steady_now() + target.connect_max;
  timer.set(give_up_at);
  phase = Phase::looking_up;
  if (const auto address = literal(target.host, target.port)) {
    addresses = {*address};
    return loop.defer([weak = weak_from_this()] {
      const std::shared_ptr<State> self = weak.lock();
      if (self && self->phase == Phase::looking_up) self->try_next_address();
    });
  }
  look_up();
}

void Connection::State::look_up() {
  lookup.start(target.host, std::to_string(target.port), [this](const io::LookupResult& result) {
    const std::shared_ptr<State> self = shared_from_this();
    if (phase != Phase::looking_up) return;
    addresses = result.addresses;
    addresses.resize(std::min(addresses.size(), addresses_max));
    if (addresses.empty()) return fail(fmt::format("cannot find the name: {}", result.error));
    try_next_address();
  });
}

void Connection::State::try_next_address() {
  watch.reset();
  while (address_at < addresses.size()) {
    const sockaddr_storage& address = addresses[address_at++];
    const int descriptor = ::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor >= 0 && (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), length_of(address)) == 0 || errno == EINPROGRESS)) {
      phase = Phase::connecting;
      watch.emplace(loop, descriptor, *this);
      watch->set_reading(false);
      watch->set_writing(true);
      const SteadyTime now = io::steady_now();
      return timer.set(now + (give_up_at - now) / static_cast<std::int64_t>(addresses.size() - address_at + 1));
    }
    connect_errors +=
        fmt::format("{}{}{}", connect_errors.empty() ? "" : "; ", addresses.size() > 1 ? to_text(address) + ": " : "", std::strerror(errno));
    if (descriptor >= 0) ::close(descriptor);
  }
  fail(fmt::format("cannot connect: {}", connect_errors));
}

void Connection::State::look_at_connect() {
  int error = 0;
  socklen_t bytes = sizeof error;
  if (::getsockopt(watch->descriptor(), SOL_SOCKET, SO_ERROR, &error, &bytes) != 0) error = errno;
  if (error == 0) return connected();
  const std::string from = addresses.size() > 1 ? to_text(addresses[address_at - 1]) + ": " : "";
  connect_errors += fmt::format("{}{}{}", connect_errors.empty() ? "" : "; ", from, std::strerror(error));
  try_next_address();
}

// What is sent leaves at once, and a peer that is gone without a word is noticed some time.
void Connection::State::connected() {
  set_option(watch->descriptor(), IPPROTO_TCP, TCP_NODELAY);
  set_option(watch->descriptor(), SOL_SOCKET, SO_KEEPALIVE);
  watch->set_writing(false);
  watch->set_reading(true);
  timer.set(give_up_at);
  if (!tls) return secured();
  phase = Phase::securing;
  take_tls();
  if (is_alive()) flush();
}

void Connection::State::secured() {
  if (!channel) return opened();
  phase = Phase::upgrading;
  channel->begin(staged);
  flush();
}

void Connection::State::opened() {
  phase = Phase::open;
  timer.cancel();
  watch->set_reading(reading);
  heard_at = io::steady_now();
  if (target.websocket && target.websocket->ping_interval > Micros{0}) timer.set(heard_at + target.websocket->ping_interval);
  events->connection_opened();
  if (is_alive()) schedule();
}

void Connection::State::due() {
  const std::shared_ptr<State> self = shared_from_this();
  const double seconds = static_cast<double>(target.connect_max.count()) / 1e6;
  switch (phase) {
    case Phase::looking_up: return fail(fmt::format("no answer about its name within {} s", seconds));
    case Phase::connecting:
      connect_errors += fmt::format("{}{}: no answer", connect_errors.empty() ? "" : "; ", to_text(addresses[address_at - 1]));
      return try_next_address();
    case Phase::securing: return fail(fmt::format("the TLS handshake was not done within {} s", seconds));
    case Phase::upgrading: return fail(fmt::format("no answer to the WebSocket request within {} s", seconds));
    case Phase::open: return watch_silence();
    case Phase::finishing: return fail({});
    case Phase::idle:
    case Phase::closed: return;
  }
}

void Connection::State::watch_silence() {
  const Micros interval = target.websocket->ping_interval;
  const SteadyTime now = io::steady_now();
  if (now - heard_at < interval) return timer.set(heard_at + interval);
  if (pinged && reading) return fail(fmt::format("silent for {} s, a ping was not answered", (now - heard_at).count() / 1'000'000));
  pinged = true;
  channel->append_ping(staged);
  timer.set(now + interval);
  schedule();
}

}  // namespace clasp::dial
