// The router as a pure state machine: bytes and time go in, frames and deadlines come out (architecture, sections 1 and 4).
//
// Not thread-safe: one thread, the router thread, makes every call. Router orders the small engines of this folder and does nothing else;
// read receive.cpp for one frame's way in, commit.cpp for its way out, pump.cpp for what happens when a link is slow.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "clasp/error.hpp"
#include "core/codec.hpp"
#include "core/message.hpp"
#include "router/config.hpp"
#include "router/hooks.hpp"
#include "router/sink.hpp"
#include "router/signal_registry.hpp"
#include "router/stats.hpp"
#include "router/types.hpp"

namespace clasp::router {

class Engine;  // the parts, private to this folder

enum class Encoding : std::uint8_t { frames, views };  // CLASP links take frames; bridges and other protocols take views

// A session that never says HELLO: an OSC bridge, an HTTP request, a rule, an MQTT client.
struct SessionProfile {
  std::string name;
  Grants grants;                       // open_grants() if it is ours
  Echo echo_sets = Echo::yes;          // deliver its own SETs back to it
  Echo echo_publishes = Echo::no;      // and what it publishes (MQTT)
  // Null is its word for removing a param (contract 20), wherever it may stand: in a SET with a revision, in a bundle, in what a rule does. Who has another
  // word for it, or means Null by Null (MQTT), calls Router::remove().
  bool null_removes = false;
  bool conflate = true;                // no: params are never dropped, as events (protocols that promise every message)
  Encoding encoding = Encoding::views;
  // The sink keeps what waits itself and bounds it: everything is handed over at once, whatever waits there. What it reports as waiting still slows
  // snapshots and, if it moves, publishers (contract 17).
  bool sink_queues = false;
  bool counted = true;                 // no: a part of the program itself, which gauges leave out
  std::string writer;                  // text the wire shows as writer of its values; empty: its session id
  bool visitor = false;                // somebody from outside: the reactor is told when it comes and goes
};

// Everything optional may stay null; the referenced hooks outlive the router.
struct Hooks {
  Gate* gate = nullptr;          // null: open
  Observer* observer = nullptr;
  Reactor* reactor = nullptr;
  Transform* transform = nullptr;
  Replayer* replayer = nullptr;  // null: REPLAY is refused
  Random* random = nullptr;      // required: session ids and hash seeds
  // One line for the operator, already limited to about one a second and kind.
  std::function<void(std::string_view line)> log;
};

class Router {
 public:
  Router(Config config, Hooks hooks, const Now& now);
  Router(const Router&) = delete;
  ~Router();

  // ---- links: peers that speak CLASP ----
  LinkId open_link(Sink& sink, const Now& now);  // HELLO has to come within handshake_timeout
  // One frame, exactly. The bytes may be read only during the call.
  void receive(LinkId link, Bytes frame, const Now& now);
  // Any sign of life that is no frame (WebSocket ping or pong).
  void activity(LinkId link, const Now& now);
  // The link got rid of these bytes. Frees window, may hand the sink more.
  void sent(LinkId link, std::size_t bytes, const Now& now);
  // The link is gone; its sink is not called again.
  void closed(LinkId link, const Now& now);

  // ---- sessions without a link of their own ----
  SessionId open_session(const SessionProfile& profile, Sink& sink, const Now& now);
  // The one way in: receive() decodes and comes here. `input_bytes`: what the peer sent for it, if it may be read later for a slow subscriber's sake.
  void submit(SessionId session, const Message& message, Qos qos, const Provenance& provenance, const Now& now, std::size_t input_bytes = 0);
  // One SET or PUBLISH of a session that answers its peer itself: what became of it, instead of an ACK or ERROR. What is accepted may be confirmed once
  // confirmed_seq() has come to it (contract 25); until then the journal may still fail.
  Result<Accepted> write(SessionId session, const Message& message, const Now& now, std::size_t input_bytes = 0);
  Seq confirmed_seq() const;
  const std::optional<std::string>& journal_fault() const;  // nothing that waits for the disk may be confirmed any more, and why
  // Clears a param (contract 20), without a transform being asked. Whether there was one; an error if the session may not, or somebody else holds its lock.
  Result<bool> remove(SessionId session, std::string_view address, const Now& now);
  // SUBSCRIBE for somebody who has seen everything up to `since`: what was committed after it and is due comes instead of a snapshot, oldest first and
  // a param once, with its value of now (contract 13 and 29). False, and nothing happened: the ring has not all of it any more, or it is more than may
  // wait for one session, or SUBSCRIBE would be refused; then SUBSCRIBE.
  bool subscribe_since(SessionId session, const Subscribe& subscribe, Seq since, const Now& now);
  void sent(SessionId session, std::size_t bytes, const Now& now);
  void close_session(SessionId session, const Now& now);

  // ---- answers that had to wait ----
  // Everything up to `seq` is on the disk: answers that waited for it leave.
  void durable(Seq seq, const Now& now);
  // The journal has hardly room: who writes from now on is not read on until it has (false).
  void set_journal_slow(bool slow);
  // Writes are refused with ERROR 503 and this text, and answers that wait for the disk become such errors; nothing: no more.
  void set_journal_fault(std::optional<std::string> why, const Now& now);
  // One SET or PUBLISH of a REPLAY, if the session may read it. How many bytes wait for the session now; nothing: it is gone.
  std::optional<std::size_t> replayed(SessionId session, const Message& message, const Now& now);
  // That was all: an ACK with the pattern if the REPLAY had QoS ≥ 1, or the error.
  void replay_ended(SessionId session, std::string_view pattern, const std::optional<Error>& error, Qos qos, const Now& now);
  void verdict(Ticket ticket, Verdict verdict, const Now& now);
  void set_grants(SessionId session, Grants grants, const Now& now);  // null: nothing is allowed any more, the session is closed

  // ---- time ----
  // Runs due timers; call before a turn's input. Returns when to call again.
  std::optional<SteadyTime> advance(const Now& now);
  // Ends a turn: shows the observers its commits, continues snapshots, wakes paced publishers. Flush the links afterwards.
  // True if something is left to do at once (a snapshot in progress): turn again even without input.
  bool end_turn(const Now& now);
  std::optional<SteadyTime> next_deadline() const;

  // Ends every session with the reason (shutdown).
  void close_all(const CloseReason& reason, const Now& now);

  // ---- for the embedder ----
  struct ParamView {
    std::string_view address;
    ValueView value;
    Revision revision = 0;
    std::string_view writer;
    UnixTime time;
    std::optional<SessionId> lock_holder;
    std::optional<Ttl> ttl;
  };
  // What the session may read of what matches, in the order of addresses, behind `after`, until `visit` says false. False: that was not all.
  // The view is what the session may see (Gate::view()); it is valid during the call.
  bool read(SessionId session, const Pattern& pattern, std::string_view after, const std::function<bool(const ParamView&)>& visit) const;
  std::optional<ParamView> find(std::string_view address) const;
  void for_each(const Pattern& pattern, const std::function<void(const ParamView&)>& visit) const;
  // What devices have announced, and whether they are still there.
  void for_each_signal(const Now& now, const std::function<void(const SignalRegistry::Entry&)>& visit) const;
  std::uint64_t signals_version() const;  // another one whenever something of that has changed
  // Sessions that have not kept up, the one with most waiting first.
  struct SlowSession {
    std::string_view name;
    std::string id;                     // UUID
    std::size_t waiting_bytes = 0;
    Micros behind{0};                   // for how long
    std::uint64_t params_conflated = 0;  // since it fell behind
    std::uint64_t streams_dropped = 0;
  };
  std::vector<SlowSession> slow_sessions(const Now& now, std::size_t max) const;
  // Sessions that have lost their link and may come back (contract 29), the one longest away first.
  struct AwaySession {
    std::string_view name;
    std::string id;    // UUID
    Micros away{0};    // for how long
    Micros left{0};    // until it ends
  };
  std::vector<AwaySession> away_sessions(const Now& now, std::size_t max) const;
  // Every param behind `after`, in the order of addresses, until `visit` says false. False: that was not all.
  bool walk(std::string_view after, const std::function<bool(const ParamView&)>& visit) const;
  void set_strategy(const Pattern& pattern, ConflictStrategy strategy);  // for addresses created or written from now on
  void set_observer(Observer* observer);     // instead of the hook given at first; sees what is committed from now on; null: none
  void set_replayer(Replayer* replayer);     // instead of the hook given at first
  void set_transform(Transform* transform);  // instead of the hook given at first, from the next write on; null: none
  void set_reactor(Reactor* reactor);        // the same
  // Brings a param back with its revision, writer, time and lifetime (recovery). Nobody is told.
  Result<void> restore(std::string_view address, const ValueView& value, Revision revision, std::string_view writer, UnixTime time, std::optional<Ttl> ttl,
                       const Now& now);
  // The param is gone, and had this revision at last (recovery). Nobody is told.
  void restore_removal(std::string_view address, Revision revision);
  // Above all revisions that removed params had: what recovery has to know of those it has no record of any more, and gives back.
  Revision removed_revisions_max() const;
  void restore_removed_revisions_max(Revision revision);
  // Raises every next revision by 2^24 for each start that ever followed an unclean end, this one included (contract 30): whatever a run before has told
  // and lost, the next one is above it.
  void raise_revisions(std::uint64_t unclean_starts = 1);
  std::uint64_t epoch() const;
  Seq last_seq() const;
  std::string session_text(SessionId session) const;  // UUID; empty if unknown
  std::string_view session_name(std::string_view text) const;  // of an open session by its UUID, as told in HELLO; empty if there is none
  const Stats& stats() const;
  Gauges gauges() const;
  const Config& config() const;

 private:
  std::unique_ptr<Engine> engine_;
};

}  // namespace clasp::router
