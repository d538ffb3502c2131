#include "store/thinning.hpp"

#include <algorithm>
#include <bit>
#include <functional>

namespace clasp::store {

// A SET that locks or unlocks stays: the lock's history is nowhere else.
Thinning::Group Thinning::group_of(const Entry& entry) {
  if (entry.kind == EntryKind::set && !entry.lock && !entry.unlock) return Group::param;
  if (entry.kind != EntryKind::publish) return Group::none;
  if (entry.signal == SignalType::stream) return Group::stream;
  if (entry.signal == SignalType::gesture && entry.phase == GesturePhase::move) return Group::move;
  return Group::none;
}

std::size_t Thinning::plan(const Batch& batch) {
  things_.clear();
  table_.assign(std::bit_ceil(batch.entries * 2 + 2), 0);
  std::size_t count = 0;
  for (std::size_t offset = 0; offset < batch.items.size();) {
    const auto [kind, entry] = next_item(batch.items.view(), offset);
    Thing& thing = things_.emplace_back();
    if (kind != ItemKind::entry) continue;
    thing = {.address = entry.address, .id = entry.id.value_or(0), .group = group_of(entry), .lifetime = {}};
    if (entry.kind == EntryKind::removed) {  // what comes after it is another param: nothing is handed on
      thing.group = Group::param;
      last_of(thing) = 0;
      thing.group = Group::none;
      continue;
    }
    if (thing.group == Group::none) continue;
    if (entry.ttl) thing.lifetime = entry.ttl;
    std::uint32_t& last = last_of(thing);
    if (last != 0) {
      Thing& before = things_[last - 1];
      before.left_out = true;
      ++count;
      if (!thing.lifetime) thing.lifetime = before.lifetime;
    }
    last = static_cast<std::uint32_t>(things_.size());
  }
  return count;
}

// A place that a removal has freed ends the search for things behind it: those may be entered once more and stay twice. That costs an entry, no state.
std::uint32_t& Thinning::last_of(const Thing& thing) {
  const std::size_t mask = table_.size() - 1;
  const std::size_t hash = std::hash<std::string_view>{}(thing.address) ^ (thing.id * 0x9e37'79b9U) ^ static_cast<std::size_t>(thing.group);
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    std::uint32_t& item = table_[at];
    if (item == 0) return item;
    const Thing& there = things_[item - 1];
    if (there.group == thing.group && there.id == thing.id && there.address == thing.address) return item;
  }
}

}  // namespace clasp::store
