// Frames with a "type": the documented JSON protocol (bridges specification, 9.4).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "bridge/websocket/hub.hpp"
#include "core/address.hpp"
#include "core/json.hpp"
#include "core/limits.hpp"

namespace clasp::bridge::websocket {

namespace {

Error bad_request(std::string text) { return {ErrorCode::invalid_argument, std::move(text), {}}; }

const std::string* text_of(const Value& frame, std::string_view field) {
  const Value* found = frame.find(field);
  return found != nullptr ? found->string() : nullptr;
}

// To JSON 5.0 is as whole as 5.
std::optional<std::int64_t> whole_number(const Value& value) {
  if (const std::int64_t* integer = value.integer()) return *integer;
  const double* number = value.floating();
  if (number == nullptr || std::trunc(*number) != *number || std::abs(*number) > 9e15) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

Result<std::optional<Ttl>> ttl_of(const Value& frame) {
  const Value* given = frame.find("ttl");
  if (given == nullptr || given->is_null()) return std::optional<Ttl>{};
  const auto seconds = whole_number(*given);
  if (!seconds || *seconds < 1 || *seconds > std::int64_t{wire::ttl_seconds_max})
    return bad_request(fmt::format("\"ttl\" is not a whole number of seconds from 1 to {}", wire::ttl_seconds_max));
  return std::optional(Ttl{.mode = Ttl::Mode::absolute, .seconds = static_cast<std::uint32_t>(*seconds)});
}

Result<TypeMask> types_of(const Value& frame) {
  const Value* given = frame.find("types");
  if (given == nullptr || given->is_null()) return TypeMask::all();
  const Array* names = given->array();
  if (names == nullptr) return bad_request("\"types\" is no array");
  TypeMask types{0};
  for (const Value& item : *names) {
    const auto type = item.string() != nullptr ? find_signal_type(*item.string()) : std::nullopt;
    if (!type) return bad_request("\"types\" holds something else than param, event, stream, gesture, timeline");
    types.bits |= TypeMask::of(*type).bits;
  }
  return types.bits == 0 ? TypeMask::all() : types;
}

// One set or emit, with the memory its message looks into.
struct Write {
  std::string address;
  std::optional<EncodedValue> value;
  Message message;
};

Result<std::unique_ptr<Write>> write_of(const Value& frame, std::string_view type) {
  const std::string* address = text_of(frame, "address");
  if (address == nullptr) return bad_request(fmt::format("\"{}\" needs an \"address\"", type));
  auto write = std::make_unique<Write>(Write{.address = *address, .value = {}, .message = {}});
  const Value* value = frame.find("value");
  if (type == "set") {
    if (value == nullptr) return bad_request("\"set\" needs a \"value\"");
    const auto ttl = ttl_of(frame);
    if (!ttl) return ttl.error();
    write->value.emplace(*value);
    write->message.body = Set{.address = write->address, .value = write->value->view(), .revision = {}, .ttl = *ttl};
  } else {
    if (value == nullptr) value = frame.find("payload");
    write->value.emplace(value != nullptr ? *value : Value());
    write->message.body = Publish{
        .address = write->address, .signal = SignalType::event, .value = write->value->view(), .samples = {}, .timestamp = {}, .id = {}, .rate = {}};
  }
  if (!write->value->ok()) return Error{ErrorCode::invalid_value, "the value is too large: no CLASP frame holds it", write->address};
  return write;
}

}  // namespace

const Hub::RequestRow* Hub::find_request(std::string_view type) {
  static constexpr std::array rows{
      RequestRow{"set", &Hub::request_set},
      RequestRow{"get", &Hub::request_get},
      RequestRow{"emit", &Hub::request_emit},
      RequestRow{"subscribe", &Hub::request_subscribe},
      RequestRow{"unsubscribe", &Hub::request_unsubscribe},
      RequestRow{"snapshot", &Hub::request_snapshot},
      RequestRow{"bundle", &Hub::request_bundle},
      RequestRow{"ping", &Hub::request_ping},
  };
  const auto row = std::ranges::find(rows, type, &RequestRow::type);
  return row == rows.end() ? nullptr : &*row;
}

void Hub::request_set(Peer& peer, const Request& request) {
  const auto made = write_of(request.frame, request.type);
  if (!made) return send_error(peer, &request, made.error());
  write(peer, (*made)->message, &request);
}

void Hub::request_emit(Peer& peer, const Request& request) { request_set(peer, request); }

void Hub::request_get(Peer& peer, const Request& request) {
  const std::string* address = text_of(request.frame, "address");
  if (address == nullptr) return send_error(peer, &request, bad_request("\"get\" needs an \"address\""));
  Call call{.peer = peer.tag, .request = request.type, .id = request.id, .address = *address, .published = {}, .value = {}};
  if (const LinkTicket ticket = open_call(peer, std::move(call), &request); ticket != LinkTicket::none) router_.get(*address, ticket);
}

void Hub::settle(const Call& call, const LinkAnswer& answer) {
  Peer* peer = find(call.peer);
  if (peer != nullptr) --peer->calls;
  const Value nothing;
  const Request request{.type = call.request, .frame = nothing, .id = call.id};
  if (answer.error != nullptr) {
    if (call.request != "get") refused(*answer.error);
    if (peer != nullptr && !call.request.empty()) send_error(*peer, &request, *answer.error);
    return;
  }
  if (call.published) {
    LinkDelivery told{.is_set = false, .address = call.address, .signal = *call.published, .own = true, .peer = call.peer};
    if (!call.value.empty()) told.value = ValueView{static_cast<ValueTag>(call.value[0]), as_bytes(std::string_view(call.value).substr(1))};
    show(told);
  }
  if (peer == nullptr || call.request.empty()) return;
  if (call.request != "get") return send_ack(*peer, call.id, answer.revision);
  Map frame{{"type", "value"},
            {"address", call.address},
            {"value", answer.value ? to_value(*answer.value) : Value()},
            {"revision", static_cast<std::int64_t>(answer.revision)}};
  if (call.id) frame.emplace_back("id", *call.id);
  send_json(*peer, std::move(frame));
}

// ---- subscriptions and snapshots ----

// "pattern", or everything below "prefix"; all there is without either.
Result<Pattern> Hub::pattern_of(const Value& frame) const {
  const std::string* pattern = text_of(frame, "pattern");
  const std::string* prefix = text_of(frame, "prefix");
  const std::string text = pattern != nullptr ? *pattern
                           : prefix == nullptr || *prefix == "/"
                               ? "/**"
                               : fmt::format("{}/**", prefix->ends_with('/') ? prefix->substr(0, prefix->size() - 1) : *prefix);
  auto parsed = Pattern::parse(text);
  if (!parsed) return Error{ErrorCode::pattern_error, describe_address_fault(parsed.error(), text), printable(text)};
  return std::move(*parsed);
}

void Hub::request_subscribe(Peer& peer, const Request& request) {
  if (text_of(request.frame, "pattern") == nullptr) return send_error(peer, &request, bad_request("\"subscribe\" needs a \"pattern\""));
  const auto pattern = pattern_of(request.frame);
  if (!pattern) return send_error(peer, &request, pattern.error());
  const auto types = types_of(request.frame);
  if (!types) return send_error(peer, &request, types.error());
  if (audience_.subscriptions(peer.tag) >= config_.subscriptions_per_client_max)
    return send_error(peer, &request,
                      {ErrorCode::too_many, fmt::format("this connection has {} subscriptions already", config_.subscriptions_per_client_max), {}});
  const auto done = audience_.subscribe(peer.tag, *pattern, *types, [&](std::string_view address, const ValueView& value, std::uint64_t revision) {
    send_json(
        peer,
        Map{{"type", "value"}, {"address", std::string(address)}, {"value", to_value(value)}, {"revision", static_cast<std::int64_t>(revision)}},
        address);
  });
  if (!done) return send_error(peer, &request, done.error());
  send_ack(peer, request.id, 0);
}

void Hub::request_unsubscribe(Peer& peer, const Request& request) {
  const std::string* pattern = text_of(request.frame, "pattern");
  if (pattern == nullptr) return send_error(peer, &request, bad_request("\"unsubscribe\" needs a \"pattern\""));
  if (!audience_.unsubscribe(peer.tag, *pattern))
    return send_error(peer, &request, {ErrorCode::not_found, "there is no such subscription", *pattern});
  send_ack(peer, request.id, 0);
}

// What nobody has subscribed to is subscribed to until its state is here.
void Hub::request_snapshot(Peer& peer, const Request& request) {
  const auto pattern = pattern_of(request.frame);
  if (!pattern) return send_error(peer, &request, pattern.error());
  if (snapshots_.size() >= config_.calls_per_client_max)
    return send_error(peer, &request, {ErrorCode::too_many, "too many snapshots are being made already", {}});
  SnapshotCall call{.peer = peer.tag, .id = request.id, .pattern = *pattern};
  if (audience_.is_settled(pattern->text())) return answer_snapshot(call);
  snapshots_.push_back(std::move(call));
  const auto done = audience_.subscribe(PeerTag::none, *pattern, TypeMask{0}, [](std::string_view, const ValueView&, std::uint64_t) {});
  if (done) return;
  snapshots_.pop_back();
  send_error(peer, &request, done.error());
}

void Hub::answer_snapshot(const SnapshotCall& call) {
  Peer* peer = find(call.peer);
  if (peer == nullptr) return;
  std::string text = R"({"type":"snapshot",)";
  if (call.id) {
    text += R"("id":)";
    append_json(*call.id, JsonBytes::numbers, text);
    text += ',';
  }
  text += R"("state":{)";
  bool first = true;
  audience_.each_known(call.pattern, [&](std::string_view address, const ValueView& value, std::uint64_t) {
    if (text.size() > config_.snapshot_bytes_max) return;
    if (!std::exchange(first, false)) text += ',';
    append_json_string(address, text);
    text += ':';
    append_json(value, JsonBytes::numbers, text);
  });
  const Value nothing;
  const Request request{.type = "snapshot", .frame = nothing, .id = call.id};
  if (text.size() > config_.snapshot_bytes_max || audience_.is_full())
    return send_error(
        *peer, &request,
        {ErrorCode::too_many, fmt::format("this is more than {} bytes of state: ask for a part of it", config_.snapshot_bytes_max), {}});
  send(*peer, std::make_shared<web::OutMessage>(web::OutMessage{.text = std::move(text += "}}"), .attachments = {}}), {});
}

void Hub::forget_snapshot(const std::string& pattern) {
  const bool others_wait = std::ranges::any_of(snapshots_, [&](const SnapshotCall& call) { return call.pattern.text() == pattern; });
  if (!others_wait) audience_.unsubscribe(PeerTag::none, pattern);
}

// ---- bundle, ping ----

void Hub::request_bundle(Peer& peer, const Request& request) {
  const Value* given = request.frame.find("messages");
  const Array* items = given != nullptr ? given->array() : nullptr;
  if (items == nullptr || items->empty()) return send_error(peer, &request, bad_request("\"bundle\" needs \"messages\", an array of set and emit"));
  std::vector<std::unique_ptr<Write>> writes;
  Bundle bundle;
  for (std::size_t i = 0; i < items->size(); ++i) {
    const std::string* type = text_of((*items)[i], "type");
    if (type == nullptr || (*type != "set" && *type != "emit"))
      return send_error(peer, &request, bad_request(fmt::format("message {} of the bundle is neither set nor emit", i)));
    auto made = write_of((*items)[i], *type);
    if (!made)
      return send_error(peer, &request,
                        {made.error().code, fmt::format("message {} of the bundle: {}", i, made.error().message), made.error().address});
    bundle.messages.push_back((*made)->message);
    writes.push_back(std::move(*made));
  }
  if (const Value* at = request.frame.find("timestamp"); at != nullptr && !at->is_null()) {
    const auto microseconds = whole_number(*at);
    if (!microseconds || *microseconds < 0) return send_error(peer, &request, bad_request("\"timestamp\" is no time in microseconds since 1970"));
    bundle.timestamp = UnixTime{static_cast<std::uint64_t>(*microseconds)};
  }
  write(peer, Message{std::move(bundle)}, &request);
}

void Hub::request_ping(Peer& peer, const Request& request) {
  Map frame{{"type", "pong"}};
  if (request.id) frame.emplace_back("id", *request.id);
  send_json(peer, std::move(frame));
}

}  // namespace clasp::bridge::websocket
