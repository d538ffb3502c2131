// The arena of interned match sets of one generation, and the cache that finds them by address (engine design, section 8).
//
// A generation ends with next_generation(), which costs nothing that was not paid for before. Whoever remembers a set remembers it together
// with its generation in two words (ParamStore::MatchSlot); words of an old generation are simply not valid any more.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "router/flat_index.hpp"
#include "router/param_store.hpp"
#include "router/subscriptions.hpp"

namespace clasp::router {

class MatchCache {
 public:
  using Slot = ParamStore::MatchSlot;

  MatchCache(std::size_t bytes_max, std::uint64_t hash_seed) : bytes_max_(bytes_max), seed_(hash_seed) {}
  MatchCache(const MatchCache&) = delete;

  std::size_t bytes() const { return bytes_; }
  std::size_t set_count() const { return sets_.size(); }
  std::uint64_t generations_dropped() const { return generations_dropped_; }
  std::uint64_t refused() const { return refused_; }  // sets that were not kept because the budget was used up

  // The set the two words stand for, if they are of this generation.
  const MatchSet* find(const Slot& slot) const {
    if (slot.generation != static_cast<std::uint32_t>(generation_)) [[unlikely]]
      return nullptr;
    const std::uint32_t index = slot.set - set_base_;  // words of a generation 2^32 earlier end up beyond every index
    return index < sets_.size() ? &sets_[index].match : nullptr;
  }
  // The words kept for this address (none yet: zeros, which are never valid), for the caller to fill in. nullptr: too long to be kept. The
  // place is shared by all addresses that hash to it; the last one asked for has it.
  Slot* slot_for(std::string_view address);

  // Keeps the set, or finds the equal one that is kept already. Nothing if it does not fit the budget.
  std::optional<Slot> intern(std::span<const MatchRow> rows, std::span<const SubscriptionSlot> subscriptions);

  // Forgets every set. The subscription table has changed.
  void next_generation();

 private:
  static constexpr std::size_t address_slots = 65'536;
  static constexpr std::size_t address_bytes_max = 55;  // a slot is a cache line; longer addresses are not kept
  static constexpr std::size_t chunk_bytes = 262'144;
  static constexpr std::uint32_t index_bits = 22;  // of MatchSlot::set; the other ten continue the generation
  static constexpr std::uint32_t sets_max = 1U << index_bits;

  struct alignas(64) AddressSlot {
    Slot slot;
    std::uint8_t bytes;
    std::array<char, address_bytes_max> text;
  };
  static_assert(sizeof(AddressSlot) == 64);
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  struct Set {
    MatchSet match;
    std::uint64_t hash = 0;
  };

  std::byte* room_for(std::size_t bytes);
  std::uint64_t hash_of(std::span<const SubscriptionSlot> subscriptions) const;

  std::size_t bytes_max_;
  std::uint64_t seed_;
  std::uint64_t generation_ = 1;  // never 0, which is what unused words hold
  std::uint32_t set_base_ = 0;    // upper bits of the generation, where MatchSlot::set has them
  std::vector<Set> sets_;
  FlatIndex index_;                                   // hash of the subscriptions → set
  std::vector<std::unique_ptr<std::byte[]>> chunks_;  // kept for the next generation
  std::size_t chunk_ = 0;                             // the one being filled
  std::size_t chunk_used_ = 0;
  std::vector<std::unique_ptr<std::byte[]>> large_;  // sets above a quarter of a chunk; they go with their generation
  std::size_t bytes_ = 0;
  std::uint64_t generations_dropped_ = 0;
  std::uint64_t refused_ = 0;
  std::unique_ptr<void, Free> address_memory_;  // from the first look-up on; zero pages cost nothing until they are used
  AddressSlot* addresses_ = nullptr;            // in it, aligned
};

}  // namespace clasp::router
