// The properties of MQTT 5 (its section 2.2.2): read into plain fields, checked against the table of what each packet may carry.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/byte_buffer.hpp"
#include "core/bytes.hpp"
#include "mqtt/reason.hpp"

namespace clasp::mqtt {

enum class PacketType : std::uint8_t {
  connect = 1,
  connack,
  publish,
  puback,
  pubrec,
  pubrel,
  pubcomp,
  subscribe,
  suback,
  unsubscribe,
  unsuback,
  pingreq,
  pingresp,
  disconnect,
  auth,
};

enum class PropertyId : std::uint8_t {
  payload_format = 0x01,
  message_expiry = 0x02,
  content_type = 0x03,
  response_topic = 0x08,
  correlation_data = 0x09,
  subscription_identifier = 0x0b,
  session_expiry = 0x11,
  assigned_client_identifier = 0x12,
  server_keep_alive = 0x13,
  authentication_method = 0x15,
  authentication_data = 0x16,
  request_problem_information = 0x17,
  will_delay = 0x18,
  request_response_information = 0x19,
  response_information = 0x1a,
  server_reference = 0x1c,
  reason_string = 0x1f,
  receive_maximum = 0x21,
  topic_alias_maximum = 0x22,
  topic_alias = 0x23,
  maximum_qos = 0x24,
  retain_available = 0x25,
  user_property = 0x26,
  maximum_packet_size = 0x27,
  wildcard_subscription_available = 0x28,
  subscription_identifier_available = 0x29,
  shared_subscription_available = 0x2a,
};

// What may be sent. Views into the packet.
struct Properties {
  Bytes all;  // as they came, without their length
  std::optional<std::uint32_t> message_expiry;
  std::optional<std::uint32_t> session_expiry;
  std::optional<std::uint32_t> will_delay;
  std::optional<std::uint32_t> maximum_packet_size;
  std::optional<std::uint32_t> subscription_identifier;
  std::optional<std::uint16_t> receive_maximum;
  std::optional<std::uint16_t> topic_alias_maximum;
  std::optional<std::uint16_t> topic_alias;
  std::optional<std::string_view> response_topic;
  std::optional<std::string_view> content_type;
  bool payload_is_text = false;
  bool has_authentication_method = false;
  bool wants_problem_information = true;
  std::size_t forwarded_bytes = 0;  // of those append_forwarded() would copy
  // What only servers send.
  std::optional<std::string_view> assigned_client_id;
  std::optional<std::string_view> reason_string;
  std::optional<std::uint16_t> server_keep_alive;
  std::uint8_t maximum_qos = 2;
  bool retain_available = true;
};

// Whose properties they are: what a client may say and what a server may say in a packet of the same type differ, and a will is none of its own.
enum class Holder : std::uint8_t {
  connect,
  will,
  publish,
  acknowledgement,  // of both sides
  subscribe,
  unsubscribe,
  disconnect,
  auth,  // of both sides
  connack,
  server_publish,
  server_answer,  // SUBACK and UNSUBACK
  server_disconnect,
};

// Reads the length and the properties at the start of `input` and takes them off. A fault if they are malformed, don't belong there or come twice.
std::optional<Fault> read_properties(Bytes& input, Holder holder, Properties& out);

// Of a publish: copies what a server hands on unchanged (payload format, content type, response topic, correlation data, user properties), in order.
void append_forwarded(ByteBuffer& out, const Properties& properties);

// The first user property of that name.
std::optional<std::string_view> find_user_property(const Properties& properties, std::string_view name);

void append_variable_integer(ByteBuffer& out, std::uint32_t value);
constexpr std::size_t variable_integer_bytes(std::uint32_t value) { return value < 128 ? 1 : value < 16'384 ? 2 : value < 2'097'152 ? 3 : 4; }

}  // namespace clasp::mqtt
