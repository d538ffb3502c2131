// What Decoder::decode() chooses from. Internal to the codec.
#pragma once

#include "core/byte_buffer.hpp"
#include "core/check.hpp"
#include "core/decode_error.hpp"
#include "core/message.hpp"

namespace clasp {

// Memory of one decode() for values that cannot be used where they lie. It is reserved once, for the worst case that the payload allows, so
// that nothing moves while the views of one message are handed out. That no more than the reservation is used is checked, not hoped for.
class Scratch {
 public:
  // `growth_max`: how many bytes one byte of payload can become.
  Scratch(ByteBuffer& buffer, std::size_t payload_bytes, std::size_t growth_max) : buffer_(buffer), bytes_max_(payload_bytes * growth_max) {
    buffer_.clear();
  }

  std::byte* extend(std::size_t bytes) {
    if (!reserved_) {
      buffer_.extend(bytes_max_);
      buffer_.clear();
      reserved_ = true;
    }
    CLASP_CHECK(bytes <= bytes_max_ - buffer_.size());
    return buffer_.extend(bytes);
  }
  std::size_t size() const { return buffer_.size(); }
  Bytes view(std::size_t from) const { return buffer_.view(from); }
  std::byte* at(std::size_t offset) { return buffer_.data() + offset; }

 private:
  ByteBuffer& buffer_;
  std::size_t bytes_max_;
  bool reserved_ = false;
};

// Both write into a default-constructed message. On failure it is unspecified what `message` holds.
bool decode_compact(Bytes payload, ByteBuffer& scratch, Message& message, DecodeError& error);
bool decode_legacy(Bytes payload, ByteBuffer& scratch, Message& message, DecodeError& error);

}  // namespace clasp
