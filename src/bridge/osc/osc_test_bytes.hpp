// Builds OSC packets byte by byte for tests, independently of the encoder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/osc/osc_time.hpp"
#include "core/bytes.hpp"

namespace clasp::bridge::osc::test {

// "2f6f 6b00 | 2c69": everything but hex digits is for reading only.
inline std::string hex(std::string_view text) {
  std::string bytes;
  int high = -1;
  for (const char c : text) {
    const std::size_t digit = std::string_view("0123456789abcdef").find(c);
    if (digit == std::string_view::npos) continue;
    if (high < 0) {
      high = static_cast<int>(digit);
    } else {
      bytes += static_cast<char>(high << 4 | static_cast<int>(digit));
      high = -1;
    }
  }
  return bytes;
}

inline std::string to_hex(Bytes bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i != 0 && i % 4 == 0) text += ' ';
    for (const int digit : {std::to_integer<int>(bytes[i]) >> 4, std::to_integer<int>(bytes[i]) & 0xf}) text += "0123456789abcdef"[digit];
  }
  return text;
}

inline std::string u32(std::uint32_t value) {
  std::string bytes(4, '\0');
  store_be(reinterpret_cast<std::byte*>(bytes.data()), value);
  return bytes;
}
inline std::string u64(std::uint64_t value) { return u32(static_cast<std::uint32_t>(value >> 32)) + u32(static_cast<std::uint32_t>(value)); }
inline std::string text(std::string_view content) {
  std::string bytes(content);
  do {
    bytes += '\0';
  } while (bytes.size() % 4 != 0);
  return bytes;
}

inline std::string message(std::string_view address, std::string_view tags, std::string_view data = {}) {
  return text(address) + text(tags) + std::string(data);
}
inline std::string int_message(std::string_view address, std::uint32_t value) { return message(address, ",i", u32(value)); }

inline std::string bundle(TimeTag time, const std::vector<std::string>& elements) {
  std::string bytes = std::string("#bundle\0", 8) + u64(static_cast<std::uint64_t>(time));
  for (const std::string& element : elements) bytes += u32(static_cast<std::uint32_t>(element.size())) + element;
  return bytes;
}

// `depth` bundles inside each other, 20 bytes a level, `innermost` in the last one.
inline std::string nested_bundles(int depth, const std::string& innermost, TimeTag time = TimeTag::immediately) {
  std::string bytes;
  const std::size_t own_bytes = 16 + 4;
  for (int level = 0; level < depth; ++level) {
    const std::size_t inside = static_cast<std::size_t>(depth - 1 - level) * own_bytes + innermost.size();
    bytes += std::string("#bundle\0", 8) + u64(static_cast<std::uint64_t>(time)) + u32(static_cast<std::uint32_t>(inside));
  }
  return bytes + innermost;
}

}  // namespace clasp::bridge::osc::test
