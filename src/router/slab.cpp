#include "router/slab.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/check.hpp"

namespace clasp::router {
namespace {

constexpr std::size_t chunk_bytes = 65'536;
constexpr std::size_t step_bytes = 8;
constexpr std::size_t linear_bytes_max = 64;  // classes are multiples of 8 up to here
constexpr std::size_t linear_classes = linear_bytes_max / step_bytes;

// 8, 16 … 64, 96, 128, 192, 256 …
constexpr std::size_t class_bytes(std::size_t which) {
  if (which < linear_classes) return (which + 1) * step_bytes;
  const std::size_t above = which - linear_classes;
  const std::size_t power = linear_bytes_max << (above / 2);
  return above % 2 == 0 ? power + power / 2 : power * 2;
}
static_assert(class_bytes(35) == Slabs::bytes_max);

}  // namespace

Slabs::Slabs() : classes_(classes) {
  for (std::size_t which = 0; which < classes; ++which) {
    const std::size_t bytes = class_bytes(which);
    classes_[which].slot_bytes = bytes;
    classes_[which].shift = static_cast<unsigned>(std::bit_width(std::max<std::size_t>(chunk_bytes / bytes, 1)) - 1);
  }
  memory_bytes_ = classes * sizeof(SizeClass);
}

std::size_t Slabs::class_of(std::size_t bytes) {
  if (bytes <= linear_bytes_max) return (bytes + step_bytes - 1) / step_bytes - 1;
  const auto power = static_cast<std::size_t>(std::bit_width(bytes - 1)) - 1;  // 2^power < bytes <= 2^(power + 1)
  const std::size_t half = std::size_t{3} << (power - 1);
  return linear_classes + 2 * (power - 6) + (bytes > half ? 1 : 0);
}

std::size_t Slabs::slot_bytes(std::size_t bytes) { return bytes == 0 ? 0 : class_bytes(class_of(bytes)); }

Slabs::Ref Slabs::store(Bytes bytes) {
  if (bytes.empty()) return Ref::none;
  CLASP_CHECK(bytes.size() <= bytes_max);
  const Ref ref = allocate(class_of(bytes.size()));
  std::memcpy(data(ref), bytes.data(), bytes.size());
  return ref;
}

Slabs::Ref Slabs::replace(Ref old, Bytes bytes) {
  if (old != Ref::none && !bytes.empty() && class_of(bytes.size()) == static_cast<std::uint32_t>(old) >> index_bits) {
    std::memmove(data(old), bytes.data(), bytes.size());
    return old;
  }
  const Ref ref = store(bytes);
  free(old);
  return ref;
}

Slabs::Ref Slabs::allocate(std::size_t which) {
  SizeClass& size_class = classes_[which];
  std::uint32_t index = size_class.free;
  if (index != no_slot) {
    std::memcpy(&size_class.free, slot(size_class, index), sizeof size_class.free);
  } else if (!size_class.given_back.empty()) {
    index = size_class.given_back.back();
    make_chunk(size_class, index);
    size_class.given_back.pop_back();
  } else {
    index = new_slot(size_class);
  }
  return Ref{static_cast<std::uint32_t>(which << index_bits) | index};
}

std::uint32_t Slabs::new_slot(SizeClass& size_class) {
  const std::uint32_t index = size_class.used;
  CLASP_CHECK(index < slots_per_class_max);
  const std::size_t place = index >> size_class.shift;
  if (place == size_class.chunks.size()) {
    const std::size_t before = size_class.chunks.capacity();
    size_class.chunks.emplace_back();
    memory_bytes_ += (size_class.chunks.capacity() - before) * sizeof(size_class.chunks[0]);
    make_chunk(size_class, place);
  }
  ++size_class.used;
  return index;
}

void Slabs::make_chunk(SizeClass& size_class, std::size_t place) {
  const std::size_t bytes = size_class.slot_bytes << size_class.shift;
  size_class.chunks[place] = std::make_unique_for_overwrite<std::byte[]>(bytes);
  memory_bytes_ += bytes;
  ++chunks_made_;
}

void Slabs::free(Ref ref) {
  if (ref == Ref::none) return;
  const auto word = static_cast<std::uint32_t>(ref);
  const std::uint32_t index = word & index_mask;
  SizeClass& size_class = classes_[word >> index_bits];
  if (size_class.shift == 0) {
    size_class.given_back.push_back(index);
    size_class.chunks[index].reset();
    memory_bytes_ -= size_class.slot_bytes;
    return;
  }
  std::memcpy(slot(size_class, index), &size_class.free, sizeof size_class.free);
  size_class.free = index;
}

}  // namespace clasp::router
