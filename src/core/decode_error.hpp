// Why bytes could not be decoded, and where. Cheap to make and to drop (no text until asked): garbage may come at line rate.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace clasp {

// The categories of wire format, section 19.
enum class DecodeFault : std::uint8_t {
  short_header,
  bad_magic,
  truncated_frame,
  payload_too_large,
  empty_payload,
  unknown_message,
  truncated_message,
  bad_utf8,
  unknown_value_tag,
  nesting_too_deep,
  unknown_federation_op,
  bad_legacy,  // MessagePack that is no message: missing field, wrong kind, out of range
};

struct DecodeError {
  DecodeFault fault{};
  std::uint32_t offset = 0;  // bytes from the start of what was being decoded (frame or payload)
  bool operator==(const DecodeError&) const = default;
};

// "truncated message at byte 17": one line for logs and for ERROR 101.
std::string describe(const DecodeError& error);
std::string_view fault_name(DecodeFault fault);

template <typename T>
using Decoded = std::expected<T, DecodeError>;

}  // namespace clasp
