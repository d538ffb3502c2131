// Everything about a WebSocket bridge that somebody may want otherwise (bridges specification, section 9), and its bounds.
#pragma once

#include <cstdint>
#include <string>

#include "bridge/namespace_map.hpp"
#include "bridge/web/audience.hpp"
#include "bridge/web/out_queue.hpp"
#include "core/time.hpp"

namespace clasp::bridge::websocket {

// How a value travels: {"address","value"} as text, a native CLASP frame as binary, or the value alone.
enum class Format : std::uint8_t { json, msgpack, raw };

struct HubConfig {
  std::string name = "websocket-bridge";
  NamespaceMap ns = NamespaceMap::parse("/ws").value();
  Format format = Format::json;
  bool session = true;               // peers that send frames with a "type" get what they ask for, and nothing else. JSON only
  bool sync_on_connect = false;      // a peer that has just come gets the params of the namespace
  bool echo = false;                 // what a peer sent without "type" goes back to it, too
  Micros ping_interval{30'000'000};  // 0: none

  // Bounds.
  std::size_t message_bytes_max = 1'048'576;
  std::size_t values_max = 100'000;            // in one JSON message
  std::size_t snapshot_bytes_max = 1'048'576;  // of one answer
  std::size_t clients_max = 1'024;
  std::size_t subscriptions_per_client_max = 256;
  std::size_t calls_per_client_max = 1'000;  // whose answer is to come
  std::size_t wire_bytes_max = 65'536;       // given to the peer's connection and not sent yet
  web::OutLimits out{.events_max = 1'000};
  web::AudienceLimits audience;
};

}  // namespace clasp::bridge::websocket
