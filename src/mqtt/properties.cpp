#include "mqtt/properties.hpp"

#include <algorithm>
#include <array>
#include <bitset>

#include "core/utf8.hpp"
#include "mqtt/framer.hpp"
#include "mqtt/topics.hpp"

namespace clasp::mqtt {
namespace {

enum class Kind : std::uint8_t { byte, two, four, variable, text, binary, pair };

using Holders = std::uint16_t;

template <typename... Rest>
constexpr Holders in(Rest... holders) {
  return static_cast<Holders>(((1U << static_cast<unsigned>(holders)) | ... | 0U));
}
constexpr Holders published = in(Holder::publish, Holder::will, Holder::server_publish);
constexpr Holders everywhere = 0xffff;
constexpr Holders hello = in(Holder::connect, Holder::connack);

struct Row {
  PropertyId id;
  Kind kind;
  Holders holders;
  bool forwarded = false;
};
// Order of the standard's table 2-4.
constexpr std::array rows{
    Row{PropertyId::payload_format, Kind::byte, published, true},
    Row{PropertyId::message_expiry, Kind::four, published},
    Row{PropertyId::content_type, Kind::text, published, true},
    Row{PropertyId::response_topic, Kind::text, published, true},
    Row{PropertyId::correlation_data, Kind::binary, published, true},
    Row{PropertyId::subscription_identifier, Kind::variable, in(Holder::subscribe, Holder::server_publish)},
    Row{PropertyId::session_expiry, Kind::four, hello | in(Holder::disconnect)},
    Row{PropertyId::assigned_client_identifier, Kind::text, in(Holder::connack)},
    Row{PropertyId::server_keep_alive, Kind::two, in(Holder::connack)},
    Row{PropertyId::authentication_method, Kind::text, hello | in(Holder::auth)},
    Row{PropertyId::authentication_data, Kind::binary, hello | in(Holder::auth)},
    Row{PropertyId::request_problem_information, Kind::byte, in(Holder::connect)},
    Row{PropertyId::will_delay, Kind::four, in(Holder::will)},
    Row{PropertyId::request_response_information, Kind::byte, in(Holder::connect)},
    Row{PropertyId::response_information, Kind::text, in(Holder::connack)},
    Row{PropertyId::server_reference, Kind::text, in(Holder::connack, Holder::server_disconnect)},
    Row{PropertyId::reason_string, Kind::text,
        in(Holder::acknowledgement, Holder::disconnect, Holder::auth, Holder::connack, Holder::server_answer, Holder::server_disconnect)},
    Row{PropertyId::receive_maximum, Kind::two, hello},
    Row{PropertyId::topic_alias_maximum, Kind::two, hello},
    Row{PropertyId::topic_alias, Kind::two, in(Holder::publish, Holder::server_publish)},
    Row{PropertyId::maximum_qos, Kind::byte, in(Holder::connack)},
    Row{PropertyId::retain_available, Kind::byte, in(Holder::connack)},
    Row{PropertyId::user_property, Kind::pair, everywhere, true},
    Row{PropertyId::maximum_packet_size, Kind::four, hello},
    Row{PropertyId::wildcard_subscription_available, Kind::byte, in(Holder::connack)},
    Row{PropertyId::subscription_identifier_available, Kind::byte, in(Holder::connack)},
    Row{PropertyId::shared_subscription_available, Kind::byte, in(Holder::connack)},
};

// May it be there more than once? Whoever subscribed twice gets both identifiers.
bool repeats(const Row& row, Holder holder) {
  return row.kind == Kind::pair || (row.id == PropertyId::subscription_identifier && holder == Holder::server_publish);
}

const Row* find_row(std::uint8_t id) {
  const auto* row = std::ranges::find(rows, static_cast<PropertyId>(id), &Row::id);
  return row == rows.end() ? nullptr : row;
}

constexpr Fault cut_short{Reason::malformed_packet, "a property is cut short"};
constexpr Fault unknown{Reason::protocol_error, "a property that does not belong into this packet"};
constexpr Fault twice{Reason::protocol_error, "a property that is there twice"};
constexpr Fault bad_value{Reason::protocol_error, "a property whose value is not permitted"};
constexpr Fault bad_response{Reason::topic_name_invalid, "a response topic that is empty or has wildcards"};
constexpr Fault bad_text{Reason::malformed_packet, "a property whose text is not UTF-8"};

// Length of a value with its own length field; nothing if it is cut short.
std::optional<std::size_t> value_bytes(Kind kind, Bytes input) {
  const auto counted = [&](std::size_t from) -> std::optional<std::size_t> {
    if (input.size() < from + 2) return std::nullopt;
    const std::size_t bytes = from + 2U + load_be<std::uint16_t>(input.data() + from);
    return input.size() < bytes ? std::nullopt : std::optional(bytes);
  };
  std::size_t bytes = 0;
  switch (kind) {
    case Kind::byte: bytes = 1; break;
    case Kind::two: bytes = 2; break;
    case Kind::four: bytes = 4; break;
    case Kind::variable: bytes = read_variable_integer(input).bytes; return bytes == 0 ? std::nullopt : std::optional(bytes);
    case Kind::text:
    case Kind::binary: return counted(0);
    case Kind::pair: {
      const auto name = counted(0);
      return name ? counted(*name) : std::nullopt;
    }
  }
  return input.size() < bytes ? std::nullopt : std::optional(bytes);
}

bool is_text(Bytes counted) {
  const std::string_view text = as_text(counted.subspan(2));
  return text.find('\0') == std::string_view::npos && is_utf8(text);
}

std::optional<Fault> take_value(const Row& row, Bytes value, Properties& out) {
  const auto number = [&]() -> std::uint32_t {
    if (row.kind == Kind::byte) return std::to_integer<std::uint32_t>(value[0]);
    if (row.kind == Kind::two) return load_be<std::uint16_t>(value.data());
    if (row.kind == Kind::four) return load_be<std::uint32_t>(value.data());
    return read_variable_integer(value).value;
  };
  if (row.kind == Kind::text && !is_text(value)) return bad_text;
  if (row.kind == Kind::pair) {
    const std::size_t name_bytes = 2U + load_be<std::uint16_t>(value.data());
    if (!is_text(value.first(name_bytes)) || !is_text(value.subspan(name_bytes))) return bad_text;
  }
  switch (row.id) {
    case PropertyId::payload_format: out.payload_is_text = number() == 1; return number() > 1 ? std::optional(bad_value) : std::nullopt;
    case PropertyId::message_expiry: out.message_expiry = number(); break;
    case PropertyId::session_expiry: out.session_expiry = number(); break;
    case PropertyId::will_delay: out.will_delay = number(); break;
    case PropertyId::response_topic: out.response_topic = as_text(value.subspan(2)); break;
    case PropertyId::content_type: out.content_type = as_text(value.subspan(2)); break;
    case PropertyId::assigned_client_identifier: out.assigned_client_id = as_text(value.subspan(2)); break;
    case PropertyId::reason_string: out.reason_string = as_text(value.subspan(2)); break;
    case PropertyId::server_keep_alive: out.server_keep_alive = static_cast<std::uint16_t>(number()); break;
    case PropertyId::maximum_qos:
      out.maximum_qos = static_cast<std::uint8_t>(number());
      return number() > 1 ? std::optional(bad_value) : std::nullopt;
    case PropertyId::retain_available: out.retain_available = number() == 1; return number() > 1 ? std::optional(bad_value) : std::nullopt;
    case PropertyId::authentication_method: out.has_authentication_method = true; break;
    case PropertyId::request_problem_information:
      out.wants_problem_information = number() == 1;
      return number() > 1 ? std::optional(bad_value) : std::nullopt;
    case PropertyId::request_response_information: return number() > 1 ? std::optional(bad_value) : std::nullopt;
    case PropertyId::subscription_identifier: out.subscription_identifier = number(); return number() == 0 ? std::optional(bad_value) : std::nullopt;
    case PropertyId::receive_maximum:
      out.receive_maximum = static_cast<std::uint16_t>(number());
      return number() == 0 ? std::optional(bad_value) : std::nullopt;
    case PropertyId::topic_alias_maximum: out.topic_alias_maximum = static_cast<std::uint16_t>(number()); break;
    case PropertyId::topic_alias: out.topic_alias = static_cast<std::uint16_t>(number()); break;
    case PropertyId::maximum_packet_size: out.maximum_packet_size = number(); return number() == 0 ? std::optional(bad_value) : std::nullopt;
    default: break;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Fault> read_properties(Bytes& input, Holder holder, Properties& out) {
  const VariableInteger length = read_variable_integer(input);
  if (length.bytes == 0 || input.size() < length.bytes + length.value) return cut_short;
  Bytes rest = input.subspan(length.bytes, length.value);
  input = input.subspan(length.bytes + length.value);
  out.all = rest;
  std::bitset<64> seen;
  while (!rest.empty()) {
    const auto id = std::to_integer<std::uint8_t>(rest[0]);
    const Row* row = find_row(id);
    if (row == nullptr || (row->holders & in(holder)) == 0) return unknown;
    if (seen.test(id) && !repeats(*row, holder)) return twice;
    seen.set(id);
    const auto bytes = value_bytes(row->kind, rest.subspan(1));
    if (!bytes) return cut_short;
    if (const auto fault = take_value(*row, rest.subspan(1, *bytes), out)) return fault;
    // MQTT 5, 3.3.2.3.5. Of servers we take what they hand on.
    if (row->id == PropertyId::response_topic && holder != Holder::server_publish && !is_topic_name(*out.response_topic)) return bad_response;
    if (row->forwarded) out.forwarded_bytes += 1 + *bytes;
    rest = rest.subspan(1 + *bytes);
  }
  return std::nullopt;
}

void append_forwarded(ByteBuffer& out, const Properties& properties) {
  Bytes rest = properties.all;
  while (!rest.empty()) {
    const Row* row = find_row(std::to_integer<std::uint8_t>(rest[0]));
    const std::size_t bytes = 1 + *value_bytes(row->kind, rest.subspan(1));  // read_properties() has checked it
    if (row->forwarded) out.append(rest.first(bytes));
    rest = rest.subspan(bytes);
  }
}

std::optional<std::string_view> find_user_property(const Properties& properties, std::string_view name) {
  Bytes rest = properties.all;
  while (!rest.empty()) {
    const Row* row = find_row(std::to_integer<std::uint8_t>(rest[0]));
    const std::size_t bytes = 1 + *value_bytes(row->kind, rest.subspan(1));  // read_properties() has checked it
    if (row->kind == Kind::pair) {
      const std::size_t name_bytes = load_be<std::uint16_t>(rest.data() + 1);
      if (as_text(rest.subspan(3, name_bytes)) == name) return as_text(rest.subspan(5 + name_bytes, bytes - 5 - name_bytes));
    }
    rest = rest.subspan(bytes);
  }
  return std::nullopt;
}

void append_variable_integer(ByteBuffer& out, std::uint32_t value) {
  do {
    const std::uint32_t digit = value & 0x7fU;
    value >>= 7;
    out.u8(static_cast<std::uint8_t>(digit | (value > 0 ? 0x80U : 0U)));
  } while (value > 0);
}

}  // namespace clasp::mqtt
