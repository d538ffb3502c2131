#include "bridge/osc/osc_socket.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/multicast.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/check.hpp"

namespace clasp::bridge::osc {
namespace {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;

constexpr std::size_t datagram_bytes_max = 65'536;
constexpr int datagrams_per_turn_max = 64;     // then others on the loop have their turn
constexpr int receive_buffer_bytes = 4 << 20;  // a mixing desk answers a refresh with thousands of datagrams at once
constexpr std::chrono::seconds resolve_interval{60};
constexpr std::chrono::milliseconds receive_retry{100};

struct HostPort {
  std::string host;
  std::string port;
  bool operator==(const HostPort&) const = default;
};

// "host:port", "[v6]:port", ":port" (any address). Nothing if there is no port, or none that exists.
std::optional<HostPort> parse_host_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  std::uint16_t number = 0;
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), number);
  if (parsed.ec != std::errc{} || parsed.ptr != port.data() + port.size()) return std::nullopt;
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos)
    return std::nullopt;
  return HostPort{.host = std::string(host), .port = std::string(port)};
}

Endpoint from_asio(const udp::endpoint& endpoint) {
  const asio::ip::address address = endpoint.address();
  if (address.is_v4()) return Endpoint::ipv4(address.to_v4().to_bytes(), endpoint.port());
  const asio::ip::address_v6 six = address.to_v6();
  return {.address = six.to_bytes(), .port = endpoint.port(), .scope = static_cast<std::uint32_t>(six.scope_id())};
}

// For a socket of the given family; an IPv4 socket reaches IPv4 only.
std::optional<udp::endpoint> to_asio(const Endpoint& endpoint, bool socket_is_v4) {
  if (!socket_is_v4) return udp::endpoint(asio::ip::address_v6(endpoint.address, endpoint.scope), endpoint.port);
  if (!endpoint.is_ipv4()) return std::nullopt;
  const auto& a = endpoint.address;
  return udp::endpoint(asio::ip::address_v4({a[12], a[13], a[14], a[15]}), endpoint.port);
}

SteadyTime steady_now() { return {std::chrono::duration_cast<Micros>(std::chrono::steady_clock::now().time_since_epoch()).count()}; }
Now read_clocks() {
  const auto unix_us = std::chrono::duration_cast<Micros>(std::chrono::system_clock::now().time_since_epoch()).count();
  const UnixTime unix_time{static_cast<std::uint64_t>(std::max<std::int64_t>(unix_us, 0))};
  return {.steady = steady_now(), .unix_time = unix_time, .received = unix_time};
}
std::chrono::steady_clock::time_point to_time_point(SteadyTime time) {
  return std::chrono::steady_clock::time_point(std::chrono::duration_cast<std::chrono::steady_clock::duration>(Micros{time.us}));
}

}  // namespace

struct OscSocket::Impl : std::enable_shared_from_this<OscSocket::Impl> {
  struct Target {
    HostPort name;
    Endpoint endpoint;  // the last one found, port 0 before
    bool failure_told = false;
  };

  Impl(asio::io_context& loop, OscSocketConfig settings, OscLog& log_lines)
      : socket(loop), timer(loop), resolve_timer(loop), retry_timer(loop), resolver(loop), config(std::move(settings)), log(log_lines) {}

  Result<void> open();
  Result<udp::endpoint> bind_endpoint();
  void close();
  void wait_readable();
  void read_batch();
  void retry_later();
  void arm();
  void resolve_targets();
  void resolve_next(std::size_t index);
  void publish_targets();

  udp::socket socket;
  asio::steady_timer timer;
  asio::steady_timer resolve_timer;
  asio::steady_timer retry_timer;
  udp::resolver resolver;
  OscSocketConfig config;
  OscLog& log;
  OscBridge* bridge = nullptr;  // null when stopped: handlers look here first
  bool is_v4 = true;
  std::optional<SteadyTime> armed_for;
  std::vector<Target> targets;
  OscSocketCounters counters;
  std::array<std::byte, datagram_bytes_max> buffer;
};

Result<udp::endpoint> OscSocket::Impl::bind_endpoint() {
  const std::optional<HostPort> name = parse_host_port(config.bind);
  if (!name) return Error{ErrorCode::invalid_argument, fmt::format("osc: \"{}\" is no address to listen on, expected host:port", config.bind), {}};
  if (name->host.empty()) return udp::endpoint(udp::v6(), static_cast<std::uint16_t>(std::stoi(name->port)));
  error_code error;
  const udp::resolver::results_type found = resolver.resolve(name->host, name->port, udp::resolver::passive, error);
  if (error || found.empty()) {
    return Error{ErrorCode::invalid_argument, fmt::format("osc: cannot find the address to listen on, {}: {}", config.bind, error.message()), {}};
  }
  return found.begin()->endpoint();
}

Result<void> OscSocket::Impl::open() {
  for (const std::string& text : config.targets) {
    const std::optional<HostPort> name = parse_host_port(text);
    if (!name || name->host.empty() || name->port == "0") {
      return Error{ErrorCode::invalid_argument, fmt::format("osc: \"{}\" is no target, expected host:port", text), {}};
    }
    targets.push_back({.name = *name, .endpoint = {}});
  }
  Result<udp::endpoint> local = bind_endpoint();
  if (!local) return local.error();
  const auto failed = [this](std::string_view what, const error_code& error) {
    close();
    return Error{ErrorCode::connection_failed, fmt::format("osc: cannot {}: {}", what, error.message()), {}};
  };

  error_code error;
  is_v4 = local->address().is_v4();
  socket.open(local->protocol(), error);
  if (error && !is_v4 && local->address().is_unspecified()) {  // a machine without IPv6
    is_v4 = true;
    *local = udp::endpoint(udp::v4(), local->port());
    socket.open(local->protocol(), error);
  }
  if (error) return failed("open a UDP socket", error);
  error_code ignored;
  if (!is_v4) socket.set_option(asio::ip::v6_only(false), ignored);
  if (!config.multicast_group.empty()) socket.set_option(udp::socket::reuse_address(true), ignored);  // others may listen to the group too
  socket.set_option(asio::socket_base::receive_buffer_size(receive_buffer_bytes), ignored);           // as much as the system allows
  socket.set_option(asio::socket_base::broadcast(true), ignored);
  socket.bind(*local, error);
  if (error) return failed(fmt::format("listen on UDP {}", config.bind), error);
  socket.non_blocking(true, error);
  if (error) return failed("make the socket non-blocking", error);

  if (!config.multicast_group.empty()) {
    const asio::ip::address group = asio::ip::make_address(config.multicast_group, error);
    if (!error && !group.is_multicast()) error = asio::error::make_error_code(asio::error::invalid_argument);
    if (!error && group.is_v4() && local->address().is_v4() && !local->address().is_unspecified()) {
      socket.set_option(asio::ip::multicast::join_group(group.to_v4(), local->address().to_v4()), error);
    } else if (!error) {
      socket.set_option(asio::ip::multicast::join_group(group), error);
    }
    if (error) return failed(fmt::format("join the multicast group {}", config.multicast_group), error);
  }
  return {};
}

void OscSocket::Impl::close() {
  bridge = nullptr;
  armed_for.reset();
  targets.clear();
  error_code ignored;
  socket.close(ignored);
  timer.cancel();
  resolve_timer.cancel();
  retry_timer.cancel();
  resolver.cancel();
}

void OscSocket::Impl::wait_readable() {
  socket.async_wait(udp::socket::wait_read, [weak = weak_from_this()](const error_code& error) {
    const std::shared_ptr<Impl> self = weak.lock();
    if (!self || self->bridge == nullptr || error == asio::error::operation_aborted) return;
    if (error) {
      ++self->counters.receive_errors;
      self->retry_later();
      return;
    }
    self->read_batch();
    self->wait_readable();
  });
}

void OscSocket::Impl::read_batch() {
  const Now turn = read_clocks();
  for (int n = 0; n < datagrams_per_turn_max; ++n) {
    udp::endpoint from;
    error_code error;
    const std::size_t bytes = socket.receive_from(asio::buffer(buffer), from, 0, error);
    if (error == asio::error::would_block || error == asio::error::try_again) break;
    if (error) {  // an ICMP answer to something we sent, for example: says nothing about the next datagram
      ++counters.receive_errors;
      continue;
    }
    bridge->datagram(Bytes(buffer.data(), bytes), from_asio(from), turn);
    if (bridge == nullptr) return;  // stopped from inside
  }
  arm();
}

// The wait itself failed, which no datagram explains. Not at once again, or the loop would spin.
void OscSocket::Impl::retry_later() {
  retry_timer.expires_after(receive_retry);
  retry_timer.async_wait([weak = weak_from_this()](const error_code& error) {
    const std::shared_ptr<Impl> self = weak.lock();
    if (self && self->bridge != nullptr && !error) self->wait_readable();
  });
}

// The timer is set only if it would otherwise ring too late; ringing too early costs one look.
void OscSocket::Impl::arm() {
  const std::optional<SteadyTime> deadline = bridge->next_deadline();
  if (!deadline || (armed_for && *armed_for <= *deadline)) return;
  armed_for = deadline;
  timer.expires_at(to_time_point(*deadline));
  timer.async_wait([weak = weak_from_this()](const error_code& error) {
    const std::shared_ptr<Impl> self = weak.lock();
    if (!self || self->bridge == nullptr || error) return;
    self->armed_for.reset();
    self->bridge->advance(read_clocks());
    if (self->bridge != nullptr) self->arm();
  });
}

// One after the other: with a name server that does not answer, one look-up is waiting, not one for each target.
void OscSocket::Impl::resolve_targets() {
  for (Target& target : targets) {
    error_code error;
    const asio::ip::address literal = asio::ip::make_address(target.name.host, error);
    if (!error) target.endpoint = from_asio(udp::endpoint(literal, static_cast<std::uint16_t>(std::stoi(target.name.port))));
  }
  publish_targets();
  resolve_next(0);
}

void OscSocket::Impl::resolve_next(std::size_t index) {
  const auto is_name = [](const Target& target) {
    error_code error;
    (void)asio::ip::make_address(target.name.host, error);
    return static_cast<bool>(error);
  };
  while (index < targets.size() && !is_name(targets[index])) ++index;
  if (index == targets.size()) {
    if (std::ranges::none_of(targets, is_name)) return;
    resolve_timer.expires_after(resolve_interval);
    resolve_timer.async_wait([weak = weak_from_this()](const error_code& error) {
      const std::shared_ptr<Impl> self = weak.lock();
      if (self && self->bridge != nullptr && !error) self->resolve_next(0);
    });
    return;
  }
  const HostPort& name = targets[index].name;
  resolver.async_resolve(name.host, name.port, [weak = weak_from_this(), index](const error_code& error, const udp::resolver::results_type& found) {
    const std::shared_ptr<Impl> self = weak.lock();
    if (!self || self->bridge == nullptr || error == asio::error::operation_aborted) return;
    Target& target = self->targets[index];
    const auto usable =
        std::ranges::find_if(found, [v4 = self->is_v4](const auto& entry) { return to_asio(from_asio(entry.endpoint()), v4).has_value(); });
    if (usable != found.end()) {
      target.endpoint = from_asio(usable->endpoint());
      target.failure_told = false;
      self->publish_targets();
    } else {
      ++self->counters.resolve_errors;
      if (!std::exchange(target.failure_told, true)) {
        self->log.line(fmt::format("osc: cannot find target {}: {}", target.name.host,
                                   error ? error.message() : std::string("no address this socket can reach")));
      }
    }
    self->resolve_next(index + 1);
  });
}

void OscSocket::Impl::publish_targets() {
  std::vector<Endpoint> endpoints;
  for (const Target& target : targets) endpoints.push_back(target.endpoint);
  bridge->set_targets(endpoints);
}

OscSocket::OscSocket(asio::io_context& loop, OscSocketConfig config, OscLog& log) : impl_(std::make_shared<Impl>(loop, std::move(config), log)) {}

OscSocket::~OscSocket() { stop(); }

Result<void> OscSocket::start(OscBridge& bridge) {
  CLASP_CHECK(impl_->bridge == nullptr);
  if (Result<void> opened = impl_->open(); !opened) return opened;
  impl_->bridge = &bridge;
  impl_->resolve_targets();
  impl_->wait_readable();
  impl_->arm();
  return {};
}

void OscSocket::stop() { impl_->close(); }

Endpoint OscSocket::local_endpoint() const {
  CLASP_CHECK(impl_->bridge != nullptr);
  return from_asio(impl_->socket.local_endpoint());
}

const OscSocketCounters& OscSocket::counters() const { return impl_->counters; }

bool OscSocket::send(Bytes packet, const Endpoint& to) {
  const std::optional<udp::endpoint> endpoint = to_asio(to, impl_->is_v4);
  if (!endpoint || !impl_->socket.is_open()) return false;
  error_code error;
  impl_->socket.send_to(asio::buffer(packet.data(), packet.size()), *endpoint, 0, error);
  return !error;
}

SteadyTime OscSocket::now() const { return steady_now(); }

void OscSocket::deadline_changed() {
  if (impl_->bridge != nullptr) impl_->arm();
}

}  // namespace clasp::bridge::osc
