// Which entry has an address: open addressing in 256 shards, each growing on its own, so that growing never stops the world (a shard of a store
// with a million params has 4,000 rows and is rebuilt in microseconds).
//
// A slot keeps half of the hash beside the entry: comparing it spares almost every look at a wrong record, and neither growing nor removing looks
// at an address. That makes 8 bytes a slot, 11 to 22 a param.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/check.hpp"

namespace clasp::router {

class HashIndex {
 public:
  static constexpr std::uint32_t none = 0xffff'ffff;

  // The entry with this hash for which `same(entry)` holds, or none.
  template <typename Same>
  std::uint32_t find(std::uint64_t hash, const Same& same) const {
    const Shard& shard = shards_[hash >> 56];
    if (shard.used == 0) return none;
    const auto part = static_cast<std::uint32_t>(hash);
    for (std::size_t place = part & shard.mask();; place = (place + 1) & shard.mask()) {
      const Slot& slot = shard.slots[place];
      if (slot.entry == none) return none;
      if (slot.part == part && same(slot.entry)) return slot.entry;
    }
  }

  void insert(std::uint64_t hash, std::uint32_t entry) {  // not there yet
    Shard& shard = shards_[hash >> 56];
    if ((shard.used + 1) * 4 > shard.slots.size() * 3) grow(shard);
    put(shard, {static_cast<std::uint32_t>(hash), entry});
    ++shard.used;
  }

  void erase(std::uint64_t hash, std::uint32_t entry) {  // is there
    Shard& shard = shards_[hash >> 56];
    CLASP_CHECK(shard.used > 0);
    std::size_t hole = static_cast<std::uint32_t>(hash) & shard.mask();
    while (shard.slots[hole].entry != entry) {
      CLASP_CHECK(shard.slots[hole].entry != none);
      hole = (hole + 1) & shard.mask();
    }
    // No tombstones: later rows of the run that may stand in the hole move up.
    for (std::size_t place = (hole + 1) & shard.mask(); shard.slots[place].entry != none; place = (place + 1) & shard.mask()) {
      const std::size_t home = shard.slots[place].part & shard.mask();
      if (((place - home) & shard.mask()) >= ((place - hole) & shard.mask())) {
        shard.slots[hole] = shard.slots[place];
        hole = place;
      }
    }
    shard.slots[hole] = {};
    --shard.used;
  }

  std::size_t memory_bytes() const { return sizeof *this + memory_bytes_; }

 private:
  struct Slot {
    std::uint32_t part = 0;  // lower half of the hash
    std::uint32_t entry = none;
  };
  struct Shard {
    std::vector<Slot> slots;  // a power of two, at most three quarters full
    std::size_t used = 0;
    std::size_t mask() const { return slots.size() - 1; }
  };
  static constexpr std::size_t first_slots = 8;

  static void put(Shard& shard, const Slot& slot) {
    std::size_t place = slot.part & shard.mask();
    while (shard.slots[place].entry != none) place = (place + 1) & shard.mask();
    shard.slots[place] = slot;
  }
  void grow(Shard& shard) {
    std::vector<Slot> old(shard.slots.empty() ? first_slots : shard.slots.size() * 2);
    old.swap(shard.slots);
    memory_bytes_ += (shard.slots.size() - old.size()) * sizeof(Slot);
    for (const Slot& slot : old) {
      if (slot.entry != none) put(shard, slot);
    }
  }

  std::array<Shard, 256> shards_;
  std::size_t memory_bytes_ = 0;
};

}  // namespace clasp::router
