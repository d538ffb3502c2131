#include "store/thinning.hpp"

#include <functional>
#include <utility>

#include "store/handover.hpp"

namespace clasp::store {

// A SET that locks or unlocks stays: the lock's history is nowhere else.
Thinning::Group Thinning::group_of(const Entry& entry) {
  if (entry.kind == EntryKind::set && !entry.lock && !entry.unlock) return Group::param;
  if (entry.kind != EntryKind::publish) return Group::none;
  if (entry.signal == SignalType::stream) return Group::stream;
  if (entry.signal == SignalType::gesture && entry.phase == GesturePhase::move) return Group::move;
  return Group::none;
}

bool Thinning::replaces(const router::Commit& commit, const router::Commit& next) {
  const auto is_plain_set = [](const router::Commit& one) { return one.kind == router::CommitKind::set && !one.lock && !one.unlock; };
  return is_plain_set(commit) && is_plain_set(next) && (!commit.ttl || next.ttl) && commit.address == next.address;
}

Thinning::Taken Thinning::take(ByteBuffer& items, Entry& entry) {
  if (table_.empty()) table_.resize(slots);
  noted_ = nullptr;
  const Group group = group_of(entry);
  if (group == Group::none) {
    // What comes behind a removal is another param, and nothing overtakes a lock.
    if (entry.kind == EntryKind::publish) return Taken::no;
    Slot* last = find(items.view(), entry, Group::param);
    if (last != nullptr && last->generation == generation_) last->offset = no_record;
    return Taken::no;
  }
  Slot* last = find(items.view(), entry, group);
  if (last == nullptr) return Taken::no;
  noted_ = last;
  if (last->generation != generation_ || last->offset == no_record) return Taken::no;
  if (!entry.ttl) entry.ttl = record_ttl(items.view(), last->offset);
  if (overwrite_record(items, last->offset, entry)) return Taken::replaced;
  items.data()[last->offset - 1] = static_cast<std::byte>(ItemKind::left_out);
  return Taken::instead;
}

void Thinning::note(std::size_t offset) {
  if (noted_ != nullptr && offset < no_record) *noted_ = {.generation = generation_, .hash = hash_, .offset = static_cast<std::uint32_t>(offset)};
}

Thinning::Slot* Thinning::find(Bytes items, const Entry& entry, Group group) {
  const std::size_t hash = std::hash<std::string_view>{}(entry.address) ^ (entry.id.value_or(0) * 0x9e37'79b9U) ^ static_cast<std::size_t>(group);
  hash_ = static_cast<std::uint32_t>(hash >> 32U);
  for (std::size_t i = 0; i < probes; ++i) {
    Slot& slot = table_[(hash + i) & (slots - 1)];
    if (slot.generation != generation_) return &slot;
    if (slot.hash != hash_) continue;
    if (slot.offset == no_record || is_record_of(items, slot.offset, group == Group::param ? EntryKind::set : EntryKind::publish, entry))
      return &slot;
  }
  return nullptr;
}

}  // namespace clasp::store
