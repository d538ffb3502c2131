// The two halves of decode_value(), for decoders that place rewritten values themselves. Internal to the codec.
#pragma once

#include "core/value_view.hpp"

namespace clasp {

// What a walk over one value found. `fault` and `at` say why and where it stopped if !ok.
struct ValueScan {
  bool ok = false;
  bool canonical = true;  // may be used where it lies; otherwise widen_value() has to rewrite it
  DecodeFault fault{};
  const std::byte* at = nullptr;    // behind the value, or where it is wrong
  std::size_t canonical_bytes = 0;  // data bytes of the canonical form, at most 8 times those of the value
};

// Checks one value with this tag whose data starts at `at`: lengths, counts, tags, UTF-8, nesting. Never looks at or beyond `end`.
ValueScan scan_value(ValueTag tag, const std::byte* at, const std::byte* end);

// Tag of the canonical form: i8…i32 become i64, f32 becomes f64.
ValueTag canonical_tag(ValueTag tag);

// Writes the canonical form of a scanned value: exactly ValueScan::canonical_bytes.
void widen_value(ValueTag tag, const std::byte* from, std::byte* to);

}  // namespace clasp
