// What the commands that write have in common: the value and its type.
#pragma once

#include <string>

#include "cli/arguments.hpp"
#include "cli/value_text.hpp"

namespace clasp::cli {

options::Option type_row(ValueType& type);

// A row whose text must be one of `names`, which stand in the order of the enumerators.
template <typename Enum>
options::Apply apply_choice(Enum& target, std::span<const std::string_view> names) {
  return [&target, names](std::string_view text) -> Result<void> {
    const auto index = options::parse_choice(text, names);
    if (!index) return index.error();
    target = static_cast<Enum>(*index);
    return {};
  };
}

// "-" reads stdin to its end; of text, the last newline is left out. What does not parse is a usage error.
Result<Value> value_argument(const Invocation& call, const std::string& text, ValueType type);

}  // namespace clasp::cli
