// Numbers as people and lookup tables write them, and values as numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "clasp/value.hpp"

namespace clasp::transform {

// Shortest text that reads back as the same number; no exponent, no ".0": 1.0 is "1", 1e21 "1000000000000000000000", "NaN", "inf", "-inf".
std::string number_text(double number);

// Text of integer, floating, boolean and string; nothing for the other kinds.
std::optional<std::string> text_of(const Value& value);

// The whole text as a number: decimal i64; floating as well "1e3", "inf", "nan".
std::optional<std::int64_t> parse_integer(std::string_view text);
std::optional<double> parse_floating(std::string_view text);

// What a text most likely was before it became one: integer, floating, boolean, else the text.
Value guess_value(std::string_view text);

}  // namespace clasp::transform
