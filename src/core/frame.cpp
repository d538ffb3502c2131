#include "core/codec.hpp"

namespace clasp {
namespace {

constexpr std::uint8_t timestamp_flag = 0x20;

std::size_t header_bytes(std::uint8_t flags) { return (flags & timestamp_flag) != 0 ? wire::header_bytes_timestamped : wire::header_bytes; }

Qos qos_of(std::uint8_t flags) {  // 3 is reserved and reads as fire
  const auto bits = static_cast<std::uint8_t>(flags >> 6);
  return bits == 3 ? Qos::fire : static_cast<Qos>(bits);
}

bool read_frame(Bytes input, Frame& frame, DecodeError& error) {
  const auto refuse = [&](DecodeFault fault, std::size_t offset) {
    error = {fault, static_cast<std::uint32_t>(offset)};
    return false;
  };
  if (input.size() < wire::header_bytes) return refuse(DecodeFault::short_header, input.size());
  if (input[0] != std::byte{wire::magic}) return refuse(DecodeFault::bad_magic, 0);

  FrameHeader& header = frame.header;
  header.flags = load_be<std::uint8_t>(&input[1]);
  header.qos = qos_of(header.flags);
  header.header_bytes = header_bytes(header.flags);
  header.payload_bytes = load_be<std::uint16_t>(&input[2]);
  if (input.size() < header.frame_bytes()) return refuse(DecodeFault::truncated_frame, input.size());
  if ((header.flags & timestamp_flag) != 0) header.timestamp = UnixTime{load_be<std::uint64_t>(&input[wire::header_bytes])};
  frame.payload = input.subspan(header.header_bytes, header.payload_bytes);
  return true;
}

}  // namespace

Decoded<std::optional<std::size_t>> frame_bytes_expected(Bytes input) {
  if (!input.empty() && input[0] != std::byte{wire::magic}) return std::unexpected(DecodeError{DecodeFault::bad_magic, 0});
  if (input.size() < wire::header_bytes) return std::optional<std::size_t>{};
  return std::optional<std::size_t>{header_bytes(load_be<std::uint8_t>(&input[1])) + load_be<std::uint16_t>(&input[2])};
}

Decoded<Frame> decode_frame(Bytes input) {
  Decoded<Frame> frame(std::in_place);  // filled where it is returned: copying its small fields in one piece would stall
  DecodeError error;
  if (!read_frame(input, *frame, error)) frame = std::unexpected(error);
  return frame;
}

}  // namespace clasp
