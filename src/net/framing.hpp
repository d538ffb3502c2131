// What the framers of this folder have in common: each cuts a byte stream into pieces in place (transports, sections 3 to 5).
//
// A framer has
//   std::optional<Piece> next(std::span<std::byte>& input)   takes one piece from the front of `input`, or nothing: incomplete, or fault()
//   std::size_t bytes_wanted(Bytes input) const              after next() took nothing: how many bytes of `input` the next piece needs at least;
//                                                            always more than input.size(), and bounded by the framer's limit
//   std::optional<FramingFault> fault() const                the stream is broken for good; next() returns nothing from now on
// and may have
//   void look_ahead(Bytes input)                             bytes of a piece that stays incomplete: a chance to find a fault early
// Splitter (splitter.hpp) adds the memory for incomplete pieces.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/bytes.hpp"

namespace clasp::net {

enum class PieceKind : std::uint8_t { frame, text, ping, pong, close };

struct Piece {
  PieceKind kind = PieceKind::frame;
  bool compressed = false;  // frame and text, where permessage-deflate was agreed on: inflate it first
  Bytes payload;            // valid until the next call of next(); of a close: the reason text
  std::uint16_t code = 0;   // of a close: the peer's code, 1005 if it gave none
};

struct FramingFault {
  std::uint16_t close_code = 1002;  // WebSocket close code to answer with
  std::string_view text;            // static; one line for people
};

template <typename T>
concept Framer = requires(T framer, const T& fixed, std::span<std::byte>& input) {
  { framer.next(input) } -> std::same_as<std::optional<Piece>>;
  { fixed.bytes_wanted(Bytes{}) } -> std::same_as<std::size_t>;
  { fixed.fault() } -> std::same_as<std::optional<FramingFault>>;
};

}  // namespace clasp::net
