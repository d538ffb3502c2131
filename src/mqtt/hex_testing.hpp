// Packets as hexadecimal digits: blanks group them for reading only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/byte_buffer.hpp"
#include "core/bytes.hpp"

namespace clasp::mqtt {

inline std::vector<std::byte> unhex(std::string_view digits) {
  std::vector<std::byte> out;
  std::string pair;
  for (const char c : digits) {
    if (c == ' ') continue;
    pair += c;
    if (pair.size() < 2) continue;
    out.push_back(static_cast<std::byte>(std::stoi(pair, nullptr, 16)));
    pair.clear();
  }
  return out;
}

inline std::string hex(Bytes bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto byte = std::to_integer<unsigned>(bytes[i]);
    out += {digits[byte >> 4], digits[byte & 15]};
  }
  return out;
}
inline std::string hex(const ByteBuffer& bytes) { return hex(bytes.view()); }

}  // namespace clasp::mqtt
