// Byte runs of many sizes in few allocations: addresses and values of the params.
//
// A run lives in a slot of its size class: multiples of 8 up to 64 bytes, then two classes a doubling up to `bytes_max`, so at most 7 bytes or a
// third of a slot is unused. Slots come from chunks of about 64 KiB and never move: views stay valid until the run is freed or replaced. Freed
// slots are reused by their class; slots above 32 KiB have a chunk each, which is given back when they are freed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "core/bytes.hpp"

namespace clasp::router {

class Slabs {
 public:
  // Names a slot by class (upper 6 bits) and index (lower 26). An empty run is `none` and costs nothing.
  enum class Ref : std::uint32_t { none = 0xffff'ffff };

  static constexpr std::size_t bytes_max = 1'048'576;           // of one run
  static constexpr std::size_t slots_per_class_max = 1u << 26;  // the owner bounds the number of its runs below this

  Slabs();
  Slabs(const Slabs&) = delete;

  Ref store(Bytes bytes);             // a copy of them
  Ref replace(Ref old, Bytes bytes);  // in place if they fit the class of `old`, which is freed otherwise; `bytes` may overlap it
  void free(Ref ref);
  std::byte* data(Ref ref) const {  // not of `none`
    const auto word = static_cast<std::uint32_t>(ref);
    return slot(classes_[word >> index_bits], word & index_mask);
  }
  // Other bytes in the place of as many; they may overlap.
  void overwrite(Ref ref, Bytes bytes) {
    if (bytes.size() == sizeof(std::uint64_t)) std::memmove(data(ref), bytes.data(), sizeof(std::uint64_t));  // most values are a number: spare them the call
    else if (!bytes.empty()) std::memmove(data(ref), bytes.data(), bytes.size());
  }
  Bytes view(Ref ref, std::size_t bytes) const { return bytes == 0 ? Bytes{} : Bytes{data(ref), bytes}; }

  std::size_t memory_bytes() const { return memory_bytes_; }
  std::uint64_t chunks_made() const { return chunks_made_; }  // how often memory was asked for
  static std::size_t slot_bytes(std::size_t bytes);           // what a run of that size occupies

 private:
  static constexpr std::size_t classes = 36;
  static constexpr unsigned index_bits = 26;
  static constexpr std::uint32_t index_mask = (1u << index_bits) - 1;
  static constexpr std::uint32_t no_slot = 0xffff'ffff;

  struct SizeClass {
    std::vector<std::unique_ptr<std::byte[]>> chunks;
    std::size_t slot_bytes = 0;
    unsigned shift = 0;                     // log2 of the slots in a chunk
    std::uint32_t used = 0;                 // slots ever handed out
    std::uint32_t free = no_slot;           // head of the free list, linked through the slots
    std::vector<std::uint32_t> given_back;  // indices without memory, of classes with one slot a chunk
  };

  static std::size_t class_of(std::size_t bytes);
  static std::byte* slot(const SizeClass& size_class, std::uint32_t index) {
    const std::uint32_t within = index & ((1u << size_class.shift) - 1);
    return size_class.chunks[index >> size_class.shift].get() + within * size_class.slot_bytes;
  }
  Ref allocate(std::size_t which);
  std::uint32_t new_slot(SizeClass& size_class);
  void make_chunk(SizeClass& size_class, std::size_t place);

  std::vector<SizeClass> classes_;
  std::size_t memory_bytes_ = 0;
  std::uint64_t chunks_made_ = 0;
};

}  // namespace clasp::router
