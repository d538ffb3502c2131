#include "core/msgpack.hpp"

#include <bit>

namespace clasp {

std::uint64_t MsgpackReader::load(std::size_t bytes) const {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < bytes; ++i) number = number << 8 | std::to_integer<std::uint64_t>(input_[at_ + 1 + i]);
  return number;
}

bool MsgpackReader::number_item(MsgpackItem& item, MsgpackKind kind, std::size_t bytes) {
  if (left() < 1 + bytes) return false;
  item.kind = kind;
  item.integer = load(bytes);
  at_ += 1 + bytes;
  return true;
}

bool MsgpackReader::run(MsgpackItem& item, MsgpackKind kind, std::size_t head_bytes, std::size_t bytes) {
  if (left() - head_bytes < bytes) return false;
  item.kind = kind;
  item.bytes = input_.subspan(at_ + head_bytes, bytes);
  at_ += head_bytes + bytes;
  return true;
}

bool MsgpackReader::run_item(MsgpackItem& item, MsgpackKind kind, std::size_t length_bytes, std::size_t extra_bytes) {
  if (left() < 1 + length_bytes) return false;
  return run(item, kind, 1 + length_bytes, load(length_bytes) + extra_bytes);
}

bool MsgpackReader::children(MsgpackItem& item, MsgpackKind kind, std::size_t count_bytes) {
  if (left() < 1 + count_bytes) return false;
  const std::uint64_t count = load(count_bytes);
  if (count * (kind == MsgpackKind::map ? 2 : 1) > left() - 1 - count_bytes) return false;  // each child is a byte at least
  item.kind = kind;
  item.count = static_cast<std::uint32_t>(count);
  at_ += 1 + count_bytes;
  return true;
}

bool MsgpackReader::next(MsgpackItem& item) {
  item = {};
  if (left() == 0) return false;
  const auto marker = std::to_integer<unsigned>(input_[at_]);
  const auto short_children = [&](MsgpackKind kind) {
    const std::size_t count = marker & 0x0fU;
    if (count * (kind == MsgpackKind::map ? 2 : 1) > left() - 1) return false;
    item.kind = kind;
    item.count = static_cast<std::uint32_t>(count);
    ++at_;
    return true;
  };

  if (marker <= 0x7f || marker >= 0xe0) {
    item.kind = marker <= 0x7f ? MsgpackKind::positive : MsgpackKind::negative;
    item.integer = static_cast<std::uint64_t>(std::int64_t{static_cast<std::int8_t>(marker)});
    ++at_;
    return true;
  }
  if (marker <= 0x8f) return short_children(MsgpackKind::map);
  if (marker <= 0x9f) return short_children(MsgpackKind::array);
  if (marker <= 0xbf) return run(item, MsgpackKind::string, 1, marker & 0x1fU);

  switch (marker) {
    case 0xc0: return number_item(item, MsgpackKind::nil, 0);
    case 0xc2:
    case 0xc3:
      item.kind = MsgpackKind::boolean;
      item.integer = marker & 1U;
      ++at_;
      return true;
    case 0xc4: return run_item(item, MsgpackKind::binary, 1, 0);
    case 0xc5: return run_item(item, MsgpackKind::binary, 2, 0);
    case 0xc6: return run_item(item, MsgpackKind::binary, 4, 0);
    case 0xc7: return run_item(item, MsgpackKind::extension, 1, 1);  // the extra byte is the extension's type
    case 0xc8: return run_item(item, MsgpackKind::extension, 2, 1);
    case 0xc9: return run_item(item, MsgpackKind::extension, 4, 1);
    case 0xca:
      if (!number_item(item, MsgpackKind::floating, 4)) return false;
      item.floating = static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(item.integer)));
      return true;
    case 0xcb:
      if (!number_item(item, MsgpackKind::floating, 8)) return false;
      item.floating = std::bit_cast<double>(item.integer);
      return true;
    case 0xcc: return number_item(item, MsgpackKind::positive, 1);
    case 0xcd: return number_item(item, MsgpackKind::positive, 2);
    case 0xce: return number_item(item, MsgpackKind::positive, 4);
    case 0xcf: return number_item(item, MsgpackKind::positive, 8);
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3: {
      const std::size_t bytes = std::size_t{1} << (marker - 0xd0U);
      if (!number_item(item, MsgpackKind::positive, bytes)) return false;
      const std::size_t unused_bits = 64 - 8 * bytes;
      const auto number = static_cast<std::int64_t>(item.integer << unused_bits) >> unused_bits;
      item.integer = static_cast<std::uint64_t>(number);
      if (number < 0) item.kind = MsgpackKind::negative;
      return true;
    }
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8: return run(item, MsgpackKind::extension, 1, 1 + (std::size_t{1} << (marker - 0xd4U)));
    case 0xd9: return run_item(item, MsgpackKind::string, 1, 0);
    case 0xda: return run_item(item, MsgpackKind::string, 2, 0);
    case 0xdb: return run_item(item, MsgpackKind::string, 4, 0);
    case 0xdc: return children(item, MsgpackKind::array, 2);
    case 0xdd: return children(item, MsgpackKind::array, 4);
    case 0xde: return children(item, MsgpackKind::map, 2);
    case 0xdf: return children(item, MsgpackKind::map, 4);
    default: return false;  // 0xc1
  }
}

bool MsgpackReader::skip() {
  const std::size_t start = at_;
  for (std::size_t items = 1; items > 0; --items) {
    MsgpackItem item;
    if (!next(item)) {
      at_ = start;
      return false;
    }
    items += std::size_t{item.count} * (item.kind == MsgpackKind::map ? 2 : 1);
  }
  return true;
}

}  // namespace clasp
