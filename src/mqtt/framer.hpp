// Cuts a stream into MQTT packets in place, for net::Splitter: a piece is one whole packet, fixed header included.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "mqtt/reason.hpp"
#include "net/framing.hpp"

namespace clasp::mqtt {

inline constexpr std::size_t remaining_length_bytes_max = 4;

// A variable byte integer at the start of `input` (MQTT 5, 1.5.5). `bytes` 0: incomplete; `bad`: longer than four bytes.
struct VariableInteger {
  std::uint32_t value = 0;
  std::size_t bytes = 0;
  bool bad = false;
};
inline VariableInteger read_variable_integer(Bytes input) {
  VariableInteger out;
  for (std::size_t i = 0; i < input.size() && i < remaining_length_bytes_max; ++i) {
    const auto digit = std::to_integer<std::uint32_t>(input[i]);
    out.value |= (digit & 0x7fU) << (7 * i);
    if (digit < 0x80) {
      out.bytes = i + 1;
      return out;
    }
  }
  out.bad = input.size() >= remaining_length_bytes_max;
  return out;
}

// Faults, each as soon as the header shows it: a remaining length of more than four bytes, a packet above the limit, a first packet that is no
// CONNECT.
class PacketFramer {
 public:
  explicit PacketFramer(std::size_t packet_bytes_max) : packet_bytes_max_(packet_bytes_max) {}

  std::optional<net::Piece> next(std::span<std::byte>& input) {
    if (fault_ != nullptr || input.empty()) return std::nullopt;
    const VariableInteger length = read_variable_integer(input.subspan(1));
    if (length.bad) return fail(malformed_length);
    if (length.bytes == 0) return std::nullopt;
    const std::size_t whole = 1 + length.bytes + length.value;
    if (whole > packet_bytes_max_) return fail(too_large);
    if (input.size() < whole) return std::nullopt;
    const net::Piece piece{.kind = net::PieceKind::frame, .payload = input.first(whole)};
    input = input.subspan(whole);
    return piece;
  }
  std::size_t bytes_wanted(Bytes input) const {
    if (input.size() < 2) return input.size() + 1;
    const VariableInteger length = read_variable_integer(input.subspan(1));
    return length.bytes == 0 ? input.size() + 1 : std::max(input.size() + 1, 1 + length.bytes + length.value);
  }
  std::optional<net::FramingFault> fault() const {
    return fault_ == nullptr ? std::nullopt : std::optional(net::FramingFault{.close_code = 1002, .text = fault_->text});
  }
  const Fault* why() const { return fault_; }

 private:
  static constexpr Fault malformed_length{Reason::malformed_packet, "a remaining length of more than four bytes"};
  static constexpr Fault too_large{Reason::packet_too_large, "a packet larger than allowed"};

  std::nullopt_t fail(const Fault& fault) {
    fault_ = &fault;
    return std::nullopt;
  }

  std::size_t packet_bytes_max_;
  const Fault* fault_ = nullptr;
};
static_assert(net::Framer<PacketFramer>);

}  // namespace clasp::mqtt
