// Hash index over rows that live elsewhere: 8 bytes a slot, linear probing, no tombstones. The owner gives the hash and says which row is equal.
//
// Growth moves the slots only (rows are not touched), at three quarters full. Never holds more rows than the owner has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/check.hpp"

namespace clasp::router {

class FlatIndex {
 public:
  static constexpr std::uint32_t none = 0xffff'ffff;

  std::size_t size() const { return size_; }
  std::size_t memory_bytes() const { return slots_.capacity() * sizeof(Slot); }

  // The row with this hash for which `equal(row)` holds, or none.
  template <typename Equal>
  std::uint32_t find(std::uint64_t hash, const Equal& equal) const {
    if (slots_.empty()) return none;
    const std::uint32_t tag = tag_of(hash);
    for (std::size_t at = tag & mask(); slots_[at].row != none; at = (at + 1) & mask()) {
      if (slots_[at].tag == tag && equal(slots_[at].row)) return slots_[at].row;
    }
    return none;
  }

  void insert(std::uint64_t hash, std::uint32_t row) {  // not in it yet
    if ((size_ + 1) * 4 > slots_.size() * 3) grow();
    place({tag_of(hash), row});
    ++size_;
  }

  void erase(std::uint64_t hash, std::uint32_t row) {  // it is there
    std::size_t hole = tag_of(hash) & mask();
    while (slots_[hole].row != row) {
      CLASP_CHECK(slots_[hole].row != none);
      hole = (hole + 1) & mask();
    }
    // Pull back every follower that would not be found across the hole.
    for (std::size_t at = (hole + 1) & mask(); slots_[at].row != none; at = (at + 1) & mask()) {
      const std::size_t from_home = (at - slots_[at].tag) & mask();
      const std::size_t from_hole = (at - hole) & mask();
      if (from_home < from_hole) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = {};
    --size_;
  }

  // Costs no more than what was put in since the last clear().
  void clear() {
    if (slots_.size() > cleared_slots_max)
      std::vector<Slot>().swap(slots_);
    else
      slots_.assign(slots_.size(), Slot{});
    size_ = 0;
  }

 private:
  struct Slot {
    std::uint32_t tag = 0;  // its low bits are the slot it would like
    std::uint32_t row = none;
  };
  static constexpr std::size_t cleared_slots_max = 256;

  static std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash ^ (hash >> 32)); }
  std::size_t mask() const { return slots_.size() - 1; }
  void place(Slot slot) {
    std::size_t at = slot.tag & mask();
    while (slots_[at].row != none) at = (at + 1) & mask();
    slots_[at] = slot;
  }
  void grow() {
    std::vector<Slot> old(slots_.empty() ? 8 : slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.row != none) place(slot);
    }
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace clasp::router
