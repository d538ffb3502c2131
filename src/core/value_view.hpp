// Values as bytes. A ValueView is a value that has been validated and is canonical: integers are i64, floats f64, everything else as the
// sender wrote it (wire format, sections 4 and 22.13). The router stores and forwards these bytes; a Value tree is built only for callers
// that look inside.
#pragma once

#include <cstdint>
#include <optional>

#include "clasp/value.hpp"
#include "core/byte_buffer.hpp"
#include "core/bytes.hpp"
#include "core/decode_error.hpp"

namespace clasp {

enum class ValueTag : std::uint8_t { null, boolean, i8, i16, i32, i64, f32, f64, string, bytes, array, map };
inline constexpr std::uint8_t value_tag_count = 12;

// Does not own its bytes: valid as long as the buffer it was decoded from (or the store that holds it) keeps them.
struct ValueView {
  ValueTag tag = ValueTag::null;
  Bytes data;  // without the tag byte

  std::size_t encoded_bytes() const { return 1 + data.size(); }  // with the tag byte

  // The content as a number (i64 or f64), as text, as a flag; nothing if it is of another kind.
  std::optional<double> as_number() const;
  std::optional<std::int64_t> as_integer() const;  // i64 only
  std::optional<bool> as_bool() const;
  std::optional<std::string_view> as_string() const;
};

// Same tag and same bytes. (Bitwise: NaN equals the same NaN, 0.0 differs from -0.0.)
bool same_value(const ValueView& a, const ValueView& b);

// Validates one value with the given tag whose data starts at `input[offset]`. On success `offset` is behind it. If the value contains
// narrow numbers it is rewritten into `scratch` with i64/f64 and the view points there, else it points into `input`.
// Never recurses deeper than wire::value_depth_max and allocates at most 8 times the bytes it consumed (the widening).
Decoded<ValueView> decode_value(ValueTag tag, Bytes input, std::size_t& offset, ByteBuffer& scratch);

// Bytes of a Value tree, tag byte first. Fails (false, `out` unchanged) if a string, count or nesting exceeds the wire's limits.
bool encode_value(const Value& value, ByteBuffer& out);

// The tree of a validated view. Of duplicate map keys the last wins (at the place of the first).
Value to_value(const ValueView& view);

// A Value together with its bytes, for building messages: `view()` is valid while this lives and is not moved. A value beyond the wire's
// limits becomes null with ok() == false.
class EncodedValue {
 public:
  explicit EncodedValue(const Value& value);
  bool ok() const { return ok_; }
  ValueView view() const;

 private:
  ByteBuffer bytes_;
  bool ok_ = false;
};

}  // namespace clasp
