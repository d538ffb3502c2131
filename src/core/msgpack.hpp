// A reader for MessagePack over a span: no allocation, no recursion, no exceptions. Internal to the legacy decoder.
#pragma once

#include <cstdint>

#include "core/bytes.hpp"

namespace clasp {

enum class MsgpackKind : std::uint8_t { nil, boolean, positive, negative, floating, string, binary, array, map, extension };

// One item without its children: `count` of them follow an array (items) or a map (pairs).
struct MsgpackItem {
  MsgpackKind kind = MsgpackKind::nil;
  std::uint64_t integer = 0;  // boolean: 0 or 1; positive: the number; negative: its two's complement
  double floating = 0;        // f32 widened
  Bytes bytes;                // string, binary
  std::uint32_t count = 0;
};

// A position in a run of MessagePack items.
class MsgpackReader {
 public:
  MsgpackReader(Bytes input, std::size_t at) : input_(input), at_(at) {}

  std::size_t at() const { return at_; }

  // The next item. False if the input ends within it or the marker is the unused 0xc1; the position is then unchanged.
  bool next(MsgpackItem& item);

  // Passes over the next item with all its children. False as above.
  bool skip();

 private:
  bool number_item(MsgpackItem& item, MsgpackKind kind, std::size_t bytes);
  bool run_item(MsgpackItem& item, MsgpackKind kind, std::size_t length_bytes, std::size_t extra_bytes);
  bool run(MsgpackItem& item, MsgpackKind kind, std::size_t head_bytes, std::size_t bytes);
  bool children(MsgpackItem& item, MsgpackKind kind, std::size_t count_bytes);
  std::size_t left() const { return input_.size() - at_; }
  std::uint64_t load(std::size_t bytes) const;  // a big-endian number behind the marker

  Bytes input_;
  std::size_t at_;
};

}  // namespace clasp
