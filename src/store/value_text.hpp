// A value as the journal's JSON (journal specification, section 2.3), which some values do not survive, and as bytes where it is so.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/value_view.hpp"

namespace clasp::store {

// Appends the JSON. True: read_value_text() gives exactly this value back; false: keep its bytes as well (exact_bytes()).
bool append_value_text(const ValueView& value, std::string& out);

// The encoded value, tag byte first.
void append_exact_bytes(const ValueView& value, ByteBuffer& out);
// Nothing if they are no value. `scratch` must outlive the view.
std::optional<ValueView> read_exact_bytes(Bytes bytes, ByteBuffer& scratch);

// What another program wrote. Appends the encoded value to `out`; nothing if it is no JSON or does not fit the wire.
std::optional<ValueView> read_value_text(std::string_view json, ByteBuffer& out);

}  // namespace clasp::store
