// Where a client connects to, as people write it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "clasp/error.hpp"

namespace clasp::client {

enum class Transport : std::uint8_t { websocket, tcp };

struct Endpoint {
  Transport transport = Transport::websocket;
  std::string host;  // without the brackets of an IPv6 literal
  std::uint16_t port = 0;
  std::string target = "/";  // path and query of the WebSocket request
  bool operator==(const Endpoint&) const = default;
};

// ws://, tcp:// or bare host[:port], which means ws:// with port 7330 as the default. A ws:// URL without a port means port 80, as everywhere
// on the web (transports specification, 4.1); tcp:// without a port means 7330. wss://, quic:// and serial:// are refused with a text that
// says what is not built in, anything else with what is wrong.
Result<Endpoint> parse_url(std::string_view url);

}  // namespace clasp::client
