#include "net/websocket_frame.hpp"

#include <algorithm>
#include <cstring>

#include "core/utf8.hpp"

namespace clasp::net {

namespace {

constexpr std::uint8_t fin_bit = 0x80;
constexpr std::uint8_t reserved_bits = 0x70;
constexpr std::uint8_t compressed_bit = std::to_integer<std::uint8_t>(websocket_compressed_bit);
constexpr std::uint8_t opcode_bits = 0x0f;
constexpr std::uint8_t mask_bit = 0x80;
constexpr std::uint8_t length_bits = 0x7f;
constexpr std::uint16_t no_code = 1005;  // "no status received": never on the wire

constexpr FramingFault reserved_bits_set{1002, "reserved bits set without an extension"};
constexpr FramingFault unknown_opcode{1002, "unknown opcode"};
constexpr FramingFault mask_missing{1002, "client frame without a mask"};
constexpr FramingFault mask_unexpected{1002, "server frame with a mask"};
constexpr FramingFault length_not_shortest{1002, "length not written the shortest way"};
constexpr FramingFault control_fragmented{1002, "fragmented control frame"};
constexpr FramingFault control_too_long{1002, "control frame longer than 125 bytes"};
constexpr FramingFault continuation_first{1002, "continuation without a beginning"};
constexpr FramingFault message_inside_message{1002, "new message inside a fragmented one"};
constexpr FramingFault message_too_long{1009, "message too long"};
constexpr FramingFault close_with_half_a_code{1002, "close frame with half a code"};
constexpr FramingFault close_code_forbidden{1002, "close code that may not be sent"};
constexpr FramingFault reason_not_utf8{1007, "close reason is not UTF-8"};
constexpr FramingFault text_not_utf8{1007, "text is not UTF-8"};

constexpr bool is_control(Opcode opcode) { return (static_cast<std::uint8_t>(opcode) & 0x8) != 0; }
constexpr bool is_known(std::uint8_t opcode) { return opcode <= 0x2 || (opcode >= 0x8 && opcode <= 0xa); }

// Header bytes of a frame whose second byte is this.
constexpr std::size_t header_bytes_of(std::uint8_t second) {
  const std::uint8_t length = second & length_bits;
  return 2U + (length == 126 ? 2U : length == 127 ? 8U : 0U) + ((second & mask_bit) != 0 ? 4U : 0U);
}

}  // namespace

void apply_mask(std::span<std::byte> bytes, Mask mask) {
  std::uint32_t word = 0;
  std::memcpy(&word, mask.data(), 4);
  const std::uint64_t twice = (static_cast<std::uint64_t>(word) << 32) | word;
  std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  // 32 bytes a round: four independent words, which compilers turn into vector operations.
  for (; left >= 32; at += 32, left -= 32) {
    std::array<std::uint64_t, 4> words;
    std::memcpy(words.data(), at, 32);
    for (std::uint64_t& w : words) w ^= twice;
    std::memcpy(at, words.data(), 32);
  }
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t w;
    std::memcpy(&w, at, 8);
    w ^= twice;
    std::memcpy(at, &w, 8);
  }
  if (left >= 4) {
    std::uint32_t w;
    std::memcpy(&w, at, 4);
    w ^= word;
    std::memcpy(at, &w, 4);
    at += 4;
    left -= 4;
  }
  for (std::size_t i = 0; i < left; ++i) at[i] ^= mask[i];
}

struct WebSocketFramer::Header {
  Opcode opcode{};
  bool fin = false;
  bool masked = false;
  bool shortest = false;  // the length is written the shortest way
  std::uint8_t first = 0;
  std::size_t bytes = 0;
  std::uint64_t payload_bytes = 0;
  Mask mask{};

  // Call when at least 2 bytes, and header_bytes_of() bytes, are there.
  static Header read(const std::byte* at) {
    Header header;
    header.first = std::to_integer<std::uint8_t>(at[0]);
    const auto second = std::to_integer<std::uint8_t>(at[1]);
    header.opcode = Opcode{static_cast<std::uint8_t>(header.first & opcode_bits)};
    header.fin = (header.first & fin_bit) != 0;
    header.masked = (second & mask_bit) != 0;
    header.bytes = header_bytes_of(second);
    const std::uint8_t length = second & length_bits;
    header.payload_bytes = length < 126 ? length : length == 126 ? load_be<std::uint16_t>(at + 2) : load_be<std::uint64_t>(at + 2);
    header.shortest = length < 126 || header.payload_bytes > (length == 126 ? 125U : 0xffffU);
    if (header.masked) std::memcpy(header.mask.data(), at + header.bytes - 4, 4);
    return header;
  }
};

std::nullopt_t WebSocketFramer::fail(const FramingFault& fault) {
  fault_ = &fault;
  assembly_.release();
  return std::nullopt;
}

// The rules that need no payload, so that a bad frame is refused before its bytes are waited for.
bool WebSocketFramer::admits(const Header& header) {
  const auto refuse = [this](const FramingFault& fault) {
    fail(fault);
    return false;
  };
  if ((header.first & reserved_bits) != 0 && !marks_compression(header)) return refuse(reserved_bits_set);
  if (!is_known(header.first & opcode_bits)) return refuse(unknown_opcode);
  if (role_ == Role::server && !header.masked) return refuse(mask_missing);
  if (role_ == Role::client && header.masked) return refuse(mask_unexpected);
  if (!header.shortest) return refuse(length_not_shortest);
  if (is_control(header.opcode)) {
    if (!header.fin) return refuse(control_fragmented);
    return header.payload_bytes <= websocket_control_bytes_max || refuse(control_too_long);
  }
  const bool continues = header.opcode == Opcode::continuation;
  const bool under_way = assembling_ != Opcode::continuation;
  if (continues && !under_way) return refuse(continuation_first);
  if (!continues && under_way) return refuse(message_inside_message);
  const std::size_t bytes_max = payload_bytes_max(header);
  if (header.payload_bytes > bytes_max || assembly_.size() + header.payload_bytes > bytes_max) return refuse(message_too_long);
  return true;
}

// Of the reserved bits only the first, and only at the beginning of a message (RFC 7692, section 6).
bool WebSocketFramer::marks_compression(const Header& header) const {
  return deflate_ == Deflate::yes && (header.first & reserved_bits) == compressed_bit &&
         (header.opcode == Opcode::text || header.opcode == Opcode::binary);
}

bool WebSocketFramer::is_compressed(const Header& header) const {
  return header.opcode == Opcode::continuation ? assembling_compressed_ : (header.first & compressed_bit) != 0;
}

// What cannot be compressed becomes a little longer, by 5 bytes for each stored block.
std::size_t WebSocketFramer::payload_bytes_max(const Header& header) const {
  return is_compressed(header) ? std::size_t{message_bytes_max_} + message_bytes_max_ / 64 + 64 : message_bytes_max_;
}

// Nearly every frame is a whole binary message of at most 125 bytes, and the general way below takes much longer for the same result. 0 if this
// one is not like that.
std::size_t WebSocketFramer::common_frame_bytes(Bytes input) const {
  const std::size_t header_bytes = common_header_bytes();
  if (input.size() < header_bytes || assembling_ != Opcode::continuation || input[0] != std::byte{0x82}) return 0;
  const std::uint8_t length = std::to_integer<std::uint8_t>(input[1]) ^ (role_ == Role::server ? mask_bit : 0);  // a wrong mask bit makes it large
  if (length > websocket_control_bytes_max || length > message_bytes_max_ || input.size() - header_bytes < length) return 0;
  return header_bytes + length;
}

std::optional<Piece> WebSocketFramer::next(std::span<std::byte>& input) {
  if (assembly_used_) {
    assembly_used_ = false;
    assembly_.release();
  }
  if (fault_) return std::nullopt;
  if (const std::size_t bytes = common_frame_bytes(input); bytes != 0) {
    const std::span<std::byte> payload = input.first(bytes).subspan(common_header_bytes());
    if (role_ == Role::server) {
      Mask mask;
      std::memcpy(mask.data(), input.data() + 2, 4);
      apply_mask(payload, mask);
    }
    input = input.subspan(bytes);
    return Piece{.kind = PieceKind::frame, .payload = payload};
  }
  return next_of_any_kind(input);
}

std::optional<Piece> WebSocketFramer::next_of_any_kind(std::span<std::byte>& input) {
  while (!fault_ && input.size() >= 2) {
    if (input.size() < header_bytes_of(std::to_integer<std::uint8_t>(input[1]))) return std::nullopt;
    const Header header = Header::read(input.data());
    if (!admits(header)) return std::nullopt;
    if (input.size() - header.bytes < header.payload_bytes) {
      check_text_ahead(header, input.subspan(header.bytes));
      return std::nullopt;
    }

    const std::span<std::byte> payload = input.subspan(header.bytes, static_cast<std::size_t>(header.payload_bytes));
    input = input.subspan(header.bytes + payload.size());
    if (header.masked) apply_mask(payload, header.mask);
    if (std::optional<Piece> piece = is_control(header.opcode) ? take_control(header, payload) : take_data(header, payload)) return piece;
  }
  return std::nullopt;
}

std::optional<Piece> WebSocketFramer::take_control(const Header& header, std::span<std::byte> payload) {
  if (header.opcode == Opcode::ping) return Piece{.kind = PieceKind::ping, .payload = payload};
  if (header.opcode == Opcode::pong) return Piece{.kind = PieceKind::pong, .payload = payload};
  if (payload.empty()) return Piece{.kind = PieceKind::close, .payload = payload, .code = no_code};
  if (payload.size() == 1) return fail(close_with_half_a_code);
  const auto code = load_be<std::uint16_t>(payload.data());
  if (!is_sendable_close_code(code)) return fail(close_code_forbidden);
  if (!is_utf8(as_text(payload.subspan(2)))) return fail(reason_not_utf8);
  return Piece{.kind = PieceKind::close, .payload = payload.subspan(2), .code = code};
}

std::optional<Piece> WebSocketFramer::take_data(const Header& header, std::span<std::byte> payload) {
  const auto kind_of = [](Opcode opcode) { return opcode == Opcode::text ? PieceKind::text : PieceKind::frame; };
  if (is_plain_text(header) && !check_text(header, payload)) return std::nullopt;
  const bool compressed = is_compressed(header);
  if (header.opcode != Opcode::continuation) {
    if (header.fin) return Piece{.kind = kind_of(header.opcode), .compressed = compressed, .payload = payload};
    assembling_ = header.opcode;
    assembling_compressed_ = compressed;
  }
  assembly_.append(payload);
  if (!header.fin) return std::nullopt;
  assembly_used_ = true;
  const Piece piece{.kind = kind_of(assembling_), .compressed = compressed, .payload = assembly_.view()};
  assembling_ = Opcode::continuation;
  return piece;
}

// ---- text: refused with its first bad byte, however it is cut (RFC 6455, section 8.1) ----

bool WebSocketFramer::is_plain_text(const Header& header) const {
  const Opcode kind = header.opcode == Opcode::continuation ? assembling_ : header.opcode;
  return kind == Opcode::text && !is_compressed(header);
}

void WebSocketFramer::look_ahead(Bytes input) {
  const bool may_be_text = !input.empty() && ((input[0] & std::byte{opcode_bits}) == std::byte{0x1} || assembling_ == Opcode::text);
  if (!may_be_text || fault_ != nullptr || input.size() < 2 || input.size() < header_bytes_of(std::to_integer<std::uint8_t>(input[1]))) return;
  const Header header = Header::read(input.data());
  check_text_ahead(header, input.subspan(header.bytes));
}

// The part of a frame's payload that has come, still masked.
void WebSocketFramer::check_text_ahead(const Header& header, Bytes payload) {
  if (!is_plain_text(header)) return;
  std::array<std::byte, 512> plain;
  while (text_checked_ < payload.size()) {
    const std::size_t bytes = std::min(plain.size(), payload.size() - text_checked_);
    std::memcpy(plain.data(), payload.data() + text_checked_, bytes);
    if (header.masked) {
      Mask mask = header.mask;
      std::ranges::rotate(mask, mask.begin() + text_checked_ % mask.size());
      apply_mask(std::span{plain}.first(bytes), mask);
    }
    text_checked_ += static_cast<std::uint32_t>(bytes);
    if (!text_.take(as_text(Bytes{plain}.first(bytes)))) {
      fail(text_not_utf8);
      return;
    }
  }
}

// A whole frame's payload, unmasked.
bool WebSocketFramer::check_text(const Header& header, Bytes payload) {
  const bool good = text_.take(as_text(payload.subspan(text_checked_))) && (!header.fin || text_.complete());
  text_checked_ = 0;
  if (!good) fail(text_not_utf8);
  return good;
}

std::size_t WebSocketFramer::bytes_wanted(Bytes input) const {
  if (input.size() < 2) return 2;
  const std::size_t header_bytes = header_bytes_of(std::to_integer<std::uint8_t>(input[1]));
  if (input.size() < header_bytes) return header_bytes;
  return header_bytes + static_cast<std::size_t>(Header::read(input.data()).payload_bytes);  // next() has bounded it
}

std::size_t write_websocket_header(std::byte* out, Opcode opcode, std::size_t payload_bytes, const Mask* mask) {
  const std::size_t bytes = websocket_header_bytes(payload_bytes, mask != nullptr);
  const std::uint8_t masked = mask != nullptr ? mask_bit : 0;
  out[0] = std::byte{static_cast<std::uint8_t>(fin_bit | static_cast<std::uint8_t>(opcode))};
  if (payload_bytes < 126) {
    out[1] = std::byte{static_cast<std::uint8_t>(masked | payload_bytes)};
  } else if (payload_bytes <= 0xffff) {
    out[1] = std::byte{static_cast<std::uint8_t>(masked | 126)};
    store_be(out + 2, static_cast<std::uint16_t>(payload_bytes));
  } else {
    out[1] = std::byte{static_cast<std::uint8_t>(masked | 127)};
    store_be(out + 2, static_cast<std::uint64_t>(payload_bytes));
  }
  if (mask != nullptr) std::memcpy(out + bytes - 4, mask->data(), 4);
  return bytes;
}

void append_websocket_frame(ByteBuffer& out, Opcode opcode, Bytes payload, const Mask* mask) {
  std::byte* at = out.extend(websocket_header_bytes(payload.size(), mask != nullptr) + payload.size());
  at += write_websocket_header(at, opcode, payload.size(), mask);
  if (payload.empty()) return;
  std::memcpy(at, payload.data(), payload.size());
  if (mask != nullptr) apply_mask({at, payload.size()}, *mask);
}

ClosePayload close_payload(std::uint16_t code, std::string_view reason) {
  ClosePayload payload;
  store_be(payload.storage.data(), code);
  std::size_t bytes = std::min(reason.size(), websocket_control_bytes_max - 2);
  while (bytes > 0 && bytes < reason.size() && (static_cast<unsigned char>(reason[bytes]) & 0xc0) == 0x80) --bytes;
  if (bytes > 0) std::memcpy(payload.storage.data() + 2, reason.data(), bytes);
  payload.size = 2 + bytes;
  return payload;
}

bool is_sendable_close_code(std::uint16_t code) {
  if (code >= 3000 && code <= 4999) return true;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

}  // namespace clasp::net
