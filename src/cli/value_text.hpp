// Values as people type them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "clasp/error.hpp"
#include "clasp/value.hpp"

namespace clasp::cli {

// automatic: JSON if it is JSON, else a string as it stands.
enum class ValueType : std::uint8_t { automatic, integer, floating, string, bytes, json, boolean };
inline constexpr std::array<std::string_view, 7> value_type_names{"auto", "int", "float", "string", "bytes", "json", "bool"};

// 1 is an integer, 0.8 floating, true, null, "text", [1,2], {"a":1}; hello is a string. Bytes: "hex:00ff", "base64:AP8=", else the text's own.
// The error says what was expected.
Result<Value> parse_value(std::string_view text, ValueType type = ValueType::automatic);

}  // namespace clasp::cli
