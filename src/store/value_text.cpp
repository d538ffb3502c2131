#include "store/value_text.hpp"

#include <cmath>

#include "core/json.hpp"

namespace clasp::store {
namespace {

// Containers are not looked into: what is deep inside costs more to check than to keep.
bool survives_json(const ValueView& value) {
  switch (value.tag) {
    case ValueTag::null:
    case ValueTag::boolean:
    case ValueTag::i64:
    case ValueTag::string: return true;
    case ValueTag::f64: return std::isfinite(*value.as_number());
    default: return false;
  }
}

}  // namespace

bool append_value_text(const ValueView& value, std::string& out) {
  append_json(value, JsonBytes::numbers, out);
  return survives_json(value);
}

void append_exact_bytes(const ValueView& value, ByteBuffer& out) {
  out.u8(static_cast<std::uint8_t>(value.tag));
  out.append(value.data);
}

std::optional<ValueView> read_exact_bytes(Bytes bytes, ByteBuffer& scratch) {
  if (bytes.empty() || std::to_integer<std::uint8_t>(bytes[0]) >= value_tag_count) return std::nullopt;
  std::size_t offset = 1;
  const auto value = decode_value(static_cast<ValueTag>(bytes[0]), bytes, offset, scratch);
  if (!value || offset != bytes.size()) return std::nullopt;
  return *value;
}

std::optional<ValueView> read_value_text(std::string_view json, ByteBuffer& out) {
  const auto value = parse_json(json);
  if (!value) return std::nullopt;
  const std::size_t at = out.size();
  if (!encode_value(*value, out)) return std::nullopt;
  const Bytes bytes = out.view(at);
  return ValueView{static_cast<ValueTag>(bytes[0]), bytes.subspan(1)};
}

}  // namespace clasp::store
