#include "core/utf8_scanner.hpp"

#include <cstddef>
#include <cstring>

namespace clasp {

namespace {

// How many bytes of ASCII `text` begins with, in steps of 8.
std::size_t ascii_run(std::string_view text) {
  std::size_t at = 0;
  for (std::uint64_t eight = 0; text.size() - at >= 8; at += 8) {
    std::memcpy(&eight, text.data() + at, 8);
    if ((eight & 0x8080'8080'8080'8080) != 0) break;
  }
  return at;
}

}  // namespace

// The first byte behind a lead has a narrower range after E0, ED, F0 and F4: overlong forms, surrogates and what lies above U+10FFFF are ill-formed
// (Unicode standard, table 3-7).
bool Utf8Scanner::take(std::string_view piece) {
  for (std::size_t i = 0; i < piece.size() && missing_ != broken; ++i) {
    if (missing_ == 0) {
      i += ascii_run(piece.substr(i));
      if (i == piece.size()) break;
    }
    const auto byte = static_cast<std::uint8_t>(piece[i]);
    if (missing_ > 0) {
      const bool fits = byte >= lowest_ && byte <= highest_;
      missing_ = fits ? static_cast<std::uint8_t>(missing_ - 1) : broken;
      lowest_ = 0x80;
      highest_ = 0xbf;
    } else if (byte >= 0x80) {
      missing_ = byte < 0xc2 || byte > 0xf4 ? broken : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
      if (byte == 0xe0) lowest_ = 0xa0;
      if (byte == 0xed) highest_ = 0x9f;
      if (byte == 0xf0) lowest_ = 0x90;
      if (byte == 0xf4) highest_ = 0x8f;
    }
  }
  return missing_ != broken;
}

}  // namespace clasp
