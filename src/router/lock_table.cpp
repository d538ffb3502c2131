#include "router/lock_table.hpp"

#include "core/check.hpp"

namespace clasp::router {

SessionId LockTable::holder(std::uint32_t entry) const {
  const auto found = by_entry_.find(entry);
  return found == by_entry_.end() ? nobody : rows_[found->second].holder;
}

void LockTable::lock(std::uint32_t entry, SessionId holder) {
  CLASP_CHECK(holder != nobody);
  unlock(entry);
  std::uint32_t row = free_;
  if (row != none) {
    free_ = rows_[row].later;
  } else {
    row = static_cast<std::uint32_t>(rows_.size());
    rows_.emplace_back();
  }
  List& list = by_holder_[holder];
  rows_[row] = {.holder = holder, .entry = entry, .earlier = list.last, .later = none};
  (list.last == none ? list.first : rows_[list.last].later) = row;
  list.last = row;
  by_entry_.emplace(entry, row);
}

void LockTable::unlock(std::uint32_t entry) {
  const auto found = by_entry_.find(entry);
  if (found == by_entry_.end()) return;
  const std::uint32_t row = found->second;
  by_entry_.erase(found);
  const Row& gone = rows_[row];
  const auto list = by_holder_.find(gone.holder);
  (gone.earlier == none ? list->second.first : rows_[gone.earlier].later) = gone.later;
  (gone.later == none ? list->second.last : rows_[gone.later].earlier) = gone.earlier;
  if (list->second.first == none) by_holder_.erase(list);
  rows_[row].later = free_;
  free_ = row;
}

std::uint32_t LockTable::first_of(SessionId holder) const {
  const auto list = by_holder_.find(holder);
  return list == by_holder_.end() ? none : rows_[list->second.first].entry;
}

std::size_t LockTable::memory_bytes() const {
  constexpr std::size_t node_bytes = 4 * sizeof(void*);  // what a hash map of this library spends on a small row
  return rows_.capacity() * sizeof(Row) + (by_entry_.size() + by_holder_.size()) * node_bytes +
         (by_entry_.bucket_count() + by_holder_.bucket_count()) * sizeof(void*);
}

}  // namespace clasp::router
