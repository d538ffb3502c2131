#include "cli/publish_flags.hpp"

#include <fmt/format.h>

#include "cli/input.hpp"

namespace clasp::cli {

options::Option type_row(ValueType& type) {
  return {.name = "type",
          .letter = 't',
          .value = "TYPE",
          .default_text = "auto",
          .help = "What VALUE is: int, float, string, bytes (hex:…, base64:… or as it is), json, bool. auto: JSON if it is, else a string.",
          .apply = apply_choice(type, value_type_names)};
}

Result<Value> value_argument(const Invocation& call, const std::string& text, ValueType type) {
  std::string given = text;
  if (text == "-") {
    auto read = read_file("-", call.input);
    if (!read) return read.error();
    given = std::move(*read);
    if (type != ValueType::bytes && given.ends_with('\n')) given.pop_back();
  }
  auto value = parse_value(given, type);
  if (!value) return bad_option(fmt::format("VALUE: {}", value.error().message));
  return value;
}

}  // namespace clasp::cli
