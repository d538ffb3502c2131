// Hashes for tables that foreign input fills: keyed with a secret, so that nobody can choose what collides. Never on the wire, never stored.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace clasp::router {

namespace detail {
__extension__ using Wide = unsigned __int128;

inline std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  const Wide product = Wide{a} * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}
inline std::uint64_t load_word(const char* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}
inline std::uint64_t load_half(const char* at) {
  std::uint32_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}
inline constexpr std::uint64_t odd_a = 0x9e37'79b9'7f4a'7c15;  // two unrelated odd numbers with about half of their bits set
inline constexpr std::uint64_t odd_b = 0xc2b2'ae3d'27d4'eb4f;
}  // namespace detail

inline std::uint64_t hash_word(std::uint64_t word, std::uint64_t seed) {
  return detail::fold(detail::fold(word ^ seed, detail::odd_a) ^ detail::odd_b, seed | 1);
}

inline std::uint64_t hash_text(std::string_view text, std::uint64_t seed) {
  const char* at = text.data();
  std::size_t left = text.size();
  std::uint64_t state = detail::fold(seed ^ detail::odd_a, left ^ detail::odd_b);
  while (left > 16) {
    state = detail::fold(detail::load_word(at) ^ detail::odd_a ^ state, detail::load_word(at + 8) ^ seed);
    at += 16;
    left -= 16;
  }
  // The last 1 to 16 bytes as two words that may overlap.
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  if (left >= 8) {
    first = detail::load_word(at);
    last = detail::load_word(at + left - 8);
  } else if (left >= 4) {
    first = detail::load_half(at);
    last = detail::load_half(at + left - 4);
  } else if (left > 0) {
    first = static_cast<std::uint64_t>(static_cast<unsigned char>(at[0])) << 16 |
            static_cast<std::uint64_t>(static_cast<unsigned char>(at[left / 2])) << 8 | static_cast<unsigned char>(at[left - 1]);
  }
  return detail::fold(detail::fold(first ^ state, last ^ detail::odd_b) ^ seed, detail::odd_a ^ state);
}

}  // namespace clasp::router
