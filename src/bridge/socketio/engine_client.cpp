#include "bridge/socketio/engine_client.hpp"

#include <fmt/format.h>

#include <utility>

#include "bridge/socketio/engine_packet.hpp"
#include "core/json.hpp"

namespace clasp::bridge::socketio {

namespace {

constexpr std::string_view pong = "3";
constexpr std::string_view close_packet = "1";
constexpr std::int64_t terms_ms_max = 86'400'000;  // a day

std::optional<std::int64_t> milliseconds_of(const Value& terms, std::string_view field) {
  const Value* found = terms.find(field);
  if (found == nullptr || found->integer() == nullptr || *found->integer() <= 0 || *found->integer() > terms_ms_max) return std::nullopt;
  return *found->integer();
}

}  // namespace

void EngineClient::begin(EngineTransport& transport, SteadyTime now) {
  transport_ = &transport;
  open_ = overflowed_ = false;
  queue_ = web::OutQueue(limits_);
  deadline_ = now + open_timeout_;
}

std::optional<std::string> EngineClient::take_text(std::string_view text, SteadyTime now) {
  const auto packet = decode_engine_packet(text);
  if (!packet) return "what answers there does not speak Engine.IO 4";
  if (!open_)
    return packet->type == EngineType::open ? take_open(packet->text, now) : std::optional<std::string>("the session does not begin with its terms");
  switch (packet->type) {
    case EngineType::ping:
      deadline_ = now + ping_distance_;
      transport_->send_text(pong);
      return std::nullopt;
    case EngineType::message: listener_.engine_text(packet->text); return std::nullopt;
    case EngineType::close: return "the server has closed the session";
    case EngineType::noop: return std::nullopt;
    default: return fmt::format("a packet no server sends: {}", text[0]);
  }
}

std::optional<std::string> EngineClient::take_open(std::string_view json, SteadyTime now) {
  const auto terms = parse_json(json, 1'000);
  const Value* sid = terms ? terms->find("sid") : nullptr;
  const auto interval = terms ? milliseconds_of(*terms, "pingInterval") : std::nullopt;
  const auto timeout = terms ? milliseconds_of(*terms, "pingTimeout") : std::nullopt;
  if (sid == nullptr || sid->string() == nullptr || sid->string()->empty() || !interval || !timeout) return "the server's terms make no sense";
  sid_ = *sid->string();
  ping_distance_ = Micros{(*interval + *timeout) * 1'000};
  deadline_ = now + ping_distance_;
  open_ = true;
  listener_.engine_opened();
  return std::nullopt;
}

std::optional<std::string> EngineClient::take_binary(Bytes message) {
  if (!open_) return "the session does not begin with its terms";
  listener_.engine_binary(message);
  return std::nullopt;
}

void EngineClient::send(web::SharedMessage message, std::string_view key, SteadyTime now) {
  if (!open_ || overflowed_) return;
  overflowed_ = queue_.push(std::move(message), key, now) == web::OutQueue::Pushed::overflow;
  flush();
}

void EngineClient::flush() {
  while (transport_ != nullptr && open_ && !queue_.empty() && transport_->has_room()) {
    const web::SharedMessage message = queue_.front();
    queue_.pop();
    transport_->send_text("4" + message->text);
    for (const std::string& attachment : message->attachments) transport_->send_binary(as_bytes(attachment));
  }
}

void EngineClient::say_goodbye() {
  if (transport_ != nullptr && open_) transport_->send_text(close_packet);
}

void EngineClient::end(std::string_view reason) {
  transport_ = nullptr;
  if (std::exchange(open_, false)) listener_.engine_closed(reason);
}

std::optional<std::string> EngineClient::advance(SteadyTime now) {
  if (transport_ == nullptr) return std::nullopt;
  if (overflowed_) return "the server takes too little: too many messages wait";
  if (now < deadline_) return std::nullopt;
  return open_ ? "no ping of the server in time" : "the server's terms did not come in time";
}

}  // namespace clasp::bridge::socketio
