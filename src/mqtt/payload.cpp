#include "mqtt/payload.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <string>

#include "core/json.hpp"
#include "core/limits.hpp"
#include "core/utf8.hpp"

namespace clasp::mqtt {
namespace {

constexpr std::size_t value_bytes_max = wire::payload_bytes_max - 2'048;  // leaves room for the longest address and the fields of a message
constexpr std::size_t digits_max = 400;                                   // of a double without exponent

ValueView view_of(const ByteBuffer& encoded) { return {static_cast<ValueTag>(encoded.data()[0]), encoded.view(1)}; }

ValueView put(ByteBuffer& out, ValueTag tag) {
  out.clear();
  out.u8(static_cast<std::uint8_t>(tag));
  return view_of(out);
}
ValueView put_integer(ByteBuffer& out, std::int64_t number) {
  put(out, ValueTag::i64);
  out.u64(static_cast<std::uint64_t>(number));
  return view_of(out);
}
ValueView put_floating(ByteBuffer& out, double number) {
  put(out, ValueTag::f64);
  out.u64(std::bit_cast<std::uint64_t>(number));
  return view_of(out);
}
ValueView put_boolean(ByteBuffer& out, bool flag) {
  put(out, ValueTag::boolean);
  out.u8(flag ? 1 : 0);
  return view_of(out);
}
ValueView put_counted(ByteBuffer& out, ValueTag tag, Bytes content) {
  put(out, tag);
  out.u16(static_cast<std::uint16_t>(content.size()));
  out.append(content);
  return view_of(out);
}

ValueView put_stand_in(ByteBuffer& out, std::size_t payload_bytes) {
  out.clear();
  encode_value(Value(Map{{"mqtt_payload_bytes", Value(static_cast<std::int64_t>(payload_bytes))}}), out);
  return view_of(out);
}

std::string_view without_whitespace(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t from = text.find_first_not_of(blanks);
  return from == std::string_view::npos ? std::string_view{} : text.substr(from, text.find_last_not_of(blanks) - from + 1);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view take_digits(std::string_view& text) {
  std::size_t n = 0;
  while (n < text.size() && is_digit(text[n])) ++n;
  const std::string_view digits = text.substr(0, n);
  text.remove_prefix(n);
  return digits;
}

struct NumberForm {
  bool json = false;     // as RFC 8259 has it
  bool liberal = false;  // [+-]? (digits [. digits?] | . digits)
  bool whole = false;    // neither fraction nor exponent
};

NumberForm number_form(std::string_view text) {
  NumberForm form;
  const bool plus = text.starts_with('+');
  if (plus || text.starts_with('-')) text.remove_prefix(1);
  const std::string_view whole = take_digits(text);
  bool point = false;
  std::string_view fraction;
  if (text.starts_with('.')) {
    point = true;
    text.remove_prefix(1);
    fraction = take_digits(text);
  }
  const bool no_leading_zero = !whole.empty() && (whole.size() == 1 || whole[0] != '0');
  form.liberal = text.empty() && (!whole.empty() || !fraction.empty());
  bool exponent = false;
  if (text.starts_with('e') || text.starts_with('E')) {
    exponent = true;
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    if (take_digits(text).empty()) return {};
  }
  form.json = text.empty() && !plus && no_leading_zero && (!point || !fraction.empty());
  form.whole = form.json && !point && !exponent;
  return form;
}

std::optional<ValueView> number_of(std::string_view text, ByteBuffer& out) {
  const NumberForm form = number_form(text);
  if (!form.json && !form.liberal) return std::nullopt;
  if (text.starts_with('+')) text.remove_prefix(1);
  if (form.whole) {
    std::int64_t integer = 0;
    if (const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), integer); error == std::errc{})
      return put_integer(out, integer);
  }
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return put_floating(out, number);
}

std::optional<ValueView> json_of(std::string_view text, ByteBuffer& out) {
  const std::string_view trimmed = without_whitespace(text);
  if (trimmed.empty()) return std::nullopt;
  const char first = trimmed.front();
  if (is_digit(first) || first == '-' || first == '+' || first == '.') return number_of(trimmed, out);
  if (trimmed == "null") return put(out, ValueTag::null);
  if (trimmed == "true" || trimmed == "false") return put_boolean(out, trimmed == "true");
  if (first != '{' && first != '[' && first != '"') return std::nullopt;
  const auto value = parse_json(trimmed);
  out.clear();
  if (!value || !encode_value(*value, out)) return std::nullopt;
  return view_of(out);
}

void append_text(ByteBuffer& out, std::string_view text) { out.append(as_bytes(text)); }

void append_floating(ByteBuffer& out, double number) {
  if (std::isnan(number)) return append_text(out, "NaN");
  if (std::isinf(number)) return append_text(out, number < 0 ? "-inf" : "inf");
  std::array<char, digits_max> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number, std::chars_format::fixed);
  append_text(out, {digits.data(), static_cast<std::size_t>(end - digits.data())});
}

// Recursion is bounded: values nest at most wire::value_depth_max deep.
void append_json(ByteBuffer& out, const Value& value) {
  if (const Blob* blob = value.bytes()) {
    append_text(out, "[");
    for (std::size_t i = 0; i < blob->size(); ++i) append_text(out, fmt::format("{}{}", i > 0 ? "," : "", std::to_integer<unsigned>((*blob)[i])));
    append_text(out, "]");
  } else if (const Array* items = value.array()) {
    append_text(out, "[");
    for (std::size_t i = 0; i < items->size(); ++i) {
      if (i > 0) append_text(out, ",");
      append_json(out, (*items)[i]);
    }
    append_text(out, "]");
  } else if (const Map* entries = value.map()) {
    append_text(out, "{");
    for (std::size_t i = 0; i < entries->size(); ++i) {
      if (i > 0) append_text(out, ",");
      append_text(out, to_json(Value((*entries)[i].first)) + ":");
      append_json(out, (*entries)[i].second);
    }
    append_text(out, "}");
  } else {
    append_text(out, to_json(value));
  }
}

}  // namespace

ValueView payload_to_value(Bytes payload, ByteBuffer& scratch) {
  const auto value = find_value(payload, scratch);
  return value ? *value : put_stand_in(scratch, payload.size());
}

std::optional<ValueView> find_value(Bytes payload, ByteBuffer& scratch) {
  if (payload.size() > value_bytes_max) return std::nullopt;
  const std::string_view text = as_text(payload);
  if (!is_utf8(text)) return put_counted(scratch, ValueTag::bytes, payload);
  const auto value = json_of(text, scratch);
  if (!value) return put_counted(scratch, ValueTag::string, payload);
  return value->data.size() > value_bytes_max ? std::nullopt : value;
}

std::optional<ValueView> find_raw_value(Bytes payload, Reading reading, ByteBuffer& scratch) {
  if (payload.size() > value_bytes_max) return std::nullopt;
  const bool is_text = reading == Reading::text && is_utf8(as_text(payload));
  return put_counted(scratch, is_text ? ValueTag::string : ValueTag::bytes, payload);
}

void append_payload(ByteBuffer& out, const ValueView& value) {
  switch (value.tag) {
    case ValueTag::null: return append_text(out, "null");
    case ValueTag::boolean: return append_text(out, *value.as_bool() ? "true" : "false");
    case ValueTag::i64: {
      std::array<char, 24> digits;
      const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), *value.as_integer());
      return append_text(out, {digits.data(), static_cast<std::size_t>(end - digits.data())});
    }
    case ValueTag::f64: return append_floating(out, *value.as_number());
    case ValueTag::string:
    case ValueTag::bytes: return out.append(value.data.subspan(2));
    default: return append_json(out, to_value(value));
  }
}

void append_samples(ByteBuffer& out, Bytes samples) {
  append_text(out, "[");
  for (std::size_t at = 0; at + 8 <= samples.size(); at += 8) {
    if (at > 0) append_text(out, ",");
    const auto number = std::bit_cast<double>(load_be<std::uint64_t>(samples.data() + at));
    std::isfinite(number) ? append_floating(out, number) : append_text(out, "null");
  }
  append_text(out, "]");
}

bool is_rendering_of(Bytes payload, const ValueView& value, ByteBuffer& scratch) {
  scratch.clear();
  append_payload(scratch, value);
  return same_bytes(payload, scratch.view());
}

}  // namespace clasp::mqtt
