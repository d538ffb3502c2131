// JSON text to Value and back, for protocols; people and logs use to_json() of clasp/value.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "clasp/error.hpp"
#include "clasp/value.hpp"
#include "core/value_view.hpp"

namespace clasp {

// Strict RFC 8259: one value, UTF-8 without byte order mark, nothing behind it. 1 becomes integer, 1.0 and 1e3 floating, and so do integers
// beyond i64. An object whose only key is "$bytes" is a blob in base64. Of duplicate keys the last wins, at the place of the first. Containers
// nest at most wire::value_depth_max deep. The error (402) says what is wrong and at which byte, counted from 0.
//
// Never recurses. A Value takes up to 50 times the bytes of its text ("[0,0,0…]"): bound the text before, or say how many values may be in it (a container
// counts, and so does everything in it).
Result<Value> parse_json(std::string_view text);
Result<Value> parse_json(std::string_view text, std::size_t values_max);

// How bytes look, which JSON has no word for: {"$bytes":"<base64>"}, or an array of numbers from 0 to 255 (bridges specification, section 2.5).
enum class JsonBytes : bool { base64, numbers };

// Non-finite numbers become null, floating 1.0 "1.0", ill-formed UTF-8 U+FFFD; so this is always JSON in one line.
void append_json(const Value& value, JsonBytes bytes, std::string& out);
void append_json(const ValueView& value, JsonBytes bytes, std::string& out);
void append_json_string(std::string_view text, std::string& out);

}  // namespace clasp
