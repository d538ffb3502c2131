#include "mqtt/server_packet.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "core/address.hpp"
#include "core/check.hpp"
#include "mqtt/framer.hpp"
#include "mqtt/packet_fields.hpp"

namespace clasp::mqtt {
namespace {

using namespace decoding;
using Decoded = std::expected<ServerPacket, Fault>;

constexpr Fault bad_session_present{Reason::malformed_packet, "a CONNACK with reserved bits"};
constexpr Fault no_reason{Reason::protocol_error, "an answer to SUBSCRIBE without a reason"};
constexpr Fault bad_granted{Reason::malformed_packet, "an answer to SUBSCRIBE with an unknown reason"};
constexpr Fault not_a_server_packet{Reason::protocol_error, "a packet that only clients send"};

// ---- reasons in words ----

struct Words {
  std::uint8_t code;
  std::string_view text;
};
constexpr std::array reason_words{
    Words{0x00, "success"},
    Words{0x04, "disconnect with will message"},
    Words{0x10, "no matching subscribers"},
    Words{0x11, "no subscription existed"},
    Words{0x80, "unspecified error"},
    Words{0x81, "malformed packet"},
    Words{0x82, "protocol error"},
    Words{0x83, "implementation specific error"},
    Words{0x84, "unsupported protocol version"},
    Words{0x85, "client identifier not valid"},
    Words{0x86, "bad user name or password"},
    Words{0x87, "not authorized"},
    Words{0x88, "server unavailable"},
    Words{0x89, "server busy"},
    Words{0x8a, "banned"},
    Words{0x8b, "server shutting down"},
    Words{0x8c, "bad authentication method"},
    Words{0x8d, "keep alive timeout"},
    Words{0x8e, "session taken over"},
    Words{0x8f, "topic filter invalid"},
    Words{0x90, "topic name invalid"},
    Words{0x91, "packet identifier in use"},
    Words{0x92, "packet identifier not found"},
    Words{0x93, "receive maximum exceeded"},
    Words{0x94, "topic alias invalid"},
    Words{0x95, "packet too large"},
    Words{0x96, "message rate too high"},
    Words{0x97, "quota exceeded"},
    Words{0x98, "administrative action"},
    Words{0x99, "payload format invalid"},
    Words{0x9a, "retain not supported"},
    Words{0x9b, "QoS not supported"},
    Words{0x9c, "use another server"},
    Words{0x9d, "server moved"},
    Words{0x9e, "shared subscriptions not supported"},
    Words{0x9f, "connection rate exceeded"},
    Words{0xa0, "maximum connect time"},
    Words{0xa1, "subscription identifiers not supported"},
    Words{0xa2, "wildcard subscriptions not supported"},
};

// The return codes of 3.1.1 (its section 3.2.2.3).
constexpr std::array connack_reasons_311{Reason::success,
                                         Reason::unsupported_protocol_version,
                                         Reason::client_identifier_not_valid,
                                         Reason::server_unavailable,
                                         Reason::bad_user_name_or_password,
                                         Reason::not_authorized};

std::string_view words_of(Reason reason) {
  for (const Words& words : reason_words) {
    if (words.code == static_cast<std::uint8_t>(reason)) return words.text;
  }
  return "unknown reason";
}

// ---- from servers ----

Decoded decode_connack(Fields fields, Version version) {
  ConnackPacket connack;
  const std::uint8_t flags = fields.u8();
  if ((flags & 0xfe) != 0) fields.fail(bad_session_present);
  connack.session_present = flags == 1;
  connack.code = fields.u8();
  const bool short_form = version == Version::v311 || (fields.ok() && fields.rest().empty());
  if (!short_form) fields.properties(Holder::connack, connack.properties);
  connack.reason = Reason{connack.code};
  if (short_form && connack.code < 0x80) {
    connack.reason = connack.code < connack_reasons_311.size() ? connack_reasons_311[connack.code] : Reason::unspecified;
  }
  return finish<ServerPacket>(fields, connack);
}

Decoded decode_answers(PacketType type, Fields fields, Version version) {
  FilterAnswers answers{.type = type, .id = fields.packet_id(), .reasons = {}};
  Properties ignored;
  if (version == Version::v5) fields.properties(Holder::server_answer, ignored);
  if (!fields.ok()) return std::unexpected(fields.fault());
  answers.reasons = fields.rest();
  if (answers.reasons.empty() && (type == PacketType::suback || version == Version::v5)) return std::unexpected(no_reason);
  for (const std::byte reason : answers.reasons) {
    const auto code = std::to_integer<unsigned>(reason);
    if (type == PacketType::suback && code > 2 && code < 0x80) return std::unexpected(bad_granted);
  }
  return answers;
}

Decoded decode_server_disconnect(Fields fields) {
  ServerDisconnect disconnect;
  Properties properties;
  if (!fields.rest().empty()) disconnect.reason = Reason{fields.u8()};
  if (!fields.rest().empty()) fields.properties(Holder::server_disconnect, properties);
  disconnect.text = properties.reason_string;
  return finish<ServerPacket>(fields, disconnect);
}

// ---- to servers ----

void header(ByteBuffer& out, PacketType type, unsigned flags, std::size_t remaining) {
  out.u8(static_cast<std::uint8_t>(static_cast<unsigned>(type) << 4 | flags));
  append_variable_integer(out, static_cast<std::uint32_t>(remaining));
}
void counted(ByteBuffer& out, Bytes content) {
  CLASP_CHECK(content.size() <= 0xffff);
  out.u16(static_cast<std::uint16_t>(content.size()));
  out.append(content);
}
void counted(ByteBuffer& out, std::string_view text) { counted(out, as_bytes(text)); }
void four_byte_property(ByteBuffer& out, PropertyId id, std::uint32_t value) {
  out.u8(static_cast<std::uint8_t>(id));
  out.u32(value);
}
void append_with_length(ByteBuffer& out, const ByteBuffer& properties) {
  append_variable_integer(out, static_cast<std::uint32_t>(properties.size()));
  out.append(properties.view());
}

void append_connect_properties(ByteBuffer& out, const OutgoingConnect& connect) {
  ByteBuffer properties;
  if (connect.session_expiry != 0) four_byte_property(properties, PropertyId::session_expiry, connect.session_expiry);
  if (connect.receive_maximum != 65'535) {
    properties.u8(static_cast<std::uint8_t>(PropertyId::receive_maximum));
    properties.u16(connect.receive_maximum);
  }
  if (connect.maximum_packet_size != 0) four_byte_property(properties, PropertyId::maximum_packet_size, connect.maximum_packet_size);
  append_with_length(out, properties);
}

void append_will(ByteBuffer& out, Version version, const OutgoingWill& will) {
  if (version == Version::v5) {
    ByteBuffer properties;
    if (will.delay != 0) four_byte_property(properties, PropertyId::will_delay, will.delay);
    append_with_length(out, properties);
  }
  counted(out, will.topic);
  counted(out, will.payload);
}

}  // namespace

std::expected<ServerPacket, Fault> decode_server_packet(Bytes packet, Version version) {
  const auto first = std::to_integer<std::uint8_t>(packet[0]);
  const auto type = PacketType{static_cast<std::uint8_t>(first >> 4)};
  const auto flags = static_cast<std::uint8_t>(first & 0x0f);
  const Fields fields(packet.subspan(1 + read_variable_integer(packet.subspan(1)).bytes));
  if (type != PacketType::publish && flags != (type == PacketType::pubrel ? 2 : 0)) return std::unexpected(bad_flags);
  switch (type) {
    case PacketType::connack: return decode_connack(fields, version);
    case PacketType::publish: return decode_publish<ServerPacket>(flags, fields, version, Holder::server_publish);
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp: return decode_acknowledgement<ServerPacket>(type, fields, version);
    case PacketType::suback:
    case PacketType::unsuback: return decode_answers(type, fields, version);
    case PacketType::pingresp: return finish<ServerPacket>(fields, PingResponse{});
    case PacketType::disconnect:
      if (version == Version::v5) return decode_server_disconnect(fields);
      break;
    case PacketType::auth:
      if (version == Version::v5) return Auth{};
      break;
    default: break;
  }
  return std::unexpected(not_a_server_packet);
}

void append_connect(ByteBuffer& out, const OutgoingConnect& connect) {
  ByteBuffer body;
  counted(body, std::string_view{"MQTT"});
  body.u8(static_cast<std::uint8_t>(connect.version));
  unsigned flags = connect.clean_start ? 0x02U : 0U;
  if (connect.will) flags |= 0x04U | static_cast<unsigned>(connect.will->qos) << 3 | (connect.will->retain ? 0x20U : 0U);
  if (connect.password) flags |= 0x40U;
  if (connect.user_name) flags |= 0x80U;
  body.u8(static_cast<std::uint8_t>(flags));
  body.u16(connect.keep_alive);
  if (connect.version == Version::v5) append_connect_properties(body, connect);
  counted(body, connect.client_id);
  if (connect.will) append_will(body, connect.version, *connect.will);
  if (connect.user_name) counted(body, *connect.user_name);
  if (connect.password) counted(body, *connect.password);
  header(out, PacketType::connect, 0, body.size());
  out.append(body.view());
}

void append_subscribe(ByteBuffer& out, Version version, PacketId id, std::span<const std::string> filters, const SubscriptionOptions& options) {
  std::size_t remaining = 2U + (version == Version::v5 ? 1U : 0U);
  for (const std::string& filter : filters) remaining += 3 + filter.size();
  header(out, PacketType::subscribe, 2, remaining);
  out.u16(static_cast<std::uint16_t>(id));
  unsigned flags = static_cast<unsigned>(options.qos);
  if (version == Version::v5) {
    out.u8(0);
    flags |= (options.no_local ? 4U : 0U) | (options.retain_as_published ? 8U : 0U) | static_cast<unsigned>(options.retain_handling) << 4;
  }
  for (const std::string& filter : filters) {
    counted(out, filter);
    out.u8(static_cast<std::uint8_t>(flags));
  }
}

void append_pingreq(ByteBuffer& out) { header(out, PacketType::pingreq, 0, 0); }

void append_goodbye(ByteBuffer& out, Version version, Reason reason) {
  const bool says_why = version == Version::v5 && reason != Reason::success;
  header(out, PacketType::disconnect, 0, says_why ? 1 : 0);
  if (says_why) out.u8(static_cast<std::uint8_t>(reason));
}

void append_text_property(ByteBuffer& out, PropertyId id, std::string_view text) {
  out.u8(static_cast<std::uint8_t>(id));
  counted(out, text);
}
void append_byte_property(ByteBuffer& out, PropertyId id, std::uint8_t value) {
  out.u8(static_cast<std::uint8_t>(id));
  out.u8(value);
}
void append_user_property(ByteBuffer& out, std::string_view name, std::string_view value) {
  append_text_property(out, PropertyId::user_property, name);
  counted(out, value);
}

std::string describe_reason(Reason reason) { return fmt::format("{} ({:#04x})", words_of(reason), static_cast<unsigned>(reason)); }

std::string describe_connack(const ConnackPacket& connack, Version version) {
  const bool old = version == Version::v311 || connack.code < 0x80;
  const std::string text = old ? fmt::format("{} (code {})", words_of(connack.reason), connack.code) : describe_reason(connack.reason);
  return connack.properties.reason_string ? fmt::format("{}: {}", text, printable(*connack.properties.reason_string)) : text;
}

}  // namespace clasp::mqtt
