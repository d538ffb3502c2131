#include "router/match_cache.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <type_traits>

#include "router/seeded_hash.hpp"

namespace clasp::router {
namespace {

constexpr std::size_t index_bytes_per_set = 16;  // FlatIndex at half full

static_assert(std::is_trivially_copyable_v<MatchRow> && alignof(MatchRow) == alignof(SubscriptionSlot));

}  // namespace

MatchCache::Slot* MatchCache::slot_for(std::string_view address) {
  if (address.size() > address_bytes_max) return nullptr;
  if (addresses_ == nullptr) {
    std::size_t space = (address_slots + 1) * sizeof(AddressSlot);
    void* memory = std::calloc(1, space);
    if (memory == nullptr) throw std::bad_alloc();
    address_memory_.reset(memory);
    addresses_ = static_cast<AddressSlot*>(std::align(alignof(AddressSlot), address_slots * sizeof(AddressSlot), memory, space));
  }
  AddressSlot& slot = addresses_[hash_text(address, seed_) % address_slots];
  if (slot.bytes != address.size() || std::memcmp(slot.text.data(), address.data(), address.size()) != 0) {
    slot.slot = {};
    slot.bytes = static_cast<std::uint8_t>(address.size());
    std::memcpy(slot.text.data(), address.data(), address.size());
  }
  return &slot.slot;
}

std::optional<MatchCache::Slot> MatchCache::intern(std::span<const MatchRow> rows, std::span<const SubscriptionSlot> subscriptions) {
  const std::uint64_t hash = hash_of(subscriptions);
  std::uint32_t index = index_.find(hash, [&](std::uint32_t candidate) {
    const Set& set = sets_[candidate];
    return set.hash == hash && std::ranges::equal(set.match.subscriptions, subscriptions) && std::ranges::equal(set.match.rows, rows);
  });
  if (index == FlatIndex::none) {
    const std::size_t bytes = rows.size_bytes() + subscriptions.size_bytes();
    if (bytes_ + bytes + sizeof(Set) + index_bytes_per_set > bytes_max_ || sets_.size() == sets_max) {
      ++refused_;
      return std::nullopt;
    }
    bytes_ += sizeof(Set) + index_bytes_per_set;
    index = static_cast<std::uint32_t>(sets_.size());
    Set& set = sets_.emplace_back();
    set.hash = hash;
    if (bytes != 0) {
      std::byte* room = room_for(bytes);
      auto* row_copy = reinterpret_cast<MatchRow*>(room);
      auto* subscription_copy = reinterpret_cast<SubscriptionSlot*>(room + rows.size_bytes());
      std::uninitialized_copy(rows.begin(), rows.end(), row_copy);
      std::uninitialized_copy(subscriptions.begin(), subscriptions.end(), subscription_copy);
      set.match = {{row_copy, rows.size()}, {subscription_copy, subscriptions.size()}};
    }
    index_.insert(hash, index);
  }
  return Slot{.generation = static_cast<std::uint32_t>(generation_), .set = set_base_ + index};
}

void MatchCache::next_generation() {
  if (sets_.empty()) return;  // no words of this generation can be anywhere
  ++generation_;
  ++generations_dropped_;
  set_base_ = static_cast<std::uint32_t>(generation_ >> 32) << index_bits;
  sets_.clear();
  index_.clear();
  large_.clear();
  chunk_ = 0;
  chunk_used_ = 0;
  bytes_ = 0;
}

std::byte* MatchCache::room_for(std::size_t bytes) {
  bytes_ += bytes;
  if (bytes > chunk_bytes / 4) {
    large_.push_back(std::make_unique_for_overwrite<std::byte[]>(bytes));
    return large_.back().get();
  }
  if (chunk_ < chunks_.size() && chunk_used_ + bytes > chunk_bytes) {
    bytes_ += chunk_bytes - chunk_used_;
    ++chunk_;
    chunk_used_ = 0;
  }
  if (chunk_ == chunks_.size()) chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(chunk_bytes));
  std::byte* room = chunks_[chunk_].get() + chunk_used_;
  chunk_used_ += bytes;
  return room;
}

std::uint64_t MatchCache::hash_of(std::span<const SubscriptionSlot> subscriptions) const {
  return hash_text({reinterpret_cast<const char*>(subscriptions.data()), subscriptions.size_bytes()}, seed_);
}

}  // namespace clasp::router
