#include "mqtt/framer.hpp"
#include "mqtt/packet.hpp"
#include "mqtt/packet_fields.hpp"

namespace clasp::mqtt {
namespace {

constexpr Fault no_filter{Reason::protocol_error, "a list of topic filters that is empty"};
constexpr Fault bad_options{Reason::malformed_packet, "subscription options with reserved bits"};
constexpr Fault bad_protocol_name{Reason::unsupported_protocol_version, "a protocol name other than MQTT"};
constexpr Fault bad_version{Reason::unsupported_protocol_version, "a protocol version other than 3.1.1 and 5"};
constexpr Fault bad_connect_flags{Reason::malformed_packet, "CONNECT flags that contradict each other"};
constexpr Fault not_a_client_packet{Reason::protocol_error, "a packet that only servers send"};

using Decoded = std::expected<ClientPacket, Fault>;
using namespace decoding;

template <typename Packet>
Decoded finish(const Fields& fields, const Packet& packet) {
  return decoding::finish<ClientPacket>(fields, packet);
}

void read_will(Fields& fields, Connect& connect, std::uint8_t flags) {
  connect.will.emplace();
  connect.will->qos = Qos{static_cast<std::uint8_t>(flags >> 3 & 3U)};
  connect.will->retain = (flags & 0x20) != 0;
  if (connect.version == Version::v5) fields.properties(Holder::will, connect.will->properties);
  connect.will->topic = fields.text();
  connect.will->payload = fields.binary();
}

Decoded decode_connect(Fields fields) {
  Connect connect;
  const std::string_view name = fields.text();
  if (fields.ok() && name != "MQTT") return std::unexpected(bad_protocol_name);
  const std::uint8_t level = fields.u8();
  if (fields.ok() && level != 4 && level != 5) return std::unexpected(bad_version);
  connect.version = Version{level};
  const std::uint8_t flags = fields.u8();
  const bool has_will = (flags & 0x04) != 0;
  const bool has_password = (flags & 0x40) != 0;
  const bool has_name = (flags & 0x80) != 0;
  if ((flags & 0x01) != 0 || (flags & 0x18) == 0x18 || (!has_will && (flags & 0x38) != 0)) fields.fail(bad_connect_flags);
  if (connect.version == Version::v311 && has_password && !has_name) fields.fail(bad_connect_flags);
  connect.clean_start = (flags & 0x02) != 0;
  connect.keep_alive = fields.u16();
  if (connect.version == Version::v5) fields.properties(Holder::connect, connect.properties);
  connect.client_id = fields.text();
  if (has_will) read_will(fields, connect, flags);
  if (has_name) connect.user_name = fields.text();
  if (has_password) connect.password = fields.binary();
  return finish(fields, connect);
}

bool options_are_valid(std::uint8_t options, Version version) {
  if ((options & 3U) == 3U) return false;
  return version == Version::v311 ? (options & 0xfcU) == 0 : (options & 0xc0U) == 0 && (options & 0x30U) != 0x30U;
}

Decoded decode_subscribe(Fields fields, Version version) {
  SubscribePacket subscribe{.id = fields.packet_id(), .properties = {}, .filters = {}};
  if (version == Version::v5) fields.properties(Holder::subscribe, subscribe.properties);
  subscribe.filters = fields.rest();
  if (fields.ok() && subscribe.filters.empty()) fields.fail(no_filter);
  while (fields.ok() && !fields.rest().empty()) {
    fields.text();
    const std::uint8_t options = fields.u8();
    if (!options_are_valid(options, version)) fields.fail(bad_options);
  }
  return finish(fields, subscribe);
}

Decoded decode_unsubscribe(Fields fields, Version version) {
  UnsubscribePacket unsubscribe{.id = fields.packet_id(), .filters = {}};
  Properties ignored;
  if (version == Version::v5) fields.properties(Holder::unsubscribe, ignored);
  unsubscribe.filters = fields.rest();
  if (fields.ok() && unsubscribe.filters.empty()) fields.fail(no_filter);
  while (fields.ok() && !fields.rest().empty()) fields.text();
  return finish(fields, unsubscribe);
}

Decoded decode_disconnect(Fields fields, Version version) {
  Disconnect disconnect;
  if (version == Version::v5 && !fields.rest().empty()) disconnect.reason = Reason{fields.u8()};
  if (version == Version::v5 && !fields.rest().empty()) {
    Properties properties;
    fields.properties(Holder::disconnect, properties);
    disconnect.session_expiry = properties.session_expiry;
  }
  return finish(fields, disconnect);
}

}  // namespace

bool is_connect_of_v5(Bytes packet) {
  if (packet[0] != std::byte{0x10}) return false;
  Fields fields(packet.subspan(1 + read_variable_integer(packet.subspan(1)).bytes));
  return fields.text() == "MQTT" && Version{fields.u8()} == Version::v5;
}

std::expected<ClientPacket, Fault> decode_packet(Bytes packet, Version version) {
  const auto first = std::to_integer<std::uint8_t>(packet[0]);
  const auto type = PacketType{static_cast<std::uint8_t>(first >> 4)};
  const auto flags = static_cast<std::uint8_t>(first & 0x0f);
  const Fields fields(packet.subspan(1 + read_variable_integer(packet.subspan(1)).bytes));
  const bool wants_two = type == PacketType::pubrel || type == PacketType::subscribe || type == PacketType::unsubscribe;
  if (type != PacketType::publish && flags != (wants_two ? 2 : 0)) return std::unexpected(bad_flags);
  switch (type) {
    case PacketType::connect: return decode_connect(fields);
    case PacketType::publish: return decode_publish<ClientPacket>(flags, fields, version, Holder::publish);
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp: return decode_acknowledgement<ClientPacket>(type, fields, version);
    case PacketType::subscribe: return decode_subscribe(fields, version);
    case PacketType::unsubscribe: return decode_unsubscribe(fields, version);
    case PacketType::pingreq: return finish(fields, PingRequest{});
    case PacketType::disconnect: return decode_disconnect(fields, version);
    case PacketType::auth:
      if (version == Version::v5) return Auth{};
      break;
    default: break;
  }
  return std::unexpected(not_a_client_packet);
}

std::optional<FilterEntry> next_filter(Bytes& filters) {
  const auto text = next_filter_text(filters);
  if (!text) return std::nullopt;
  const auto options = std::to_integer<std::uint8_t>(filters[0]);
  filters = filters.subspan(1);
  return FilterEntry{.filter = *text,
                     .options = {.qos = Qos{static_cast<std::uint8_t>(options & 3U)},
                                 .no_local = (options & 4U) != 0,
                                 .retain_as_published = (options & 8U) != 0,
                                 .retain_handling = static_cast<std::uint8_t>(options >> 4 & 3U)}};
}

std::optional<std::string_view> next_filter_text(Bytes& filters) {
  if (filters.empty()) return std::nullopt;
  const std::size_t bytes = load_be<std::uint16_t>(filters.data());
  const std::string_view text = as_text(filters.subspan(2, bytes));
  filters = filters.subspan(2 + bytes);
  return text;
}

}  // namespace clasp::mqtt
