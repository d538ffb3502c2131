#include "store/journal_writer.hpp"

#include <algorithm>
#include <chrono>

namespace clasp::store {
namespace {

constexpr std::size_t much_bytes = 16'777'216;
constexpr Micros idle_interval{500'000};
constexpr Micros gathered_max{1'000};
constexpr std::size_t forgotten_at_once_min = 5'000;
constexpr std::size_t measured_entries_min = 500;  // of fewer, the sync is most of it
constexpr std::uint64_t age_interval_us = 10'000'000;

}  // namespace

JournalWriter::JournalWriter(WriterConfig config, JournalFile file, Handover& handover, Events events)
    : config_(std::move(config)), file_(std::move(file)), handover_(handover), events_(std::move(events)) {
  limit_batches(0, Micros{0});
  show_counts();
  thread_ = std::thread([this] { run(); });
}

JournalWriter::~JournalWriter() {
  handover_.close();
  thread_.join();
}

std::string JournalWriter::fault() const {
  const std::scoped_lock lock(mutex_);
  return fault_;
}

void JournalWriter::run() {
  Batch batch;
  batch.items.extend(handover_.bytes_max());  // as the other one: filling it allocates nothing
  batch.items.clear();
  bool complete = true;
  while (handover_.take(batch, gather(batch.entries), idle_interval)) {
    if (batch.empty()) {
      if (file_ && fault().empty() && !forget(0)) file_.reset();
      continue;
    }
    complete = write(batch);
    if (!complete) break;
    if (batch.last != 0) events_.durable(batch.last);
  }
  if (!complete || !file_) return;
  if (file_->begin() && file_->set_unclean_starts(0)) static_cast<void>(file_->commit());
}

// With a window: what it leaves when writing is taken off. Without: if others have come while the last batch was written, those of that batch are about
// to come again, as each waits for its ACK. One sync for all of them is worth waiting a little; whoever writes alone never waits.
Gather JournalWriter::gather(std::size_t last_entries) const {
  const Micros writing{counts_.last_write_us.load(std::memory_order_relaxed)};
  if (config_.window > Micros{0}) return {.time = std::clamp(config_.window - 3 * writing, Micros{0}, config_.window / 2), .bytes = much_bytes};
  const std::size_t waiting = handover_.entries();
  if (waiting == 0) return {};
  // Counted from when the oldest of them came, which is up to a whole write ago.
  return {.time = writing + std::min(writing / 4, gathered_max), .entries = waiting + last_entries, .bytes = much_bytes};
}

bool JournalWriter::write(const Batch& batch) {
  bool damaged = false;
  for (Micros tried{0};; tried += config_.retry) {
    const JournalSeq before = counts_.last_seq.load(std::memory_order_relaxed);
    const auto begin = std::chrono::steady_clock::now();
    Result<void> done;
    if (!file_) {
      auto file = JournalFile::reopen(config_.path, config_.vfs);
      if (file) file_ = std::move(*file);
      else done = file.error();
    }
    if (file_ && damaged) done = file_->rebuild_indexes();
    // A commit that failed may have come through all the same: then it is whole.
    const bool there = file_ && file_->last_seq() > before;
    if (file_ && done && !there) done = try_write(batch);
    if (done) {
      if (batch.lost != 0) {
        needs_snapshot_ = true;
        snapshot_is_behind_gap_ = false;  // one that is under way may have passed what changed
      }
      const auto took = std::chrono::duration_cast<Micros>(std::chrono::steady_clock::now() - begin);
      counts_.last_write_us = took.count();
      limit_batches(batch.entries, took);
      const Micros since_first = std::chrono::duration_cast<Micros>(std::chrono::steady_clock::now().time_since_epoch()) - Micros{batch.first_at.us};
      if (config_.window > Micros{0} && since_first > config_.window) ++counts_.late;
      show_counts();
      set_fault({});
      return true;
    }
    damaged = is_damage(done.error());
    if (file_) file_->roll_back();
    file_.reset();
    ++counts_.failures;
    set_fault(done.error().message);
    if (!handover_.pause(config_.retry)) {
      if (tried >= config_.last_try) return false;
      std::this_thread::sleep_for(config_.retry);
    }
  }
}

Result<void> JournalWriter::try_write(const Batch& batch) {
  const std::uint64_t finished = snapshots_finished_;
  if (auto begun = file_->begin(); !begun) return begun;
  if (batch.lost + batch.thinned != 0) {
    if (auto done = file_->add_gap(batch.lost, batch.thinned, events_.clock()); !done) return done;
  }
  for (std::size_t offset = 0; offset < batch.items.size();) {
    if (auto done = write_item(next_item(batch.items.view(), offset)); !done) {
      snapshots_finished_ = finished;
      return done;
    }
  }
  if (auto done = forget(batch.entries); !done) return done;
  if (auto done = file_->commit(); !done) {
    snapshots_finished_ = finished;
    return done;
  }
  if (snapshots_finished_ != finished) {
    if (snapshot_is_behind_gap_) needs_snapshot_ = false;
    counts_.snapshots += snapshots_finished_ - finished;
  }
  ++counts_.transactions;
  counts_.entries += batch.entries;
  counts_.thinned += batch.thinned;
  counts_.lost += batch.lost;
  return {};
}

// What the window allows for writing is shared out: so many entries a batch are kept whole as can be written within a fifth of it: the processor is wanted
// by those who write as well. With as much for waiting until the batch before is written, everything is on the disk long before it has to be.
void JournalWriter::limit_batches(std::size_t entries, Micros took) {
  if (config_.window == Micros{0}) return;
  if (entries >= measured_entries_min) {
    const double each = static_cast<double>(took.count()) / static_cast<double>(entries);
    entry_us_ = entry_us_ * 0.75 + each * 0.25;
  }
  const double fit = static_cast<double>(config_.window.count()) * 0.2 / entry_us_;
  handover_.set_thin_from(std::max(config_.thin_entries_min, static_cast<std::size_t>(fit)));
}

Result<void> JournalWriter::write_item(const Item& item) {
  switch (item.kind) {
    case ItemKind::entry: {
      const auto appended = file_->append(item.record);
      return appended ? Result<void>{} : Result<void>(appended.error());
    }
    case ItemKind::left_out: return {};
    case ItemKind::snapshot_begin:
      snapshot_is_behind_gap_ = true;
      return file_->begin_snapshot(item.record.revision, events_.clock());
    case ItemKind::snapshot_param:
      if (!file_->in_snapshot()) return {};  // its beginning went with a file that had to be opened anew
      return file_->add_param({.address = item.record.address, .value = item.record.value.value_or(ValueView{}), .revision = item.record.revision,
                               .writer = item.record.author, .time = item.record.time, .ttl = item.record.ttl});
    case ItemKind::snapshot_end:
      if (!file_->in_snapshot()) return {};  // its beginning went with a file that had to be opened anew
      ++snapshots_finished_;
      return file_->finish_snapshot();
  }
  return {};
}

// A little at a time, within the transaction that is being written or one of its own.
Result<void> JournalWriter::forget(std::size_t written) {
  JournalSeq before = config_.forget_before;
  const JournalSeq last = file_->last_seq();
  if (config_.entries_max != 0 && last > config_.entries_max) before = std::max(before, last - config_.entries_max + 1);
  if (config_.age_max > Micros{0}) {
    const UnixTime now = events_.clock();
    if (now.us >= forgot_at_.us + age_interval_us && now.us > static_cast<std::uint64_t>(config_.age_max.count())) {
      const auto first = file_->first_after({now.us - static_cast<std::uint64_t>(config_.age_max.count())});
      if (!first) return first.error();
      before = std::max(before, *first);
      if (*first <= file_->first_seq()) forgot_at_ = now;  // nothing more of that age for now
    }
  }
  const auto forgotten = file_->forget_before(before, std::max(forgotten_at_once_min, 2 * written));
  if (!forgotten) return forgotten.error();
  counts_.forgotten += *forgotten;
  counts_.first_seq = file_->first_seq();
  return {};
}

void JournalWriter::set_fault(std::string fault) {
  {
    const std::scoped_lock lock(mutex_);
    if (fault_ == fault) return;
    fault_ = fault;
  }
  events_.changed(fault);
}

void JournalWriter::show_counts() {
  counts_.last_seq = file_->last_seq();
  counts_.first_seq = file_->first_seq();
}

}  // namespace clasp::store
