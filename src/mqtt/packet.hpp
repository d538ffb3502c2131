// MQTT 3.1.1 and 5 packets: what clients send becomes plain structs of views, what they are told becomes bytes. No I/O, no state.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "core/byte_buffer.hpp"
#include "core/bytes.hpp"
#include "mqtt/properties.hpp"
#include "mqtt/reason.hpp"

namespace clasp::mqtt {

enum class PacketId : std::uint16_t { none = 0 };
enum class Qos : std::uint8_t { at_most_once, at_least_once, exactly_once };

// ---- from clients ----

struct Will {
  std::string_view topic;
  Bytes payload;
  Qos qos{};
  bool retain = false;
  Properties properties;
};
struct Connect {
  Version version = Version::v311;
  bool clean_start = true;
  std::uint16_t keep_alive = 0;
  std::string_view client_id;
  std::optional<Will> will;
  std::optional<std::string_view> user_name;
  std::optional<Bytes> password;
  Properties properties;
};
struct PublishPacket {
  std::string_view topic;  // may be empty with an alias
  Bytes payload;
  PacketId id{};
  Qos qos{};
  bool retain = false;
  bool duplicate = false;
  Properties properties;
};
struct Acknowledgement {
  PacketType type = PacketType::puback;  // … pubcomp
  PacketId id{};
  Reason reason = Reason::success;
};
// The filters are read one by one with next_filter(): their number is the client's choice.
struct SubscribePacket {
  PacketId id{};
  Properties properties;
  Bytes filters;  // checked
};
struct UnsubscribePacket {
  PacketId id{};
  Bytes filters;  // checked
};
struct PingRequest {};
struct Disconnect {
  Reason reason = Reason::success;
  std::optional<std::uint32_t> session_expiry;
};
struct Auth {};
using ClientPacket = std::variant<Connect, PublishPacket, Acknowledgement, SubscribePacket, UnsubscribePacket, PingRequest, Disconnect, Auth>;

struct SubscriptionOptions {
  Qos qos{};
  bool no_local = false;
  bool retain_as_published = false;
  std::uint8_t retain_handling = 0;  // 0 always, 1 if the subscription is new, 2 never
  bool operator==(const SubscriptionOptions&) const = default;
};
struct FilterEntry {
  std::string_view filter;
  SubscriptionOptions options;
};
std::optional<FilterEntry> next_filter(Bytes& filters);            // of a SUBSCRIBE; nothing: that was all
std::optional<std::string_view> next_filter_text(Bytes& filters);  // of an UNSUBSCRIBE

// One whole packet, as PacketFramer hands it out. `version` is that of the connection's CONNECT and not regarded for a CONNECT itself.
std::expected<ClientPacket, Fault> decode_packet(Bytes packet, Version version);
// As far as its first fields say, of a packet that cannot be decoded.
bool is_connect_of_v5(Bytes packet);

// ---- to clients ----

struct Connack {
  Reason reason = Reason::success;
  bool session_present = false;
  // MQTT 5 only; what equals the standard's default is left out.
  std::optional<std::uint32_t> session_expiry;
  std::optional<std::uint16_t> server_keep_alive;
  std::string_view assigned_client_id;
  std::string_view reason_string;
  std::uint16_t receive_maximum = 65'535;
  std::uint16_t topic_alias_maximum = 0;
  std::uint32_t maximum_packet_size = 0;  // 0: none
};
void append_connack(ByteBuffer& out, Version version, const Connack& connack);

// PUBACK, PUBREC, PUBREL, PUBCOMP. A reason other than success exists in MQTT 5 only.
void append_acknowledgement(ByteBuffer& out, Version version, const Acknowledgement& acknowledgement);
void append_suback(ByteBuffer& out, Version version, PacketId id, std::span<const Reason> reasons);
void append_unsuback(ByteBuffer& out, Version version, PacketId id, std::span<const Reason> reasons);
void append_pingresp(ByteBuffer& out);
void append_disconnect(ByteBuffer& out, Reason reason, std::string_view text);  // MQTT 5 only

struct OutgoingPublish {
  std::string_view topic;  // empty: the alias stands for it
  Bytes payload;
  PacketId id{};
  Qos qos{};
  bool retain = false;
  bool duplicate = false;
  // MQTT 5 only.
  Bytes forwarded;  // properties, ready made
  std::optional<std::uint32_t> message_expiry;
  std::uint16_t topic_alias = 0;
  std::span<const std::uint32_t> subscription_identifiers;
};
std::size_t publish_bytes(Version version, const OutgoingPublish& publish);  // of the whole packet
void append_publish(ByteBuffer& out, Version version, const OutgoingPublish& publish);

}  // namespace clasp::mqtt
