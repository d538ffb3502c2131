#include "bridge/socketio/packet.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "core/address.hpp"
#include "core/json.hpp"

namespace clasp::bridge::socketio {

namespace {

constexpr std::array<std::string_view, 6> reserved_events{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"};
constexpr std::string_view placeholder_key = "_placeholder";
constexpr std::string_view number_key = "num";

Error bad(std::string text) { return {ErrorCode::invalid_message, "Socket.IO packet: " + std::move(text), {}}; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Digits at the front of `rest`, taken off. Nothing: too many of them.
std::optional<std::uint64_t> take_number(std::string_view& rest) {
  std::uint64_t number = 0;
  const auto [end, fault] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (fault != std::errc{}) return std::nullopt;
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  return number;
}

// Of {"_placeholder":true,"num":1} the 1, whatever the order of the keys.
std::optional<std::int64_t> placeholder_number(const Value& value) {
  const Value* mark = value.find(placeholder_key);
  const Value* number = value.find(number_key);
  if (mark == nullptr || mark->boolean() == nullptr || !*mark->boolean() || number == nullptr || number->integer() == nullptr) return std::nullopt;
  return *number->integer();
}

// Each attachment goes to one place: what is named twice would let a short text stand for any amount of memory.
bool put_attachments(Value& value, std::vector<Value>& attachments, std::vector<bool>& used);

Value rebuilt(const Value& value, std::vector<Value>& attachments, std::vector<bool>& used, bool& ok) {
  if (const auto number = placeholder_number(value)) {
    const bool fits = *number >= 0 && static_cast<std::size_t>(*number) < attachments.size() && !used[static_cast<std::size_t>(*number)];
    ok = ok && fits;
    if (!fits) return {};
    used[static_cast<std::size_t>(*number)] = true;
    return std::move(attachments[static_cast<std::size_t>(*number)]);
  }
  if (const Array* items = value.array()) {
    Array out;
    out.reserve(items->size());
    for (const Value& item : *items) out.push_back(rebuilt(item, attachments, used, ok));
    return out;
  }
  if (const Map* entries = value.map()) {
    Map out;
    out.reserve(entries->size());
    for (const auto& [key, item] : *entries) out.emplace_back(key, rebuilt(item, attachments, used, ok));
    return out;
  }
  return value;
}

bool put_attachments(Value& value, std::vector<Value>& attachments, std::vector<bool>& used) {
  bool ok = true;
  value = rebuilt(value, attachments, used, ok);
  return ok && std::ranges::all_of(used, [](bool is_used) { return is_used; });
}

std::optional<std::string> fault_of(const Packet& packet) {
  const Array* items = packet.data.array();
  switch (packet.type) {
    case PacketType::connect:
      if (!packet.data.is_null() && packet.data.map() == nullptr) return "CONNECT carries an object or nothing";
      return std::nullopt;
    case PacketType::disconnect:
      if (!packet.data.is_null()) return "DISCONNECT carries nothing";
      return std::nullopt;
    case PacketType::connect_error:
      if (packet.data.map() == nullptr && packet.data.string() == nullptr) return "CONNECT_ERROR carries an object or a text";
      return std::nullopt;
    case PacketType::ack:
      if (items == nullptr) return "ACK carries an array";
      if (!packet.id) return "ACK without id";
      return std::nullopt;
    default:
      if (items == nullptr || items->empty() || items->front().string() == nullptr) return "EVENT carries an array that begins with a name";
      if (is_reserved_event(*items->front().string())) return fmt::format("the event name {} is reserved", *items->front().string());
      return std::nullopt;
  }
}

bool has_bytes(const Value& value) {
  if (value.bytes() != nullptr) return true;
  if (const Array* items = value.array()) return std::ranges::any_of(*items, has_bytes);
  if (const Map* entries = value.map()) return std::ranges::any_of(*entries, [](const MapEntry& entry) { return has_bytes(entry.second); });
  return false;
}

void append_with_placeholders(const Value& value, std::string& out, std::vector<std::string>& attachments) {
  if (const Blob* blob = value.bytes()) {
    fmt::format_to(std::back_inserter(out), R"({{"_placeholder":true,"num":{}}})", attachments.size());
    attachments.emplace_back(as_text(*blob));
  } else if (const Array* items = value.array()) {
    char separator = '[';
    for (const Value& item : *items) {
      out += std::exchange(separator, ',');
      append_with_placeholders(item, out, attachments);
    }
    out += separator == '[' ? "[]" : "]";
  } else if (const Map* entries = value.map()) {
    char separator = '{';
    for (const auto& [key, item] : *entries) {
      out += std::exchange(separator, ',');
      append_json_string(key, out);
      out += ':';
      append_with_placeholders(item, out, attachments);
    }
    out += separator == '{' ? "{}" : "}";
  } else {
    append_json(value, JsonBytes::base64, out);
  }
}

PacketType with_attachments(PacketType type) {
  if (type == PacketType::event) return PacketType::binary_event;
  return type == PacketType::ack ? PacketType::binary_ack : type;
}

}  // namespace

bool is_reserved_event(std::string_view name) { return std::ranges::find(reserved_events, name) != reserved_events.end(); }

Result<std::optional<Packet>> PacketAssembler::take_text(std::string_view text) {
  if (waits_for_attachments())
    return bad(fmt::format("text where an attachment should be ({} are missing)", attachments_expected_ - attachments_.size()));
  if (text.empty() || text[0] < '0' || text[0] > '6') return bad("unknown type");
  if (text.size() > limits_.bytes_max) return bad(fmt::format("{} bytes; at most {} may be", text.size(), limits_.bytes_max));
  Packet packet{.type = static_cast<PacketType>(text[0] - '0'), .id = {}, .data = {}};
  std::string_view rest = text.substr(1);
  std::size_t attachments = 0;
  if (packet.type == PacketType::binary_event || packet.type == PacketType::binary_ack) {
    const auto number = take_number(rest);
    if (!number || !rest.starts_with('-')) return bad("no number of attachments");
    if (*number > limits_.attachments_max) return bad(fmt::format("{} attachments; at most {} may be", *number, limits_.attachments_max));
    rest.remove_prefix(1);
    attachments = static_cast<std::size_t>(*number);
    packet.type = packet.type == PacketType::binary_event ? PacketType::event : PacketType::ack;
  }
  if (rest.starts_with('/')) {
    const std::size_t comma = rest.find(',');
    const std::string_view nsp = rest.substr(0, comma);
    packet.nsp = nsp.substr(0, nsp.find('?'));  // older clients put a query behind it
    if (packet.nsp.size() > limits_.namespace_bytes_max) return bad("the namespace is too long");
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
  }
  if (!rest.empty() && is_digit(rest[0])) {
    packet.id = take_number(rest);
    if (!packet.id) return bad("the id is no number");
  }
  if (!rest.empty()) {
    auto data = parse_json(rest, limits_.values_max);
    if (!data) return bad(data.error().message);
    packet.data = std::move(*data);
  }
  if (const auto fault = fault_of(packet)) return bad(*fault);
  packet_ = std::move(packet);
  bytes_ = text.size();
  attachments_expected_ = attachments;
  if (attachments > 0) return std::optional<Packet>{};
  return complete();
}

Result<std::optional<Packet>> PacketAssembler::take_binary(Bytes attachment) {
  if (!waits_for_attachments()) return bad("an attachment that no packet has announced");
  bytes_ += attachment.size();
  if (bytes_ > limits_.bytes_max) return bad(fmt::format("with its attachments more than {} bytes", limits_.bytes_max));
  attachments_.emplace_back(Blob(attachment.begin(), attachment.end()));
  if (attachments_.size() < attachments_expected_) return std::optional<Packet>{};
  return complete();
}

Result<std::optional<Packet>> PacketAssembler::complete() {
  std::vector<Value> attachments = std::exchange(attachments_, {});
  std::vector<bool> used(attachments.size());
  attachments_expected_ = 0;
  if (!attachments.empty() && !put_attachments(packet_.data, attachments, used)) return bad("placeholders and attachments do not fit together");
  return std::optional(std::exchange(packet_, {}));
}

EncodedPacket encode_packet(PacketType type, std::string_view nsp, std::optional<std::uint64_t> id, const Value& data) {
  EncodedPacket out;
  std::string json;
  if (has_bytes(data))
    append_with_placeholders(data, json, out.attachments);
  else if (!data.is_null())
    append_json(data, JsonBytes::base64, json);
  if (!out.attachments.empty()) type = with_attachments(type);
  out.text = static_cast<char>('0' + static_cast<int>(type));
  if (!out.attachments.empty()) out.text += fmt::format("{}-", out.attachments.size());
  if (nsp != "/") (out.text += nsp) += ',';
  if (id) out.text += fmt::format("{}", *id);
  out.text += json;
  return out;
}

}  // namespace clasp::bridge::socketio
