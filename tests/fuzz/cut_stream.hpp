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

// How large the reads of a stream are: all the same, or as the input says, over and over.
class Cuts {
 public:
  Cuts(std::size_t every) : every_(every) {}
  explicit Cuts(std::span<const std::uint8_t> sizes) : sizes_(sizes) {}

  std::size_t next() {
    if (sizes_.empty()) return every_;
    const std::size_t size = sizes_[at_++ % sizes_.size()];
    return size < 192 ? size + 1 : (size - 191) * 64;  // mostly small, some larger than a frame
  }

 private:
  std::size_t every_ = 1;
  std::span<const std::uint8_t> sizes_;
  std::size_t at_ = 0;
};

// Calls feed(span) with copies of consecutive pieces, so that a view into an older piece is caught by the address sanitizer. Stops when it says so.
template <typename Feed>
void in_reads(std::span<const std::uint8_t> stream, Cuts cuts, Feed feed) {
  for (std::size_t at = 0, bytes = 0; at < stream.size(); at += bytes) {
    bytes = std::min(cuts.next(), stream.size() - at);
    const auto piece = stream.subspan(at, bytes);
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
Split split(std::span<const std::uint8_t> stream, const Cuts& cuts, std::size_t held_max, Args... args) {
  net::Splitter<Framer> splitter{args...};
  Split result;
  in_reads(stream, cuts, [&](std::span<std::byte> input) {
    while (const auto piece = splitter.next(input)) {
      result.pieces.push_back(std::to_string(static_cast<int>(piece->kind)) + (piece->compressed ? "z " : " ") + std::to_string(piece->code) + " " +
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
