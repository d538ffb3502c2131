// What the commands that write have in common: the value and its type.
#pragma once

#include <string>

#include "cli/arguments.hpp"
#include "cli/value_text.hpp"

namespace clasp::cli {

options::Option type_row(ValueType& type);

// "-" reads stdin to its end; of text, the last newline is left out. What does not parse is a usage error.
Result<Value> value_argument(const Invocation& call, const std::string& text, ValueType type);

}  // namespace clasp::cli
