// The client's half of the protocol as a pure state machine: frames and time go in, frames and calls of a listener come out. No socket, no
// thread, no clock, no randomness of its own; the driver (client_driver.hpp) brings all of them.
//
// A run in one line: begin() → link_wanted() → link_opened() → HELLO in output() → receive(WELCOME) → active. When the link is lost, the
// session waits, wants a link again, and brings back its announcements, subscriptions and offline params by itself.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "clasp/error.hpp"
#include "client/backoff.hpp"
#include "client/clock_keeper.hpp"
#include "client/continuity.hpp"
#include "client/offline_params.hpp"
#include "client/outstanding_writes.hpp"
#include "client/param_cache.hpp"
#include "client/signal_table.hpp"
#include "client/subscription_table.hpp"
#include "core/byte_buffer.hpp"
#include "core/codec.hpp"
#include "core/message.hpp"
#include "core/time.hpp"

namespace clasp::client {

struct SessionConfig {
  std::string name = "CLASP C++ Client";
  std::string token;
  std::uint8_t features = feature::all_signals;
  bool snapshot = true;  // false: ask the router for none (HELLO block, key "snapshot")
  bool clock_sync = true;
  bool acknowledge = true;  // plain SETs carry QoS confirm
  bool reconnect = true;
  bool resume = true;  // ask the router to keep the session while the link is lost; only with `reconnect`
  bool retry_first = false;  // treat a first connection that fails like a lost one, instead of giving up
  BackoffConfig backoff;
  Micros connect_timeout{10'000'000};     // from wanting a link to WELCOME
  Micros keepalive_interval{30'000'000};  // SYNC, and PING where nothing was heard since the last time
  std::uint32_t probes_max = 2;           // PINGs in a row that nothing answers: then the link is taken for dead
  std::size_t output_bytes_max = 4'194'304;
  std::size_t cache_entries_max = 1'000'000;
  std::size_t pending_max = 65'536;    // calls that wait for an answer, and writes whose answer is watched for
  std::size_t offline_params_max = 0;  // addresses whose newest SET is kept while disconnected; 0: SETs are refused then
  std::size_t signals_max = 65'536;
  std::size_t subscriptions_max = 65'536;
  std::size_t announcements_max = 64;  // namespaces
  std::size_t unanswered_max = 1'024;  // queries and pings that are remembered although their caller has given up
};

// One SET or PUBLISH that arrived, or one param of a SNAPSHOT. Views are valid during the call only.
struct Item {
  bool is_set = true;
  bool snapshot = false;
  std::string_view address;
  std::optional<ValueView> value;
  SignalType signal = SignalType::param;
  GesturePhase phase = GesturePhase::start;
  std::optional<Bytes> samples;
  std::optional<std::uint32_t> id;
  std::optional<std::uint32_t> rate;
  std::uint64_t revision = 0;
  std::string_view writer;
  std::optional<UnixTime> timestamp;
  std::span<const std::uint32_t> subscriptions;  // ids of those that want it
};

// The answer to a call with a ticket. Which fields are set depends on the call.
struct Answer {
  std::string_view address;
  std::optional<ValueView> value;
  std::uint64_t revision = 0;
  std::string_view writer;
  std::optional<UnixTime> timestamp;
  bool stale = false;
  Micros round_trip{0};
  std::span<const SignalDefinition> signals;
};

// What a session tells. Called from inside the session; must not call it back (store and answer later).
class SessionListener {
 public:
  virtual ~SessionListener() = default;
  virtual void connected() = 0;
  // After connected(), if there was a session to go back to: whether it goes on, and if not why. Then everything is as after a first connection.
  virtual void resumed(bool yes, std::string_view why) { static_cast<void>(yes), static_cast<void>(why); }
  virtual void disconnected(std::string_view reason) = 0;
  virtual void reconnecting(std::uint32_t attempt) = 0;
  virtual void gave_up(const Error& error) = 0;  // no link will be wanted any more
  virtual void arrived(const Item& item) = 0;
  virtual void answered(Ticket ticket, const Answer& answer) = 0;
  virtual void failed(Ticket ticket, const Error& error) = 0;
  virtual void reported(const Error& error) = 0;                         // an ERROR that no call was waiting for, or a frame that made no sense
  virtual void acknowledged(const Ack& ack) { static_cast<void>(ack); }  // every ACK, also those that complete a ticket (before that)
};

struct SessionStats {
  std::uint64_t frames_in = 0;
  std::uint64_t frames_out = 0;
  std::uint64_t undecodable_frames = 0;
  std::uint64_t overloaded_calls = 0;
  std::uint64_t frames_lost = 0;        // unsent when the link broke
  std::uint64_t publishes_dropped = 0;  // refused because there was no connection
  std::uint64_t reconnects = 0;
  std::uint64_t resumed = 0;  // of them, those that went on with the same session
};

class ClientSession {
 public:
  enum class Phase : std::uint8_t { idle, connecting, greeting, active, waiting, closed };

  // `seed` feeds the jitter of reconnects.
  ClientSession(SessionConfig config, SessionListener& listener, std::uint64_t seed);
  ClientSession(const ClientSession&) = delete;

  // ---- life ----
  void begin(Now now);
  void close(Now now);  // fails what waits; output() still holds what was accepted
  Phase phase() const { return phase_; }
  bool is_active() const { return phase_ == Phase::active; }
  // The driver keeps a link open exactly while this is true. What is in output() when it turns false is flushed first.
  bool link_wanted() const { return phase_ == Phase::connecting || phase_ == Phase::greeting || phase_ == Phase::active; }

  // ---- the link ----
  void link_opened(Now now);
  void receive(Bytes frame, Now now);
  void activity() {
    probes_unanswered_ = 0;
    heard_ = true;
  }  // any sign of life that is no frame
  void link_lost(std::string_view reason, Now now);  // could not be opened, or is gone
  void advance(Now now);
  std::optional<SteadyTime> next_deadline() const;

  // Whole frames, back to back, waiting to be sent. take_output() exchanges it for an empty buffer; sent() gives the room back.
  bool has_output() const { return !output_.empty(); }
  void take_output(ByteBuffer& out);
  void sent(std::size_t bytes) { in_flight_bytes_ -= std::min(bytes, in_flight_bytes_); }
  std::size_t unsent_bytes() const { return output_.size() + in_flight_bytes_; }

  // ---- calls. Those with a ticket are answered once, by answered() or failed(), at the latest at `deadline` ----
  Result<void> set(const Set& set, Now now);
  Result<void> set_confirmed(const Set& set, Ticket ticket, SteadyTime deadline, Now now);
  Result<void> publish(const Publish& publish, Now now);
  Result<void> bundle(std::span<const Message> messages, std::optional<UnixTime> at, Ticket ticket, SteadyTime deadline, Now now);
  // Answers at once from the cache if that is current enough: the answer then arrives during the call.
  Result<void> get(std::string_view address, Micros age_max, bool fresh, Ticket ticket, SteadyTime deadline, Now now);
  Result<void> query(std::string_view pattern, Ticket ticket, SteadyTime deadline, Now now);
  Result<void> ping(Ticket ticket, SteadyTime deadline, Now now);
  Result<void> sync(Ticket ticket, SteadyTime deadline, Now now);
  Result<void> announce(const Announce& announce, Now now);
  Result<void> replay(const Replay& replay, Now now);

  Result<std::uint32_t> subscribe(std::string_view pattern, TypeMask types, const SubscribeOptions& options, Now now);
  void unsubscribe(std::uint32_t id, Now now);

  // ---- what is known ----
  const ParamCache& cache() const { return cache_; }
  const SignalTable& signals() const { return signals_; }
  const ClockSync& clock() const { return clock_.filter(); }
  const SessionStats& stats() const { return stats_; }
  std::size_t offline_params() const { return offline_.size(); }
  const std::string& session_text() const { return session_text_; }  // "" while not active
  const std::string& server_name() const { return server_name_; }
  std::uint8_t server_features() const { return server_features_; }
  const std::optional<Error>& last_error() const { return last_error_; }
  void clear_error() { last_error_.reset(); }
  bool retries() const { return config_.reconnect && !refused_for_good_; }

 private:
  enum class CallKind : std::uint8_t { get, write, bundle, query, ping, sync };
  struct Call {
    CallKind kind = CallKind::get;
    std::string address;  // or pattern
    SteadyTime deadline;
    SteadyTime sent;
  };
  struct PendingQuery {
    Ticket ticket = Ticket::none;
    Pattern pattern;
  };

  // Phases.
  void want_link(Now now);
  void retry_later(Now now);
  void give_up(const Error& error);
  void attempt_failed(const Error& error, Now now);
  void end_connection(std::string_view reason);
  void keep_unsent_params(Bytes frames);
  void become_active(const Welcome& welcome, Now now);
  std::uint64_t random();

  // Resuming.
  bool asks_to_resume() const;
  void suspend();
  void go_on(const resume::Offer& offer);
  void abandon(std::string_view why);
  void say_away(const Message& message);
  bool handle_mark(Bytes payload);
  void count_received(std::size_t bytes);
  void bring_everything_back();

  // Calls.
  Result<void> check_can_send() const;
  Result<void> check_can_wait();
  Result<void> keep_for_later(const Set& set);
  template <typename Append>
  Result<void> append(std::string_view address, Append&& append_to);  // one frame, if the buffer has room
  void append_always(const Message& message);                         // for what keeps the protocol going
  void open_call(Ticket ticket, CallKind kind, std::string_view address, SteadyTime deadline, Now now);
  void watch_write(std::string_view address, Ticket ticket);
  std::optional<Call> take_call(Ticket ticket);
  void fail_call(Ticket ticket, const Error& error);
  void fail_all_calls(const Error& error);
  static Message subscribe_message(const LocalSubscription& subscription);
  void send_sync(Now now);
  void expect_pong(Ticket ticket);

  // Messages.
  void handle(const Message& message, Now now);
  void handle_greeting(const Message& message, Now now);
  void handle_set(const Set& set, Now now);
  void handle_snapshot(const Snapshot& snapshot, Now now);
  void handle_publish(const Publish& publish);
  void handle_ack(const Ack& ack);
  void handle_announce(const Announce& announce);
  void handle_error(const ErrorReply& reply, Now now);
  void handle_result(const QueryResult& result, Now now);
  void handle_sync(const Sync& sync, Now now);
  void handle_pong(Now now);
  void dispatch(Item& item, std::uint32_t serial_from);
  void complete_gets(const Answer& answer);
  bool fail_gets(std::string_view address, const Error& error);
  bool fail_query(std::string_view pattern, const Error& error);
  void settle_skipped(const MatchedWrite& match);
  bool refuse_write(const MatchedWrite& match, const Error& error);
  void doubt_what_was_shown();
  void ask_about_doubts();
  bool is_only_doubted(std::string_view address) const;  // asked for, but by no call
  void doubt_answered(std::string_view address);
  void is_gone(std::string_view address, Now now);
  void drop_doubts();
  void report_undecodable(const std::string& why, Now now);

  SessionConfig config_;
  SessionListener& listener_;
  Phase phase_ = Phase::idle;
  bool was_active_ = false;        // at least once
  bool refused_for_good_ = false;  // the router does not accept the token
  Backoff backoff_;
  std::uint64_t random_state_;
  SteadyTime connect_deadline_;
  SteadyTime retry_at_;
  SteadyTime active_since_;
  bool heard_ = false;  // anything from the router since the last look
  std::uint32_t probes_unanswered_ = 0;
  SteadyTime keepalive_at_;
  std::uint64_t hello_sent_us_ = 0;
  std::optional<SteadyTime> undecodable_reported_;

  Continuity continuity_;
  bool suspended_ = false;  // the link is lost, the session may not be
  ByteBuffer unsent_;       // while suspended: what the lost link had not been given …
  ByteBuffer said_away_;    // … and SUBSCRIBE, UNSUBSCRIBE and ANNOUNCE since
  std::vector<std::string> announced_away_;

  ByteBuffer output_;
  std::size_t in_flight_bytes_ = 0;
  Decoder decoder_;

  std::unordered_map<std::uint64_t, Call> calls_;
  std::set<std::pair<SteadyTime, std::uint64_t>> call_deadlines_;
  std::unordered_map<std::string, std::vector<Ticket>, TextHash, std::equal_to<>> gets_;  // by address; nobody waits for those about doubts
  std::deque<PendingQuery> queries_;                                                      // answered in the order of the requests
  static constexpr Ticket for_doubts{~std::uint64_t{0}};                                  // no call's: the PING before asking about doubts
  std::deque<Ticket> pings_;
  std::vector<std::string> doubts_;  // addresses subscribers were shown in earlier connections, and this one has not brought
  std::unordered_set<std::string, TextHash, std::equal_to<>> asked_;  // of those: GETs under way
  std::vector<Ticket> syncs_;
  OutstandingWrites writes_;
  std::optional<Error> unaddressed_error_;  // since the last answered write: why the ones it skipped were skipped

  SubscriptionTable subscriptions_;
  ParamCache cache_;
  OfflineParams offline_;
  SignalTable signals_;
  ClockKeeper clock_;
  std::map<std::string, ByteBuffer, std::less<>> announcements_;  // namespace → its frame

  SessionStats stats_;
  std::string session_text_;
  std::string server_name_;
  std::uint8_t server_features_ = 0;
  std::optional<Error> last_error_;
};

}  // namespace clasp::client
