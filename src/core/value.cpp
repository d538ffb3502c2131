// Value trees from and to canonical bytes.
#include "clasp/value.hpp"

#include <bit>
#include <limits>
#include <unordered_map>

#include "core/check.hpp"
#include "core/limits.hpp"
#include "core/utf8.hpp"
#include "core/value_view.hpp"

namespace clasp {
namespace {

constexpr std::size_t count_max = std::numeric_limits<std::uint16_t>::max();

void put_tag(ByteBuffer& out, ValueTag tag) { out.u8(static_cast<std::uint8_t>(tag)); }

bool put_run(ByteBuffer& out, Bytes bytes) {
  if (bytes.size() > wire::string_bytes_max) return false;
  out.u16(static_cast<std::uint16_t>(bytes.size()));
  out.append(bytes);
  return true;
}

bool put_text(ByteBuffer& out, std::string_view text) { return is_utf8(text) && put_run(out, as_bytes(text)); }

bool put_head(ByteBuffer& out, ValueTag tag, std::size_t count, std::size_t depth) {
  if (count > count_max || depth == wire::value_depth_max) return false;
  put_tag(out, tag);
  out.u16(static_cast<std::uint16_t>(count));
  return true;
}

bool put_value(ByteBuffer& out, const Value& value, std::size_t depth) {
  switch (value.kind()) {
    case ValueKind::null: put_tag(out, ValueTag::null); return true;
    case ValueKind::boolean:
      put_tag(out, ValueTag::boolean);
      out.u8(*value.boolean() ? 1 : 0);
      return true;
    case ValueKind::integer:
      put_tag(out, ValueTag::i64);
      out.u64(static_cast<std::uint64_t>(*value.integer()));
      return true;
    case ValueKind::floating:
      put_tag(out, ValueTag::f64);
      out.u64(std::bit_cast<std::uint64_t>(*value.floating()));
      return true;
    case ValueKind::string: put_tag(out, ValueTag::string); return put_text(out, *value.string());
    case ValueKind::bytes: put_tag(out, ValueTag::bytes); return put_run(out, *value.bytes());
    case ValueKind::array:
      if (!put_head(out, ValueTag::array, value.array()->size(), depth)) return false;
      for (const Value& item : *value.array()) {
        if (!put_value(out, item, depth + 1)) return false;
      }
      return true;
    case ValueKind::map:
      if (!put_head(out, ValueTag::map, value.map()->size(), depth)) return false;
      for (const auto& [key, item] : *value.map()) {
        if (!put_text(out, key) || !put_value(out, item, depth + 1)) return false;
      }
      return true;
  }
  return false;
}

// Builds trees from bytes that have been validated: nothing is checked again.
class TreeBuilder {
 public:
  explicit TreeBuilder(const std::byte* at) : at_(at) {}

  Value build(ValueTag tag) {
    switch (tag) {
      case ValueTag::null: return {};
      case ValueTag::boolean: return Value(*at_++ != std::byte{0});
      case ValueTag::i64: return Value(static_cast<std::int64_t>(number<std::uint64_t>()));
      case ValueTag::f64: return Value(std::bit_cast<double>(number<std::uint64_t>()));
      case ValueTag::string: return Value(as_text(run()));
      case ValueTag::bytes: {
        const Bytes bytes = run();
        return Value(Blob(bytes.begin(), bytes.end()));
      }
      case ValueTag::array: return build_array();
      case ValueTag::map: return build_map();
      default: check_failed("a view is canonical", __FILE__, __LINE__);
    }
  }

 private:
  template <std::unsigned_integral T>
  T number() {
    const T result = load_be<T>(at_);
    at_ += sizeof(T);
    return result;
  }
  Bytes run() {
    const std::size_t bytes = number<std::uint16_t>();
    at_ += bytes;
    return {at_ - bytes, bytes};
  }
  Value build_item() {
    const auto tag = static_cast<ValueTag>(*at_++);
    return build(tag);
  }
  Value build_array() {
    Array items(number<std::uint16_t>());
    for (Value& item : items) item = build_item();
    return Value(std::move(items));
  }
  Value build_map() {
    const std::size_t count = number<std::uint16_t>();
    Map entries;
    entries.reserve(count);
    std::unordered_map<std::string_view, std::size_t> places;  // a search per key would be quadratic in foreign input
    for (std::size_t i = 0; i < count; ++i) {
      const std::string_view key = as_text(run());
      const auto [place, is_new] = places.try_emplace(key, entries.size());
      if (is_new)
        entries.emplace_back(std::string(key), build_item());
      else
        entries[place->second].second = build_item();
    }
    return Value(std::move(entries));
  }

  const std::byte* at_;
};

}  // namespace

bool encode_value(const Value& value, ByteBuffer& out) {
  const std::size_t start = out.size();
  if (put_value(out, value, 0)) return true;
  out.truncate(start);
  return false;
}

Value to_value(const ValueView& view) { return TreeBuilder(view.data.data()).build(view.tag); }

EncodedValue::EncodedValue(const Value& value) : ok_(encode_value(value, bytes_)) {
  if (!ok_) put_tag(bytes_, ValueTag::null);
}

ValueView EncodedValue::view() const { return {static_cast<ValueTag>(*bytes_.data()), bytes_.view(1)}; }

}  // namespace clasp
