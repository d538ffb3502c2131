#include "transform/number_text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace clasp::transform {

std::string number_text(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  std::array<char, 352> text;  // the longest: 17 digits behind 307 zeros and "-0."
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  return {text.data(), end.ptr};
}

std::optional<std::string> text_of(const Value& value) {
  switch (value.kind()) {
    case ValueKind::boolean: return *value.boolean() ? "true" : "false";
    case ValueKind::integer: return std::to_string(*value.integer());
    case ValueKind::floating: return number_text(*value.floating());
    case ValueKind::string: return *value.string();
    default: return std::nullopt;
  }
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<double> parse_floating(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end != text.data() + text.size() || text.empty()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {  // 1e999, 1e-999: the reader does not say which
    const bool tiny = text.find("e-") != std::string_view::npos || text.find("E-") != std::string_view::npos;
    const double edge = tiny ? 0.0 : std::numeric_limits<double>::infinity();
    return text.starts_with('-') ? -edge : edge;
  }
  if (error != std::errc{}) return std::nullopt;
  return number;
}

Value guess_value(std::string_view text) {
  if (const auto integer = parse_integer(text)) return *integer;
  if (const auto floating = parse_floating(text)) return *floating;
  if (text == "true" || text == "false") return text == "true";
  return text;
}

}  // namespace clasp::transform
