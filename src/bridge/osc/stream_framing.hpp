// OSC packets on a byte stream: OSC 1.0 puts an int32 length before each, OSC 1.1 wraps each in SLIP (RFC 1055 with an END on both sides).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "core/byte_buffer.hpp"
#include "core/bytes.hpp"

namespace clasp::bridge::osc {

enum class StreamFraming : std::uint8_t {
  automatic,  // as the peer: a length below 16 MiB begins with 0x00, a SLIP packet with END, '/' or '#'
  length,
  slip,
};

class StreamSplitter {
 public:
  StreamSplitter(StreamFraming framing, std::size_t packet_bytes_max) : framing_(framing), packet_bytes_max_(packet_bytes_max) {}

  // Tells each whole packet in `bytes`, which may be cut anywhere; empty ones mean nothing and are left out. False: the peer speaks something else or
  // sends a packet above the limit; fault() says what, and nothing more is told. A view is valid during its call.
  bool feed(Bytes bytes, const std::function<void(Bytes packet)>& packet);
  std::string_view fault() const { return fault_; }  // empty: none
  StreamFraming framing() const { return framing_; }  // of this peer; automatic before its first byte
  std::size_t bytes_held() const { return pending_.capacity(); }

 private:
  bool feed_length(Bytes bytes, const std::function<void(Bytes)>& packet);
  bool feed_slip(Bytes bytes, const std::function<void(Bytes)>& packet);
  bool fail(std::string_view what) {
    fault_ = what;
    pending_.release();
    return false;
  }

  StreamFraming framing_;
  std::size_t packet_bytes_max_;
  std::string_view fault_;
  ByteBuffer pending_;     // the beginning of a packet: with its length, or as unescaped so far
  bool escaped_ = false;   // the byte before was ESC
};

// `framing` is length or slip.
void append_framed(ByteBuffer& out, Bytes packet, StreamFraming framing);

}  // namespace clasp::bridge::osc
