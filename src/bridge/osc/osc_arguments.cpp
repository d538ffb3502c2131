#include "bridge/osc/osc_arguments.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/check.hpp"

namespace clasp::bridge::osc {
namespace {

constexpr std::size_t padded(std::size_t bytes) { return (bytes + 3) & ~std::size_t{3}; }

Bytes take(Bytes& rest, std::size_t n) {
  CLASP_CHECK(n <= rest.size());  // a ValueView has been validated
  const Bytes taken = rest.first(n);
  rest = rest.subspan(n);
  return taken;
}
std::uint16_t take_u16(Bytes& rest) { return load_be<std::uint16_t>(take(rest, 2).data()); }
ValueTag take_tag(Bytes& rest) { return static_cast<ValueTag>(take(rest, 1)[0]); }

// Moves `rest` behind one value. As deep as the value is nested, which its validation has bounded.
void skip(ValueTag tag, Bytes& rest) {
  switch (tag) {
    case ValueTag::null: return;
    case ValueTag::boolean: take(rest, 1); return;
    case ValueTag::i64:
    case ValueTag::f64: take(rest, 8); return;
    case ValueTag::string:
    case ValueTag::bytes: take(rest, take_u16(rest)); return;
    case ValueTag::array:
      for (std::size_t n = take_u16(rest); n > 0; --n) skip(take_tag(rest), rest);
      return;
    case ValueTag::map:
      for (std::size_t n = take_u16(rest); n > 0; --n) {
        take(rest, take_u16(rest));
        skip(take_tag(rest), rest);
      }
      return;
    default: CLASP_CHECK(false && "a view holds narrow numbers");
  }
}

// Text surfaces of OSC write bytes as arrays of numbers (section 2.5), to_json() as {"$bytes": …}.
Value with_bytes_as_arrays(const Value& value) {
  if (const Blob* bytes = value.bytes()) {
    Array numbers;
    numbers.reserve(bytes->size());
    for (const std::byte byte : *bytes) numbers.emplace_back(std::to_integer<int>(byte));
    return numbers;
  }
  if (const Array* items = value.array()) {
    Array copies;
    copies.reserve(items->size());
    for (const Value& item : *items) copies.push_back(with_bytes_as_arrays(item));
    return copies;
  }
  if (const Map* entries = value.map()) {
    Map copies;
    copies.reserve(entries->size());
    for (const auto& [key, item] : *entries) copies.emplace_back(key, with_bytes_as_arrays(item));
    return copies;
  }
  return value;
}

void append_string(ByteBuffer& out, std::string_view text) {
  std::byte* at = out.extend(padded(text.size() + 1));
  std::memset(at + text.size(), 0, padded(text.size() + 1) - text.size());
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
}

}  // namespace

void OscArguments::add(const ValueView& value) {
  Bytes rest = value.data;
  add(value.tag, rest, true);
}

void OscArguments::add(ValueTag tag, Bytes& rest, bool outermost) {
  switch (tag) {
    case ValueTag::null:
      if (encoding_.null_as_nil) tags_ += 'N';
      return;
    case ValueTag::boolean: tags_ += take(rest, 1)[0] == std::byte{0} ? 'F' : 'T'; return;
    case ValueTag::i64: add_integer(static_cast<std::int64_t>(load_be<std::uint64_t>(take(rest, 8).data()))); return;
    case ValueTag::f64: add_floating(std::bit_cast<double>(load_be<std::uint64_t>(take(rest, 8).data()))); return;
    case ValueTag::string: add_text(as_text(take(rest, take_u16(rest)))); return;
    case ValueTag::bytes: add_blob(take(rest, take_u16(rest))); return;
    case ValueTag::array: {
      const bool brackets = encoding_.nested_arrays && !outermost;
      if (brackets) tags_ += '[';
      for (std::size_t n = take_u16(rest); n > 0; --n) add(take_tag(rest), rest, false);
      if (brackets) tags_ += ']';
      return;
    }
    case ValueTag::map: {
      const Bytes whole = rest;
      skip(tag, rest);
      const ValueView map{.tag = tag, .data = whole.first(whole.size() - rest.size())};
      add_text(to_json(with_bytes_as_arrays(to_value(map))));
      return;
    }
    default: CLASP_CHECK(false && "a view holds narrow numbers");
  }
}

void OscArguments::add_samples(Bytes samples) {
  for (; samples.size() >= 8; samples = samples.subspan(8)) add_floating(std::bit_cast<double>(load_be<std::uint64_t>(samples.data())));
}

void OscArguments::add_text(std::string_view text) {
  tags_ += encoding_.strings_as_symbols ? 'S' : 's';
  if (text.find('\0') == std::string_view::npos) {
    append_string(data_, text);
    return;
  }
  std::string carried;
  for (const char c : text) {
    if (c == '\0')
      carried += "\xef\xbf\xbd";
    else
      carried += c;
  }
  append_string(data_, carried);
}

void OscArguments::add_integer(std::int64_t value) {
  using Narrow = std::numeric_limits<std::int32_t>;
  const bool fits = value >= Narrow::min() && value <= Narrow::max();
  if (encoding_.number_format == NumberFormat::native64 || (encoding_.number_format == NumberFormat::automatic && !fits)) {
    tags_ += 'h';
    data_.u64(static_cast<std::uint64_t>(value));
    return;
  }
  tags_ += 'i';
  data_.u32(static_cast<std::uint32_t>(std::clamp<std::int64_t>(value, Narrow::min(), Narrow::max())));
}

void OscArguments::add_floating(double value) {
  constexpr double float_max = std::numeric_limits<float>::max();
  const bool beyond = std::isfinite(value) && std::abs(value) > float_max;
  if (encoding_.number_format == NumberFormat::native64 || (encoding_.number_format == NumberFormat::automatic && beyond)) {
    tags_ += 'd';
    data_.u64(std::bit_cast<std::uint64_t>(value));
    return;
  }
  tags_ += 'f';
  const float narrow = beyond ? std::copysign(std::numeric_limits<float>::infinity(), value < 0 ? -1.0F : 1.0F) : static_cast<float>(value);
  data_.u32(std::bit_cast<std::uint32_t>(narrow));
}

void OscArguments::add_blob(Bytes bytes) {
  tags_ += 'b';
  data_.u32(static_cast<std::uint32_t>(bytes.size()));
  data_.append(bytes);
  for (std::size_t n = bytes.size(); n % 4 != 0; ++n) data_.u8(0);
}

bool append_message(ByteBuffer& out, std::string_view address, const OscArguments& arguments, std::size_t bytes_max) {
  if (!address.starts_with('/') || address.find('\0') != std::string_view::npos) return false;
  const std::size_t bytes = padded(address.size() + 1) + padded(arguments.tags().size() + 1) + arguments.data().size();
  if (bytes > bytes_max) return false;
  append_string(out, address);
  append_string(out, arguments.tags());
  out.append(arguments.data());
  return true;
}

}  // namespace clasp::bridge::osc
