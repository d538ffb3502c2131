#include "bridge/osc/osc_text.hpp"

#include "core/address.hpp"

namespace clasp::bridge::osc {
namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";

// What may follow a first byte, Unicode table 3-7.
struct Sequence {
  unsigned char first_min, first_max;
  unsigned char second_min, second_max;
  std::size_t bytes;
};
constexpr Sequence sequences[] = {
    {0x00, 0x7f, 0x80, 0xbf, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
    {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

struct Step {
  std::size_t bytes;  // consumed, at least 1
  bool well_formed;
};

Step first_sequence(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (const Sequence& sequence : sequences) {
    if (byte(0) < sequence.first_min || byte(0) > sequence.first_max) continue;
    for (std::size_t i = 1; i < sequence.bytes; ++i) {
      const unsigned char low = i == 1 ? sequence.second_min : 0x80;
      const unsigned char high = i == 1 ? sequence.second_max : 0xbf;
      if (i == text.size() || byte(i) < low || byte(i) > high) return {i, false};
    }
    return {sequence.bytes, true};
  }
  return {1, false};
}

}  // namespace

void append_repaired_utf8(ByteBuffer& out, std::string_view text) {
  if (valid_utf8(text)) {
    out.append(as_bytes(text));
    return;
  }
  while (!text.empty()) {
    const Step step = first_sequence(text);
    out.append(as_bytes(step.well_formed ? text.substr(0, step.bytes) : replacement));
    text.remove_prefix(step.bytes);
  }
}

void append_utf8(ByteBuffer& out, std::uint32_t code_point) {
  const auto continuation = [&out, code_point](unsigned shift) { out.u8(static_cast<std::uint8_t>(0x80 | (code_point >> shift & 0x3f))); };
  if (code_point > 0x10'ffff || (code_point >= 0xd800 && code_point <= 0xdfff)) {
    out.append(as_bytes(replacement));
  } else if (code_point < 0x80) {
    out.u8(static_cast<std::uint8_t>(code_point));
  } else if (code_point < 0x800) {
    out.u8(static_cast<std::uint8_t>(0xc0 | code_point >> 6));
    continuation(0);
  } else if (code_point < 0x1'0000) {
    out.u8(static_cast<std::uint8_t>(0xe0 | code_point >> 12));
    continuation(6);
    continuation(0);
  } else {
    out.u8(static_cast<std::uint8_t>(0xf0 | code_point >> 18));
    continuation(12);
    continuation(6);
    continuation(0);
  }
}

}  // namespace clasp::bridge::osc
