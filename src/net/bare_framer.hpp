// CLASP frames back to back on a reliable stream, without anything between them (transports, section 3.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/bytes.hpp"
#include "core/limits.hpp"
#include "net/framing.hpp"

namespace clasp::net {

// On a reliable stream a frame that does not begin with 0x53 is fatal; only serial lines resynchronise.
class BareFramer {
 public:
  std::optional<Piece> next(std::span<std::byte>& input) {
    if (fault_ || input.empty()) return std::nullopt;
    if (std::to_integer<std::uint8_t>(input[0]) != wire::magic) {
      fault_ = FramingFault{1002, "frame does not begin with 0x53"};
      return std::nullopt;
    }
    const std::size_t bytes = bytes_wanted(input);
    if (input.size() < bytes) return std::nullopt;
    const Piece piece{.kind = PieceKind::frame, .payload = input.first(bytes)};
    input = input.subspan(bytes);
    return piece;
  }

  std::size_t bytes_wanted(Bytes input) const {
    if (input.size() < wire::header_bytes) return wire::header_bytes;
    const bool timestamped = (std::to_integer<unsigned>(input[1]) & 0x20U) != 0;
    return (timestamped ? wire::header_bytes_timestamped : wire::header_bytes) + load_be<std::uint16_t>(input.data() + 2);
  }

  std::optional<FramingFault> fault() const { return fault_; }

 private:
  std::optional<FramingFault> fault_;
};
static_assert(Framer<BareFramer>);

}  // namespace clasp::net
