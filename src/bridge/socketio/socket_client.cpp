#include "bridge/socketio/socket_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/address.hpp"

namespace clasp::bridge::socketio {

namespace {

// {"message": …} or a text.
std::string message_of_error(const Value& data) {
  if (data.string() != nullptr) return printable(*data.string(), 200);
  const Value* message = data.find("message");
  return message != nullptr && message->string() != nullptr ? printable(*message->string(), 200) : "no reason given";
}

}  // namespace

SocketClient::SocketClient(RouterLink& router, const ClientConfig& config, ClientOutside outside)
    : router_(router),
      config_(config),
      outside_(std::move(outside)),
      engine_(*this, config.out, config.connect_timeout),
      assembler_(config.packets),
      state_(router, config.audience) {
  for (const std::string& name : config_.namespaces) {
    if (find(name) == nullptr)
      namespaces_.push_back({.name = name, .tag = PeerTag{static_cast<std::uint32_t>(namespaces_.size() + 1)}, .retry_at = {}});
  }
}

void SocketClient::start() {
  const BridgeIdentity identity{.name = config_.name, .ns = config_.names.ns.prefix(), .protocol = "socketio", .device = {}, .bidirectional = true};
  const std::array patterns{config_.names.ns.pattern()};
  state_.set_base({patterns.begin(), patterns.end()});
  router_.open(identity, patterns, true, *this);
}

void SocketClient::stop() { router_.close(); }

bool SocketClient::wants_connection() const {
  return std::ranges::any_of(namespaces_, [](const Namespace& nsp) { return !nsp.thrown_out; });
}

std::size_t SocketClient::connected() const {
  return static_cast<std::size_t>(std::ranges::count_if(namespaces_, [](const Namespace& nsp) { return nsp.connected; }));
}

// ---- the connection ----

void SocketClient::engine_opened() {
  assembler_ = PacketAssembler(config_.packets);
  for (const Namespace& nsp : namespaces_) {
    if (!nsp.thrown_out) say_connect(nsp);
  }
}

void SocketClient::engine_closed(std::string_view) {
  for (Namespace& nsp : namespaces_) {
    nsp.connected = false;
    nsp.retry_at.reset();
  }
  emit_calls_.clear();
  emit_deadlines_.clear();
}

void SocketClient::say_connect(const Namespace& nsp) { send(PacketType::connect, nsp, std::nullopt, config_.auth); }

void SocketClient::handle(Result<std::optional<Packet>> taken) {
  if (!taken) return outside_.give_up(taken.error().message);
  if (*taken) handle_packet(**taken);
  outside_.changed();
}

void SocketClient::handle_packet(const Packet& packet) {
  Namespace* nsp = find(packet.nsp);
  if (nsp == nullptr) return;  // we never asked for it
  switch (packet.type) {
    case PacketType::connect: return connected_to(*nsp);
    case PacketType::connect_error: return refused_by(*nsp, packet);
    case PacketType::disconnect: return thrown_out_of(*nsp);
    case PacketType::event: return handle_event(*nsp, packet);
    case PacketType::ack: return handle_ack(*nsp, packet);
    default: return;
  }
}

void SocketClient::connected_to(Namespace& nsp) {
  ++counters_.connected;
  nsp.connected = true;
  nsp.retry_at.reset();
  if (connected() == namespaces_.size()) trouble_.clear();
  if (config_.sync_on_connect) emit_known(nsp);
}

// It may let us in later.
void SocketClient::refused_by(Namespace& nsp, const Packet& packet) {
  ++counters_.connects_refused;
  nsp.connected = false;
  nsp.retry_at = outside_.clock().steady + config_.refused_retry;
  trouble_ = fmt::format("the server refuses {}: {}", nsp.name, message_of_error(packet.data));
  log("refused", fmt::format("socketio: {}", trouble_));
}

void SocketClient::thrown_out_of(Namespace& nsp) {
  ++counters_.disconnected_by_server;
  nsp.connected = false;
  trouble_ = fmt::format("the server has disconnected {}", nsp.name);
  log("disconnected", fmt::format("socketio: {}", trouble_));
  if (config_.reconnect_on_disconnect) {
    nsp.retry_at = outside_.clock().steady + config_.refused_retry;
    return;
  }
  nsp.thrown_out = true;
  if (!wants_connection()) outside_.give_up(trouble_);
}

// ---- from the server ----

void SocketClient::handle_event(Namespace& nsp, const Packet& packet) {
  ++counters_.events_in;
  const Array& event = *packet.data.array();
  const std::string& name = *event.front().string();
  const std::vector<std::string>& heard = config_.names.events;
  if (!heard.empty() && std::ranges::find(heard, name) == heard.end()) {
    ++counters_.events_ignored;
    return;
  }
  const auto address = address_of(config_.names, nsp.name, name);
  const EncodedValue value(value_of_event(event));
  if (!address || !value.ok() || (packet.id && calls_.size() >= config_.calls_max)) {
    ++counters_.refused;
    log("size", fmt::format("socketio: the event {} of the server does not fit the router", printable(name)));
    return acknowledge(nsp, packet.id, Map{{"ok", false}, {"error", "the event does not fit the router"}});
  }
  const SignalType kind = config_.names.kind_of(*address);
  const Publish publish{.address = *address, .signal = kind, .value = value.view(), .samples = {}, .timestamp = {}, .id = {}, .rate = {}};
  if (!packet.id) return kind == SignalType::param ? router_.set(*address, value.view(), nsp.tag) : router_.publish(publish, nsp.tag);
  calls_.emplace(++last_ticket_, Call{nsp.tag, packet.id});
  const Message message =
      kind == SignalType::param ? Message{Set{.address = *address, .value = value.view(), .revision = {}, .ttl = {}}} : Message{publish};
  router_.write(message, nsp.tag, LinkTicket{last_ticket_});
}

void SocketClient::answered(LinkTicket ticket, const LinkAnswer& answer) {
  const auto at = calls_.find(static_cast<std::uint64_t>(ticket));
  if (at == calls_.end()) return;
  const Call call = at->second;
  calls_.erase(at);
  const Namespace& nsp = namespaces_[static_cast<std::uint32_t>(call.nsp) - 1];
  if (answer.error == nullptr) {
    acknowledge(nsp, call.ack, Map{{"ok", true}});
  } else {
    refused(*answer.error);
    acknowledge(nsp, call.ack, Map{{"ok", false}, {"error", answer.error->message}, {"code", static_cast<std::int64_t>(answer.error->code)}});
  }
  outside_.changed();
}

void SocketClient::handle_ack(const Namespace& nsp, const Packet& packet) {
  const auto call = emit_calls_.find({static_cast<std::uint32_t>(nsp.tag), *packet.id});
  if (call == emit_calls_.end()) return;
  const std::string address = call->second.address + "/ack";
  emit_calls_.erase(call);
  const Array& arguments = *packet.data.array();
  const EncodedValue value(arguments.size() == 1 ? arguments.front() : arguments.empty() ? Value() : Value(arguments));
  if (value.ok() && !check_address(address))
    router_.publish({.address = address, .signal = SignalType::event, .value = value.view(), .samples = {}, .timestamp = {}, .id = {}, .rate = {}},
                    nsp.tag);
}

// ---- to the server ----

void SocketClient::send(PacketType type, const Namespace& nsp, std::optional<std::uint64_t> id, const Value& data, std::string_view key) {
  engine_.send(message_of(type, nsp.name, id, data), key, outside_.clock().steady);
}

void SocketClient::acknowledge(const Namespace& nsp, std::optional<std::uint64_t> id, Value answer) {
  if (!id || !nsp.connected) return;
  ++counters_.acks_sent;
  Array arguments;
  arguments.push_back(std::move(answer));
  send(PacketType::ack, nsp, id, std::move(arguments));
}

void SocketClient::delivered(const LinkDelivery& delivery) {
  ++counters_.delivered;
  if (state_.note(delivery) && (!delivery.snapshot || config_.sync_on_connect)) emit(delivery);
  outside_.changed();
}

void SocketClient::emit(const LinkDelivery& delivery) {
  const std::string_view tail = tail_of(config_.names, delivery.address);
  Namespace* nsp = tail.empty() ? nullptr : namespace_of(tail);
  if (nsp == nullptr || (delivery.own && delivery.peer == nsp->tag && !config_.echo)) return;
  if (!nsp->connected) {
    ++counters_.events_missed;
    return;
  }
  const EventPlace place = place_of(config_.names, tail, nsp->name);
  if (is_reserved_event(place.event))
    return log("reserved", fmt::format("socketio: {} cannot be emitted: its name is reserved", printable(delivery.address)));
  Array event{place.event};
  if (auto value = value_of(delivery)) event.push_back(std::move(*value));
  std::optional<std::uint64_t> id;
  if (config_.emit_acks && !delivery.is_set && delivery.signal == SignalType::event && emit_calls_.size() < config_.calls_max) {
    id = ++nsp->last_emit;
    const EmitId call{static_cast<std::uint32_t>(nsp->tag), *id};
    emit_calls_.emplace(call, EmitCall{std::string(delivery.address)});
    emit_deadlines_.emplace_back(outside_.clock().steady + config_.ack_timeout, call);
  }
  ++counters_.events_out;
  send(PacketType::event, *nsp, id, event, key_of('e', nsp->name, delivery));
}

void SocketClient::emit_known(const Namespace& nsp) {
  const auto everything = Pattern::parse(config_.names.ns.pattern());
  state_.each_known(*everything, [&](std::string_view address, const ValueView& value, std::uint64_t) {
    if (namespace_of(tail_of(config_.names, address)) == &nsp) emit({.address = address, .value = value});
  });
}

// The longest of ours that the address is in.
SocketClient::Namespace* SocketClient::namespace_of(std::string_view tail) {
  Namespace* best = nullptr;
  for (Namespace& nsp : namespaces_) {
    if (is_in_namespace(tail, nsp.name) && (best == nullptr || nsp.name.size() > best->name.size())) best = &nsp;
  }
  return best;
}

// ---- time ----

std::optional<std::string> SocketClient::advance(SteadyTime now) {
  if (auto why = engine_.advance(now)) return why;
  while (!emit_deadlines_.empty() && emit_deadlines_.front().first <= now) {
    counters_.acks_missing += emit_calls_.erase(emit_deadlines_.front().second);
    emit_deadlines_.pop_front();
  }
  for (Namespace& nsp : namespaces_) {
    if (!nsp.retry_at || *nsp.retry_at > now) continue;
    nsp.retry_at.reset();
    say_connect(nsp);
  }
  return std::nullopt;
}

std::optional<SteadyTime> SocketClient::next_deadline() const {
  std::optional<SteadyTime> next = engine_.next_deadline();
  const auto consider = [&next](SteadyTime at) {
    if (!next || at < *next) next = at;
  };
  if (!emit_deadlines_.empty()) consider(emit_deadlines_.front().first);
  for (const Namespace& nsp : namespaces_) {
    if (nsp.retry_at) consider(*nsp.retry_at);
  }
  return next;
}

// ---- the rest ----

void SocketClient::refused(const Error& error) {
  ++counters_.refused;
  log("write", fmt::format("socketio: the router refused a write: {}", printable(error.message, 200)));
}

void SocketClient::link_down(std::string_view) {
  state_.link_down();
}

SocketClient::Namespace* SocketClient::find(std::string_view name) {
  const auto at = std::ranges::find(namespaces_, name, &Namespace::name);
  return at == namespaces_.end() ? nullptr : &*at;
}

void SocketClient::log(std::string_view kind, std::string text) { paced_.line(kind, std::move(text), outside_.clock().steady, outside_.log); }

}  // namespace clasp::bridge::socketio
