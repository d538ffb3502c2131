// Everything about a Socket.IO client that somebody may want otherwise (bridges specification, section 10), and its bounds.
#pragma once

#include <string>
#include <vector>

#include "bridge/socketio/server_config.hpp"
#include "clasp/value.hpp"

namespace clasp::bridge::socketio {

struct ClientConfig {
  std::string name = "socketio-bridge";
  EventNames names;
  std::vector<std::string> namespaces{"/"};  // all connected to
  Value auth;                                // said with CONNECT; null: nothing
  bool sync_on_connect = false;              // a server that has just come gets the current values
  bool echo = false;                         // what came from the server goes back to it, too
  bool emit_acks = false;                    // ask for an acknowledgement of each event of the router; it comes as event <address>/ack
  bool reconnect_on_disconnect = false;      // also after the server has disconnected us
  Micros ack_timeout{10'000'000};
  Micros connect_timeout{45'000'000};  // from the transport to the server's answer
  Micros refused_retry{5'000'000};     // after the server refused a namespace

  // Bounds.
  PacketLimits packets{.bytes_max = 4'194'304};
  web::OutLimits out;
  web::AudienceLimits audience;
  std::size_t calls_max = 1'000;  // of which the answer is to come, in either direction
};

}  // namespace clasp::bridge::socketio
