// Payloads and values: what an MQTT payload is to the router and back (bridges specification, sections 8.3 and 8.4).
#pragma once

#include <optional>

#include "core/byte_buffer.hpp"
#include "core/value_view.hpp"

namespace clasp::mqtt {

// Not UTF-8: bytes. JSON: what it says. A number as people write it (+5, .5, 5.): floating. Else text. A payload whose value would not fit a CLASP
// message becomes {"mqtt_payload_bytes": n}: only MQTT subscribers get all of it. The view is into `scratch`.
ValueView payload_to_value(Bytes payload, ByteBuffer& scratch);
// The same, but nothing for a payload whose value would not fit.
std::optional<ValueView> find_value(Bytes payload, ByteBuffer& scratch);
// Without a look at what it says: text if it is UTF-8 and is to be, else bytes. Nothing if it would not fit.
enum class Reading : bool { bytes, text };
std::optional<ValueView> find_raw_value(Bytes payload, Reading reading, ByteBuffer& scratch);

// null, true, 42, 0.5 without exponent, text without quotes, bytes as they are, arrays and maps as JSON (bytes in them as arrays of numbers).
void append_payload(ByteBuffer& out, const ValueView& value);
void append_samples(ByteBuffer& out, Bytes samples);  // n × f64 as a JSON array

// Does append_payload() give exactly these bytes? Then the value is enough to keep.
bool is_rendering_of(Bytes payload, const ValueView& value, ByteBuffer& scratch);

}  // namespace clasp::mqtt
