// WebSocket framing (RFC 6455, section 5), both sides. Bytes in, pieces out; nothing here knows a socket or compresses anything.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/byte_buffer.hpp"
#include "core/bytes.hpp"
#include "core/utf8_scanner.hpp"
#include "net/framing.hpp"

namespace clasp::net {

enum class Role : std::uint8_t { server, client };  // which side we are: servers get masked frames, clients unmasked ones
enum class Deflate : bool { no, yes };              // may messages be compressed (RFC 7692)?
enum class Opcode : std::uint8_t { continuation = 0x0, text = 0x1, binary = 0x2, close = 0x8, ping = 0x9, pong = 0xa };

using Mask = std::array<std::byte, 4>;

inline constexpr std::size_t websocket_message_bytes_max = 131'072;  // reassembled; the largest CLASP frame has 65,547
inline constexpr std::size_t websocket_control_bytes_max = 125;
inline constexpr std::size_t websocket_header_bytes_max = 14;
inline constexpr std::byte websocket_compressed_bit{0x40};  // in the first byte of the first frame of a compressed message (RFC 7692, section 6)

// Cuts a stream into messages. An unfragmented message that lies whole in the input is unmasked in place and handed out where it lies; a
// fragmented one is collected in memory of its own, bounded by `message_bytes_max` and released with the next call.
//
// With Deflate::yes a message may be compressed. It is handed out as it is; its text is for whoever inflates it to check.
//
// Faults (the peer broke RFC 6455): 1002 for reserved bits, unknown opcodes, wrong masking, control frames that are fragmented or longer than
// 125 bytes, continuations without a beginning, lengths not written the shortest way, close codes nobody may send; 1007 for a close reason or a text
// that is not UTF-8; 1009 for messages that are too long. Each as soon as it is certain: by a header alone, or by the first bad byte of a text.
class WebSocketFramer {
 public:
  explicit WebSocketFramer(Role role, std::size_t message_bytes_max = websocket_message_bytes_max, Deflate deflate = Deflate::no)
      : message_bytes_max_(static_cast<std::uint32_t>(message_bytes_max)), role_(role), deflate_(deflate) {}

  std::optional<Piece> next(std::span<std::byte>& input);
  std::size_t bytes_wanted(Bytes input) const;
  // Looks at a piece that is not complete yet; `input` begins where that of the last call did. May find a fault.
  void look_ahead(Bytes input);
  std::size_t message_bytes_max() const { return message_bytes_max_; }
  std::optional<FramingFault> fault() const { return fault_ == nullptr ? std::nullopt : std::optional(*fault_); }

 private:
  struct Header;

  std::nullopt_t fail(const FramingFault& fault);  // one of the table in websocket_frame.cpp
  std::size_t common_header_bytes() const { return role_ == Role::server ? 6 : 2; }
  std::size_t common_frame_bytes(Bytes input) const;
  std::optional<Piece> next_of_any_kind(std::span<std::byte>& input);
  bool admits(const Header& header);
  std::size_t payload_bytes_max(const Header& header) const;
  bool marks_compression(const Header& header) const;
  bool is_compressed(const Header& header) const;
  bool is_plain_text(const Header& header) const;
  void check_text_ahead(const Header& header, Bytes payload);
  bool check_text(const Header& header, Bytes payload);
  std::optional<Piece> take_control(const Header& header, std::span<std::byte> payload);
  std::optional<Piece> take_data(const Header& header, std::span<std::byte> payload);

  const FramingFault* fault_ = nullptr;
  ByteBuffer assembly_;  // the fragments so far
  std::uint32_t message_bytes_max_;
  std::uint32_t text_checked_ = 0;  // bytes of the current frame's payload that text_ has seen
  Role role_;
  Deflate deflate_;
  bool assembling_compressed_ = false;
  Opcode assembling_ = Opcode::continuation;  // continuation: no fragmented message is under way
  bool assembly_used_ = false;
  Utf8Scanner text_;  // of the text message under way
};
static_assert(Framer<WebSocketFramer>);

// XORs `bytes` with the mask, beginning with its first byte.
void apply_mask(std::span<std::byte> bytes, Mask mask);

// Bytes of the header before a payload: 2, 4 or 10, and 4 more with a mask.
constexpr std::size_t websocket_header_bytes(std::size_t payload_bytes, bool masked = false) {
  return (payload_bytes < 126 ? 2U : payload_bytes <= 0xffff ? 4U : 10U) + (masked ? 4U : 0U);
}
// Writes that header for one unfragmented frame and returns its length; `out` has room for websocket_header_bytes_max.
std::size_t write_websocket_header(std::byte* out, Opcode opcode, std::size_t payload_bytes, const Mask* mask = nullptr);

// Appends a whole frame. Clients pass a mask, fresh and unpredictable for each frame; servers never do.
void append_websocket_frame(ByteBuffer& out, Opcode opcode, Bytes payload, const Mask* mask = nullptr);

// Payload of a close frame: code and reason, cut at a character boundary so that it fits 125 bytes.
struct ClosePayload {
  std::array<std::byte, websocket_control_bytes_max> storage{};
  std::size_t size = 0;
  Bytes view() const { return {storage.data(), size}; }
};
ClosePayload close_payload(std::uint16_t code, std::string_view reason);

// May a peer send this code in a close frame (RFC 6455, section 7.4)?
bool is_sendable_close_code(std::uint16_t code);

}  // namespace clasp::net
