#include "core/value_view.hpp"

#include <array>
#include <bit>

#include "core/check.hpp"
#include "core/limits.hpp"
#include "core/utf8.hpp"
#include "core/value_scan.hpp"

namespace clasp {
namespace {

// Data bytes of the kinds that have a fixed size; how many more the canonical form needs.
struct FixedKind {
  std::uint8_t bytes;
  std::uint8_t widening;
};
constexpr std::array<FixedKind, 8> fixed_kinds{{{0, 0}, {1, 0}, {1, 7}, {2, 6}, {4, 4}, {8, 0}, {4, 4}, {8, 0}}};  // null … f64
constexpr std::size_t array_item_bytes_min = 1;                                                                    // a tag
constexpr std::size_t map_entry_bytes_min = 3;                                                                     // an empty key and a tag

struct OpenContainer {
  std::uint32_t items_left;
  bool is_map;
};

// Rewrites one value and returns where it ended; the scan has checked everything, so nesting is at most wire::value_depth_max.
struct Widening {
  const std::byte* from;
  std::byte* to;

  void copy(std::size_t bytes) {
    if (bytes != 0) std::memcpy(to, from, bytes);
    from += bytes;
    to += bytes;
  }
  std::uint16_t copy_u16() {
    const auto number = load_be<std::uint16_t>(from);
    copy(2);
    return number;
  }
  void integer(std::int64_t number, std::size_t bytes) {
    store_be(to, static_cast<std::uint64_t>(number));
    from += bytes;
    to += 8;
  }
  void tagged_value() {
    const auto tag = static_cast<ValueTag>(*from++);
    *to++ = static_cast<std::byte>(canonical_tag(tag));
    value(tag);
  }
  void value(ValueTag tag) {
    switch (tag) {
      case ValueTag::null: return;
      case ValueTag::boolean: *to++ = std::byte{*from++ != std::byte{0}}; return;
      case ValueTag::i8: return integer(static_cast<std::int8_t>(load_be<std::uint8_t>(from)), 1);
      case ValueTag::i16: return integer(static_cast<std::int16_t>(load_be<std::uint16_t>(from)), 2);
      case ValueTag::i32: return integer(static_cast<std::int32_t>(load_be<std::uint32_t>(from)), 4);
      case ValueTag::f32: {
        const auto wide = static_cast<double>(std::bit_cast<float>(load_be<std::uint32_t>(from)));
        store_be(to, std::bit_cast<std::uint64_t>(wide));
        from += 4;
        to += 8;
        return;
      }
      case ValueTag::i64:
      case ValueTag::f64: return copy(8);
      case ValueTag::string:
      case ValueTag::bytes: {
        const std::size_t length = copy_u16();
        return copy(length);
      }
      case ValueTag::array:
        for (std::size_t left = copy_u16(); left > 0; --left) tagged_value();
        return;
      case ValueTag::map:
        for (std::size_t left = copy_u16(); left > 0; --left) {
          const std::size_t key_bytes = copy_u16();
          copy(key_bytes);
          tagged_value();
        }
        return;
    }
  }
};

}  // namespace

std::optional<double> ValueView::as_number() const {
  if (tag == ValueTag::f64) return std::bit_cast<double>(load_be<std::uint64_t>(data.data()));
  if (const auto integer = as_integer()) return static_cast<double>(*integer);
  return std::nullopt;
}

std::optional<std::int64_t> ValueView::as_integer() const {
  if (tag != ValueTag::i64) return std::nullopt;
  return static_cast<std::int64_t>(load_be<std::uint64_t>(data.data()));
}

std::optional<bool> ValueView::as_bool() const {
  if (tag != ValueTag::boolean) return std::nullopt;
  return data[0] != std::byte{0};
}

std::optional<std::string_view> ValueView::as_string() const {
  if (tag != ValueTag::string) return std::nullopt;
  return as_text(data.subspan(2));
}

bool same_value(const ValueView& a, const ValueView& b) { return a.tag == b.tag && same_bytes(a.data, b.data); }

ValueTag canonical_tag(ValueTag tag) {
  if (tag >= ValueTag::i8 && tag <= ValueTag::i32) return ValueTag::i64;
  return tag == ValueTag::f32 ? ValueTag::f64 : tag;
}

ValueScan scan_value(ValueTag tag, const std::byte* at, const std::byte* end) {
  const std::byte* const begin = at;
  std::array<OpenContainer, wire::value_depth_max> open;  // NOLINT: deliberately not zeroed
  std::size_t depth = 0;
  std::size_t widening = 0;
  bool canonical = true;

  const auto left = [&] { return static_cast<std::size_t>(end - at); };
  const auto stop = [&](DecodeFault fault) { return ValueScan{.fault = fault, .at = at}; };

  while (true) {
    if (tag <= ValueTag::f64) {
      const FixedKind kind = fixed_kinds[static_cast<std::size_t>(tag)];
      if (left() < kind.bytes) return stop(DecodeFault::truncated_message);
      if (kind.widening != 0 || (tag == ValueTag::boolean && *at > std::byte{1})) canonical = false;
      widening += kind.widening;
      at += kind.bytes;
    } else if (tag <= ValueTag::bytes) {
      if (left() < 2) return stop(DecodeFault::truncated_message);
      const std::size_t length = load_be<std::uint16_t>(at);
      if (left() - 2 < length) return stop(DecodeFault::truncated_message);
      if (tag == ValueTag::string && !is_utf8(as_text({at + 2, length}))) return stop(DecodeFault::bad_utf8);
      at += 2 + length;
    } else if (tag <= ValueTag::map) {
      const bool is_map = tag == ValueTag::map;
      if (depth == open.size()) return stop(DecodeFault::nesting_too_deep);
      if (left() < 2) return stop(DecodeFault::truncated_message);
      const std::uint32_t count = load_be<std::uint16_t>(at);
      if (left() - 2 < count * (is_map ? map_entry_bytes_min : array_item_bytes_min)) return stop(DecodeFault::truncated_message);
      at += 2;
      open[depth++] = {count, is_map};
    } else {
      return stop(DecodeFault::unknown_value_tag);
    }

    while (depth > 0 && open[depth - 1].items_left == 0) --depth;
    if (depth == 0) break;
    OpenContainer& container = open[depth - 1];
    --container.items_left;
    if (container.is_map) {
      if (left() < 2) return stop(DecodeFault::truncated_message);
      const std::size_t length = load_be<std::uint16_t>(at);
      if (left() - 2 < length) return stop(DecodeFault::truncated_message);
      if (!is_utf8(as_text({at + 2, length}))) return stop(DecodeFault::bad_utf8);
      at += 2 + length;
    }
    if (left() < 1) return stop(DecodeFault::truncated_message);
    tag = static_cast<ValueTag>(*at);
    if (tag > ValueTag::map) return stop(DecodeFault::unknown_value_tag);
    ++at;
  }
  return {.ok = true, .canonical = canonical, .at = at, .canonical_bytes = static_cast<std::size_t>(at - begin) + widening};
}

void widen_value(ValueTag tag, const std::byte* from, std::byte* to) { Widening{from, to}.value(tag); }

Decoded<ValueView> decode_value(ValueTag tag, Bytes input, std::size_t& offset, ByteBuffer& scratch) {
  CLASP_CHECK(offset <= input.size());
  const std::byte* const start = input.data() + offset;
  const ValueScan scan = scan_value(tag, start, input.data() + input.size());
  const auto reached = static_cast<std::size_t>(scan.at - input.data());
  if (!scan.ok) return std::unexpected(DecodeError{scan.fault, static_cast<std::uint32_t>(reached)});
  offset = reached;
  if (scan.canonical) return ValueView{tag, {start, scan.at}};
  std::byte* const rewritten = scratch.extend(scan.canonical_bytes);
  widen_value(tag, start, rewritten);
  return ValueView{canonical_tag(tag), {rewritten, scan.canonical_bytes}};
}

}  // namespace clasp
