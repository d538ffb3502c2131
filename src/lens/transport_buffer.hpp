// What host and lens hand each other: [type id i8][length u32 little-endian][payload] (lens specification, section 2.2). Not aligned; nil and the end
// of the stream are their type id alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/bytes.hpp"
#include "lens/lens_error.hpp"

namespace clasp::lens {

enum class ItemKind : std::int8_t { error = -1, nil = 0, json = 1, end = 127 };

inline constexpr std::size_t item_header_bytes = 5;

// How many bytes it takes.
constexpr std::size_t item_bytes(ItemKind kind, std::size_t payload) {
  return kind == ItemKind::nil || kind == ItemKind::end ? 1 : item_header_bytes + payload;
}

// `out` has item_bytes() bytes; `payload` is shorter than 4 GiB.
void write_item(ItemKind kind, std::string_view payload, std::uint8_t* out);

struct ItemView {
  ItemKind kind = ItemKind::nil;
  std::string_view payload;  // of an error or JSON item; lies in the memory that was read
  std::size_t bytes = 1;     // of the whole item
};

// The item at `pointer` of a lens's memory. Faults: a null pointer, one outside the memory, a length that leads out of it (MemoryFault), an unknown
// type id, a payload of more than `payload_max` bytes (Decode).
LensResult<ItemView> read_item(Bytes memory, std::uint32_t pointer, std::size_t payload_max);

}  // namespace clasp::lens
