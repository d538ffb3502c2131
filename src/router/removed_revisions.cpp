#include "router/removed_revisions.hpp"

#include <algorithm>

#include "core/check.hpp"

namespace clasp::router {

std::uint32_t RemovedRevisions::find(std::uint64_t hash) const {
  return index_.find(hash, [this, hash](std::uint32_t row) { return rows_[row].hash == hash; });
}

Revision RemovedRevisions::floor_of(std::uint64_t hash) const {
  const std::uint32_t row = find(hash);
  return row == none ? floor_ : floor_of(rows_[row]);
}

void RemovedRevisions::remember(std::uint64_t hash, Revision last) {
  if (const std::uint32_t same_hash = find(hash); same_hash != none) {  // another address: one row serves both
    last = std::max(last, floor_of(rows_[same_hash]));
    unlink(same_hash);
  }
  if (size_ == rows_max) {
    floor_ = std::max(floor_, floor_of(rows_[oldest_]));
    ++dropped_;
    unlink(oldest_);
  }
  std::uint32_t row = free_;
  if (row != none) {
    free_ = rows_[row].newer;
  } else {
    row = static_cast<std::uint32_t>(rows_.size());
    rows_.emplace_back();
  }
  rows_[row] = {.hash = hash, .last = last, .older = newest_, .newer = none, .generation = generation()};
  (newest_ == none ? oldest_ : rows_[newest_].newer) = row;
  newest_ = row;
  index_.insert(hash, row);
  ++size_;
}

Revision RemovedRevisions::highest() const {
  Revision highest = floor_;
  for (std::uint32_t row = newest_; row != none; row = rows_[row].older) highest = std::max(highest, floor_of(rows_[row]));
  return highest;
}

void RemovedRevisions::raise_floor(Revision floor) { floor_ = std::max(floor_, floor); }

void RemovedRevisions::forget(std::uint64_t hash) {
  if (const std::uint32_t row = find(hash); row != none) unlink(row);
}

void RemovedRevisions::raise(Revision by) {
  CLASP_CHECK(sums_.size() <= raises_max);
  floor_ = raised(floor_, by);
  sums_.push_back(raised(sums_.back(), by));
}

void RemovedRevisions::unlink(std::uint32_t row) {
  const Row& gone = rows_[row];
  (gone.older == none ? oldest_ : rows_[gone.older].newer) = gone.newer;
  (gone.newer == none ? newest_ : rows_[gone.newer].older) = gone.older;
  index_.erase(gone.hash, row);
  rows_[row].newer = free_;
  free_ = row;
  --size_;
}

}  // namespace clasp::router
