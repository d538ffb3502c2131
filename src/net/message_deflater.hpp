// The compression of permessage-deflate (RFC 7692, section 7.2), one message at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>

#include "core/byte_buffer.hpp"
#include "core/bytes.hpp"
#include "net/framing.hpp"
#include "net/websocket_deflate.hpp"

namespace clasp::net {

// One for all WebSockets of a loop, which is possible because no window outlives its message: nothing is kept for a session. What it returns is valid
// until the next call of the same function. Memory: 256 KiB and two messages once something was compressed, 40 KiB and a message once something
// was decompressed.
class MessageDeflater {
 public:
  static constexpr std::size_t message_bytes_min = 256;  // shorter ones gain less than they cost

  MessageDeflater();
  MessageDeflater(const MessageDeflater&) = delete;
  ~MessageDeflater();

  // The message as the payload of a frame with its first reserved bit set. Nothing: it is short, or would not become shorter; send it as it is. A
  // message that goes to many sessions is compressed once: the last one is remembered.
  std::optional<Bytes> deflate(Bytes message, std::uint8_t window_bits);

  // The message inside a compressed piece, as a piece that is not. Faults: 1007 for bytes that are no deflate stream and for text that is not UTF-8;
  // 1009 as soon as the message is longer than `message_bytes_max`, so that a short piece cannot ask for much memory.
  std::expected<Piece, FramingFault> inflate(const Piece& piece, std::size_t message_bytes_max);

  std::size_t bytes_held() const { return inflated_.capacity() + last_message_.capacity() + last_result_.capacity(); }  // beside zlib's own

 private:
  class Compressor;
  class Decompressor;

  std::array<std::unique_ptr<Compressor>, DeflateAgreement::window_bits_max + 1> compressors_;  // by window bits; made when needed
  std::unique_ptr<Decompressor> decompressor_;
  ByteBuffer inflated_;

  ByteBuffer last_message_;  // of deflate()
  ByteBuffer last_result_;
  std::uint8_t last_window_bits_ = 0;
  bool last_paid_ = false;
};

}  // namespace clasp::net
