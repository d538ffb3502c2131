// Makes the transport a configuration asks for.
#pragma once

#include <chrono>
#include <memory>
#include <utility>

#include "bridge/osc/osc_socket.hpp"
#include "bridge/osc/osc_stream.hpp"

namespace clasp::bridge::osc {

inline std::unique_ptr<OscTransport> make_transport(io::IoLoop& loop, OscSocketConfig config, OscLog& log) {
  if (config.transport == Transport::tcp) return std::make_unique<OscStream>(loop, std::move(config), log);
  return std::make_unique<OscSocket>(loop, std::move(config), log);
}

// A connection says by itself when its peer is gone: there silence means nothing, and whoever is connected wants to hear, targets or not.
inline OscConfig for_transport(OscConfig config, Transport transport) {
  if (transport != Transport::tcp) return config;
  config.sender_silence_max = std::chrono::hours{24 * 365 * 100};
  if (!config.reply_to_sender) config.reply_to_sender = true;
  return config;
}

constexpr const char* transport_name(Transport transport) { return transport == Transport::tcp ? "TCP" : "UDP"; }

}  // namespace clasp::bridge::osc
