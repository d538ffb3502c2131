// What a WebSocket client draws: masks and nonces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>

#include "core/bytes.hpp"
#include "net/websocket_frame.hpp"
#include "net/websocket_handshake.hpp"

namespace clasp::net {

// Masks keep proxies from mistaking payload for requests (RFC 6455, 10.3). One generator per connection, seeded by the system.
class MaskSource {
 public:
  Mask next() {
    const std::uint32_t bits = static_cast<std::uint32_t>(generator_() >> 16);
    Mask mask;
    store_be(mask.data(), bits);
    return mask;
  }

 private:
  std::mt19937_64 generator_{(std::uint64_t{std::random_device{}()} << 32) | std::random_device{}()};
};

inline WebSocketNonce random_nonce() {
  std::random_device device;
  WebSocketNonce nonce;
  for (std::size_t i = 0; i < nonce.size(); i += 4) store_be(nonce.data() + i, static_cast<std::uint32_t>(device()));
  return nonce;
}

}  // namespace clasp::net
