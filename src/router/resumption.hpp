// What a session has that may be resumed on another link (contract 29): the state beside its subscriptions, locks and outbox.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>

#include "core/resume.hpp"
#include "router/sent_frames.hpp"
#include "router/shared_frame.hpp"
#include "router/timers.hpp"
#include "router/types.hpp"

namespace clasp::router {

struct Resumption {
  explicit Resumption(SentFrames::Budget& budget) : sent(budget) {}

  resume::Secret secret{};
  SentFrames sent;             // and not known to have arrived
  std::uint64_t received = 0;  // frames of the client
  std::uint64_t marked = 0;    // of them, as the last MARK told
  std::uint64_t bytes_since_mark = 0;
  Seq read_to = 0;  // while Session::reads_log: what was committed up to here has left, or waits in the outbox
  // While Session::reads_log: what came up that is in no log (answers, signals to this session alone), each behind the commits up to `place`.
  struct Later {
    Seq place = 0;
    bool is_reply = false;
    SharedFrame frame;
  };
  std::deque<Later> later;
  std::size_t later_bytes = 0;
  // And params of which a newer value has been shown than the log was read to: address key → the commit that was shown.
  std::unordered_map<std::uint64_t, Seq> shown_ahead;
  TimerId timer = TimerId::none;  // while detached: its end
  SteadyTime ends{};
  std::uint64_t detached_as = 0;  // key in Engine::detached; 0: attached
  bool giving_again = false;      // what the last link lost comes before everything else
  bool rights_changed = false;    // since the oldest of `sent`: what was sent before must not be given again
  bool leaving = false;           // the client has said that it will not come back
};

}  // namespace clasp::router
