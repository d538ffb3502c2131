// Reason codes of MQTT 5 (its section 2.4) and what they become towards a 3.1.1 client, which has fewer words.
#pragma once

#include <cstdint>
#include <string_view>

namespace clasp::mqtt {

enum class Reason : std::uint8_t {
  success = 0x00,
  disconnect_with_will = 0x04,
  no_matching_subscribers = 0x10,
  no_subscription_existed = 0x11,
  unspecified = 0x80,
  malformed_packet = 0x81,
  protocol_error = 0x82,
  implementation_specific = 0x83,
  unsupported_protocol_version = 0x84,
  client_identifier_not_valid = 0x85,
  bad_user_name_or_password = 0x86,
  not_authorized = 0x87,
  server_unavailable = 0x88,
  server_shutting_down = 0x8b,
  bad_authentication_method = 0x8c,
  keep_alive_timeout = 0x8d,
  session_taken_over = 0x8e,
  topic_filter_invalid = 0x8f,
  topic_name_invalid = 0x90,
  packet_identifier_not_found = 0x92,
  receive_maximum_exceeded = 0x93,
  topic_alias_invalid = 0x94,
  packet_too_large = 0x95,
  quota_exceeded = 0x97,
  payload_format_invalid = 0x99,
  shared_subscriptions_not_supported = 0x9e,
};
constexpr bool is_failure(Reason reason) { return static_cast<std::uint8_t>(reason) >= 0x80; }

enum class Version : std::uint8_t { v311 = 4, v5 = 5 };

// The return code of a 3.1.1 CONNACK for it (its section 3.2.2.3).
constexpr std::uint8_t connack_code_311(Reason reason) {
  switch (reason) {
    case Reason::success: return 0;
    case Reason::unsupported_protocol_version: return 1;
    case Reason::client_identifier_not_valid: return 2;
    case Reason::bad_user_name_or_password: return 4;
    case Reason::not_authorized: return 5;
    default: return 3;
  }
}

// Why a packet, and with it the connection, was given up: what the peer is told, and one line for people.
struct Fault {
  Reason reason = Reason::malformed_packet;
  std::string_view text;  // static
};

}  // namespace clasp::mqtt
