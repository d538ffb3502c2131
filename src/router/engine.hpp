// The parts of a Router and the order in which they act. Private to this folder: one .cpp per step of a frame's way.
//
//   receive.cpp   frame → message → the handler of its type            handshake.cpp  HELLO, WELCOME, second HELLO, refusals
//   write.cpp     SET and PUBLISH through the pipeline                  bundles.cpp    BUNDLE: check all, then apply all
//   commit.cpp    the one place that changes state and fans out         snapshots.cpp  cursors that bring state in chunks
//   pump.cpp      outboxes: what happens when a link is slow            sessions.cpp   opening, ending, idle, timers
//   queries.cpp   SUBSCRIBE, GET, QUERY, ANNOUNCE, SYNC, REPLAY         resume.cpp     sessions that outlive their link
#pragma once

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/check.hpp"
#include "core/codec.hpp"
#include "core/paced_log.hpp"
#include "core/resume.hpp"
#include "router/bundle_scheduler.hpp"
#include "router/commit_log.hpp"
#include "router/gesture_coalescer.hpp"
#include "router/param_store.hpp"
#include "router/router.hpp"
#include "router/session_table.hpp"
#include "router/signal_registry.hpp"
#include "router/subscriptions.hpp"
#include "router/timers.hpp"
#include "router/writers.hpp"

namespace clasp::router {

// A SNAPSHOT in progress: everything that matches `pattern`, as of `since`, from `after` on.
struct SnapshotCursor {
  SessionId session = nobody;
  Pattern pattern;
  Seq since = 0;
  std::optional<std::uint32_t> subscription;  // absent: the one after WELCOME
  bool owes_frame = false;  // a SNAPSHOT has to come even if nothing matches
  std::string after;
};

// Who writes, on whose behalf, through which steps (engine design, section 9).
struct WriteContext {
  Session* session = nullptr;
  const Provenance& provenance;  // outlives this
  WriteMode mode = WriteMode::client;
  std::uint64_t bundle = 0;
};

struct UuidHash {
  std::size_t operator()(const Uuid& uuid) const {
    std::size_t hash = 0;
    std::memcpy(&hash, uuid.bytes.data(), sizeof hash);  // random already
    return hash;
  }
};

// A write that has passed every check and may still be changed or dropped by the transform.
enum class WriteResult : std::uint8_t { written, lost, dropped, refused };

class Engine {
 public:
  Engine(Config config, Hooks hooks, const Now& now);

  // ---- router.cpp: entry points ----
  LinkId open_link(Sink& sink, const Now& now);
  void activity(LinkId link, const Now& now);
  SessionId open_profile(const SessionProfile& profile, Sink& sink, const Now& now);
  void submit_from(SessionId session, const Message& message, Qos qos, const Provenance& provenance, const Now& now, std::size_t input_bytes);
  Router::ParamView param_view(const ParamRecord& record);
  Result<void> restore(std::string_view address, const ValueView& value, Revision revision, std::string_view writer, UnixTime time, std::optional<Ttl> ttl,
                       const Now& now);
  void restore_removal(std::string_view address, Revision revision);
  bool walk(std::string_view after, const std::function<bool(const Router::ParamView&)>& visit);
  const Stats& current_stats();
  Gauges gauges();

  // ---- receive.cpp ----
  void receive(LinkId link, Bytes frame, const Now& now);
  void submit(Session& session, const Message& message, Qos qos, const Provenance& provenance, const Now& now);
  static Provenance provenance_of(const Session& session) { return {.writer = session.writer, .session = session.id}; }
  void count_input(Link& link, std::size_t bytes) const {
    if (link.turn != turn) {
      link.turn = turn;
      link.turn_bytes = 0;
    }
    link.turn_bytes += bytes;
  }

  // ---- handshake.cpp ----
  struct PendingHello {
    LinkId link{};
    std::string name;
    std::uint8_t features = 0;
    bool no_snapshot = false;
    std::optional<resume::Request> resume;  // it asks
  };
  void on_hello(LinkId link, const Hello& hello, const Now& now);
  void welcome(LinkId link, const PendingHello& hello, Granted granted, const Now& now);
  void say_welcome(Session& session, const PendingHello& hello, std::string_view why, const Now& now);
  bool offers_resume() const;
  void on_verdict(Ticket ticket, Verdict verdict, const Now& now);
  void refuse_link(LinkId link, Input input, ErrorCode code, std::string_view text, CloseCode close, const Now& now);

  // ---- write.cpp ----
  void on_set(Session& session, const Set& set, Qos qos, const WriteContext& context, const Now& now);
  void on_publish(Session& session, const Publish& publish, const WriteContext& context, const Now& now);
  Result<Accepted> write(SessionId session, const Message& message, const Now& now, std::size_t input_bytes);
  // (In one piece with its callers, all in write.cpp, as is store(): every SET goes through both.)
  [[gnu::always_inline]] inline Result<Revision> try_set(const Session& session, const Set& set, const WriteContext& context, const Now& now);
  std::optional<Error> try_publish(Session& session, const Publish& publish, const WriteContext& context, const Now& now);
  std::optional<Error> check_set_form(const Set& set) const;  // address and size
  std::optional<Error> check_set_size(const Set& set) const;
  std::optional<Error> check_publish_form(const Publish& publish);
  // Nothing that check_rights() would refuse.
  bool may_write_anything(const Session& session) const { return session.rights.unrestricted() && &gate == &open_gate && !journal_fault; }
  std::optional<Error> check_rights(const Session& session, std::string_view address, const ValueView& value, const char* operation) const;
  // `error` is set if the result is `refused`.
  WriteResult apply_set(const Set& set, Place place, const WriteContext& context, const Now& now, Revision& revision, std::optional<Error>& error);
  std::optional<ValueView> transformed(std::string_view address, SignalType signal, const ValueView& value, WriteMode mode, const Now& now, ByteBuffer& out,
                                       WriteResult& result, std::optional<Error>& error);
  WriteResult store_member(const Set& set, const ParamWrite& write, const WriteContext& context, const Now& now, Revision& revision);  // of a bundle
  [[gnu::always_inline]] inline WriteResult store(const Set& set, const ParamWrite& write, Place place, const WriteContext& context, const Now& now,
                                                  Revision& revision);
  std::optional<Error> publish_now(const Publish& publish, const WriteContext& context, const Now& now);
  std::optional<Error> commit_publish(const Publish& publish, const WriteContext& context, const Now& now);
  bool on_p2p_signal(Session& session, const Publish& publish, const Now& now);
  void publish_held(const HeldMove& move, const Now& now);
  ConflictStrategy strategy_for(std::string_view address) const;
  Error describe(const Refused& refused, std::string_view address) const;

  // ---- bundles.cpp ----
  void on_bundle(Session& session, const Bundle& bundle, Qos qos, const Provenance& provenance, const Now& now);
  void execute_due_bundles(const Now& now);
  struct BundleOverlay;
  std::optional<Error> check_bundle_members(const std::vector<const Message*>& members, const Session& session);
  std::optional<Error> check_bundle_state(const std::vector<const Message*>& members, SessionId writer) const;
  void execute_bundle(const std::vector<const Message*>& members, Session& session, Session* answer_to, Qos qos, const Provenance& provenance, const Now& now);

  // ---- commit.cpp ----
  // Encodes into frame_scratch: one at a time.
  Delivery new_commit(CommitKind kind, std::string_view address, const Now& now) {
    frame_scratch.clear();
    Delivery delivery(frame_scratch);
    delivery.kind = kind;
    delivery.address = address;
    delivery.time = now.unix_time;
    return delivery;
  }
  // Everything of `delivery` that does not depend on who gets it is set, except its seq. `except` does not get it. A PUBLISH without a signal (any_type)
  // goes to subscribers of every type.
  Seq commit(Delivery& delivery, SessionId except, bool any_type, const Now& now);
  // Which masks a subscription needs one bit of to be told, and whether its options may thin it (contract 11).
  static std::uint8_t types_of(const Delivery& delivery) {
    if (delivery.any_type) return TypeMask::all().bits;
    return TypeMask::of(delivery.kind == CommitKind::publish ? delivery.signal : SignalType::param).bits;
  }
  static bool thins(const Delivery& delivery) {
    if (delivery.kind != CommitKind::publish) return delivery.kind == CommitKind::set;
    return delivery.signal == SignalType::param || is_newest_only(delivery);
  }
  // Of these only the newest counts to somebody who is late (contract 14).
  static bool is_newest_only(const Delivery& delivery) {
    return delivery.signal == SignalType::stream || (delivery.signal == SignalType::gesture && delivery.phase == GesturePhase::move);
  }
  std::span<const std::uint32_t> subscription_ids(const MatchRow& row, const MatchSet& matched);  // valid until the next call
  bool passes_options(Session& session, const MatchRow& row, const MatchSet& matched, const Delivery& delivery, std::uint8_t mask, const Now& now);
  Revision remove_param(EntryId entry, const Provenance* by, const Now& now);  // null: nobody did it; its last writer is named
  Result<bool> clear_param(SessionId session, std::string_view address, const Now& now);
  void show_commits();
  void show_whole();  // and says that nothing of it goes on: between frames only
  void show_commits_to(Observer& observer);

  // ---- reactions.cpp ----
  void react(const Delivery& delivery, const Now& now);
  bool is_unconcerned(const Delivery& delivery);
  void react_to_held(const Now& now);
  void tell_opened(const Session& session, const Now& now);
  void tell_subscribed(const Session& session, const Pattern& pattern, const Now& now);
  void tell_closed(const Session& session, const Now& now);
  void advance_reactor(const Now& now);
  // What reactions have to write, and sessions that have to go, until nothing is left. Every entry that may have caused either ends with it.
  void settle(const Now& now) {
    if (!effects.empty() || !doomed.empty()) [[unlikely]]
      settle_all(now);
  }
  void settle_all(const Now& now);
  void run_effects(const Now& now);
  void run_effect(const Effect& effect, Session& session, const Now& now);
  void count_hops();  // of the effects that were just added

  // ---- pump.cpp ----
  // One commit to one session: straight to its sink, or into its outbox. `shared` is filled on first need and shared by all who must wait.
  void deliver(Session& session, Delivery& delivery, SharedFrame& shared, const Now& now);
  // Asks for the session's view, then hands it to the sink. `shown`: the commit whose content it is; 0: none, or not known.
  void leave(Session& session, Link& link, Delivery& delivery, Seq shown) {
    if (session.rights.filtered()) return leave_viewed(session, link, delivery);
    if (session.resumption) {
      if (shown == 0) session.resumption->sent.add(delivery.frame());
      else session.resumption->sent.add(shown, !delivery.ttl && !delivery.lock && !delivery.unlock);
    }
    leave_as_is(link, delivery);
  }
  void leave_viewed(Session& session, Link& link, Delivery& delivery);
  void leave_as_is(Link& link, const Delivery& delivery) {
    const SinkCall call(in_sink);
    const std::size_t bytes = link.sink->deliver(delivery);
    link.unsent += bytes;
    stats.bytes_out += bytes;
  }
  std::size_t hand_over(Session& session, Link& link, const Reply& reply);  // a frame that shows no commit
  void emit(Session& session, Link& link, const OutboxItem& item, const Now& now);
  void emit_frame(Session& session, Link& link, const OutboxItem& item);
  Delivery delivery_of(const ParamRecord& record, ByteBuffer& scratch, Presence presence) const;
  static Delivery delivery_of(const Commit& commit, ByteBuffer& scratch, Presence presence);
  void pump(Session& session, const Now& now);
  void sent(LinkId link, std::size_t bytes, const Now& now);
  Outbox& outbox_of(Session& session, const Now& now);
  void after_push(Session& session, const Now& now);
  void account_outbox(Session& session);
  bool count_drops(Session& session);
  void drop_outbox(Session& session);  // an empty one: the session keeps up again
  void conflate(Session& session, const Now& now);
  void notice_drops(Session& session, const Now& now);
  bool has_room(const Session& session, const Link& link) const {
    const std::size_t window = session.outbox && session.outbox->congested() ? config.window_bytes_congested : config.window_bytes;
    return link.unsent < window;
  }
  bool is_moving(const Link& link, const Now& now) const;  // took something lately
  void relieve_memory(const Now& now);
  void pause_reading(Link& link, std::uint8_t cause);
  void resume_reading(Link& link, std::uint8_t cause);
  void update_pause_for_replies(Session& session);
  void pace(LinkId link, const Now& now);
  void wake_paced(const Now& now);

  // `write`: an answer to a write; those of one session leave in the order of the requests, and not before `needs` is durable.
  enum class Order : std::uint8_t { free, write };
  void reply(Session& session, const Message& message, const Now& now, Order order = Order::free, Seq needs = 0);
  void reply_frame(Session& session, Bytes frame, const Message* message, bool stamp_t3, const Now& now);
  void send_error(Session& session, const Error& error, const Now& now, Order order = Order::free);
  void reply_to_link(Link& link, const Message& message);  // before there is a session
  void release_durable(const Now& now);
  void set_journal_slow(bool slow);
  void set_journal_fault(std::optional<std::string> why, const Now& now);
  void fail_waiting_answers(const Now& now);
  void pause_writer(SessionId writer);

  // ---- resume.cpp ----
  bool may_be_resumed(const Session& session) const;
  void detach(Session& session, const Now& now);  // its link is gone
  void forget_detached(Session& session);
  struct Claimed {
    Session* session = nullptr;  // null: nothing is resumed, and this is why
    std::string_view why;
  };
  Claimed claimed(const resume::Claim& claim, const Grants& grants, const Now& now);
  void take_up(LinkId link, Session& session, const Now& now);
  resume::Offer new_resumption(Session& session);
  resume::Offer offer_of(const Session& session) const;
  void skip_reader(Session& session, Delivery& delivery, SharedFrame& shared, const Now& now);
  void keep_for_later(Session& session, const SharedFrame& frame, bool is_reply);
  void take_later(Session& session, Seq before, const Now& now);
  bool give_again(Session& session, Link& link, const Now& now);  // true: the client has everything that was sent before
  void fall_behind(Session& session, const Now& now);
  void read_on(Session& session, std::size_t& budget, const Now& now);
  void read_commit(Session& session, const Commit& commit, bool hurried, const Now& now);
  bool read_log(const Now& now);  // all sessions that do; true if there is more to do at once
  void be_live(Session& session, const Now& now);
  bool on_mark(Session& session, const Decoded<Frame>& frame, std::size_t bytes, const Now& now);

  // ---- snapshots.cpp ----
  void start_snapshot(Session& session, Pattern pattern, std::optional<std::uint32_t> subscription, const Now& now);
  struct Progress {
    bool finished = false;
    std::size_t bytes = 0;
  };
  Progress advance_snapshot(SnapshotCursor& cursor, const Now& now);
  // What the session may see of a stored value: nothing, the value, or another one (kept in `scratch`).
  std::optional<ValueView> visible(const Session& session, const ParamRecord& record, ByteBuffer& scratch);
  bool advance_snapshots(const Now& now);
  void note_snapshot_delivery(Session& session, std::uint32_t subscription_id, std::string_view address, const ValueView& value, const Now& now);
  void drop_cursors(SessionId session, std::optional<std::uint32_t> subscription);
  void finish_snapshot(const SnapshotCursor& cursor);
  bool send_since(Session& session, const Pattern& pattern, TypeMask types, Seq since, const Now& now);
  void send_history(Session& session, const Pattern& pattern, const SubscribeOptions& options, TypeMask types, const Now& now);

  // ---- queries.cpp ----
  void on_subscribe(Session& session, const Subscribe& subscribe, const Now& now);
  bool subscribe_since(SessionId session, const Subscribe& subscribe, Seq since, const Now& now);
  bool read(const Session& session, const Pattern& pattern, std::string_view after, const std::function<bool(const Router::ParamView&)>& visit);
  void on_unsubscribe(Session& session, const Unsubscribe& unsubscribe, const Now& now);
  void on_get(Session& session, const Get& get, Qos qos, const Now& now);
  bool render_get(Session& session, std::string_view address, ByteBuffer& out, const Now& now);  // false: missing or unreadable
  void on_query(Session& session, const Query& query, const Now& now);
  void on_announce(Session& session, const Announce& announce, const Now& now);
  void on_sync(Session& session, const Sync& sync, const Now& now);
  void on_replay(Session& session, const Replay& replay, Qos qos, const Now& now);
  std::optional<std::size_t> replayed(SessionId id, const Message& message, const Now& now);
  void replay_ended(SessionId id, std::string_view pattern, const std::optional<Error>& error, Qos qos, const Now& now);
  void drop_uncovered(Session& session, const Now& now);

  // ---- sessions.cpp ----
  enum class Farewell : std::uint8_t { lost, ended };  // lost: the session may be resumed
  Session& begin_session(LinkId link, std::string_view name, Grants grants);
  void end_session(SessionId id, const Now& now);
  void close_link(LinkId link, const CloseReason& reason, const Now& now, Farewell farewell);  // the engine ends it
  void link_gone(LinkId link, const Now& now, Farewell farewell);
  std::optional<SteadyTime> advance(const Now& now);
  std::optional<SteadyTime> next_deadline() const;
  void arm_tick(const Now& now);
  void excuse(Micros absence, const Now& now);
  void on_tick(const Now& now);
  void on_held_due(Session& session, const Now& now);
  void arm_held(Session& session);
  void set_grants(SessionId id, Grants grants, const Now& now);
  bool end_turn(const Now& now);
  void log(std::string_view kind, std::string line, const Now& now);

  std::uint64_t address_key(std::string_view address, std::uint32_t id = 0) const;
  // What maxRate, epsilon and a slow link treat as one thing: an address's param, its stream, each of its gestures and what is published as a param
  // there are things of their own.
  std::uint64_t thing_key(CommitKind kind, SignalType signal, std::string_view address, std::uint32_t id) const;
  std::string writer_text(WriterId writer) const;
  SessionView view_of(const Session& session) const { return {session.id, session.name, session.rights.grants().get()}; }

  // Marks the time a sink is being called: the engine must not be entered then.
  struct SinkCall {
    explicit SinkCall(bool& flag) : flag_(flag) {
      CLASP_CHECK(!flag_);
      flag_ = true;
    }
    ~SinkCall() { flag_ = false; }
    bool& flag_;
  };
  void check_entry() const { CLASP_CHECK(!in_sink); }  // a sink, gate or observer called back into the engine

  Config config;
  Hooks hooks;
  OpenGate open_gate;
  Gate& gate;
  Stats stats;
  std::uint64_t epoch = 0;
  std::uint64_t hash_seed = 0;

  Timers timers;
  Writers writers;
  ParamStore params;
  Subscriptions subscriptions;
  CommitLog commit_log;
  GestureCoalescer gesture_coalescer;
  BundleScheduler bundles;
  SignalRegistry signals;
  SentFrames::Budget sent_budget{.bytes_max = config.resume_bytes_max};  // outlives the sessions
  SessionTable table;
  std::unordered_map<Uuid, SessionId, UuidHash> by_uuid;
  std::list<SnapshotCursor> cursors;
  std::optional<SteadyTime> snapshots_due;  // one of them has been given room since the last turn
  std::vector<std::pair<Pattern, ConflictStrategy>> strategies;

  // Answers that wait for the disk, per session in order of the requests (contract 25–26; only with durability sync).
  struct WaitingAnswer {
    SessionId session = nobody;
    Seq needs = 0;
    SharedFrame frame;
  };
  std::deque<WaitingAnswer> waiting_answers;
  Seq durable_seq = 0;
  std::optional<std::string> journal_fault;  // why writes are refused
  bool journal_slow = false;                 // who writes is not read on
  std::optional<UnixTime> frame_time;        // of the frame being handled, as its sender gave it

  std::unordered_map<std::uint64_t, PendingHello> pending_hellos;
  std::uint64_t ticket = 0;

  struct PacedLink {
    LinkId link{};
    SessionId subscriber = nobody;
    SteadyTime until;
  };
  std::vector<PacedLink> paced;
  SessionId fed_backlog = nobody;  // a moving subscriber above pace_bytes that the frame being handled feeds

  std::vector<Effect> effects;
  std::size_t effects_counted = 0;        // of them have their hops
  std::uint8_t hops = 0;                  // of the write being handled
  bool holds_reactions = false;           // in the midst of what nobody may see half of
  struct HeldCommit {
    Commit commit;                        // its views lead into the rest
    std::string address;
    std::string writer;
    ByteBuffer value;
  };
  std::deque<HeldCommit> held_commits;
  std::vector<std::uint32_t> unconcerned;  // by param: the reactor's version that had nothing to do with it

  std::map<std::uint64_t, SessionId> detached;  // the one longest away first
  std::uint64_t detachments = 0;
  std::deque<SessionId> readers;                // attached, and still reading the log

  std::size_t outboxes_bytes = 0;
  std::uint64_t turn = 1;
  Seq shown_seq = 0;                      // observers have seen everything up to here
  Seq whole_seq = 0;                      // and have been told that nothing up to here goes on
  std::size_t unshown_bytes = 0;
  std::vector<Commit> shown_commits;      // being shown
  std::array<std::array<char, Writers::uuid_text_bytes>, Observer::shown_at_once_max> shown_writers{};
  std::uint64_t bundle_id = 0;
  TimerId tick_timer = TimerId::none;
  SteadyTime tick_due{};

  Decoder decoder;
  Decoder inner_decoder;      // of frames that waited, while a message of `decoder` may be in use
  Decoder inner_bundle_decoder;
  ByteBuffer frame_scratch;   // the frame of the commit being delivered
  ByteBuffer reply_scratch;
  ByteBuffer value_scratch;
  ByteBuffer chunk_scratch;
  ByteBuffer emit_scratch;    // items leaving an outbox
  std::vector<std::uint32_t> ids_scratch;
  bool in_sink = false;

  // Sessions to be closed once nothing iterates over them any more.
  std::vector<std::pair<SessionId, CloseReason>> doomed;
  void doom(Session& session, const CloseReason& reason);
  void close_doomed(const Now& now);

  PacedLog paced_log;
  std::string view_writer;  // what the last ParamView points to
};

}  // namespace clasp::router
