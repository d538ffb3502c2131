#include "http_api/event_stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "core/json.hpp"
#include "http_api/api_connection.hpp"

namespace clasp::http_api {

namespace {

void append_samples(Bytes samples, std::string& out) {
  char separator = '[';
  for (; samples.size() >= 8; samples = samples.subspan(8)) {
    out += std::exchange(separator, ',');
    append_json(Value(std::bit_cast<double>(load_be<std::uint64_t>(samples.data()))), JsonBytes::numbers, out);
  }
  out += separator == '[' ? "[]" : "]";
}

std::string_view event_name(const router::Delivery& delivery) {
  if (delivery.kind != router::CommitKind::publish) return "value";
  return delivery.signal == SignalType::stream ? "stream" : "event";
}

}  // namespace

void append_delivery_json(const router::Delivery& delivery, std::string& out) {
  out += R"({"address":)";
  append_json_string(delivery.address, out);
  out += R"(,"value":)";
  if (!delivery.value && delivery.samples)
    append_samples(*delivery.samples, out);
  else
    append_json(delivery.value.value_or(ValueView{}), JsonBytes::numbers, out);
  if (delivery.kind != router::CommitKind::publish) {
    out += fmt::format(R"(,"revision":{})", delivery.revision);
  } else if (delivery.signal != SignalType::event && delivery.signal != SignalType::stream) {
    out += fmt::format(R"(,"signal":"{}")", signal_name(delivery.signal));
    if (delivery.signal == SignalType::gesture) out += fmt::format(R"(,"phase":"{}","id":{})", phase_name(delivery.phase), delivery.id.value_or(0));
  }
  out += '}';
}

void append_event(const router::Delivery& delivery, std::string_view position, std::string& out) {
  out = "event: ";
  out += event_name(delivery);
  if (!position.empty()) (out += "\nid: ") += position;
  out += "\ndata: ";
  append_delivery_json(delivery, out);
  out += "\n\n";
}

std::unique_ptr<Exchange> EventStream::answer(ApiConnection& connection, const ApiRequest& request) {
  const auto pattern = pattern_of(request, connection.api().router().config().address_bytes_max);
  if (!pattern) {
    connection.fail(pattern.error());
    return nullptr;
  }
  const std::string* snapshot = request.find_query("snapshot");
  if (snapshot != nullptr && *snapshot != "0" && *snapshot != "1") {
    connection.fail(bad_field("snapshot", "neither 0 nor 1"));
    return nullptr;
  }
  const std::string* last = request.find_header("Last-Event-ID");
  if (last == nullptr) last = request.find_query("last-event-id");  // an EventSource cannot set headers when it begins
  if (request.http->method == "HEAD") {
    connection.answer({.status = 200, .fields = {{"Content-Type", "text/event-stream"}}, .body = {}, .close = true});
    return nullptr;
  }
  auto stream = std::make_unique<EventStream>(connection);
  stream->open(pattern->text(), last != nullptr && !last->empty() ? last : nullptr, snapshot == nullptr || *snapshot == "1");
  if (!stream->refused_) return stream;
  connection.fail(of_router(*stream->refused_));
  stream->on_closed();
  return nullptr;
}

void EventStream::open(const std::string& pattern, const std::string* last_event_id, bool snapshot) {
  HttpApi& api = connection_.api();
  router::Router& router = api.router();
  session_ = router.open_session({.name = "http-events", .grants = {}, .encoding = router::Encoding::views, .writer = {}}, *this, connection_.now());
  const Subscribe subscribe{.id = 1, .pattern = pattern};
  const std::optional<router::Seq> seen = last_event_id == nullptr ? std::nullopt : api.find_position(*last_event_id);
  position_ = seen.value_or(router.last_seq());
  beginning_ = seen ? Beginning::resumed : Beginning::live;
  if ((seen || (!snapshot && last_event_id == nullptr)) && router.subscribe_since(session_, subscribe, position_, connection_.now())) {
    if (seen) ++api.count().streams_resumed;
  } else {
    beginning_ = last_event_id == nullptr ? Beginning::snapshot_new : Beginning::snapshot_reset;
    complete_ = false;
    position_ = router.last_seq();
    router.submit(session_, Message{subscribe}, Qos::confirm, {}, connection_.now());
    if (refused_) return;
    if (last_event_id != nullptr) ++api.count().streams_reset;
  }
  begin();
  if (!done_) api.pings().add(*this, connection_.now().steady);
}

// The head goes with the first thing that is sent: until then it may still be refused.
void EventStream::begin() {
  if (std::exchange(begun_, true)) return;
  connection_.begin({.status = 200,
                     .fields = {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}},
                     .body = {},
                     .close = true},
                    net::Flow::endless);
  ++connection_.api().count().streams_opened;
  ++connection_.api().count().streams_open;
  std::string text = "retry: 3000\n\n";
  switch (beginning_) {
    case Beginning::snapshot_new: text += "event: snapshot\ndata: {\"reason\":\"new\"}\n\n"; break;
    case Beginning::snapshot_reset:
      text += "event: snapshot\ndata: {\"reason\":\"the router has no longer what came after Last-Event-ID\"}\n\n";
      break;
    case Beginning::resumed: text += "event: resumed\ndata: {}\n\n"; break;
    case Beginning::live:
      text += fmt::format("event: live\nid: {0}\ndata: {{\"position\":\"{0}\"}}\n\n", connection_.api().position_text(position_));
      break;
  }
  send(text);
}

std::size_t EventStream::send(std::string_view text) {
  active_ = true;
  return connection_.responder().send(text);
}

// ---- from the router ----

std::size_t EventStream::deliver(const router::Delivery& delivery) {
  begin();
  const bool in_order = delivery.seq != 0 && delivery.presence == router::Presence::live;
  if (in_order) position_ = std::max(position_, delivery.seq);
  const std::size_t bytes = send(connection_.api().event_text(delivery, in_order && complete_));
  bytes_waiting_ += bytes;
  return bytes;
}

void EventStream::caught_up(std::uint32_t) {
  begin();
  complete_ = true;
  send(fmt::format("event: live\nid: {0}\ndata: {{\"position\":\"{0}\"}}\n\n", connection_.api().position_text(position_)));
}

std::size_t EventStream::reply(const router::Reply& reply) {
  const auto* error = reply.message == nullptr ? nullptr : std::get_if<ErrorReply>(&reply.message->body);
  if (error == nullptr) return 0;
  if (!begun_) {
    refused_ = std::make_unique<Error>(static_cast<ErrorCode>(error->code), std::string(error->message), std::string(error->address.value_or("")));
    return 0;
  }
  std::string text = "event: notice\ndata: {\"error\":";
  append_json_string(error->message, text);
  const std::size_t bytes = send(text + fmt::format(",\"code\":{}}}\n\n", error->code));
  bytes_waiting_ += bytes;
  return bytes;
}

void EventStream::close(const router::CloseReason& reason) {
  session_ = router::nobody;
  if (!begun_) {
    refused_ = std::make_unique<Error>(ErrorCode::unavailable, std::string(reason.text), "");
    return;
  }
  std::string text = "event: closed\ndata: {\"reason\":";
  append_json_string(reason.text, text);
  send(text + "}\n\n");
  done_ = true;
  --connection_.api().count().streams_open;
  cancel_deadline();
  connection_.responder().finish();
}

// ---- from the connection ----

// What is ours travels in the same stream; the router is credited for its own bytes only, in total exactly as many as it handed over.
void EventStream::on_sent(std::size_t bytes) {
  active_ = true;
  const std::size_t credit = std::min(bytes, bytes_waiting_);
  if (credit == 0 || session_ == router::nobody) return;
  bytes_waiting_ -= credit;
  connection_.api().router().sent(session_, credit, connection_.now());
}

void EventStream::on_end() { connection_.responder().abort(); }  // which calls on_closed(); this is gone then

void EventStream::on_closed() {
  done_ = true;
  if (begun_) --connection_.api().count().streams_open;
  cancel_deadline();
  if (session_ != router::nobody) connection_.api().router().close_session(std::exchange(session_, router::nobody), connection_.now());
}

void EventStream::look(const Now& now) {
  const bool silent = !std::exchange(active_, false);
  connection_.api().pings().add(*this, now.steady);
  if (!silent) return;
  if (connection_.responder().bytes_waiting() == 0) {
    send(": ping\n\n");
    return;
  }
  ++connection_.api().count().streams_stalled;  // twice the interval and not one byte was taken
  connection_.responder().abort();
}

}  // namespace clasp::http_api
