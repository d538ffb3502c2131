// Views of bytes and big-endian access to them. Everything on the CLASP wire is big-endian (wire format, conventions).
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace clasp {

using Bytes = std::span<const std::byte>;

inline Bytes as_bytes(std::string_view text) { return {reinterpret_cast<const std::byte*>(text.data()), text.size()}; }
inline std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline bool same_bytes(Bytes a, Bytes b) { return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0); }

template <std::unsigned_integral T>
constexpr T swap_if_little(T value) {
  if constexpr (sizeof(T) == 1 || std::endian::native == std::endian::big) {
    return value;
  } else if constexpr (sizeof(T) == 2) {
    return static_cast<T>(__builtin_bswap16(value));
  } else if constexpr (sizeof(T) == 4) {
    return static_cast<T>(__builtin_bswap32(value));
  } else {
    return static_cast<T>(__builtin_bswap64(value));
  }
}

// The caller has checked that sizeof(T) bytes are there.
template <std::unsigned_integral T>
T load_be(const std::byte* at) {
  T raw;
  std::memcpy(&raw, at, sizeof raw);
  return swap_if_little(raw);
}

template <std::unsigned_integral T>
void store_be(std::byte* at, T value) {
  value = swap_if_little(value);
  std::memcpy(at, &value, sizeof value);
}

}  // namespace clasp
