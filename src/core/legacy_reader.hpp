// Reads fields and values of the MessagePack form. Internal to the legacy decoder.
//
// Places are offsets into the payload. Failure sticks, as in CompactReader: after the first bad read every further one yields nothing.
#pragma once

#include <limits>

#include "core/legacy_fields.hpp"
#include "core/msgpack.hpp"
#include "core/payload_decoder.hpp"

namespace clasp::legacy {

// Where the values of one map's known keys are. The first byte of a payload is the marker of the map itself, so 0 can stand for absent.
struct Fields {
  static constexpr std::uint32_t absent = 0;
  static constexpr std::uint32_t twice = std::numeric_limits<std::uint32_t>::max();
  std::array<std::uint32_t, field_names.size()> places{};
  std::size_t map_at = 0;
  std::uint32_t place(Field field) const { return places[static_cast<std::size_t>(field)]; }
};

class LegacyReader {
 public:
  LegacyReader(Bytes payload, Scratch& scratch) : payload_(payload), scratch_(scratch) {}

  bool failed() const { return failed_; }
  const DecodeError& error() const { return error_; }
  void fail(std::size_t at, DecodeFault fault = DecodeFault::bad_legacy) {
    if (failed_) return;
    failed_ = true;
    error_ = {fault, static_cast<std::uint32_t>(at)};
  }

  // The map at this place. Keys that are no text, or that no message knows, are passed over.
  Fields fields(std::size_t at);

  // One item of a fixed kind. Integers of any width must fit the type; floats are no integers, but integers may stand for floats.
  std::string_view text(std::size_t at);
  bool boolean(std::size_t at);
  std::uint64_t u64(std::size_t at) { return integer(at, std::numeric_limits<std::uint64_t>::max()); }
  std::uint32_t u32(std::size_t at) { return static_cast<std::uint32_t>(integer(at, std::numeric_limits<std::uint32_t>::max())); }
  std::uint16_t u16(std::size_t at) { return static_cast<std::uint16_t>(integer(at, std::numeric_limits<std::uint16_t>::max())); }
  std::uint8_t u8(std::size_t at) { return static_cast<std::uint8_t>(integer(at, std::numeric_limits<std::uint8_t>::max())); }
  double f64(std::size_t at);
  UnixTime time(std::size_t at) { return {u64(at)}; }
  ValueView value(std::size_t at);
  ValueView map_value(std::size_t at);  // a value that must be a map
  MsgpackItem item(std::size_t at);

  // A field that must be there, or may be (absent or nil: nothing). `read` is one of the functions above or any callable on a place.
  template <typename Read>
  auto required(const Fields& from, Field field, Read read) {
    using Found = decltype(this->call(read, 0));
    const std::size_t at = place(from, field);
    if (at == Fields::absent) fail(from.map_at);
    return failed_ ? Found{} : call(read, at);
  }
  template <typename Read>
  auto optional(const Fields& from, Field field, Read read) {
    using Found = decltype(this->call(read, 0));
    const std::size_t at = place(from, field);
    if (failed_ || at == Fields::absent || is_nil(at)) return std::optional<Found>{};
    return std::optional<Found>{call(read, at)};
  }

  // Calls each(place) for the items of the array at this place, each(key place, value place) for the entries of a map.
  template <typename Each>
  void for_each_item(std::size_t at, Each each);
  template <typename Each>
  void for_each_entry(std::size_t at, Each each);

  // ---- canonical bytes into the scratch; a run of calls gives one value from `mark()` on ----
  std::size_t mark() const { return scratch_.size(); }
  ValueView value_since(std::size_t mark) const;
  void put_value(std::size_t at, std::size_t depth);
  void put_head(ValueTag tag, std::size_t length_or_count);
  void put_key(std::string_view key);
  void put_string(std::string_view text);
  void put_bool(bool flag);
  void put_unsigned(std::uint64_t number);
  void put_float(double number);
  Bytes put_samples(std::size_t at);  // an array of numbers as n × f64

 private:
  template <typename Read>
  auto call(Read read, std::size_t at) {
    if constexpr (std::is_member_function_pointer_v<Read>)
      return (this->*read)(at);
    else
      return read(at);
  }
  std::size_t place(const Fields& from, Field field);
  bool is_nil(std::size_t at) const { return payload_[at] == std::byte{0xc0}; }
  std::uint64_t integer(std::size_t at, std::uint64_t max);
  void put_value(MsgpackReader& from, std::size_t depth);
  void put_u16(std::size_t number);
  void put_number(ValueTag tag, std::uint64_t bits);

  Bytes payload_;
  Scratch& scratch_;
  DecodeError error_;
  bool failed_ = false;
};

template <typename Each>
void LegacyReader::for_each_item(std::size_t at, Each each) {
  MsgpackReader in(payload_, at);
  MsgpackItem head;
  if (failed_ || !in.next(head) || head.kind != MsgpackKind::array) return fail(at);
  for (std::uint32_t i = 0; i < head.count; ++i) {
    const std::size_t item_at = in.at();
    if (!in.skip()) return fail(item_at);
    each(item_at);
    if (failed_) return;
  }
}

template <typename Each>
void LegacyReader::for_each_entry(std::size_t at, Each each) {
  MsgpackReader in(payload_, at);
  MsgpackItem head;
  if (failed_ || !in.next(head) || head.kind != MsgpackKind::map) return fail(at);
  for (std::uint32_t i = 0; i < head.count; ++i) {
    const std::size_t key_at = in.at();
    if (!in.skip()) return fail(key_at);
    const std::size_t value_at = in.at();
    if (!in.skip()) return fail(value_at);
    each(key_at, value_at);
    if (failed_) return;
  }
}

}  // namespace clasp::legacy
