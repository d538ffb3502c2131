#include "lens/payload.hpp"

#include <charconv>
#include <cmath>
#include <optional>
#include <vector>

#include "core/json.hpp"

namespace clasp::lens {

namespace {

constexpr std::string_view wrapped_begin = R"({"value":)";
constexpr std::size_t result_values_max = 65'536;

template <typename V>
void write(const V& value, Payload payload, std::string& out) {
  out.clear();
  const bool wrapped = payload != Payload::bare;
  if (wrapped) out += wrapped_begin;
  append_json(value, JsonBytes::base64, out);
  if (wrapped) out += '}';
}

}  // namespace

bool fits_json(const Value& whole, BytesAs bytes) {
  std::vector<const Value*> open{&whole};
  while (!open.empty()) {
    const Value& value = *open.back();
    open.pop_back();
    if (const double* number = value.floating(); number != nullptr && !std::isfinite(*number)) return false;
    if (value.bytes() != nullptr && bytes == BytesAs::skip) return false;
    if (const Array* items = value.array()) {
      for (const Value& item : *items) open.push_back(&item);
    }
    if (const Map* entries = value.map()) {
      if (entries->size() == 1 && entries->front().first == "$bytes" && bytes == BytesAs::skip) return false;  // it would come back as bytes
      for (const MapEntry& entry : *entries) open.push_back(&entry.second);
    }
  }
  return true;
}

namespace {

// Numbers are what lenses mostly give: this is parse_json() for them, in a fifth of its time. Nothing if it is no number, or one that needs thought.
std::optional<Value> plain_number(std::string_view text) {
  const char* p = text.data();
  const char* const end = p + text.size();
  const auto digits = [&p, end] {
    const char* const begin = p;
    while (p < end && *p >= '0' && *p <= '9') ++p;
    return p - begin;
  };
  if (p < end && *p == '-') ++p;
  const char* const first = p;
  const auto whole = digits();
  if (whole == 0 || (whole > 1 && *first == '0')) return std::nullopt;
  if (p == end) {
    std::int64_t integer = 0;
    if (*first == '0' || std::from_chars(text.data(), end, integer).ec != std::errc{}) return std::nullopt;
    return Value(integer);
  }
  if (*p == '.' && (++p, digits() == 0)) return std::nullopt;
  if (p < end && (*p == 'e' || *p == 'E')) {
    ++p;
    if (p < end && (*p == '+' || *p == '-')) ++p;
    if (digits() == 0) return std::nullopt;
  }
  double number = 0;
  if (p != end || std::from_chars(text.data(), end, number).ec != std::errc{}) return std::nullopt;
  return Value(number);
}

// {"value":0.5} needs no tree of a map to be read.
std::string_view inside_of(std::string_view json) {
  const bool plain = json.size() > wrapped_begin.size() + 1 && json.starts_with(wrapped_begin) && json.back() == '}';
  return plain ? json.substr(wrapped_begin.size(), json.size() - wrapped_begin.size() - 1) : std::string_view();
}

}  // namespace

bool fits_json(const ValueView& value, BytesAs bytes) {
  switch (value.tag) {
    case ValueTag::f64: return std::isfinite(*value.as_number());
    case ValueTag::bytes: return bytes != BytesAs::skip;
    case ValueTag::array:
    case ValueTag::map: return fits_json(to_value(value), bytes);
    default: return true;
  }
}

void write_input(const ValueView& value, Payload payload, std::string& out) { write(value, payload, out); }
void write_input(const Value& value, Payload payload, std::string& out) { write(value, payload, out); }

LensResult<Value> value_of(const ItemView& item, Payload payload) {
  if (item.kind == ItemKind::nil) return Value();
  const bool wrapped = payload != Payload::bare;
  if (wrapped) {
    // What is valid between the braces is the only member's value: two members are not valid there.
    if (const std::string_view inside = inside_of(item.payload); !inside.empty()) {
      if (auto number = plain_number(inside)) return *std::move(number);
      if (auto value = parse_json(inside, result_values_max)) return *std::move(value);
    }
  }
  auto value = parse_json(item.payload, result_values_max);
  if (!value) return lens_fault(Fault::json, value.error().message);
  if (!wrapped) return *std::move(value);
  const Value* inner = value->find("value");
  if (inner == nullptr) return lens_fault(Fault::json, "the result is no object with a member \"value\"; see \"payload\"");
  return *inner;
}

}  // namespace clasp::lens
