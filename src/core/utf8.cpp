#include "core/utf8.hpp"

namespace clasp {
namespace {

// Length of the well-formed sequence that starts at `at`, 0 if there is none. Overlong forms, surrogates and anything beyond U+10FFFF are
// ill-formed: the first continuation byte has a narrower range after E0, ED, F0 and F4 (Unicode standard, table 3-7).
std::size_t sequence_bytes(const unsigned char* at, std::size_t left) {
  const auto continues = [&](std::size_t index) { return (at[index] & 0xc0U) == 0x80U; };
  const unsigned char lead = at[0];
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  if (lead < 0xe0) return left >= 2 && continues(1) ? 2 : 0;
  if (left < 3) return 0;
  const unsigned char lowest = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned char highest = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (at[1] < lowest || at[1] > highest || !continues(2)) return 0;
  if (lead < 0xf0) return 3;
  return left >= 4 && continues(3) ? 4 : 0;
}

}  // namespace

bool valid_utf8(std::string_view text) {
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t left = text.size();
  while (left > 0) {
    if (left >= 8) {
      std::uint64_t eight = 0;
      std::memcpy(&eight, at, 8);
      if ((eight & 0x8080'8080'8080'8080) == 0) {
        at += 8;
        left -= 8;
        continue;
      }
    }
    const std::size_t bytes = sequence_bytes(at, left);
    if (bytes == 0) return false;
    at += bytes;
    left -= bytes;
  }
  return true;
}

}  // namespace clasp
