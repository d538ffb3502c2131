// CLASP over TCP: a u32 length, big endian, before each frame (transports, section 5.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/bytes.hpp"
#include "core/limits.hpp"
#include "net/framing.hpp"

namespace clasp::net {

// A length of zero or above the largest frame is fatal: what follows cannot be trusted. Bytes inside the length but behind the frame are the
// decoder's to ignore.
class LengthFramer {
 public:
  static constexpr std::size_t prefix_bytes = 4;

  std::optional<Piece> next(std::span<std::byte>& input) {
    if (fault_ || input.size() < prefix_bytes) return std::nullopt;
    const std::size_t length = load_be<std::uint32_t>(input.data());
    if (length == 0) return fail({1002, "length prefix of 0"});
    if (length > wire::frame_bytes_max) return fail({1009, "length prefix above 65547"});
    if (input.size() - prefix_bytes < length) return std::nullopt;
    const Piece piece{.kind = PieceKind::frame, .payload = input.subspan(prefix_bytes, length)};
    input = input.subspan(prefix_bytes + length);
    return piece;
  }

  std::size_t bytes_wanted(Bytes input) const {
    return input.size() < prefix_bytes ? prefix_bytes : prefix_bytes + load_be<std::uint32_t>(input.data());
  }

  std::optional<FramingFault> fault() const { return fault_; }

 private:
  std::nullopt_t fail(FramingFault fault) {
    fault_ = fault;
    return std::nullopt;
  }

  std::optional<FramingFault> fault_;
};
static_assert(Framer<LengthFramer>);

}  // namespace clasp::net
