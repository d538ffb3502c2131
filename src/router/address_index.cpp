#include "router/address_index.hpp"

#include <algorithm>
#include <cstring>

#include "core/address.hpp"
#include "core/check.hpp"

namespace clasp::router {
namespace {

// compare_addresses, a word at a time over what both begin with: neighbours in the order have much in common.
int compare(std::string_view a, std::string_view b) {
  std::size_t same = 0;
  for (std::uint64_t word_a, word_b; same + sizeof word_a <= std::min(a.size(), b.size()); same += sizeof word_a) {
    std::memcpy(&word_a, a.data() + same, sizeof word_a);
    std::memcpy(&word_b, b.data() + same, sizeof word_b);
    if (word_a != word_b) break;
  }
  return compare_addresses(a.substr(same), b.substr(same));
}

}  // namespace

void AddressIndex::insert(std::uint32_t entry) {
  const std::string_view address = source_.address(entry);
  ++size_;
  if (leaves_.empty()) leaves_.push_back(std::make_unique<Leaf>());
  const std::size_t which = leaf_for(address);
  Leaf& leaf = *leaves_[which];
  const std::size_t place = place_in(leaf, address);
  last_leaf_ = which;
  if (leaf.used < leaf_entries_max) {
    put(leaf, place, entry);
  } else {
    insert_into_full(which, place, entry);
  }
}

void AddressIndex::insert_into_full(std::size_t which, std::size_t place, std::uint32_t entry) {
  const auto behind = [this, which] { return leaves_.begin() + static_cast<std::ptrdiff_t>(which + 1); };
  Leaf& leaf = *leaves_[which];
  if (place == leaf_entries_max) {
    const bool next_has_room = which + 1 < leaves_.size() && leaves_[which + 1]->used < leaf_entries_max;
    if (!next_has_room) leaves_.insert(behind(), std::make_unique<Leaf>());
    put(*leaves_[which + 1], 0, entry);
    last_leaf_ = which + 1;
    return;
  }
  constexpr std::uint16_t kept = leaf_entries_max / 2;
  auto upper = std::make_unique<Leaf>();
  upper->used = leaf_entries_max - kept;
  std::copy(leaf.entries + kept, leaf.entries + leaf.used, upper->entries);
  note_first(*upper);
  leaf.used = kept;
  put(place <= kept ? leaf : *upper, place <= kept ? place : place - kept, entry);
  leaves_.insert(behind(), std::move(upper));
}

void AddressIndex::erase(std::uint32_t entry) {
  const std::string_view address = source_.address(entry);
  CLASP_CHECK(size_ > 0);
  const std::size_t which = leaf_for(address);
  Leaf& leaf = *leaves_[which];
  const std::size_t place = place_in(leaf, address);
  CLASP_CHECK(place < leaf.used && leaf.entries[place] == entry);
  std::copy(leaf.entries + place + 1, leaf.entries + leaf.used, leaf.entries + place);
  --leaf.used;
  --size_;
  if (leaf.used == 0) {
    leaves_.erase(leaves_.begin() + static_cast<std::ptrdiff_t>(which));
    return;
  }
  if (place == 0) note_first(leaf);
  merge_after(which);
  if (which > 0) merge_after(which - 1);
}

void AddressIndex::merge_after(std::size_t which) {
  if (which + 1 >= leaves_.size()) return;
  Leaf& left = *leaves_[which];
  const Leaf& right = *leaves_[which + 1];
  if (left.used + right.used > merged_entries_max) return;
  std::copy(right.entries, right.entries + right.used, left.entries + left.used);
  left.used = static_cast<std::uint16_t>(left.used + right.used);
  leaves_.erase(leaves_.begin() + static_cast<std::ptrdiff_t>(which + 1));
}

AddressIndex::Cursor AddressIndex::seek(std::string_view address) const {
  if (leaves_.empty()) return {};
  const std::size_t which = leaf_for(address);
  const std::size_t place = place_in(*leaves_[which], address);
  return place < leaves_[which]->used ? Cursor{which, place} : Cursor{which + 1, 0};
}

AddressIndex::Cursor AddressIndex::next(Cursor cursor) const {
  CLASP_CHECK(at(cursor) != none);
  return cursor.place + 1 < leaves_[cursor.leaf]->used ? Cursor{cursor.leaf, cursor.place + 1} : Cursor{cursor.leaf + 1, 0};
}

bool AddressIndex::before_leaf(std::string_view address, const Leaf& leaf) const {
  const std::string_view first(leaf.first, std::min<std::size_t>(leaf.first_bytes, first_bytes_max));
  if (leaf.first_bytes > first_bytes_max && address.starts_with(first)) return compare(address, source_.address(leaf.entries[0])) < 0;
  return compare(address, first) < 0;
}

std::size_t AddressIndex::leaf_for(std::string_view address) const {
  // Most inserts and walks go on where the last insert was.
  if (last_leaf_ < leaves_.size() && !before_leaf(address, *leaves_[last_leaf_]) &&
      (last_leaf_ + 1 == leaves_.size() || before_leaf(address, *leaves_[last_leaf_ + 1]))) {
    return last_leaf_;
  }
  const auto before = [this](std::string_view wanted, const std::unique_ptr<Leaf>& leaf) { return before_leaf(wanted, *leaf); };
  const auto above = std::upper_bound(leaves_.begin(), leaves_.end(), address, before);
  return above == leaves_.begin() ? 0 : static_cast<std::size_t>(above - leaves_.begin()) - 1;
}

std::size_t AddressIndex::place_in(const Leaf& leaf, std::string_view address) const {
  const auto before = [this](std::uint32_t entry, std::string_view wanted) { return compare(source_.address(entry), wanted) < 0; };
  // In order at the end: the commonest place of all.
  if (leaf.used == 0 || before(leaf.entries[leaf.used - 1], address)) return leaf.used;
  return static_cast<std::size_t>(std::lower_bound(leaf.entries, leaf.entries + leaf.used, address, before) - leaf.entries);
}

void AddressIndex::put(Leaf& leaf, std::size_t place, std::uint32_t entry) const {
  std::copy_backward(leaf.entries + place, leaf.entries + leaf.used, leaf.entries + leaf.used + 1);
  leaf.entries[place] = entry;
  ++leaf.used;
  if (place == 0) note_first(leaf);
}

void AddressIndex::note_first(Leaf& leaf) const {
  const std::string_view address = source_.address(leaf.entries[0]);
  leaf.first_bytes = static_cast<std::uint16_t>(address.size());
  address.copy(leaf.first, first_bytes_max);
}

}  // namespace clasp::router
