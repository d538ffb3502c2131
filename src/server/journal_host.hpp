// The journal of a server: recovery before anybody is heard, what happens between router, writer and operator while it runs, snapshots.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/event_loop.hpp"
#include "router/router.hpp"
#include "server/journal_config.hpp"
#include "store/file_journal.hpp"
#include "store/memory_journal.hpp"
#include "store/opening.hpp"
#include "store/router_restore.hpp"

namespace clasp::server {

class JournalHost final : public net::Turns {
 public:
  struct Says {
    std::function<void(std::string_view)> info;
    std::function<void(std::string_view)> warn;
    std::function<void(std::string_view)> error;
  };
  JournalHost(JournalConfig config, router::Router& router, net::EventLoop& loop, Says says);
  ~JournalHost() override;  // writes what waits

  // Recovers, and hears of everything from now on. The error names what could not be had. `state_restored`: a state file has been read before.
  Result<void> start(const Now& now, bool state_restored);

  store::Journal* journal() { return journal_; }  // nullptr: there is none
  std::string not_ready() const;                  // why the journal does not keep what happens; empty: it does
  void append_metrics(std::string& out) const;

  // The turn's part: behind the router's.
  void advance(const Now&) override {}
  bool end_turn(const Now& now) override;
  std::optional<SteadyTime> next_deadline() const override { return deadline_; }

 private:
  Result<void> start_file(const Now& now, bool state_restored);
  Result<void> write_snapshot_now(store::JournalFile& file, const Now& now);
  void tell(const store::Opened& opened, const store::RouterRestore& restored);
  void watch_writer(const Now& now);   // slow, refusing, and back
  bool feed_snapshot(const Now& now);  // true: there is more to do at once
  bool snapshot_is_due(const Now& now);

  const JournalConfig config_;
  router::Router& router_;
  net::EventLoop& loop_;
  const Says says_;
  store::FileLock lock_;
  store::FileCounts files_;
  std::unique_ptr<store::MemoryJournal> memory_;
  std::unique_ptr<store::FileJournal> file_;
  store::Journal* journal_ = nullptr;
  std::optional<SteadyTime> deadline_;

  std::optional<SteadyTime> stalled_since_;  // sync: the disk does not keep up or fails
  bool refusing_ = false;
  std::uint64_t lost_seen_ = 0;
  bool in_gap_ = false;  // it was said that entries are missing, and not yet that a snapshot has made up for them

  enum class Feeding : std::uint8_t { no, yes, ending };
  Feeding feeding_ = Feeding::no;
  std::string fed_;                           // the last address that was handed over
  SteadyTime look_again_at_{};
  SteadyTime snapshot_at_{};                  // when the last one began
  std::uint64_t entries_at_snapshot_ = 0;     // of the writer's count
  std::uint64_t entries_recovered_ = 0;       // that no snapshot of this run covers yet
  std::uint64_t recovered_params_ = 0;
  std::int64_t recovery_us_ = 0;
};

}  // namespace clasp::server
