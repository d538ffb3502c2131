#include "lens/transport_buffer.hpp"

#include <fmt/format.h>

#include <cstring>

namespace clasp::lens {

void write_item(ItemKind kind, std::string_view payload, std::uint8_t* out) {
  out[0] = static_cast<std::uint8_t>(kind);
  if (item_bytes(kind, payload.size()) == 1) return;
  for (int i = 0; i < 4; ++i) out[1 + i] = static_cast<std::uint8_t>(payload.size() >> (8 * i));
  if (!payload.empty()) std::memcpy(out + item_header_bytes, payload.data(), payload.size());
}

LensResult<ItemView> read_item(Bytes memory, std::uint32_t pointer, std::size_t payload_max) {
  if (pointer == 0) return lens_fault(Fault::memory, "null pointer");
  if (pointer >= memory.size())
    return lens_fault(Fault::memory, fmt::format("pointer {:#x} is out of bounds, the memory has {} bytes", pointer, memory.size()));
  const Bytes rest = memory.subspan(pointer);
  const auto kind = static_cast<ItemKind>(std::to_integer<std::int8_t>(rest[0]));
  if (kind == ItemKind::nil || kind == ItemKind::end) return ItemView{.kind = kind, .payload = {}, .bytes = 1};
  // Every negative number is an error for others who speak this, not only -1.
  if (kind != ItemKind::json && static_cast<std::int8_t>(kind) >= 0)
    return lens_fault(Fault::decode, fmt::format("unknown type id {}", static_cast<int>(kind)));
  if (rest.size() < item_header_bytes) return lens_fault(Fault::memory, fmt::format("the item at {:#x} ends behind the memory", pointer));
  std::uint32_t length = 0;
  for (int i = 0; i < 4; ++i) length |= std::to_integer<std::uint32_t>(rest[1 + static_cast<std::size_t>(i)]) << (8 * i);
  if (length > rest.size() - item_header_bytes)
    return lens_fault(Fault::memory,
                      fmt::format("the item at {:#x} has {} bytes and ends behind the memory, which has {}", pointer, length, memory.size()));
  if (length > payload_max) return lens_fault(Fault::decode, fmt::format("the item has {} bytes, the maximum is {}", length, payload_max));
  const auto* text = reinterpret_cast<const char*>(rest.data() + item_header_bytes);
  return ItemView{.kind = kind == ItemKind::json ? ItemKind::json : ItemKind::error, .payload = {text, length}, .bytes = item_header_bytes + length};
}

}  // namespace clasp::lens
