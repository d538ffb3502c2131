// What clients hear: events of their namespace and rooms, updates they subscribed to, acknowledgements.
#include <fmt/format.h>

#include <algorithm>

#include "bridge/socketio/event_map.hpp"
#include "bridge/socketio/socket_server.hpp"
#include "core/address.hpp"

namespace clasp::bridge::socketio {

void SocketServer::send(Client& client, PacketType type, const std::string& nsp, std::optional<std::uint64_t> id, const Value& data,
                        std::string_view key) {
  client.session.send(message_of(type, nsp, id, data), key, outside_.clock().steady);
}

void SocketServer::send_shared(Socket& socket, const web::SharedMessage& message, std::string_view key) {
  ++counters_.events_out;
  ++socket.sent;
  socket.client->session.send(message, key, outside_.clock().steady);
}

void SocketServer::acknowledge(Socket& socket, std::optional<std::uint64_t> id, Value answer) {
  if (!id) return;
  ++counters_.acks_sent;
  Array arguments;
  arguments.push_back(std::move(answer));
  send(*socket.client, PacketType::ack, socket.nsp, id, std::move(arguments));
}

void SocketServer::acknowledge_error(Socket& socket, std::optional<std::uint64_t> id, const Error& error) {
  acknowledge(socket, id, Map{{"ok", false}, {"error", error.message}, {"code", static_cast<std::int64_t>(error.code)}});
}

// ---- what the router delivers ----

void SocketServer::delivered(const LinkDelivery& delivery) {
  ++counters_.delivered;
  if (audience_.note(delivery)) emit(delivery);
  outside_.changed();
}

void SocketServer::emit(const LinkDelivery& delivery) {
  const std::optional<Value> value = value_of(delivery);
  emit_to_subscribers(delivery, value.value_or(Value()));
  if (delivery.snapshot && !config_.sync_on_connect) return;
  const auto target = target_of(delivery.address);
  if (!target) {
    ++counters_.outside_namespace;
    return;
  }
  const auto nsp = namespaces_.find(target->nsp);
  if (nsp == namespaces_.end()) return;
  const std::set<PeerTag>* sockets = &nsp->second.sockets;
  if (target->room) {
    const auto room = nsp->second.rooms.find(*target->room);
    if (room == nsp->second.rooms.end()) return;
    sockets = &room->second;
  }
  if (is_reserved_event(target->event))
    return log("reserved", fmt::format("socketio: {} cannot be emitted: its name is reserved", printable(delivery.address)));

  Array event{target->event};
  if (value) event.push_back(*value);
  const bool asks = config_.emit_acks && !delivery.is_set && delivery.signal == SignalType::event;
  const web::SharedMessage message = message_of(PacketType::event, target->nsp, std::nullopt, event);
  const std::string key = key_of('e', target->nsp, delivery);
  for (const PeerTag tag : *sockets) {
    if (delivery.own && delivery.peer == tag && !config_.echo) continue;
    Socket& socket = *find_socket(tag);
    if (!asks || !emit_asking(socket, delivery, event)) send_shared(socket, message, key);
  }
}

// SETs return to whoever subscribed and wrote them, so that a writer knows in which order his value and others' came; what is published doesn't
// (contract, 4).
void SocketServer::emit_to_subscribers(const LinkDelivery& delivery, const Value& value) {
  const SignalType type = delivery.is_set ? SignalType::param : delivery.signal;
  const std::vector<PeerTag>& listeners = audience_.listeners(delivery.address, type);
  if (listeners.empty()) return;
  Map body{{"address", std::string(delivery.address)}, {"value", value}};
  if (delivery.is_set)
    body.emplace_back("revision", static_cast<std::int64_t>(delivery.revision));
  else if (delivery.signal != SignalType::event)
    body.emplace_back("signal", std::string(signal_name(delivery.signal)));
  const Array event{delivery.is_set ? "clasp:update" : "clasp:event", std::move(body)};
  std::map<std::string_view, web::SharedMessage> messages;  // by namespace
  for (const PeerTag tag : listeners) {
    if (!delivery.is_set && delivery.own && delivery.peer == tag) continue;
    Socket& socket = *find_socket(tag);
    web::SharedMessage& message = messages[socket.nsp];
    if (!message) message = message_of(PacketType::event, socket.nsp, std::nullopt, event);
    send_shared(socket, message, key_of('u', socket.nsp, delivery));
  }
}

// A namespace is one that has clients, or is configured; the longest that fits.
std::optional<EventPlace> SocketServer::target_of(std::string_view address) const {
  const std::string_view tail = tail_of(config_.names, address);
  if (tail.empty()) return std::nullopt;
  std::string_view nsp = "/";
  const auto consider = [&](std::string_view candidate) {
    if (candidate.size() > nsp.size() && is_in_namespace(tail, candidate)) nsp = candidate;
  };
  for (const auto& [name, state] : namespaces_) consider(name);
  for (const std::string& name : config_.namespaces) consider(name);
  return place_of(config_.names, tail, nsp);
}

// The params of its namespace, or of one room of it, as the events they would have been.
void SocketServer::emit_known(Socket& socket, const std::string& room) {
  const auto everything = Pattern::parse(config_.names.ns.pattern());
  audience_.each_known(*everything, [&](std::string_view address, const ValueView& value, std::uint64_t) {
    const auto target = target_of(address);
    if (!target || target->nsp != socket.nsp || target->room.value_or("") != room || is_reserved_event(target->event)) return;
    const LinkDelivery known{.address = address, .value = value};
    send_shared(socket, message_of(PacketType::event, socket.nsp, std::nullopt, Array{target->event, to_value(value)}),
                key_of('e', socket.nsp, known));
  });
}

// False: too many wait for this client already; then it is told without being asked.
bool SocketServer::emit_asking(Socket& socket, const LinkDelivery& delivery, const Value& event) {
  if (socket.emits >= config_.calls_per_socket_max) return false;
  ++socket.emits;
  const std::pair call{static_cast<std::uint32_t>(socket.tag), ++socket.last_emit};
  emit_calls_.emplace(call, EmitCall{std::string(delivery.address)});
  emit_deadlines_.emplace_back(outside_.clock().steady + config_.ack_timeout, call);
  send_shared(socket, message_of(PacketType::event, socket.nsp, call.second, event), {});
  return true;
}

}  // namespace clasp::bridge::socketio
