#include "bridge/socketio/engine_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace clasp::bridge::socketio {

namespace {

constexpr std::string_view noop = "6";
constexpr std::string_view ping = "2";
constexpr std::string_view close_packet = "1";
constexpr std::string_view probe_text = "probe";
constexpr std::string_view probe_answer = "3probe";

std::int64_t milliseconds(Micros time) { return time.count() / 1'000; }

}  // namespace

EngineSession::EngineSession(std::string sid, const EngineLimits& limits, bool may_upgrade, EngineListener& listener, SteadyTime now)
    : sid_(std::move(sid)),
      limits_(limits),
      may_upgrade_(may_upgrade),
      listener_(listener),
      queue_(limits.out),
      heartbeat_at_(now + limits.ping_interval) {}

std::string EngineSession::handshake() const {
  return fmt::format(R"({{"sid":"{}","upgrades":[{}],"pingInterval":{},"pingTimeout":{},"maxPayload":{}}})", sid_,
                     may_upgrade_ && transport_ == Transport::polling ? R"("websocket")" : "", milliseconds(limits_.ping_interval),
                     milliseconds(limits_.ping_timeout), limits_.payload_bytes_max);
}

// ---- polling ----

std::optional<EngineRefusal> EngineSession::poll(Poll& poll, SteadyTime) {
  if (!open_) return refusal::unknown_sid;
  if (transport_ == Transport::websocket) return refusal::bad_request;
  if (poll_ != nullptr) {
    close("two polls at the same time");
    return refusal::bad_request;
  }
  poll_ = &poll;
  if (transport_ == Transport::upgrading)
    answer_poll(noop);
  else
    flush();
  return std::nullopt;
}

void EngineSession::poll_gone(Poll& poll) {
  if (poll_ != &poll) return;
  poll_ = nullptr;
  end("poll connection closed");
}

std::optional<EngineRefusal> EngineSession::post(std::string_view body, SteadyTime now) {
  if (!open_) return refusal::unknown_sid;
  if (transport_ == Transport::websocket) return refusal::bad_request;
  if (body.size() > limits_.payload_bytes_max) {
    close("payload too large");
    return refusal::too_large;
  }
  PayloadReader reader(body);
  while (!reader.done() && open_) {
    const std::optional<EnginePacket> packet = reader.next();
    if (!packet) {
      close("parse error");
      return refusal::bad_request;
    }
    if (packet->blob)
      listener_.on_binary(*this, *packet->blob);
    else
      handle(*packet, now);
  }
  return std::nullopt;
}

// ---- WebSocket ----

void EngineSession::start_on(Wire& wire) {
  transport_ = Transport::websocket;
  wire_ = &wire;
  wire_->send_text("0" + handshake());
}

bool EngineSession::probe(Wire& wire, SteadyTime now) {
  if (!open_ || !may_upgrade_ || transport_ != Transport::polling || probing_ != nullptr) return false;
  probing_ = &wire;
  probed_ = false;
  upgrade_until_ = now + limits_.upgrade_timeout;
  return true;
}

void EngineSession::wire_text(Wire& wire, std::string_view text, SteadyTime now) {
  const std::optional<EnginePacket> packet = decode_engine_packet(text);
  if (&wire == probing_) {
    if (packet && packet->type == EngineType::ping && packet->text == probe_text) {
      probed_ = true;
      transport_ = Transport::upgrading;
      probing_->send_text(probe_answer);
      answer_poll(noop);
    } else if (packet && packet->type == EngineType::upgrade && probed_) {
      finish_upgrade();
    } else {
      abandon_upgrade();
    }
    return;
  }
  if (&wire != wire_ || !open_) return;
  if (!packet) return close("parse error");
  handle(*packet, now);
}

void EngineSession::wire_binary(Wire& wire, Bytes message) {
  if (&wire == probing_) return abandon_upgrade();
  if (&wire == wire_ && open_) listener_.on_binary(*this, message);
}

void EngineSession::wire_sent(Wire& wire) {
  if (&wire == wire_) flush();
}

void EngineSession::wire_gone(Wire& wire, std::string_view reason) {
  if (&wire == probing_) {
    probing_ = nullptr;
    return abandon_upgrade();
  }
  if (&wire != wire_) return;
  wire_ = nullptr;
  end(reason.empty() ? "transport close" : reason);
}

void EngineSession::finish_upgrade() {
  answer_poll(noop);
  wire_ = std::exchange(probing_, nullptr);
  transport_ = Transport::websocket;
  upgrade_until_.reset();
  flush();
}

// Polling goes on as if nothing had been.
void EngineSession::abandon_upgrade() {
  upgrade_until_.reset();
  if (transport_ == Transport::upgrading) transport_ = Transport::polling;
  if (Wire* wire = std::exchange(probing_, nullptr)) wire->close("the upgrade was not finished");
  flush();
}

// ---- what it carries ----

void EngineSession::handle(const EnginePacket& packet, SteadyTime now) {
  switch (packet.type) {
    case EngineType::message: return listener_.on_text(*this, packet.text);
    case EngineType::pong: return pong(now);
    case EngineType::close: return end("client close");
    case EngineType::noop: return;
    default: return close("parse error");  // a client sends none of the others
  }
}

void EngineSession::pong(SteadyTime now) {
  if (!awaiting_pong_) return;
  awaiting_pong_ = false;
  heartbeat_at_ = now + limits_.ping_interval;
}

void EngineSession::send(web::SharedMessage message, std::string_view key, SteadyTime now) {
  if (!open_ || overflowed_) return;
  if (queue_.push(std::move(message), key, now) == web::OutQueue::Pushed::overflow) overflowed_ = true;
  flush();
}

// As much as the transport takes now.
void EngineSession::flush() {
  if (!open_) return;
  if (transport_ == Transport::polling) {
    if (poll_ != nullptr && (ping_due_ || !queue_.empty())) answer_poll(take_payload());
    return;
  }
  if (transport_ != Transport::websocket) return;
  if (std::exchange(ping_due_, false)) wire_->send_text(ping);
  while (!queue_.empty() && wire_->bytes_waiting() < limits_.wire_bytes_max) {
    const web::SharedMessage message = queue_.front();
    queue_.pop();
    wire_->send_text("4" + message->text);
    for (const std::string& attachment : message->attachments) wire_->send_binary(as_bytes(attachment));
  }
}

// Of what waits as much as one answer may hold; at least one message.
std::string EngineSession::take_payload() {
  PayloadWriter payload;
  if (std::exchange(ping_due_, false)) payload.add_text(EngineType::ping, {});
  while (!queue_.empty() && (payload.bytes() < 2 || payload.bytes() + queue_.front()->bytes() * 4 / 3 <= limits_.payload_bytes_max)) {
    const web::SharedMessage message = queue_.front();
    queue_.pop();
    payload.add_text(EngineType::message, message->text);
    for (const std::string& attachment : message->attachments) payload.add_binary(as_bytes(attachment));
  }
  return payload.body();
}

void EngineSession::answer_poll(std::string_view payload) {
  if (Poll* poll = std::exchange(poll_, nullptr)) poll->answer(payload);
}

void EngineSession::close(std::string_view reason) {
  if (!open_) return;
  if (wire_ != nullptr) {
    flush();
    wire_->send_text(close_packet);
  } else if (poll_ != nullptr) {
    std::string payload = queue_.empty() ? std::string{} : take_payload() + '\x1e';
    answer_poll(payload += close_packet);
  }
  end(reason);
}

void EngineSession::end(std::string_view reason) {
  if (!std::exchange(open_, false)) return;
  answer_poll(close_packet);
  if (Wire* wire = std::exchange(probing_, nullptr)) wire->close(reason);
  if (Wire* wire = std::exchange(wire_, nullptr)) wire->close(reason);
  upgrade_until_.reset();
  listener_.on_closed(*this, reason);
}

// ---- time ----

void EngineSession::advance(SteadyTime now) {
  if (!open_) return;
  if (overflowed_) return close("too slow: too many messages wait");
  if (upgrade_until_ && now >= *upgrade_until_) abandon_upgrade();
  if (now < heartbeat_at_) return;
  if (awaiting_pong_) return close("ping timeout");
  awaiting_pong_ = ping_due_ = true;
  heartbeat_at_ = now + limits_.ping_timeout;
  flush();
}

std::optional<SteadyTime> EngineSession::next_deadline() const {
  if (!open_) return std::nullopt;
  if (overflowed_) return SteadyTime{0};
  return upgrade_until_ ? std::min(*upgrade_until_, heartbeat_at_) : heartbeat_at_;
}

}  // namespace clasp::bridge::socketio
