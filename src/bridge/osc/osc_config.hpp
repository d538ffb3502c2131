// Everything about an OSC bridge that somebody may want otherwise (bridges specification, section 3.1), and its bounds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bridge/namespace_map.hpp"
#include "bridge/osc/osc_arguments.hpp"
#include "bridge/osc/osc_packet.hpp"
#include "bridge/osc/stream_framing.hpp"
#include "core/pattern.hpp"
#include "core/time.hpp"

namespace clasp::bridge::osc {

// What a received message becomes.
enum class MessageKind : std::uint8_t { param, event, stream };

struct KindRule {
  Pattern pattern;  // of CLASP addresses, "/osc/buttons/**"
  MessageKind kind = MessageKind::param;
};

struct OscConfig {
  std::string name = "osc-bridge";
  NamespaceMap ns = NamespaceMap::parse("/osc").value();

  // Inbound.
  std::vector<KindRule> kinds;  // the first match decides; without one: param
  Impulse impulse = Impulse::infinity;
  OscLimits limits;
  Micros lookahead_max = std::chrono::seconds{60};         // bundles further ahead are executed at once
  Micros loopback_window = std::chrono::milliseconds{50};  // 0: nothing is taken for an echo
  bool dispatch_patterns = false;  // ? * [] {} in received addresses stand for the known addresses they match, else for themselves
  bool pong = true;                // answer /ping with /pong

  // Outbound.
  OscEncoding encoding;
  std::size_t packet_bytes_max = 65'507;     // what UDP over IPv4 can carry
  std::optional<bool> reply_to_sender;       // unset: only if no target is configured
  std::optional<std::uint16_t> send_port;    // replies go to this port of a sender instead of the one it sent from
  std::optional<std::uint32_t> rate_hz_max;  // for each address; params, streams and gesture moves only
  bool gesture_phase = false;                // the phase of a gesture as a last string argument
  bool echo = false;                         // send a value back to the peer it came from
  bool sync_on_connect = false;              // send the current state once the link to the router is up

  // Bounds.
  Micros sender_silence_max = std::chrono::seconds{30};
  std::size_t senders_max = 1'024;
  std::size_t thinned_addresses_max = 4'096;   // for rate_hz_max; further addresses are not thinned
  std::size_t known_addresses_max = 4'096;     // for dispatch_patterns; further addresses are not found
  std::size_t dispatch_steps_max = 4'000'000;  // work for one received pattern
};

enum class Transport : std::uint8_t { udp, tcp };

// The part that needs a socket.
struct OscSocketConfig {
  Transport transport = Transport::udp;
  std::string bind = "0.0.0.0:8000";   // "host:port"; "[::]:8000" hears IPv4 as well; port 0 = any
  std::vector<std::string> targets{};  // "host:port", names allowed; resolved again every minute
  std::string multicast_group{};       // UDP; joined if not empty: "239.1.2.3", "ff02::1%eth0"
  StreamFraming framing = StreamFraming::automatic;  // TCP
};

}  // namespace clasp::bridge::osc
