// What an operator may say about the WebSockets of a port.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "net/event_loop.hpp"
#include "net/websocket_frame.hpp"

namespace clasp::net {

// Who else speaks on a WebSocket, by sub-protocol. A client that offers one of them and not `clasp` gets it, uncompressed.
struct SubProtocol {
  std::string name;
  EventLoop::HandlerMaker make;
};
using SubProtocols = std::vector<SubProtocol>;

struct WebSocketOptions {
  std::size_t message_bytes_max = websocket_message_bytes_max;  // above it close 1009; what a compressed message inflates to counts
  bool deflate = false;                                         // agree to permessage-deflate where clients offer it
  std::shared_ptr<const SubProtocols> others;                   // null: none
};

}  // namespace clasp::net
