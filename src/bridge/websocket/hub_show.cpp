// What peers hear.
#include <fmt/format.h>

#include <utility>

#include "bridge/websocket/hub.hpp"
#include "core/address.hpp"
#include "core/json.hpp"

namespace clasp::bridge::websocket {

namespace {

// Only what a newer value makes worthless may be replaced while it waits (contract, rules 13 to 15).
std::string key_of(const LinkDelivery& delivery) {
  if (delivery.is_set) return std::string(delivery.address);
  const bool replaceable = delivery.signal == SignalType::stream || (delivery.signal == SignalType::gesture && delivery.phase == GesturePhase::move);
  return replaceable ? fmt::format("{},{},{}", delivery.address, static_cast<int>(delivery.signal), delivery.id.value_or(0)) : std::string{};
}

Map typed_frame(const LinkDelivery& delivery) {
  Map frame{{"type", delivery.is_set ? "value" : std::string(signal_name(delivery.signal))}, {"address", std::string(delivery.address)}};
  frame.emplace_back("value", value_of(delivery).value_or(Value()));
  if (delivery.is_set) frame.emplace_back("revision", static_cast<std::int64_t>(delivery.revision));
  if (!delivery.is_set && delivery.signal == SignalType::gesture) {
    frame.emplace_back("phase", std::string(phase_name(delivery.phase)));
    frame.emplace_back("id", std::int64_t{delivery.id.value_or(0)});
  }
  return frame;
}

web::SharedMessage json_text(const Value& frame) {
  std::string text;
  append_json(frame, JsonBytes::numbers, text);
  return std::make_shared<web::OutMessage>(web::OutMessage{.text = std::move(text), .attachments = {}});
}

}  // namespace

void Hub::send(Peer& peer, web::SharedMessage message, std::string_view key) {
  if (peer.overflowed) return;
  ++counters_.messages_out;
  peer.overflowed = peer.queue.push(std::move(message), key, outside_.clock().steady) == web::OutQueue::Pushed::overflow;
  flush(peer);
}

void Hub::send_json(Peer& peer, const Value& frame, std::string_view key) { send(peer, json_text(frame), key); }

// As much as its connection takes now.
void Hub::flush(Peer& peer) {
  while (!peer.queue.empty() && peer.channel->bytes_waiting() < config_.wire_bytes_max) {
    const web::SharedMessage message = peer.queue.front();
    peer.queue.pop();
    if (!message->binary_only) peer.channel->send_text(message->text);
    for (const std::string& attachment : message->attachments) peer.channel->send_binary(as_bytes(attachment));
  }
}

void Hub::send_error(Peer& peer, const Request* request, const Error& error) {
  ++counters_.errors_sent;
  Map frame{{"type", "error"}, {"message", error.message}, {"code", static_cast<std::int64_t>(error.code)}};
  frame.emplace_back("request_type", request != nullptr ? Value(request->type) : Value());
  if (request != nullptr && request->id) frame.emplace_back("id", *request->id);
  if (!error.address.empty()) frame.emplace_back("address", error.address);
  send_json(peer, std::move(frame));
}

// Only who gave an id is told.
void Hub::send_ack(Peer& peer, const std::optional<Value>& id, std::uint64_t revision) {
  if (!id) return;
  Map frame{{"type", "ack"}, {"id", *id}};
  if (revision != 0) frame.emplace_back("revision", static_cast<std::int64_t>(revision));
  send_json(peer, std::move(frame));
}

// To those who subscribed, typed; to those who never sent a typed frame, plain, if it is of the namespace. SETs return to whoever subscribed and
// wrote them, so that a writer knows in which order his value and others' came; what is published doesn't (contract, 4).
void Hub::show(const LinkDelivery& delivery) {
  const std::string key = key_of(delivery);
  web::SharedMessage typed;
  for (const PeerTag tag : audience_.listeners(delivery.address, delivery.is_set ? SignalType::param : delivery.signal)) {
    Peer* peer = find(tag);
    if (peer == nullptr || (!delivery.is_set && delivery.own && delivery.peer == tag)) continue;
    if (!typed) typed = json_text(typed_frame(delivery));
    send(*peer, typed, key);
  }
  std::string name;
  if ((delivery.snapshot && !config_.sync_on_connect) || !config_.ns.to_name(delivery.address, name)) return;
  web::SharedMessage plain;
  for (const auto& [number, peer] : peers_) {
    if (peer->typed || (delivery.own && delivery.peer == peer->tag && !config_.echo)) continue;
    if (!plain) plain = plain_message(delivery, config_.format);
    if (!plain) return;
    send(*peer, plain, key);
  }
}

void Hub::show_known(Peer& peer) {
  const auto everything = Pattern::parse(config_.ns.pattern());
  audience_.each_known(*everything, [&](std::string_view address, const ValueView& value, std::uint64_t revision) {
    if (auto plain = plain_message({.address = address, .value = value, .revision = revision}, config_.format)) send(peer, std::move(plain), address);
  });
}

}  // namespace clasp::bridge::websocket
