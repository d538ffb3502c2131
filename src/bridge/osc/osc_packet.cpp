#include "bridge/osc/osc_packet.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>

#include "bridge/osc/osc_text.hpp"
#include "core/address.hpp"
#include "core/limits.hpp"

namespace clasp::bridge::osc {
namespace {

constexpr std::size_t bundle_header_bytes = 16;
constexpr std::size_t depth_ceiling = 32;       // the decoder's own stacks; OscLimits may ask for less
constexpr std::size_t frame_overhead_max = 64;  // everything of a SET or PUBLISH but address and value, inside a bundle
constexpr std::uint16_t count_max = std::numeric_limits<std::uint16_t>::max();

std::size_t padded(std::size_t bytes) { return (bytes + 3) & ~std::size_t{3}; }

// Takes n bytes off the front, with their padding as far as it is there.
Bytes take_padded(Bytes& data, std::size_t n) {
  const Bytes taken = data.first(n);
  data = data.subspan(std::min(padded(n), data.size()));
  return taken;
}

// An OSC string: up to a NUL that must be there. Padding after it may be cut off by the end of the packet.
std::optional<std::string_view> take_string(Bytes& data) {
  if (data.empty()) return std::nullopt;
  const void* nul = std::memchr(data.data(), 0, data.size());
  if (nul == nullptr) return std::nullopt;
  const auto length = static_cast<std::size_t>(static_cast<const std::byte*>(nul) - data.data());
  return as_text(take_padded(data, length + 1)).substr(0, length);
}

bool is_bundle(Bytes bytes) { return bytes.size() >= bundle_mark.size() && as_text(bytes.first(bundle_mark.size())) == bundle_mark; }

enum class TagsFault : std::uint8_t { none, unknown_tag, unbalanced, too_deep };
struct Tags {
  TagsFault fault = TagsFault::none;
  std::size_t top_level_count = 0;
};

Tags check_tags(std::string_view tags, std::size_t depth_max) {
  Tags result;
  std::size_t depth = 0;
  for (const char tag : tags) {
    if (tag == ']') {
      if (depth == 0) return {TagsFault::unbalanced, 0};
      --depth;
      continue;
    }
    if (depth == 0) ++result.top_level_count;
    if (tag == '[') {
      if (++depth > depth_max) return {TagsFault::too_deep, 0};
    } else if (std::string_view("ifsbhtdScrmTFNI").find(tag) == std::string_view::npos) {
      return {TagsFault::unknown_tag, 0};
    }
  }
  if (depth != 0) return {TagsFault::unbalanced, 0};
  return result;
}

void write_tag(ByteBuffer& out, ValueTag tag) { out.u8(static_cast<std::uint8_t>(tag)); }
void write_integer(ByteBuffer& out, std::int64_t value) {
  write_tag(out, ValueTag::i64);
  out.u64(static_cast<std::uint64_t>(value));
}
void write_floating(ByteBuffer& out, double value) {
  write_tag(out, ValueTag::f64);
  out.u64(std::bit_cast<std::uint64_t>(value));
}
void write_boolean(ByteBuffer& out, bool value) {
  write_tag(out, ValueTag::boolean);
  out.u8(value ? 1 : 0);
}
void write_four_integers(ByteBuffer& out, Bytes four) {
  write_tag(out, ValueTag::array);
  out.u16(4);
  for (const std::byte byte : four) write_integer(out, std::to_integer<std::int64_t>(byte));
}

// Bytes of argument data with a fixed size; strings and blobs say theirs themselves.
std::size_t fixed_bytes(char tag) {
  switch (tag) {
    case 'i':
    case 'f':
    case 'c':
    case 'r':
    case 'm': return 4;
    case 'h':
    case 't':
    case 'd': return 8;
    default: return 0;
  }
}

}  // namespace

void OscDecoder::decode(Bytes datagram) {
  messages_.clear();
  extents_.clear();
  store_.clear();
  faults_ = {};
  if (is_bundle(datagram)) {
    read_bundle(datagram);
  } else {
    read_message(datagram, TimeTag::immediately, false);
  }
  for (std::size_t i = 0; i < messages_.size(); ++i) {  // store_ grows no more: now views of it hold
    const Extent& extent = extents_[i];
    const Bytes value = store_.view().subspan(extent.value_from, extent.value_to - extent.value_from);
    messages_[i].value = {.tag = static_cast<ValueTag>(value[0]), .data = value.subspan(1)};
    if (extent.address_bytes != 0) {
      messages_[i].address = as_text(store_.view().subspan(extent.value_from - extent.address_bytes, extent.address_bytes));
    }
  }
}

void OscDecoder::read_bundle(Bytes bundle) {
  struct Level {
    Bytes rest;
    TimeTag time;
  };
  std::array<Level, depth_ceiling> levels;
  const std::size_t depth_max = std::min(limits_.depth_max, depth_ceiling);
  std::size_t depth = 0;

  const auto enter = [&](Bytes bytes, TimeTag outer) {
    if (bytes.size() < bundle_header_bytes) {
      ++faults_.malformed;
    } else if (depth == depth_max) {
      ++faults_.too_deep;
    } else {
      const TimeTag own{load_be<std::uint64_t>(bytes.data() + bundle_mark.size())};
      levels[depth++] = {bytes.subspan(bundle_header_bytes), is_later(own, outer) ? own : outer};
    }
  };

  enter(bundle, TimeTag::immediately);
  for (std::size_t elements = 0; depth > 0;) {
    Level& level = levels[depth - 1];
    if (level.rest.empty()) {
      --depth;
      continue;
    }
    if (++elements > limits_.elements_max) {
      ++faults_.too_many;
      return;
    }
    const std::size_t size = level.rest.size() < 4 ? level.rest.size() : load_be<std::uint32_t>(level.rest.data());
    const std::size_t room = level.rest.size() < 4 ? 0 : level.rest.size() - 4;
    if (size > room || (size % 4 != 0 && size != room)) {  // an unpadded last element is tolerated
      ++faults_.malformed;
      --depth;
      continue;
    }
    const Bytes element = level.rest.subspan(4, size);
    level.rest = level.rest.subspan(4 + size);
    if (is_bundle(element)) {
      enter(element, level.time);
    } else {
      read_message(element, level.time, true);
    }
  }
}

void OscDecoder::read_message(Bytes bytes, TimeTag time, bool bundled) {
  Bytes rest = bytes;
  const std::optional<std::string_view> address = take_string(rest);
  if (!address || !address->starts_with('/')) {
    ++faults_.malformed;
    return;
  }
  std::string_view tags;
  if (!rest.empty()) {  // old senders leave the type tags out when there is no argument
    const std::optional<std::string_view> text = take_string(rest);
    if (!text || !text->starts_with(',')) {
      ++faults_.malformed;
      return;
    }
    tags = text->substr(1);
  }
  const Tags checked = check_tags(tags, std::min(limits_.depth_max, depth_ceiling));
  switch (checked.fault) {
    case TagsFault::unknown_tag: ++faults_.unknown_tag; return;
    case TagsFault::too_deep: ++faults_.too_deep; return;
    case TagsFault::unbalanced: ++faults_.malformed; return;
    case TagsFault::none: break;
  }

  const std::size_t start = store_.size();
  if (!valid_utf8(*address)) append_repaired_utf8(store_, *address);
  const std::size_t value_from = store_.size();
  const std::size_t repaired_bytes = value_from - start;
  const std::size_t address_bytes = std::max(repaired_bytes, address->size());
  const std::uint32_t faults_before = faults_.total();
  if (address_bytes + frame_overhead_max >= wire::payload_bytes_max || tags.size() > count_max) {
    ++faults_.too_large;
  } else {
    if (checked.top_level_count == 0) write_tag(store_, ValueTag::null);
    if (checked.top_level_count > 1) {
      write_tag(store_, ValueTag::array);
      store_.u16(static_cast<std::uint16_t>(checked.top_level_count));
    }
    if (!write_arguments(tags, rest, wire::payload_bytes_max - frame_overhead_max - address_bytes) && faults_.total() == faults_before) {
      ++faults_.malformed;
    }
  }
  if (faults_.total() != faults_before) {
    store_.truncate(start);
    return;
  }
  messages_.push_back({.address = *address, .value = {}, .time = time, .bundled = bundled, .raw = bytes});
  extents_.push_back({.value_from = value_from, .value_to = store_.size(), .address_bytes = repaired_bytes});
}

bool OscDecoder::write_arguments(std::string_view tags, Bytes data, std::size_t value_bytes_max) {
  struct Open {
    std::size_t count_at;
    std::uint16_t count = 0;
  };
  std::array<Open, depth_ceiling + 1> open{};  // [0] is the list of arguments itself, whose count is known
  std::size_t depth = 0;
  const std::size_t end_max = store_.size() + value_bytes_max;
  for (const char tag : tags) {
    if (tag == ']') {
      store_be(store_.data() + open[depth].count_at, open[depth].count);
      --depth;
      continue;
    }
    ++open[depth].count;
    if (tag == '[') {
      write_tag(store_, ValueTag::array);
      open[++depth] = {.count_at = store_.size()};
      store_.u16(0);
    } else if (!write_argument(tag, data)) {
      return false;
    }
    if (store_.size() > end_max) {
      ++faults_.too_large;
      return false;
    }
  }
  return true;
}

// False if the data is not there. Everything about sizes is decided before a byte is read.
bool OscDecoder::write_argument(char tag, Bytes& data) {
  const std::size_t bytes = fixed_bytes(tag);
  if (data.size() < bytes) return false;
  const Bytes fixed = data.first(bytes);
  data = data.subspan(bytes);
  switch (tag) {
    case 'i': write_integer(store_, static_cast<std::int32_t>(load_be<std::uint32_t>(fixed.data()))); return true;
    case 'h': write_integer(store_, static_cast<std::int64_t>(load_be<std::uint64_t>(fixed.data()))); return true;
    case 'f': write_floating(store_, static_cast<double>(std::bit_cast<float>(load_be<std::uint32_t>(fixed.data())))); return true;
    case 'd': write_floating(store_, std::bit_cast<double>(load_be<std::uint64_t>(fixed.data()))); return true;
    case 't': {
      const TimeTag time{load_be<std::uint64_t>(fixed.data())};
      write_integer(store_, is_immediate(time) ? 0 : static_cast<std::int64_t>(to_unix(time).us));
      return true;
    }
    case 'c': {
      write_tag(store_, ValueTag::string);
      const std::size_t length_at = store_.size();
      store_.u16(0);
      append_utf8(store_, load_be<std::uint32_t>(fixed.data()));
      store_be(store_.data() + length_at, static_cast<std::uint16_t>(store_.size() - length_at - 2));
      return true;
    }
    case 'r':
    case 'm': write_four_integers(store_, fixed); return true;
    case 'T': write_boolean(store_, true); return true;
    case 'F': write_boolean(store_, false); return true;
    case 'N': write_tag(store_, ValueTag::null); return true;
    case 'I':
      switch (impulse_) {
        case Impulse::infinity: write_floating(store_, std::numeric_limits<double>::infinity()); break;
        case Impulse::null: write_tag(store_, ValueTag::null); break;
        case Impulse::boolean_true: write_boolean(store_, true); break;
      }
      return true;
    case 's':
    case 'S': {
      const std::optional<std::string_view> text = take_string(data);
      return text && write_text(*text);
    }
    case 'b': {
      if (data.size() < 4) return false;
      const std::size_t length = load_be<std::uint32_t>(data.data());
      if (length > data.size() - 4) return false;
      if (length > count_max) {
        ++faults_.too_large;
        return false;
      }
      data = data.subspan(4);
      write_tag(store_, ValueTag::bytes);
      store_.u16(static_cast<std::uint16_t>(length));
      store_.append(take_padded(data, length));
      return true;
    }
    default: return false;  // check_tags() let nothing else through
  }
}

bool OscDecoder::write_text(std::string_view text) {
  write_tag(store_, ValueTag::string);
  const std::size_t length_at = store_.size();
  store_.u16(0);
  append_repaired_utf8(store_, text);
  const std::size_t length = store_.size() - length_at - 2;
  if (length > wire::string_bytes_max) {
    ++faults_.too_large;
    return false;
  }
  store_be(store_.data() + length_at, static_cast<std::uint16_t>(length));
  return true;
}

}  // namespace clasp::bridge::osc
