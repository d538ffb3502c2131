#include "cli/value_text.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <system_error>

#include "cli/arguments.hpp"
#include "core/base64.hpp"
#include "core/bytes.hpp"
#include "core/json.hpp"
#include "core/utf8.hpp"
#include "options/option_set.hpp"

namespace clasp::cli {

namespace {

template <typename T>
std::optional<T> parse_whole(std::string_view text, int base) {
  T value{};
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<Value> parse_string(std::string_view text) {
  if (!is_utf8(text)) return bad_option("the value is not UTF-8 text; --type bytes sends it as bytes");
  return Value(text);
}

Result<Value> parse_automatic(std::string_view text) {
  if (auto value = parse_json(text)) return value;
  return parse_string(text);
}

Result<Value> parse_integer(std::string_view text) {
  if (const auto value = parse_whole<std::int64_t>(text, 10)) return Value(*value);
  return bad_option(fmt::format("expected a whole number from {} to {}", INT64_MIN, INT64_MAX));
}

Result<Value> parse_floating(std::string_view text) {
  double value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);  // also inf and nan, which JSON has not
  if (text.empty() || fault != std::errc{} || end != text.data() + text.size()) return bad_option("expected a number such as 0.8 or 1e-3");
  return Value(value);
}

Result<Value> parse_bytes(std::string_view text) {
  if (text.starts_with("base64:")) {
    auto blob = base64_decode(text.substr(7));
    if (!blob) return bad_option("expected base64 with padding behind base64:");
    return Value(std::move(*blob));
  }
  Blob blob;
  if (!text.starts_with("hex:")) {
    const Bytes raw = as_bytes(text);
    blob.assign(raw.begin(), raw.end());
    return Value(std::move(blob));
  }
  const std::string_view digits = text.substr(4);
  if (digits.size() % 2 != 0) return bad_option("expected an even number of hexadecimal digits behind hex:");
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const auto byte = parse_whole<std::uint8_t>(digits.substr(i, 2), 16);
    if (!byte) return bad_option(fmt::format("expected hexadecimal digits behind hex:, not \"{}\"", digits.substr(i, 2)));
    blob.push_back(std::byte{*byte});
  }
  return Value(std::move(blob));
}

Result<Value> parse_boolean(std::string_view text) {
  const auto value = options::parse_switch(text);
  if (!value) return value.error();
  return Value(*value);
}

using Parser = Result<Value> (*)(std::string_view);
constexpr std::array<Parser, value_type_names.size()> parsers{parse_automatic, parse_integer, parse_floating, parse_string,
                                                              parse_bytes,     parse_json,    parse_boolean};

}  // namespace

Result<Value> parse_value(std::string_view text, ValueType type) { return parsers[static_cast<std::size_t>(type)](text); }

}  // namespace clasp::cli
