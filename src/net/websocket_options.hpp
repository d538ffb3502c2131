// What an operator may say about the WebSockets of a port.
#pragma once

#include <cstddef>

#include "net/websocket_frame.hpp"

namespace clasp::net {

struct WebSocketOptions {
  std::size_t message_bytes_max = websocket_message_bytes_max;  // above it close 1009; what a compressed message inflates to counts
  bool deflate = false;                                         // agree to permessage-deflate where clients offer it
};

}  // namespace clasp::net
