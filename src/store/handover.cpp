#include "store/handover.hpp"

#include <chrono>

namespace clasp::store {
namespace {

// Left for what can't wait nor be refused, such as removals: snapshots use less.
constexpr std::size_t snapshot_share = 4;

SteadyTime steady_clock_now() {
  return {std::chrono::duration_cast<Micros>(std::chrono::steady_clock::now().time_since_epoch()).count()};
}

}  // namespace

Item next_item(Bytes bytes, std::size_t& offset) {
  const auto kind = static_cast<ItemKind>(bytes[offset++]);
  return {kind, next_record(bytes, offset)};
}

Handover::Handover(std::size_t bytes_max) : bytes_max_(bytes_max) {
  filling_.items.extend(bytes_max);  // not touched, and so not yet anybody's memory
  filling_.items.clear();
}

void Handover::push(std::span<const router::Commit> commits, SteadyTime now) {
  if (commits.empty()) return;
  const std::scoped_lock lock(mutex_);
  if (filling_.empty()) filling_.first_at = now;
  const std::size_t thin_from = thin_from_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < commits.size(); ++i) {
    if (thins_ && i + 1 < commits.size() && Thinning::replaces(commits[i], commits[i + 1])) ++filling_.thinned;
    else push_entry(commits[i], thin_from);
  }
  filling_.last = commits.back().seq;
  goes_on_ = true;
}

void Handover::push_entry(const router::Commit& commit, std::size_t thin_from) {
  Entry entry = entry_of(commit);
  entry.seq = commit.seq;
  thins_ = thins_ || filling_.entries >= thin_from;  // to the batch's end: what was not noted could not be replaced, and would stand behind a newer one
  if (thins_) {
    const Thinning::Taken taken = thinning_.take(filling_.items, entry);
    if (taken != Thinning::Taken::no) ++filling_.thinned;
    if (taken == Thinning::Taken::replaced) return;
    if (taken == Thinning::Taken::instead) --filling_.entries;
  }
  if (filling_.items.size() + 1 + record_bytes(entry) > bytes_max_) {
    ++filling_.lost;
    ++lost_;
    return;
  }
  filling_.items.u8(static_cast<std::uint8_t>(ItemKind::entry));
  if (thins_) thinning_.note(filling_.items.size());
  append_record(filling_.items, entry);
  ++filling_.entries;
}

void Handover::whole() {
  bool wake = false;
  {
    const std::scoped_lock lock(mutex_);
    goes_on_ = false;
    wake = std::exchange(waiting_for_any_, false) || filling_.entries >= waiting_for_;
  }
  if (wake) changed_.notify_one();
}

bool Handover::push_snapshot(ItemKind kind, const ParamImage& param, std::uint64_t removed_revisions_max) {
  const Entry record{.address = param.address, .value = param.value, .revision = kind == ItemKind::snapshot_begin ? removed_revisions_max : param.revision,
                     .ttl = param.ttl};
  bool wake = false;
  {
    const std::scoped_lock lock(mutex_);
    if (filling_.items.size() + 1 + record_bytes(record) + param.writer.size() > bytes_max_ / snapshot_share) return false;
    if (filling_.empty()) filling_.first_at = steady_clock_now();
    Entry full = record;
    full.author = param.writer;
    full.time = param.time;
    filling_.items.u8(static_cast<std::uint8_t>(kind));
    if (kind == ItemKind::snapshot_begin) thinning_.forget();
    append_record(filling_.items, full);
    wake = !goes_on_ && std::exchange(waiting_for_any_, false);
  }
  if (wake) changed_.notify_one();
  return true;
}

std::size_t Handover::bytes() const {
  const std::scoped_lock lock(mutex_);
  return filling_.items.size();
}

std::size_t Handover::entries() const {
  const std::scoped_lock lock(mutex_);
  return filling_.entries;
}

std::uint64_t Handover::lost() const {
  const std::scoped_lock lock(mutex_);
  return lost_;
}

void Handover::close() {
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

bool Handover::take(Batch& batch, const Gather& gather, Micros idle) {
  batch.items.clear();
  batch.entries = 0;
  batch.last = 0;
  batch.lost = 0;
  batch.thinned = 0;
  std::unique_lock lock(mutex_);
  const auto any = [&] { return (!filling_.empty() && !goes_on_) || closed_; };
  if (!any()) {
    waiting_for_any_ = true;
    changed_.wait_for(lock, idle, any);
    waiting_for_any_ = false;
  }
  if (filling_.empty()) return !closed_;
  // Much may come at any time; looking for it now and then costs the router's thread nothing.
  constexpr Micros look_interval{5'000};
  waiting_for_ = gather.entries;
  const auto enough = [&] { return closed_ || filling_.entries >= gather.entries; };
  while (gather.time > Micros{0} && !enough() && filling_.items.size() < gather.bytes) {
    const Micros left = filling_.first_at + gather.time - steady_clock_now();
    if (left <= Micros{0}) break;
    changed_.wait_for(lock, std::min(left, look_interval), enough);
  }
  waiting_for_ = std::numeric_limits<std::size_t>::max();
  if (goes_on_ && !closed_) {  // a turn's end is near
    waiting_for_any_ = true;
    changed_.wait(lock, any);
    waiting_for_any_ = false;
  }
  std::swap(batch, filling_);
  thinning_.forget();
  thins_ = false;
  return true;
}

bool Handover::pause(Micros time) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, time, [&] { return closed_; });
}

}  // namespace clasp::store
