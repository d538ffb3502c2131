// The other direction of packet.hpp, for MQTT clients: what servers send becomes plain structs of views, what they are told becomes bytes.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "core/byte_buffer.hpp"
#include "core/bytes.hpp"
#include "mqtt/packet.hpp"

namespace clasp::mqtt {

// ---- from servers ----

struct ConnackPacket {
  Reason reason = Reason::success;  // of 3.1.1: its return code as the reason of MQTT 5 that means the same
  std::uint8_t code = 0;            // as sent
  bool session_present = false;
  Properties properties;
};
// Of a SUBSCRIBE or UNSUBSCRIBE: a reason for each filter, in order. For a filter that was granted it is the QoS.
struct FilterAnswers {
  PacketType type = PacketType::suback;
  PacketId id{};
  Bytes reasons;
};
struct PingResponse {};
struct ServerDisconnect {
  Reason reason = Reason::success;
  std::optional<std::string_view> text;
};
using ServerPacket = std::variant<ConnackPacket, PublishPacket, Acknowledgement, FilterAnswers, PingResponse, ServerDisconnect, Auth>;

// One whole packet, as PacketFramer hands it out. `version` is that of our CONNECT. A server that does not know it may answer in the form of 3.1.1.
std::expected<ServerPacket, Fault> decode_server_packet(Bytes packet, Version version);

// ---- to servers ----

struct OutgoingWill {
  std::string_view topic;
  Bytes payload;
  Qos qos{};
  bool retain = false;
  std::uint32_t delay = 0;  // MQTT 5 only; s
};
struct OutgoingConnect {
  Version version = Version::v5;
  bool clean_start = true;
  std::uint16_t keep_alive = 0;  // s
  std::string_view client_id;
  std::optional<OutgoingWill> will;
  std::optional<std::string_view> user_name;
  std::optional<Bytes> password;
  // MQTT 5 only; what equals the standard's default is left out.
  std::uint32_t session_expiry = 0;  // s
  std::uint16_t receive_maximum = 65'535;
  std::uint32_t maximum_packet_size = 0;  // 0: none
};
void append_connect(ByteBuffer& out, const OutgoingConnect& connect);

// All filters have the same options; those that only MQTT 5 has are left out towards 3.1.1.
void append_subscribe(ByteBuffer& out, Version version, PacketId id, std::span<const std::string> filters, const SubscriptionOptions& options);
void append_pingreq(ByteBuffer& out);
void append_goodbye(ByteBuffer& out, Version version, Reason reason);  // DISCONNECT

// Properties of a PUBLISH, for OutgoingPublish::forwarded.
void append_text_property(ByteBuffer& out, PropertyId id, std::string_view text);
void append_byte_property(ByteBuffer& out, PropertyId id, std::uint8_t value);
void append_user_property(ByteBuffer& out, std::string_view name, std::string_view value);

// "not authorized (0x87)"
std::string describe_reason(Reason reason);
// Of a CONNACK: 3.1.1 has numbers of its own.
std::string describe_connack(const ConnackPacket& connack, Version version);

}  // namespace clasp::mqtt
