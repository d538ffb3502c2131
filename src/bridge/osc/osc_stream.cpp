#include "bridge/osc/osc_stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bridge/osc/stream_framing.hpp"
#include "bridge/osc/tcp_socket.hpp"
#include "core/check.hpp"
#include "io/io_loop.hpp"
#include "io/name_lookup.hpp"
#include "io/timer.hpp"
#include "io/watch.hpp"

namespace clasp::bridge::osc {
namespace {

constexpr std::size_t read_bytes = 65'536;
constexpr Micros retry_first{1'000'000};
constexpr Micros retry_max{30'000'000};

}  // namespace

struct OscStream::Impl final : io::WatchHandler, std::enable_shared_from_this<OscStream::Impl> {
  struct Connection final : io::WatchHandler {
    Connection(Impl& by, int descriptor, const Endpoint& to, StreamFraming framing)
        : owner(by), peer(to), watch(by.loop, descriptor, *this), splitter(framing, by.packet_bytes_max) {}
    void on_readable() override { note(readable); }
    void on_writable() override { note(writable); }
    void note(bool& flag) {
      flag = true;
      owner.schedule();
    }

    Impl& owner;
    Endpoint peer;
    io::Watch watch;
    StreamSplitter splitter;
    ByteBuffer out;
    std::size_t out_from = 0;
    std::optional<std::size_t> target;  // index, of one that we connected to
    bool connecting = false;
    bool readable = false;
    bool writable = false;
    bool dirty = false;
    std::string ended;  // why it is to be closed; empty: it lives. bury() does it
  };
  struct Target {
    HostPort name;
    Endpoint endpoint;  // port 0: not connected
    Micros retry_after = retry_first;
    std::optional<SteadyTime> retry_at;
    bool failure_told = false;
  };

  Impl(io::IoLoop& on, OscSocketConfig settings, OscLog& log_lines)
      : loop(on),
        bridge_timer(on, [this] { on_deadline(); }),
        retry_timer(on, [this] { connect_due(); }),
        lookup(on),
        config(std::move(settings)),
        log(log_lines) {}

  Result<void> open();
  void close();
  void on_readable() override {  // the listener
    acceptable = true;
    schedule();
  }
  void on_writable() override {}
  void schedule();
  void work();
  void accept_all();
  void serve(Connection& connection);
  void read(Connection& connection);
  void flush(Connection& connection);
  void finish_connecting(Connection& connection);
  void bury();
  Connection* add(int descriptor, const Endpoint& peer, StreamFraming framing);
  void connect_due();
  void connect_to(std::size_t index, const std::vector<sockaddr_storage>& addresses);
  void retry_later(std::size_t index, std::string_view why);
  void arm_retry();
  void publish_targets();
  void on_deadline();
  void arm();

  io::IoLoop& loop;
  std::optional<io::Watch> listener;
  io::Timer bridge_timer;
  io::Timer retry_timer;
  io::NameLookup lookup;
  bool looking_up = false;
  OscSocketConfig config;
  std::size_t packet_bytes_max = 1'048'576;
  OscLog& log;
  OscBridge* bridge = nullptr;  // null when stopped: tasks still on their way look here first
  std::optional<SteadyTime> armed_for;
  std::vector<Target> targets;
  std::unordered_map<Endpoint, std::unique_ptr<Connection>, EndpointHash> connections;
  bool acceptable = false;
  bool scheduled = false;
  bool out_of_descriptors = false;
  OscStreamCounters counters;
  std::array<std::byte, read_bytes> buffer;
};

Result<void> OscStream::Impl::open() {
  for (const std::string& text : config.targets) {
    const std::optional<HostPort> name = parse_host_port(text);
    if (!name || name->host.empty() || name->port == "0")
      return Error{ErrorCode::invalid_argument, fmt::format("osc: \"{}\" is no target, expected host:port", text), {}};
    targets.push_back({.name = *name, .endpoint = {}, .retry_at = io::steady_now()});
  }
  const Result<int> opened = listen_tcp(config.bind);
  if (!opened) {
    targets.clear();
    return opened.error();
  }
  listener.emplace(loop, *opened, *this);
  return {};
}

void OscStream::Impl::close() {
  bridge = nullptr;
  armed_for.reset();
  targets.clear();
  for (const auto& [peer, connection] : connections) connection->watch.close();
  const auto dying = std::make_shared<decltype(connections)>(std::exchange(connections, {}));
  loop.defer([dying] {});  // one of them may be what we are being called from
  listener.reset();
  bridge_timer.cancel();
  retry_timer.cancel();
  lookup.cancel();
  looking_up = false;
}

// ---- what the loop saw, in a task of its own: no watch may be closed while the loop tells its watches ----

void OscStream::Impl::schedule() {
  if (std::exchange(scheduled, true)) return;
  loop.defer([weak = weak_from_this()] {
    const std::shared_ptr<Impl> self = weak.lock();
    if (!self) return;
    self->scheduled = false;
    if (self->bridge != nullptr) self->work();
  });
}

void OscStream::Impl::work() {
  if (std::exchange(acceptable, false)) accept_all();
  std::vector<Connection*> busy;
  for (const auto& [peer, connection] : connections) {
    if (connection->readable || connection->writable || connection->dirty) busy.push_back(connection.get());
  }
  for (Connection* connection : busy) {
    serve(*connection);
    if (bridge == nullptr) return;  // stopped from inside
  }
  for (const auto& [peer, connection] : connections) {
    if (connection->dirty && connection->ended.empty()) flush(*connection);  // what the others caused
  }
  bury();
  if (bridge != nullptr) arm();
}

void OscStream::Impl::serve(Connection& connection) {
  if (std::exchange(connection.writable, false) && connection.connecting) finish_connecting(connection);
  if (!connection.ended.empty() || connection.connecting) return;
  if (std::exchange(connection.readable, false)) read(connection);
  if (bridge != nullptr && connection.ended.empty()) flush(connection);
}

void OscStream::Impl::read(Connection& connection) {
  const StreamRead got = receive_some(connection.watch.descriptor(), buffer);
  if (got.state == StreamRead::State::nothing) return;
  if (got.state == StreamRead::State::ended) {
    connection.ended = "the peer has closed";
    return;
  }
  const Now turn = io::read_clocks();
  const bool fine = connection.splitter.feed(Bytes(buffer.data(), got.bytes), [&](Bytes packet) {
    if (bridge != nullptr) bridge->datagram(packet, connection.peer, turn);
  });
  if (bridge == nullptr || fine) return;
  ++counters.framing_faults;
  connection.ended = connection.splitter.fault();
}

void OscStream::Impl::flush(Connection& connection) {
  connection.dirty = false;
  if (connection.connecting) return;
  const Bytes rest = connection.out.view(connection.out_from);
  if (rest.empty()) return;
  const std::optional<std::size_t> sent = send_some(connection.watch.descriptor(), rest);
  if (!sent) {
    connection.ended = "the connection broke";
    return;
  }
  connection.out_from += *sent;
  const bool all = connection.out_from == connection.out.size();
  if (all || connection.out_from >= waiting_bytes_max) {  // else a peer that is always a little behind would keep what it has had for ever
    ByteBuffer left;
    left.append(connection.out.view(connection.out_from));
    connection.out = std::move(left);
    connection.out_from = 0;
  }
  connection.watch.set_writing(!all);
}

void OscStream::Impl::accept_all() {
  for (;;) {
    const Accepted accepted = accept_tcp(listener->descriptor());
    if (accepted.state == Accepted::State::nothing) return;
    if (accepted.state == Accepted::State::no_descriptors) {
      if (!std::exchange(out_of_descriptors, true)) log.line("osc: no descriptor is left for another connection");
      return;
    }
    out_of_descriptors = false;
    if (connections.size() >= connections_max || connections.contains(accepted.from)) {
      ++counters.refused;
      close_descriptor(accepted.descriptor);
      continue;
    }
    ++counters.accepted;
    add(accepted.descriptor, accepted.from, config.framing);
    bridge->peer_came(accepted.from, io::steady_now());
  }
}

OscStream::Impl::Connection* OscStream::Impl::add(int descriptor, const Endpoint& peer, StreamFraming framing) {
  auto& place = connections[peer];
  place = std::make_unique<Connection>(*this, descriptor, peer, framing);
  return place.get();
}

void OscStream::Impl::bury() {
  for (auto at = connections.begin(); at != connections.end();) {
    Connection& connection = *at->second;
    if (connection.ended.empty()) {
      ++at;
      continue;
    }
    const Endpoint peer = connection.peer;
    const std::string why = connection.ended;
    const bool was_connected = !connection.connecting;
    const std::optional<std::size_t> target = connection.target;
    at = connections.erase(at);
    if (was_connected && why != "the peer has closed") log.line(fmt::format("osc: {} is disconnected: {}", to_text(peer), why));
    if (target) retry_later(*target, why);
    else bridge->peer_gone(peer);
  }
}

// ---- targets ----

void OscStream::Impl::connect_due() {
  if (looking_up || bridge == nullptr) return;
  const SteadyTime now = io::steady_now();
  for (std::size_t i = 0; i < targets.size(); ++i) {
    Target& target = targets[i];
    if (!target.retry_at || *target.retry_at > now) continue;
    target.retry_at.reset();
    looking_up = true;  // one after the other: with a name server that does not answer, one look-up is waiting
    lookup.start(target.name.host, target.name.port, [this, i](const io::LookupResult& found) {
      looking_up = false;
      if (found.addresses.empty()) {
        ++counters.resolve_errors;
        retry_later(i, found.error);
      } else {
        connect_to(i, found.addresses);
      }
      connect_due();
    });
    return;
  }
  arm_retry();
}

void OscStream::Impl::connect_to(std::size_t index, const std::vector<sockaddr_storage>& addresses) {
  std::string why = "it is connected already";
  for (const sockaddr_storage& address : addresses) {
    const Endpoint peer = from_sockaddr(address);
    if (connections.contains(peer)) continue;
    const Result<int> descriptor = connect_tcp(address);
    if (!descriptor) {
      why = descriptor.error().message;
      continue;
    }
    Connection* connection = add(*descriptor, peer, config.framing == StreamFraming::automatic ? StreamFraming::length : config.framing);
    connection->target = index;
    connection->connecting = true;
    connection->watch.set_writing(true);
    return;
  }
  ++counters.connect_errors;
  retry_later(index, why);
}

void OscStream::Impl::finish_connecting(Connection& connection) {
  const std::string why = connect_error(connection.watch.descriptor());
  Target& target = targets[*connection.target];
  if (!why.empty()) {
    ++counters.connect_errors;
    connection.ended = why;
    return;
  }
  ++counters.connected;
  connection.connecting = false;
  connection.watch.set_writing(false);
  target.endpoint = connection.peer;
  target.retry_after = retry_first;
  if (std::exchange(target.failure_told, false)) log.line(fmt::format("osc: {}:{} is there again", target.name.host, target.name.port));
  publish_targets();
}

void OscStream::Impl::retry_later(std::size_t index, std::string_view why) {
  Target& target = targets[index];
  target.endpoint = {};
  target.retry_at = io::steady_now() + target.retry_after;
  target.retry_after = std::min(target.retry_after * 2, retry_max);
  if (!std::exchange(target.failure_told, true)) log.line(fmt::format("osc: cannot reach target {}:{}: {}", target.name.host, target.name.port, why));
  publish_targets();
  arm_retry();
}

void OscStream::Impl::arm_retry() {
  std::optional<SteadyTime> next;
  for (const Target& target : targets) {
    if (target.retry_at && (!next || *target.retry_at < *next)) next = target.retry_at;
  }
  if (next) retry_timer.set(*next);
}

void OscStream::Impl::publish_targets() {
  std::vector<Endpoint> endpoints;
  for (const Target& target : targets) endpoints.push_back(target.endpoint);
  bridge->set_targets(endpoints);
}

// ---- the bridge's deadline ----

// The timer is set only if it would otherwise ring too late; ringing too early costs one look.
void OscStream::Impl::arm() {
  const std::optional<SteadyTime> deadline = bridge->next_deadline();
  if (!deadline || (armed_for && *armed_for <= *deadline)) return;
  armed_for = deadline;
  bridge_timer.set(*deadline);
}

void OscStream::Impl::on_deadline() {
  armed_for.reset();
  bridge->advance(io::read_clocks());
  if (bridge != nullptr) arm();
}

// ---- the outside ----

OscStream::OscStream(io::IoLoop& loop, OscSocketConfig config, OscLog& log) : impl_(std::make_shared<Impl>(loop, std::move(config), log)) {}

OscStream::~OscStream() { stop(); }

Result<void> OscStream::start(OscBridge& bridge) {
  CLASP_CHECK(impl_->bridge == nullptr);
  if (Result<void> opened = impl_->open(); !opened) return opened;
  impl_->bridge = &bridge;
  impl_->publish_targets();
  impl_->connect_due();
  impl_->arm();
  return {};
}

void OscStream::stop() { impl_->close(); }

Endpoint OscStream::local_endpoint() const {
  CLASP_CHECK(impl_->bridge != nullptr);
  return osc::local_endpoint(impl_->listener->descriptor());
}

std::size_t OscStream::connections() const { return impl_->connections.size(); }
const OscStreamCounters& OscStream::counters() const { return impl_->counters; }

std::vector<std::pair<const char*, std::uint64_t>> OscStream::transport_counters() const {
  const OscStreamCounters& c = impl_->counters;
  return {{"connections_accepted", c.accepted}, {"connections_made", c.connected}, {"connections_refused", c.refused}, {"framing_faults", c.framing_faults},
          {"overflows", c.overflows}, {"connect_errors", c.connect_errors}, {"resolve_errors", c.resolve_errors}};
}

bool OscStream::send(Bytes packet, const Endpoint& to) {
  const auto found = impl_->connections.find(to);
  if (found == impl_->connections.end()) return false;
  Impl::Connection& connection = *found->second;
  if (!connection.ended.empty() || connection.connecting) return false;
  if (connection.out.size() - connection.out_from + packet.size() > waiting_bytes_max) {
    ++impl_->counters.overflows;
    connection.ended = "it takes nothing of what is sent";
  } else {
    append_framed(connection.out, packet, connection.splitter.framing() == StreamFraming::slip ? StreamFraming::slip : StreamFraming::length);
    connection.dirty = true;
  }
  impl_->schedule();
  return connection.ended.empty();
}

SteadyTime OscStream::now() const { return io::steady_now(); }

void OscStream::deadline_changed() {
  if (impl_->bridge != nullptr) impl_->arm();
}

}  // namespace clasp::bridge::osc
