// The one writer of a journal's file: a thread that takes what the router hands over, writes it in one transaction (group commit), and says up to where
// everything is on the disk. After an error it keeps what it has, says so, and tries again.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "store/handover.hpp"
#include "store/journal_file.hpp"
#include "store/watched_files.hpp"

namespace clasp::store {

struct WriterConfig {
  std::string path;
  const char* vfs = nullptr;
  Micros window{0};                            // 0: everything is written at once (sync); else it is on the disk this long after it came, if the disk can
  std::size_t thin_entries_min = 1'000;        // so many of one batch are kept whole in any case; with window 0 all are
  std::uint64_t entries_max = 1'000'000;       // older ones are forgotten, as far as no snapshot needs them; 0: none for this reason
  Micros age_max{0};                           // 0: none for this reason
  JournalSeq forget_before = 0;                // 0: none for this reason
  Micros retry{1'000'000};
  Micros last_try{3'000'000};                  // how long closing keeps trying
};

struct WriterCounts {
  std::atomic<std::uint64_t> entries{0};       // on the disk, since the start
  std::atomic<std::uint64_t> transactions{0};
  std::atomic<std::uint64_t> failures{0};
  std::atomic<std::uint64_t> lost{0};          // had no room
  std::atomic<std::uint64_t> thinned{0};
  std::atomic<std::uint64_t> late{0};          // transactions whose oldest change had waited longer than the window
  std::atomic<std::uint64_t> snapshots{0};
  std::atomic<std::uint64_t> forgotten{0};
  std::atomic<std::uint64_t> last_seq{0};
  std::atomic<std::uint64_t> first_seq{0};
  std::atomic<std::int64_t> last_write_us{0};  // how long the last transaction took
};

class JournalWriter {
 public:
  struct Events {
    std::function<void(router::Seq)> durable;                 // everything handed over up to here is on the disk
    std::function<void(const std::string& fault)> changed;    // writing fails, and why; "": no longer
    std::function<UnixTime()> clock;
  };

  // Events come from the writer's thread. The thread starts at once.
  JournalWriter(WriterConfig config, JournalFile file, Handover& handover, Events events);
  ~JournalWriter();  // writes what was handed over and marks the file as closed, if the disk lets it

  const WriterCounts& counts() const { return counts_; }
  std::string fault() const;  // why nothing can be written at present; empty: it can
  bool needs_snapshot() const { return needs_snapshot_.load(std::memory_order_relaxed); }  // entries were lost, and no snapshot has made up for it

 private:
  void run();
  Gather gather(std::size_t last_entries) const;  // how long to wait for more
  bool write(const Batch& batch);                 // false: it was closed and the disk did not take it
  Result<void> try_write(const Batch& batch);
  Result<void> write_item(const Item& item);
  void limit_batches(std::size_t entries, Micros took);  // of the batch that was written
  Result<void> forget(std::size_t written);
  void set_fault(std::string fault);
  void show_counts();

  const WriterConfig config_;
  std::optional<JournalFile> file_;
  Handover& handover_;
  const Events events_;
  WriterCounts counts_;
  double entry_us_ = 10;  // what writing one costs
  std::uint64_t snapshots_finished_ = 0;
  bool snapshot_is_behind_gap_ = false;  // the one being written, or the last, began when every gap had been written
  UnixTime forgot_at_{};
  std::atomic<bool> needs_snapshot_{false};
  mutable std::mutex mutex_;
  std::string fault_;  // under mutex_
  std::thread thread_;
};

}  // namespace clasp::store
