#include "mqtt/framer.hpp"
#include "mqtt/packet.hpp"

namespace clasp::mqtt {
namespace {

void header(ByteBuffer& out, PacketType type, unsigned flags, std::size_t remaining) {
  out.u8(static_cast<std::uint8_t>(static_cast<unsigned>(type) << 4 | flags));
  append_variable_integer(out, static_cast<std::uint32_t>(remaining));
}

void text(ByteBuffer& out, std::string_view content) {
  out.u16(static_cast<std::uint16_t>(content.size()));
  out.append(as_bytes(content));
}

void property_id(ByteBuffer& out, PropertyId id) { out.u8(static_cast<std::uint8_t>(id)); }

std::size_t text_property_bytes(std::string_view content) { return content.empty() ? 0 : 3 + content.size(); }
void text_property(ByteBuffer& out, PropertyId id, std::string_view content) {
  if (content.empty()) return;
  property_id(out, id);
  text(out, content);
}

void append_codes(ByteBuffer& out, PacketType type, Version version, PacketId id, std::span<const Reason> reasons) {
  const bool codes = version == Version::v5 || type == PacketType::suback;  // an UNSUBACK of 3.1.1 is only an identifier
  header(out, type, 0, 2U + (version == Version::v5 ? 1U : 0U) + (codes ? reasons.size() : 0U));
  out.u16(static_cast<std::uint16_t>(id));
  if (version == Version::v5) out.u8(0);
  if (!codes) return;
  for (const Reason reason : reasons)
    out.u8(version == Version::v311 && is_failure(reason) ? static_cast<std::uint8_t>(Reason::unspecified) : static_cast<std::uint8_t>(reason));
}

std::size_t publish_property_bytes(const OutgoingPublish& publish) {
  std::size_t bytes = publish.forwarded.size();
  if (publish.message_expiry) bytes += 5;
  if (publish.topic_alias != 0) bytes += 3;
  for (const std::uint32_t id : publish.subscription_identifiers) bytes += 1 + variable_integer_bytes(id);
  return bytes;
}

std::size_t publish_remaining(Version version, const OutgoingPublish& publish) {
  std::size_t bytes = 2 + publish.topic.size() + publish.payload.size() + (publish.qos == Qos::at_most_once ? 0U : 2U);
  if (version == Version::v5) {
    const std::size_t properties = publish_property_bytes(publish);
    bytes += variable_integer_bytes(static_cast<std::uint32_t>(properties)) + properties;
  }
  return bytes;
}

}  // namespace

void append_connack(ByteBuffer& out, Version version, const Connack& connack) {
  if (version == Version::v311) {
    header(out, PacketType::connack, 0, 2);
    out.u8(connack.session_present ? 1 : 0);
    out.u8(connack_code_311(connack.reason));
    return;
  }
  const std::size_t properties = (connack.session_expiry ? 5U : 0U) + (connack.server_keep_alive ? 3U : 0U) +
                                 text_property_bytes(connack.assigned_client_id) + text_property_bytes(connack.reason_string) +
                                 (connack.receive_maximum != 65'535 ? 3U : 0U) + (connack.topic_alias_maximum != 0 ? 3U : 0U) +
                                 (connack.maximum_packet_size != 0 ? 5U : 0U);
  header(out, PacketType::connack, 0, 2 + variable_integer_bytes(static_cast<std::uint32_t>(properties)) + properties);
  out.u8(connack.session_present ? 1 : 0);
  out.u8(static_cast<std::uint8_t>(connack.reason));
  append_variable_integer(out, static_cast<std::uint32_t>(properties));
  if (connack.session_expiry) property_id(out, PropertyId::session_expiry), out.u32(*connack.session_expiry);
  if (connack.receive_maximum != 65'535) property_id(out, PropertyId::receive_maximum), out.u16(connack.receive_maximum);
  if (connack.maximum_packet_size != 0) property_id(out, PropertyId::maximum_packet_size), out.u32(connack.maximum_packet_size);
  text_property(out, PropertyId::assigned_client_identifier, connack.assigned_client_id);
  if (connack.topic_alias_maximum != 0) property_id(out, PropertyId::topic_alias_maximum), out.u16(connack.topic_alias_maximum);
  text_property(out, PropertyId::reason_string, connack.reason_string);
  if (connack.server_keep_alive) property_id(out, PropertyId::server_keep_alive), out.u16(*connack.server_keep_alive);
}

void append_acknowledgement(ByteBuffer& out, Version version, const Acknowledgement& acknowledgement) {
  const bool reason = version == Version::v5 && acknowledgement.reason != Reason::success;
  header(out, acknowledgement.type, acknowledgement.type == PacketType::pubrel ? 2 : 0, reason ? 3 : 2);
  out.u16(static_cast<std::uint16_t>(acknowledgement.id));
  if (reason) out.u8(static_cast<std::uint8_t>(acknowledgement.reason));
}

void append_suback(ByteBuffer& out, Version version, PacketId id, std::span<const Reason> reasons) {
  append_codes(out, PacketType::suback, version, id, reasons);
}
void append_unsuback(ByteBuffer& out, Version version, PacketId id, std::span<const Reason> reasons) {
  append_codes(out, PacketType::unsuback, version, id, reasons);
}
void append_pingresp(ByteBuffer& out) { header(out, PacketType::pingresp, 0, 0); }

void append_disconnect(ByteBuffer& out, Reason reason, std::string_view why) {
  const std::size_t properties = text_property_bytes(why);
  header(out, PacketType::disconnect, 0, 1 + variable_integer_bytes(static_cast<std::uint32_t>(properties)) + properties);
  out.u8(static_cast<std::uint8_t>(reason));
  append_variable_integer(out, static_cast<std::uint32_t>(properties));
  text_property(out, PropertyId::reason_string, why);
}

std::size_t publish_bytes(Version version, const OutgoingPublish& publish) {
  const std::size_t remaining = publish_remaining(version, publish);
  return 1 + variable_integer_bytes(static_cast<std::uint32_t>(remaining)) + remaining;
}

void append_publish(ByteBuffer& out, Version version, const OutgoingPublish& publish) {
  const unsigned flags = (publish.duplicate ? 8U : 0U) | static_cast<unsigned>(publish.qos) << 1 | (publish.retain ? 1U : 0U);
  header(out, PacketType::publish, flags, publish_remaining(version, publish));
  text(out, publish.topic);
  if (publish.qos != Qos::at_most_once) out.u16(static_cast<std::uint16_t>(publish.id));
  if (version == Version::v5) {
    append_variable_integer(out, static_cast<std::uint32_t>(publish_property_bytes(publish)));
    if (publish.message_expiry) property_id(out, PropertyId::message_expiry), out.u32(*publish.message_expiry);
    for (const std::uint32_t id : publish.subscription_identifiers)
      property_id(out, PropertyId::subscription_identifier), append_variable_integer(out, id);
    if (publish.topic_alias != 0) property_id(out, PropertyId::topic_alias), out.u16(publish.topic_alias);
    out.append(publish.forwarded);
  }
  out.append(publish.payload);
}

}  // namespace clasp::mqtt
