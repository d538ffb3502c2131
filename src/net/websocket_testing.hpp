// For tests of the framing: client frames as bytes, and what a framer makes of a stream in reads of a given size.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/byte_buffer.hpp"
#include "net/splitter.hpp"
#include "net/websocket_frame.hpp"

namespace clasp::net {

inline std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

// One masked frame as clients send it.
inline std::vector<std::byte> client_frame(Opcode opcode, std::string_view payload, bool fin = true) {
  const Mask mask{std::byte{0x37}, std::byte{0xfa}, std::byte{0x21}, std::byte{0x3d}};
  ByteBuffer out;
  append_websocket_frame(out, opcode, as_bytes(payload), &mask);
  if (!fin) out.data()[0] &= std::byte{0x7f};
  return {out.data(), out.data() + out.size()};
}

inline std::vector<std::byte> operator+(std::vector<std::byte> a, const std::vector<std::byte>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

inline std::string describe(const Piece& piece) {
  constexpr std::string_view names[] = {"frame", "text", "ping", "pong", "close"};
  std::string text{names[static_cast<std::size_t>(piece.kind)]};
  if (piece.kind == PieceKind::close) text += " " + std::to_string(piece.code);
  if (!piece.payload.empty()) text += " " + std::string{as_text(piece.payload)};
  return text;
}

struct Outcome {
  std::vector<std::string> pieces;
  std::optional<FramingFault> fault;
};

// Feeds the stream in reads of `read_bytes`, as a link does.
inline Outcome split(std::vector<std::byte> stream, std::size_t read_bytes, Role role = Role::server,
                     std::size_t limit = websocket_message_bytes_max) {
  Splitter<WebSocketFramer> splitter{role, limit};
  Outcome outcome;
  for (std::size_t at = 0; at < stream.size(); at += read_bytes) {
    // A copy for each read, so that a view into an older read is caught by the address sanitizer.
    std::vector<std::byte> read(stream.begin() + static_cast<std::ptrdiff_t>(at),
                                stream.begin() + static_cast<std::ptrdiff_t>(std::min(at + read_bytes, stream.size())));
    std::span<std::byte> input{read};
    while (const std::optional<Piece> piece = splitter.next(input)) outcome.pieces.push_back(describe(*piece));
    if (splitter.fault()) break;
    EXPECT_TRUE(input.empty());
  }
  outcome.fault = splitter.fault();
  if (!outcome.fault) {
    std::span<std::byte> nothing;
    EXPECT_FALSE(splitter.next(nothing));
  }
  return outcome;
}

}  // namespace clasp::net
