#include "core/legacy_reader.hpp"

#include <bit>

#include "core/limits.hpp"
#include "core/utf8.hpp"

namespace clasp::legacy {
namespace {

bool is_text(const MsgpackItem& item) {  // binary with UTF-8 in it counts as text wherever text is expected (section 7)
  return (item.kind == MsgpackKind::string || item.kind == MsgpackKind::binary) && is_utf8(as_text(item.bytes));
}

}  // namespace

Fields LegacyReader::fields(std::size_t at) {
  Fields found;
  found.map_at = at;
  for_each_entry(at, [&](std::size_t key_at, std::size_t value_at) {
    const MsgpackItem key = item(key_at);
    if (key.kind != MsgpackKind::string && key.kind != MsgpackKind::binary) return;
    const std::optional<Field> field = find_field(as_text(key.bytes));
    if (!field) return;
    std::uint32_t& place = found.places[static_cast<std::size_t>(*field)];
    place = place == Fields::absent ? static_cast<std::uint32_t>(value_at) : Fields::twice;
  });
  return found;
}

std::size_t LegacyReader::place(const Fields& from, Field field) {
  const std::uint32_t at = from.place(field);
  if (at != Fields::twice) return at;
  fail(from.map_at);
  return Fields::absent;
}

MsgpackItem LegacyReader::item(std::size_t at) {
  MsgpackReader in(payload_, at);
  MsgpackItem found;
  if (!in.next(found)) fail(at);
  return found;
}

std::string_view LegacyReader::text(std::size_t at) {
  const MsgpackItem found = item(at);
  if (is_text(found)) return as_text(found.bytes);
  fail(at);
  return {};
}

bool LegacyReader::boolean(std::size_t at) {
  const MsgpackItem found = item(at);
  if (found.kind != MsgpackKind::boolean) fail(at);
  return found.integer != 0;
}

std::uint64_t LegacyReader::integer(std::size_t at, std::uint64_t max) {
  const MsgpackItem found = item(at);
  if (found.kind == MsgpackKind::positive && found.integer <= max) return found.integer;
  fail(at);
  return 0;
}

double LegacyReader::f64(std::size_t at) {
  const MsgpackItem found = item(at);
  switch (found.kind) {
    case MsgpackKind::floating: return found.floating;
    case MsgpackKind::positive: return static_cast<double>(found.integer);
    case MsgpackKind::negative: return static_cast<double>(static_cast<std::int64_t>(found.integer));
    default: fail(at); return 0;
  }
}

ValueView LegacyReader::value(std::size_t at) {
  const std::size_t start = mark();
  put_value(at, 0);
  return failed_ ? ValueView{} : value_since(start);
}

ValueView LegacyReader::map_value(std::size_t at) {
  const ValueView view = value(at);
  if (view.tag != ValueTag::map) fail(at);
  return view;
}

ValueView LegacyReader::value_since(std::size_t mark) const {
  const Bytes written = scratch_.view(mark);
  return {static_cast<ValueTag>(written[0]), written.subspan(1)};
}

void LegacyReader::put_u16(std::size_t number) { store_be(scratch_.extend(2), static_cast<std::uint16_t>(number)); }

void LegacyReader::put_number(ValueTag tag, std::uint64_t bits) {
  std::byte* const at = scratch_.extend(9);
  *at = static_cast<std::byte>(tag);
  store_be(at + 1, bits);
}

void LegacyReader::put_head(ValueTag tag, std::size_t length_or_count) {  // what a payload can promise always fits a u16
  *scratch_.extend(1) = static_cast<std::byte>(tag);
  put_u16(length_or_count);
}

void LegacyReader::put_key(std::string_view key) {
  put_u16(key.size());
  if (!key.empty()) std::memcpy(scratch_.extend(key.size()), key.data(), key.size());
}

void LegacyReader::put_string(std::string_view text) {
  *scratch_.extend(1) = static_cast<std::byte>(ValueTag::string);
  put_key(text);
}

void LegacyReader::put_bool(bool flag) {
  std::byte* const at = scratch_.extend(2);
  at[0] = static_cast<std::byte>(ValueTag::boolean);
  at[1] = std::byte{flag};
}

void LegacyReader::put_unsigned(std::uint64_t number) {  // beyond i64 a float is the nearest value there is
  if (number <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    put_number(ValueTag::i64, number);
  else
    put_float(static_cast<double>(number));
}

void LegacyReader::put_float(double number) { put_number(ValueTag::f64, std::bit_cast<std::uint64_t>(number)); }

Bytes LegacyReader::put_samples(std::size_t at) {
  const std::size_t start = mark();
  for_each_item(at, [&](std::size_t sample_at) { store_be(scratch_.extend(8), std::bit_cast<std::uint64_t>(f64(sample_at))); });
  return failed_ || mark() == start ? Bytes{} : scratch_.view(start);
}

void LegacyReader::put_value(std::size_t at, std::size_t depth) {
  MsgpackReader in(payload_, at);
  put_value(in, depth);
}

// Recursion ends at wire::value_depth_max containers.
void LegacyReader::put_value(MsgpackReader& from, std::size_t depth) {
  const std::size_t at = from.at();
  MsgpackItem head;
  if (!from.next(head)) return fail(at);
  switch (head.kind) {
    case MsgpackKind::nil: *scratch_.extend(1) = static_cast<std::byte>(ValueTag::null); return;
    case MsgpackKind::boolean: return put_bool(head.integer != 0);
    case MsgpackKind::positive: return put_unsigned(head.integer);
    case MsgpackKind::negative: return put_number(ValueTag::i64, head.integer);
    case MsgpackKind::floating: return put_float(head.floating);
    case MsgpackKind::string:
    case MsgpackKind::binary:
      if (!is_text(head)) return fail(at, DecodeFault::bad_utf8);
      return put_string(as_text(head.bytes));
    case MsgpackKind::array:
    case MsgpackKind::map:
      if (depth == wire::value_depth_max) return fail(at, DecodeFault::nesting_too_deep);
      put_head(head.kind == MsgpackKind::map ? ValueTag::map : ValueTag::array, head.count);
      for (std::uint32_t i = 0; i < head.count && !failed_; ++i) {
        if (head.kind == MsgpackKind::map) {
          const std::size_t key_at = from.at();
          MsgpackItem key;
          if (!from.next(key) || !is_text(key)) return fail(key_at);
          put_key(as_text(key.bytes));
        }
        put_value(from, depth + 1);
      }
      return;
    case MsgpackKind::extension: return fail(at);
  }
}

}  // namespace clasp::legacy
