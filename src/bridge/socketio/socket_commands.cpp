// What clients say: events, and the events clasp:… that act on the router's own addresses.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bridge/socketio/event_map.hpp"
#include "bridge/socketio/socket_server.hpp"
#include "core/address.hpp"

namespace clasp::bridge::socketio {

namespace {

constexpr std::string_view command_prefix = "clasp:";

Error bad_argument(std::string text) { return {ErrorCode::invalid_argument, std::move(text), {}}; }

// The text of a field of an object, or of the argument itself if it is a text.
const std::string* text_of(const Value& argument, std::string_view field) {
  if (const std::string* text = argument.string()) return text;
  const Value* found = argument.find(field);
  return found != nullptr ? found->string() : nullptr;
}

Result<TypeMask> types_of(const Value& argument) {
  const Value* given = argument.find("types");
  if (given == nullptr || given->is_null()) return TypeMask::all();
  const Array* names = given->array();
  TypeMask types{0};
  for (std::size_t i = 0; names != nullptr && i < names->size(); ++i) {
    const std::string* name = (*names)[i].string();
    const auto type = name != nullptr ? find_signal_type(*name) : std::nullopt;
    if (!type) return bad_argument("\"types\" holds something else than param, event, stream, gesture, timeline");
    types.bits |= TypeMask::of(*type).bits;
  }
  if (names == nullptr) return bad_argument("\"types\" is no array");
  return types.bits == 0 ? TypeMask::all() : types;
}

}  // namespace

void SocketServer::handle_event(Socket& socket, Packet& packet) {
  ++counters_.events_in;
  ++socket.received;
  const Array& event = *packet.data.array();
  const std::string name = *event.front().string();
  if (name.starts_with(command_prefix)) {
    const CommandRow* command = find_command(name);
    if (command == nullptr) return acknowledge_error(socket, packet.id, bad_argument(fmt::format("there is no {}", printable(name))));
    const Value nothing;
    return (this->*command->run)(socket, event.size() > 1 ? event[1] : nothing, packet.id);
  }
  const std::vector<std::string>& heard = config_.names.events;
  if (!heard.empty() && std::ranges::find(heard, name) == heard.end()) {
    ++counters_.events_ignored;
    return acknowledge_error(socket, packet.id, bad_argument(fmt::format("the event {} is not received here", printable(name))));
  }
  write_event(socket, name, value_of_event(event), packet.id);
}

void SocketServer::write_event(Socket& socket, std::string_view event, const Value& value, std::optional<std::uint64_t> ack) {
  const auto address = address_of(config_.names, socket.nsp, event);
  if (!address) {
    ++counters_.refused;
    return acknowledge_error(socket, ack, {ErrorCode::invalid_address, fmt::format("the event {} makes no address", printable(event)), {}});
  }
  write(socket, config_.names.kind_of(*address), *address, value, ack, false);
}

void SocketServer::write(Socket& socket, SignalType kind, const std::string& address, const Value& value, std::optional<std::uint64_t> ack,
                         bool tells_revision) {
  const EncodedValue encoded(value);
  if (!encoded.ok()) {
    ++counters_.refused;
    log("size", fmt::format("socketio: a value for {} is too large for the router", printable(address)));
    return acknowledge_error(socket, ack, {ErrorCode::invalid_value, "the value is too large: no CLASP frame holds it", address});
  }
  if (kind == SignalType::param && !ack) return router_.set(address, encoded.view(), socket.tag);

  Call call{
      .kind = tells_revision ? Call::Kind::set : Call::Kind::event, .ack = ack, .address = address, .published = {}, .value = {}, .peer = socket.tag};
  Message message{Set{.address = address, .value = encoded.view()}};
  if (kind != SignalType::param) {
    call.published = kind;
    call.value.assign(1, static_cast<char>(encoded.view().tag));
    call.value.append(as_text(encoded.view().data));
    message.body = Publish{.address = address, .signal = kind, .value = encoded.view()};
  }
  if (const LinkTicket ticket = open_call(socket, std::move(call)); ticket != LinkTicket::none) router_.write(message, socket.tag, ticket);
}

// none: too many of this socket wait already, and it was told.
LinkTicket SocketServer::open_call(Socket& socket, Call call) {
  if (socket.calls >= config_.calls_per_socket_max) {
    ++counters_.refused;
    acknowledge_error(socket, call.ack, {ErrorCode::too_many, fmt::format("{} calls of this socket wait for the router already", socket.calls), {}});
    return LinkTicket::none;
  }
  ++socket.calls;
  const LinkTicket ticket{++last_ticket_};
  calls_.emplace(last_ticket_, std::move(call));
  return ticket;
}

void SocketServer::answered(LinkTicket ticket, const LinkAnswer& answer) {
  const auto at = calls_.find(static_cast<std::uint64_t>(ticket));
  if (at == calls_.end()) return;
  const Call call = std::move(at->second);
  calls_.erase(at);
  settle(call, answer);
  outside_.changed();
}

void SocketServer::settle(const Call& call, const LinkAnswer& answer) {
  Socket* socket = find_socket(call.peer);
  if (socket != nullptr) --socket->calls;
  if (answer.error != nullptr) {
    if (call.kind != Call::Kind::get) refused(*answer.error);
    if (socket != nullptr) acknowledge_error(*socket, call.ack, *answer.error);
    return;
  }
  if (call.published) {
    const ValueView value{static_cast<ValueTag>(call.value[0]), as_bytes(std::string_view(call.value).substr(1))};
    emit({.is_set = false, .address = call.address, .signal = *call.published, .value = value, .own = true, .peer = call.peer});
  }
  if (socket == nullptr || !call.ack) return;
  if (call.kind == Call::Kind::event) return acknowledge(*socket, call.ack, Map{{"ok", true}});
  const auto revision = static_cast<std::int64_t>(answer.revision);
  if (call.kind == Call::Kind::set) return acknowledge(*socket, call.ack, Map{{"ok", true}, {"address", call.address}, {"revision", revision}});
  acknowledge(*socket, call.ack, Map{{"address", call.address}, {"value", answer.value ? to_value(*answer.value) : Value()}, {"revision", revision}});
}

void SocketServer::refused(const Error& error) {
  ++counters_.refused;
  log("refused", fmt::format("socketio: the router refused a write: {}", printable(error.message, 200)));
}

// The answer of a client to an event that asked for one.
void SocketServer::handle_ack(Socket& socket, const Packet& packet) {
  const auto call = emit_calls_.find({static_cast<std::uint32_t>(socket.tag), *packet.id});
  if (call == emit_calls_.end()) {
    ++counters_.acks_unknown;
    return;
  }
  --socket.emits;
  const std::string address = call->second.address + "/ack";
  emit_calls_.erase(call);
  const Array& arguments = *packet.data.array();
  const Value value = arguments.size() == 1 ? arguments.front() : arguments.empty() ? Value() : Value(arguments);
  const EncodedValue encoded(value);
  if (!encoded.ok() || check_address(address)) {
    ++counters_.refused;
    return;
  }
  router_.publish({.address = address, .signal = SignalType::event, .value = encoded.view()}, socket.tag);
}

// ---- clasp:… ----

const SocketServer::CommandRow* SocketServer::find_command(std::string_view name) {
  static constexpr std::array rows{
      CommandRow{"clasp:set", &SocketServer::command_set},
      CommandRow{"clasp:emit", &SocketServer::command_emit},
      CommandRow{"clasp:get", &SocketServer::command_get},
      CommandRow{"clasp:subscribe", &SocketServer::command_subscribe},
      CommandRow{"clasp:unsubscribe", &SocketServer::command_unsubscribe},
      CommandRow{"clasp:join", &SocketServer::command_join},
      CommandRow{"clasp:leave", &SocketServer::command_leave},
  };
  const auto row = std::ranges::find(rows, name, &CommandRow::name);
  return row == rows.end() ? nullptr : &*row;
}

void SocketServer::command_set(Socket& socket, const Value& argument, std::optional<std::uint64_t> ack) {
  const Value* address = argument.find("address");
  const Value* value = argument.find("value");
  if (address == nullptr || address->string() == nullptr || value == nullptr)
    return acknowledge_error(socket, ack, bad_argument("clasp:set takes {address, value}"));
  write(socket, SignalType::param, *address->string(), *value, ack, true);
}

void SocketServer::command_emit(Socket& socket, const Value& argument, std::optional<std::uint64_t> ack) {
  const Value* address = argument.find("address");
  if (address == nullptr || address->string() == nullptr) return acknowledge_error(socket, ack, bad_argument("clasp:emit takes {address, payload}"));
  const Value* payload = argument.find("payload");
  if (payload == nullptr) payload = argument.find("value");
  write(socket, SignalType::event, *address->string(), payload != nullptr ? *payload : Value(), ack, false);
}

void SocketServer::command_get(Socket& socket, const Value& argument, std::optional<std::uint64_t> ack) {
  const std::string* address = text_of(argument, "address");
  if (address == nullptr) return acknowledge_error(socket, ack, bad_argument("clasp:get takes {address}"));
  Call call{.kind = Call::Kind::get, .ack = ack, .address = *address, .published = {}, .value = {}, .peer = socket.tag};
  if (const LinkTicket ticket = open_call(socket, std::move(call)); ticket != LinkTicket::none) router_.get(*address, ticket);
}

// The state first, then the acknowledgement, then what changes.
void SocketServer::command_subscribe(Socket& socket, const Value& argument, std::optional<std::uint64_t> ack) {
  const std::string* text = text_of(argument, "pattern");
  if (text == nullptr) return acknowledge_error(socket, ack, bad_argument("clasp:subscribe takes {pattern}"));
  const auto pattern = Pattern::parse(*text);
  if (!pattern) return acknowledge_error(socket, ack, {ErrorCode::pattern_error, describe_address_fault(pattern.error(), *text), {}});
  const auto types = types_of(argument);
  if (!types) return acknowledge_error(socket, ack, types.error());
  if (audience_.subscriptions(socket.tag) >= config_.subscriptions_per_socket_max) {
    return acknowledge_error(
        socket, ack, {ErrorCode::too_many, fmt::format("this socket has {} subscriptions already", config_.subscriptions_per_socket_max), {}});
  }
  const auto done = audience_.subscribe(socket.tag, *pattern, *types, [&](std::string_view address, const ValueView& value, std::uint64_t revision) {
    const Map update{{"address", std::string(address)}, {"value", to_value(value)}, {"revision", static_cast<std::int64_t>(revision)}};
    send(*socket.client, PacketType::event, socket.nsp, std::nullopt, Array{"clasp:update", update}, fmt::format("u{},{}", socket.nsp, address));
  });
  if (!done) return acknowledge_error(socket, ack, done.error());
  acknowledge(socket, ack, Map{{"ok", true}});
}

void SocketServer::command_unsubscribe(Socket& socket, const Value& argument, std::optional<std::uint64_t> ack) {
  const std::string* pattern = text_of(argument, "pattern");
  if (pattern == nullptr) return acknowledge_error(socket, ack, bad_argument("clasp:unsubscribe takes {pattern}"));
  if (!audience_.unsubscribe(socket.tag, *pattern))
    return acknowledge_error(socket, ack, {ErrorCode::not_found, "there is no such subscription", *pattern});
  acknowledge(socket, ack, Map{{"ok", true}});
}

void SocketServer::command_join(Socket& socket, const Value& argument, std::optional<std::uint64_t> ack) {
  const std::string* room = text_of(argument, "room");
  if (room == nullptr) return acknowledge_error(socket, ack, bad_argument("clasp:join takes {room}"));
  if (const auto joined = join(socket, *room); !joined) return acknowledge_error(socket, ack, joined.error());
  acknowledge(socket, ack, Map{{"ok", true}});
  if (config_.sync_on_connect) emit_known(socket, *room);
}

void SocketServer::command_leave(Socket& socket, const Value& argument, std::optional<std::uint64_t> ack) {
  const std::string* room = text_of(argument, "room");
  if (room == nullptr) return acknowledge_error(socket, ack, bad_argument("clasp:leave takes {room}"));
  leave(socket, *room);
  acknowledge(socket, ack, Map{{"ok", true}});
}

}  // namespace clasp::bridge::socketio
