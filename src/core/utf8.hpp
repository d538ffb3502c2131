// UTF-8 checks for short strings on the hot path: ASCII is recognised inline in steps of 8 bytes, anything else goes to valid_utf8().
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "core/address.hpp"

namespace clasp {

inline bool is_ascii(std::string_view text) {
  constexpr std::uint64_t high_bits = 0x8080'8080'8080'8080;
  const char* at = text.data();
  std::size_t left = text.size();
  std::uint64_t seen = 0;
  std::uint64_t eight = 0;
  if (left >= 8) {
    for (; left > 8; at += 8, left -= 8) {
      std::memcpy(&eight, at, 8);
      seen |= eight;
    }
    std::memcpy(&eight, at + left - 8, 8);  // the last 8 bytes, some of them a second time
    seen |= eight;
  } else if (left >= 4) {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    std::memcpy(&first, at, 4);
    std::memcpy(&last, at + left - 4, 4);
    seen = first | last;
  } else {
    for (std::size_t i = 0; i < left; ++i) seen |= static_cast<unsigned char>(at[i]);
  }
  return (seen & high_bits) == 0;
}

inline bool is_utf8(std::string_view text) { return is_ascii(text) || valid_utf8(text); }

}  // namespace clasp
