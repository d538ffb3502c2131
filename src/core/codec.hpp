// Frames and messages to and from bytes: the compact encoding both ways, the legacy MessagePack encoding inwards only.
//
// Decoding never throws, never reads past its input, never allocates more than the bytes it was given justify, and leaves views into the
// input (or into the Decoder's scratch) in the result. Encoding fails only for what does not fit on the wire.
#pragma once

#include <optional>

#include "core/byte_buffer.hpp"
#include "core/decode_error.hpp"
#include "core/limits.hpp"
#include "core/message.hpp"

namespace clasp {

// ---- frames (wire format, section 1) ----

struct FrameHeader {
  Qos qos = Qos::fire;  // 3 on the wire reads as fire
  std::optional<UnixTime> timestamp;
  std::uint8_t flags = 0;
  std::size_t header_bytes = wire::header_bytes;
  std::size_t payload_bytes = 0;
  std::size_t frame_bytes() const { return header_bytes + payload_bytes; }
};
struct Frame {
  FrameHeader header;
  Bytes payload;
};

// Bytes a frame that starts here will have, once 4 bytes are there: for stream transports (section 3.1 of transports). Nothing yet → nullopt.
Decoded<std::optional<std::size_t>> frame_bytes_expected(Bytes input);

// The first frame in `input`; what follows it is ignored (one frame per message on message transports).
Decoded<Frame> decode_frame(Bytes input);

// ---- messages ----

// Decodes payloads. Holds the memory that rewritten values and MessagePack values need: a decoded message is valid until the next decode().
class Decoder {
 public:
  // Compact or MessagePack, told apart by the first byte (section 2).
  Decoded<Message> decode(Bytes payload);

 private:
  ByteBuffer scratch_;
};

// ---- encoding: appends one whole frame. False and `out` unchanged if it does not fit a frame (payload > 65535 bytes, count > 65535). ----

bool append_frame(ByteBuffer& out, const Set& set, Qos qos = Qos::confirm);
bool append_frame(ByteBuffer& out, const Publish& publish, Qos qos);
bool append_frame(ByteBuffer& out, const Message& message, Qos qos);
bool append_frame(ByteBuffer& out, const Message& message);  // with default_qos(message)

// Payload only, as inside a BUNDLE. Appends; false as above.
bool append_payload(ByteBuffer& out, const Message& message);

// Size of one SNAPSHOT entry on the wire, and the largest that still fits a frame: a SET whose entry or broadcast would not fit is refused
// (section 22.6). `writer_bytes` is the length of the writer's text.
std::size_t snapshot_entry_bytes(std::size_t address_bytes, const ValueView& value, std::size_t writer_bytes);

// Builds SNAPSHOT frames bounded by bytes and by wire::snapshot_params_max: begin(), add() until it says full, finish().
class SnapshotWriter {
 public:
  explicit SnapshotWriter(ByteBuffer& out, std::size_t payload_bytes_max = wire::payload_bytes_max);
  bool add(std::string_view address, const ValueView& value, std::uint64_t revision, std::string_view writer, UnixTime timestamp);  // false: full
  std::size_t count() const { return count_; }
  std::size_t bytes() const;
  void finish();  // writes header and count; the frame is then complete in `out`

 private:
  ByteBuffer& out_;
  std::size_t start_;
  std::size_t payload_bytes_max_;
  std::size_t count_ = 0;
};

}  // namespace clasp
