// For fuzz targets of stream parsers: the same bytes in one read and in many must give the same result.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "net/splitter.hpp"

namespace clasp::fuzz {

inline void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "violated: %s\n", what);
  std::abort();
}

// Calls feed(span) with copies of consecutive pieces, so that a view into an older piece is caught by the address sanitizer. Stops when it says so.
template <typename Feed>
void in_reads(std::span<const std::uint8_t> stream, std::size_t read_bytes, Feed feed) {
  for (std::size_t at = 0; at < stream.size(); at += read_bytes) {
    const auto piece = stream.subspan(at, std::min(read_bytes, stream.size() - at));
    std::vector<std::byte> read(piece.size());
    std::transform(piece.begin(), piece.end(), read.begin(), [](std::uint8_t byte) { return static_cast<std::byte>(byte); });
    if (!feed(std::span<std::byte>{read})) return;
  }
}

struct Split {
  std::vector<std::string> pieces;
  std::uint16_t fault = 0;
  bool operator==(const Split&) const = default;
};

template <typename Framer, typename... Args>
Split split(std::span<const std::uint8_t> stream, std::size_t read_bytes, std::size_t held_max, Args... args) {
  net::Splitter<Framer> splitter{args...};
  Split result;
  in_reads(stream, read_bytes, [&](std::span<std::byte> input) {
    while (const auto piece = splitter.next(input)) {
      result.pieces.push_back(std::to_string(static_cast<int>(piece->kind)) + " " + std::to_string(piece->code) + " " +
                              std::string{as_text(piece->payload)});
    }
    require(splitter.fault() || input.empty(), "bytes are either taken or faulty");
    require(splitter.bytes_held() <= 2 * held_max, "memory for an incomplete piece is bounded");
    return !splitter.fault();
  });
  if (const auto fault = splitter.fault()) result.fault = fault->close_code;
  return result;
}

}  // namespace clasp::fuzz
