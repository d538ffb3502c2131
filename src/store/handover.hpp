// What goes from the router's thread to the journal's writer: one bounded row of bytes, filled on one side while the other works off the last one.
// Filling allocates nothing once the buffers have been touched, and never waits for the disk. The writer gets whole turns: what is one thing to the
// router (a bundle, a write and what rules made of it) is one transaction, and so there or not there after a crash.
#pragma once

#include <atomic>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <span>

#include "core/byte_buffer.hpp"
#include "router/hooks.hpp"
#include "store/entry.hpp"
#include "store/thinning.hpp"

namespace clasp::store {

enum class ItemKind : std::uint8_t { entry, snapshot_begin, snapshot_param, snapshot_end, left_out };  // left_out: an entry that a newer one has replaced

// One item of a batch. `record.seq` is the router's Seq; of snapshot_begin `record.revision` is removed_revisions_max().
struct Item {
  ItemKind kind = ItemKind::entry;
  Entry record;
};
Item next_item(Bytes bytes, std::size_t& offset);

// What was handed over at once.
struct Batch {
  ByteBuffer items;
  std::size_t entries = 0;
  router::Seq last = 0;         // the router's, of the last entry, also if it was lost; 0: no entry
  std::uint64_t lost = 0;       // entries there was no room for, somewhere among these
  std::uint64_t thinned = 0;    // entries that newer ones have replaced
  SteadyTime first_at{};        // when the oldest of it came
  bool empty() const { return items.empty() && lost == 0; }
};

// How long the writer waits for more once there is something.
struct Gather {
  Micros time{0};                                                 // after the oldest came, …
  std::size_t entries = std::numeric_limits<std::size_t>::max();  // or until there are so many, …
  std::size_t bytes = 1;                                          // or so much
};

class Handover {
 public:
  explicit Handover(std::size_t bytes_max);

  // ---- the router's thread ----
  void push(std::span<const router::Commit> commits, SteadyTime now);  // the writer waits for whole()
  void whole();                   // what was pushed may be taken
  bool push_snapshot(ItemKind kind, const ParamImage& param, std::uint64_t removed_revisions_max);  // false: no room now
  std::size_t bytes() const;      // that wait, without those the writer has taken
  std::size_t bytes_max() const { return bytes_max_; }
  std::uint64_t lost() const;     // entries, in all
  void close();                   // the writer is to finish what is there
  // From so many entries in one batch on, newer ones replace older ones (thinning.hpp); in the beginning none does.
  void set_thin_from(std::size_t entries) { thin_from_.store(entries, std::memory_order_relaxed); }

  // ---- the writer's thread ----
  // Waits for something, then for more; gives it in exchange for an empty batch. False: it was closed and nothing is left. At most `idle` without anything.
  bool take(Batch& batch, const Gather& gather, Micros idle);
  std::size_t entries() const;    // that wait
  // Sleeps, unless it is closed meanwhile (false).
  bool pause(Micros time);

 private:
  void push_entry(const router::Commit& commit, std::size_t thin_from);

  const std::size_t bytes_max_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Batch filling_;
  Thinning thinning_;
  bool thins_ = false;            // the batch being filled
  std::atomic<std::size_t> thin_from_{std::numeric_limits<std::size_t>::max()};
  std::uint64_t lost_ = 0;
  bool goes_on_ = false;          // more of what was pushed last is to come
  bool waiting_for_any_ = false;
  std::size_t waiting_for_ = std::numeric_limits<std::size_t>::max();  // so many entries
  bool closed_ = false;
};

}  // namespace clasp::store
