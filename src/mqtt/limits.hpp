// Bounds and counters of the broker. What an operator can set has a row in src/server/server_options.cpp.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "core/time.hpp"

namespace clasp::mqtt {

struct Limits {
  std::size_t packet_bytes_max = 262'144;             // from clients; larger: DISCONNECT 0x95
  std::size_t queue_bytes_max = 16'777'216;           // waiting for one session; then it ends (0x97), so that nothing is missed silently
  std::size_t queues_bytes_max = 1'073'741'824;       // of all sessions; then the largest ends
  std::size_t detached_sessions_max = 10'000;         // then the one longest away ends
  std::size_t retained_notes_bytes_max = 67'108'864;  // what retained messages need beside their params; then 0x97
  std::chrono::seconds session_expiry_max{604'800};   // a client may ask for less
  std::chrono::seconds keep_alive_max{60};            // of MQTT 5 clients, told by Server Keep Alive; 0: theirs
  std::uint16_t receive_maximum = 256;                // QoS 1 and 2 messages of an MQTT 5 client that are not done
  std::size_t unconfirmed_max = 1'024;                // PUBLISHes of one 3.1.1 client that wait for the disk (--durability sync): then it isn't read
  std::uint16_t topic_aliases_max = 64;               // of each side of a connection
  std::uint16_t in_flight_max = 512;                  // towards one client, if it doesn't ask for less
  std::size_t link_bytes_max = 131'072;               // handed to a link and not sent: above it messages wait in the session
  std::size_t replies_bytes_max = 262'144;            // with unread answers on top: the client isn't read until they have left
  std::size_t subscription_filter_bytes_max = 1'024;
};
static_assert(Limits{}.replies_bytes_max > Limits{}.link_bytes_max);

struct Stats {
  std::uint64_t connects = 0;
  std::uint64_t connects_refused = 0;
  std::uint64_t taken_over = 0;
  std::uint64_t malformed = 0;  // connections closed because of what the client sent
  std::uint64_t keep_alive_timeouts = 0;
  std::uint64_t published_in = 0;
  std::uint64_t published_out = 0;
  std::uint64_t refused = 0;  // PUBLISHes the router did not accept
  std::uint64_t wills = 0;
  std::uint64_t conflated = 0;         // QoS 0 values a slow client did not get because a newer one was there
  std::uint64_t dropped_detached = 0;  // QoS 0 messages for sessions without a connection
  std::uint64_t dropped_expired = 0;
  std::uint64_t dropped_too_large = 0;  // for the client's Maximum Packet Size
  std::uint64_t handed_on = 0;          // messages of shared groups whose member ended before it had them
  std::uint64_t sessions_overflowed = 0;
  std::uint64_t sessions_expired = 0;
  std::uint64_t sessions_evicted = 0;  // detached_sessions_max
};

}  // namespace clasp::mqtt
