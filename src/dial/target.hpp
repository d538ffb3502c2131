// Where an outgoing connection leads and through which layers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/time.hpp"
#include "net/http_message.hpp"
#include "url/url.hpp"

namespace clasp::dial {

class TlsContext;

struct WebSocketTarget {
  std::string target = "/";               // path and query
  std::vector<std::string> subprotocols;  // offered
  bool subprotocol_required = false;      // a server that selects none of them is refused
  std::vector<net::HttpField> fields;     // further headers
  std::size_t message_bytes_max = 1'048'576;
  Micros ping_interval{0};  // a silent peer is pinged, and given up after as long again; 0: never
  bool operator==(const WebSocketTarget&) const = default;
};

struct Target {
  std::string host;  // a name or a literal, without brackets
  std::uint16_t port = 0;
  std::shared_ptr<const TlsContext> tls;  // null: none
  std::optional<WebSocketTarget> websocket;
  Micros connect_max{10'000'000};         // from start() until it is open, for the look-up, all addresses and all handshakes
  std::size_t out_bytes_max = 1'048'576;  // waiting to be sent: with as many, send() takes nothing more

  bool operator==(const Target&) const = default;
};

inline std::string place(const Target& target) { return url::place(target.host, target.port); }

}  // namespace clasp::dial
