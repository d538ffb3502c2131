// REPLAY: what the journal knows goes to the session that asked, page by page, no faster than it takes it (journal specification, section 7).
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>

#include "net/event_loop.hpp"
#include "router/router.hpp"
#include "store/journal.hpp"

namespace clasp::server {

class Replays final : public router::Replayer, public net::Turns {
 public:
  Replays(router::Router& router, std::size_t entries_max) : router_(router), entries_max_(entries_max) {}
  ~Replays() override { router_.set_replayer(nullptr); }
  void start(store::Journal* journal);  // nullptr: there is none, and REPLAY is refused

  std::optional<Error> replay(router::SessionId session, const Pattern& pattern, const clasp::Replay& replay, Qos qos) override;

  void advance(const Now&) override {}
  bool end_turn(const Now& now) override;
  std::optional<SteadyTime> next_deadline() const override { return due_; }

 private:
  struct Running {
    router::SessionId session = router::nobody;
    store::Query query;
    Qos qos = Qos::confirm;
    bool cut = false;                          // it was asked for more than entries_max_
    bool asked = false;                        // a page is on its way
    std::optional<Result<store::Page>> page;
    std::size_t offset = 0;                    // in its records: what is before has been sent
    UnixTime last{};                           // of the last entry that was sent
  };
  enum class Step : std::uint8_t { waits, full, ended };

  Step go_on(const std::shared_ptr<Running>& running, const Now& now);
  Step send_page(Running& running, const Now& now);

  router::Router& router_;
  const std::size_t entries_max_;
  store::Journal* journal_ = nullptr;
  std::list<std::shared_ptr<Running>> running_;  // one at a time of each session, in order
  std::optional<SteadyTime> due_;
};

}  // namespace clasp::server
