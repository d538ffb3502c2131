// Values to what lenses read and back (lens specification, section 3): wrapped, {"value":22.5}, as nearly all lenses want it, or bare, 22.5.
#pragma once

#include <cstdint>
#include <string>

#include "clasp/value.hpp"
#include "core/value_view.hpp"
#include "lens/lens_error.hpp"
#include "lens/transport_buffer.hpp"

namespace clasp::lens {

enum class Payload : std::uint8_t { automatic, wrapped, bare };
enum class BytesAs : std::uint8_t { skip, base64 };  // what JSON has no word for: such a value passes the lens by, or is {"$bytes":"<base64>"}

// JSON says of it what it is: no NaN or infinity anywhere in it, and no bytes, unless they may be text.
bool fits_json(const ValueView& value, BytesAs bytes);
bool fits_json(const Value& value, BytesAs bytes);

// Replaces `out`.
void write_input(const ValueView& value, Payload payload, std::string& out);
void write_input(const Value& value, Payload payload, std::string& out);

// What a lens gave. nil is null; of a wrapped result the member "value", and without one it is a fault.
LensResult<Value> value_of(const ItemView& item, Payload payload);

}  // namespace clasp::lens
