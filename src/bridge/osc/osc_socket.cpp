#include "bridge/osc/osc_socket.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bridge/osc/udp_socket.hpp"
#include "core/check.hpp"
#include "io/io_loop.hpp"
#include "io/name_lookup.hpp"
#include "io/timer.hpp"
#include "io/watch.hpp"

namespace clasp::bridge::osc {
namespace {

constexpr std::size_t datagram_bytes_max = 65'536;
constexpr int datagrams_per_turn_max = 64;  // then others on the loop have their turn
constexpr Micros resolve_interval{60'000'000};

}  // namespace

struct OscSocket::Impl final : io::WatchHandler, std::enable_shared_from_this<OscSocket::Impl> {
  struct Target {
    HostPort name;
    bool is_name = false;
    Endpoint endpoint;  // the last one found, port 0 before
    bool failure_told = false;
  };

  Impl(io::IoLoop& on, OscSocketConfig settings, OscLog& log_lines)
      : loop(on),
        timer(on, [this] { on_deadline(); }),
        resolve_timer(on, [this] { resolve_next(0); }),
        lookup(on),
        config(std::move(settings)),
        log(log_lines) {}

  Result<void> open();
  void close();
  void on_readable() override;
  void on_writable() override {}
  void read_batch();
  void on_deadline();
  void arm();
  void resolve_next(std::size_t index);
  void on_found(std::size_t index, const io::LookupResult& found);
  void publish_targets();

  io::IoLoop& loop;
  OpenUdp socket;
  std::optional<io::Watch> watch;  // owns the socket's descriptor
  io::Timer timer;
  io::Timer resolve_timer;
  io::NameLookup lookup;
  OscSocketConfig config;
  OscLog& log;
  OscBridge* bridge = nullptr;  // null when stopped: tasks still on their way look here first
  std::optional<SteadyTime> armed_for;
  std::vector<Target> targets;
  OscSocketCounters counters;
  std::array<std::byte, datagram_bytes_max> buffer;
};

Result<void> OscSocket::Impl::open() {
  for (const std::string& text : config.targets) {
    const std::optional<HostPort> name = parse_host_port(text);
    if (!name || name->host.empty() || name->port == "0") {
      return Error{ErrorCode::invalid_argument, fmt::format("osc: \"{}\" is no target, expected host:port", text), {}};
    }
    const std::optional<Endpoint> numeric = numeric_endpoint(*name);
    targets.push_back({.name = *name, .is_name = !numeric, .endpoint = numeric.value_or(Endpoint{})});
  }
  const Result<OpenUdp> opened = open_udp(config.bind, config.multicast_group);
  if (!opened) {
    targets.clear();
    return opened.error();
  }
  socket = *opened;
  watch.emplace(loop, socket.descriptor, *this);
  return {};
}

void OscSocket::Impl::close() {
  bridge = nullptr;
  armed_for.reset();
  targets.clear();
  watch.reset();
  socket = {};
  timer.cancel();
  resolve_timer.cancel();
  lookup.cancel();
}

void OscSocket::Impl::on_readable() {
  loop.defer([weak = weak_from_this()] {
    const std::shared_ptr<Impl> self = weak.lock();
    if (self && self->bridge != nullptr) self->read_batch();
  });
}

void OscSocket::Impl::read_batch() {
  const Now turn = io::read_clocks();
  for (int n = 0; n < datagrams_per_turn_max; ++n) {
    const Received received = receive_from(socket.descriptor, buffer);
    if (received.state == Received::State::nothing) break;
    if (received.state == Received::State::failed) {  // an ICMP answer to something we sent, for example: says nothing about the next datagram
      ++counters.receive_errors;
      continue;
    }
    bridge->datagram(Bytes(buffer.data(), received.bytes), received.from, turn);
    if (bridge == nullptr) return;  // stopped from inside
  }
  arm();
}

// The timer is set only if it would otherwise ring too late; ringing too early costs one look.
void OscSocket::Impl::arm() {
  const std::optional<SteadyTime> deadline = bridge->next_deadline();
  if (!deadline || (armed_for && *armed_for <= *deadline)) return;
  armed_for = deadline;
  timer.set(*deadline);
}

void OscSocket::Impl::on_deadline() {
  armed_for.reset();
  bridge->advance(io::read_clocks());
  if (bridge != nullptr) arm();
}

// One after the other: with a name server that does not answer, one look-up is waiting, not one for each target.
void OscSocket::Impl::resolve_next(std::size_t index) {
  while (index < targets.size() && !targets[index].is_name) ++index;
  if (index < targets.size()) {
    const HostPort& name = targets[index].name;
    lookup.start(name.host, name.port, [this, index](const io::LookupResult& found) { on_found(index, found); });
  } else if (std::ranges::any_of(targets, &Target::is_name)) {
    resolve_timer.set(io::steady_now() + resolve_interval);
  }
}

void OscSocket::Impl::on_found(std::size_t index, const io::LookupResult& found) {
  Target& target = targets[index];
  const auto usable = std::ranges::find_if(found.addresses, [this](const auto& address) { return can_reach(socket, from_sockaddr(address)); });
  if (usable != found.addresses.end()) {
    target.endpoint = from_sockaddr(*usable);
    target.failure_told = false;
    publish_targets();
  } else {
    ++counters.resolve_errors;
    if (!std::exchange(target.failure_told, true)) {
      log.line(fmt::format("osc: cannot find target {}: {}", target.name.host,
                           found.error.empty() ? std::string("no address this socket can reach") : found.error));
    }
  }
  resolve_next(index + 1);
}

void OscSocket::Impl::publish_targets() {
  std::vector<Endpoint> endpoints;
  for (const Target& target : targets) endpoints.push_back(target.endpoint);
  bridge->set_targets(endpoints);
}

OscSocket::OscSocket(io::IoLoop& loop, OscSocketConfig config, OscLog& log) : impl_(std::make_shared<Impl>(loop, std::move(config), log)) {}

OscSocket::~OscSocket() { stop(); }

Result<void> OscSocket::start(OscBridge& bridge) {
  CLASP_CHECK(impl_->bridge == nullptr);
  if (Result<void> opened = impl_->open(); !opened) return opened;
  impl_->bridge = &bridge;
  impl_->publish_targets();
  impl_->resolve_next(0);
  impl_->arm();
  return {};
}

void OscSocket::stop() { impl_->close(); }

Endpoint OscSocket::local_endpoint() const {
  CLASP_CHECK(impl_->bridge != nullptr);
  return osc::local_endpoint(impl_->socket.descriptor);
}

const OscSocketCounters& OscSocket::counters() const { return impl_->counters; }

std::vector<std::pair<const char*, std::uint64_t>> OscSocket::transport_counters() const {
  return {{"receive_errors", impl_->counters.receive_errors}, {"resolve_errors", impl_->counters.resolve_errors}};
}

bool OscSocket::send(Bytes packet, const Endpoint& to) { return send_to(impl_->socket, packet, to); }

SteadyTime OscSocket::now() const { return io::steady_now(); }

void OscSocket::deadline_changed() {
  if (impl_->bridge != nullptr) impl_->arm();
}

}  // namespace clasp::bridge::osc
