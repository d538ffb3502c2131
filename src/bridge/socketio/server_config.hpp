// Everything about a Socket.IO server that somebody may want otherwise (bridges specification, section 10), and its bounds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bridge/namespace_map.hpp"
#include "bridge/socketio/engine_session.hpp"
#include "bridge/socketio/packet.hpp"
#include "bridge/web/audience.hpp"
#include "bridge/web/listen_rows.hpp"
#include "core/message.hpp"
#include "core/pattern.hpp"

namespace clasp::bridge::socketio {

// How an event and an address become each other, on either side.
struct EventNames {
  NamespaceMap ns = NamespaceMap::parse("/socketio").value();
  std::vector<web::KindRule> kinds;  // the first match decides; without one: param
  std::vector<std::string> events;   // only these are received; empty: every one
  bool last_segment = true;          // /socketio/mixer/1 is emitted as "1", else as "mixer/1"
  SignalType kind_of(std::string_view address) const {
    for (const web::KindRule& rule : kinds) {
      if (rule.pattern.matches(address)) return rule.kind;
    }
    return SignalType::param;
  }
};

struct ServerConfig {
  std::string name = "socketio-bridge";
  EventNames names;
  EngineLimits engine;
  bool polling = true;
  bool websocket = true;
  std::vector<std::string> namespaces;  // clients may connect to these, and "/"; empty: to any
  std::string token;                    // each client has to bring it; empty: everybody may
  bool rooms_from_auth = false;         // `rooms` of what a client says with CONNECT are joined
  bool sync_on_connect = false;         // who connects, or joins a room, gets the params of its namespace or room as events
  bool echo = false;                    // an event goes back to the socket it came from, too
  bool emit_acks = false;               // ask for an acknowledgement of each event of the router; it comes as event <address>/ack
  Micros ack_timeout{10'000'000};
  Micros connect_timeout{45'000'000};  // from the transport to the first namespace

  // Bounds.
  PacketLimits packets;
  web::AudienceLimits audience;
  std::size_t clients_max = 1'024;
  std::size_t namespaces_per_client_max = 16;
  std::size_t rooms_per_socket_max = 256;
  std::size_t room_bytes_max = 256;
  std::size_t subscriptions_per_socket_max = 256;
  std::size_t calls_per_socket_max = 1'000;  // of which the answer is to come, in either direction
};

}  // namespace clasp::bridge::socketio
