// Text from devices: OSC says ASCII, today's software sends UTF-8, old software Latin-1. CLASP strings are UTF-8 always.
#pragma once

#include <string_view>

#include "core/byte_buffer.hpp"

namespace clasp::bridge::osc {

// Appends `text` with every ill-formed sequence replaced by U+FFFD (one per maximal subpart, as Unicode recommends): at most three times the
// bytes of `text`.
void append_repaired_utf8(ByteBuffer& out, std::string_view text);

// Appends one character; U+FFFD for a number that is no Unicode scalar value.
void append_utf8(ByteBuffer& out, std::uint32_t code_point);

}  // namespace clasp::bridge::osc
