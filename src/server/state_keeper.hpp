// --persist: the params in a JSON file, read at the start, written from time to time and at the end.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/event_loop.hpp"
#include "router/router.hpp"
#include "server/journal_config.hpp"
#include "store/file_lock.hpp"
#include "store/state_file.hpp"

namespace clasp::server {

class StateKeeper final : public net::Turns {
 public:
  StateKeeper(const JournalConfig& config, router::Router& router, net::EventLoop& loop, std::function<void(std::string_view)> info,
              std::function<void(std::string_view)> warn);
  ~StateKeeper() override;  // writes the last one

  // Restores what the file knows; how many params. With a journal, that one decides whether the last run ended by itself.
  Result<std::uint64_t> start(const Now& now);
  std::string not_ready() const { return fault_; }

  void advance(const Now&) override {}
  bool end_turn(const Now& now) override;
  std::optional<SteadyTime> next_deadline() const override { return due_; }

 private:
  std::string text_of_all(std::uint64_t unclean_starts) const;
  void written(const Result<void>& result);

  const JournalConfig& config_;
  router::Router& router_;
  net::EventLoop& loop_;
  const std::function<void(std::string_view)> info_;
  const std::function<void(std::string_view)> warn_;
  store::FileLock lock_;
  std::unique_ptr<store::StateWriter> writer_;
  std::optional<store::StateText> text_;  // being collected, a little a turn
  std::string collected_;                 // up to this address
  std::uint64_t unclean_starts_ = 0;      // as the file said at the start
  std::uint64_t raises_ = 0;              // of revisions, at the start
  bool writing_ = false;
  router::Seq written_seq_ = 0;           // the router's, when the last one began
  std::optional<SteadyTime> due_;
  std::string fault_;
};

}  // namespace clasp::server
