#include "router/router.hpp"

#include <algorithm>
#include <functional>

#include "core/check.hpp"
#include "router/engine.hpp"

namespace clasp::router {

Router::Router(Config config, Hooks hooks, const Now& now) : engine_(std::make_unique<Engine>(std::move(config), std::move(hooks), now)) {}
Router::~Router() = default;

LinkId Router::open_link(Sink& sink, const Now& now) {
  engine_->check_entry();
  return engine_->open_link(sink, now);
}

void Router::receive(LinkId link, Bytes frame, const Now& now) {
  engine_->check_entry();
  engine_->receive(link, frame, now);
}

void Router::activity(LinkId link, const Now& now) {
  engine_->check_entry();
  engine_->activity(link, now);
}

void Router::sent(LinkId link, std::size_t bytes, const Now& now) {
  engine_->check_entry();
  engine_->sent(link, bytes, now);
}

void Router::closed(LinkId link, const Now& now) {
  engine_->check_entry();
  engine_->link_gone(link, now, Engine::Farewell::lost);
  engine_->settle(now);
}

SessionId Router::open_session(const SessionProfile& profile, Sink& sink, const Now& now) {
  engine_->check_entry();
  const SessionId session = engine_->open_profile(profile, sink, now);
  engine_->settle(now);
  return session;
}

void Router::submit(SessionId id, const Message& message, Qos qos, const Provenance& provenance, const Now& now, std::size_t input_bytes) {
  engine_->check_entry();
  engine_->submit_from(id, message, qos, provenance, now, input_bytes);
}

Result<Accepted> Router::write(SessionId session, const Message& message, const Now& now, std::size_t input_bytes) {
  engine_->check_entry();
  return engine_->write(session, message, now, input_bytes);
}

Seq Router::confirmed_seq() const {
  return engine_->config.durability == Durability::sync ? engine_->durable_seq : engine_->commit_log.last_seq();
}

const std::optional<std::string>& Router::journal_fault() const { return engine_->journal_fault; }

Result<bool> Router::remove(SessionId session, std::string_view address, const Now& now) {
  engine_->check_entry();
  return engine_->clear_param(session, address, now);
}

bool Router::subscribe_since(SessionId id, const Subscribe& subscribe, Seq since, const Now& now) {
  engine_->check_entry();
  const bool done = engine_->subscribe_since(id, subscribe, since, now);
  engine_->settle(now);
  return done;
}

void Router::sent(SessionId id, std::size_t bytes, const Now& now) {
  engine_->check_entry();
  if (const Session* session = engine_->table.find(id)) engine_->sent(session->link, bytes, now);
}

void Router::close_session(SessionId id, const Now& now) {
  engine_->check_entry();
  if (const Session* session = engine_->table.find(id)) engine_->link_gone(session->link, now, Engine::Farewell::ended);
  engine_->settle(now);
}

void Router::durable(Seq seq, const Now& now) {
  engine_->check_entry();
  engine_->durable_seq = std::max(engine_->durable_seq, seq);
  engine_->release_durable(now);
}

void Router::set_journal_slow(bool slow) {
  engine_->check_entry();
  engine_->set_journal_slow(slow);
}

void Router::set_journal_fault(std::optional<std::string> why, const Now& now) {
  engine_->check_entry();
  engine_->set_journal_fault(std::move(why), now);
}

void Router::verdict(Ticket ticket, Verdict verdict, const Now& now) {
  engine_->check_entry();
  engine_->on_verdict(ticket, std::move(verdict), now);
  engine_->settle(now);
}

void Router::set_grants(SessionId session, Grants grants, const Now& now) {
  engine_->check_entry();
  engine_->set_grants(session, std::move(grants), now);
}

std::optional<SteadyTime> Router::advance(const Now& now) {
  engine_->check_entry();
  return engine_->advance(now);
}

bool Router::end_turn(const Now& now) {
  engine_->check_entry();
  return engine_->end_turn(now);
}

std::optional<SteadyTime> Router::next_deadline() const { return engine_->next_deadline(); }

void Router::close_all(const CloseReason& reason, const Now& now) {
  engine_->check_entry();
  std::vector<LinkId> links;
  engine_->table.each_link([&](LinkId id, Link&) { links.push_back(id); });
  for (const LinkId id : links) engine_->close_link(id, reason, now, Engine::Farewell::ended);
  while (!engine_->detached.empty()) engine_->end_session(engine_->detached.begin()->second, now);
  engine_->settle(now);
  engine_->show_whole();
}

bool Router::read(SessionId id, const Pattern& pattern, std::string_view after, const std::function<bool(const ParamView&)>& visit) const {
  engine_->check_entry();
  const Session* session = engine_->table.find(id);
  return session == nullptr || engine_->read(*session, pattern, after, visit);
}

std::optional<Router::ParamView> Router::find(std::string_view address) const {
  const auto record = engine_->params.find_record(address);
  if (!record) return std::nullopt;
  return engine_->param_view(*record);
}

void Router::for_each_signal(const Now& now, const std::function<void(const SignalRegistry::Entry&)>& visit) const {
  engine_->signals.for_each(now.steady, visit);
}
std::uint64_t Router::signals_version() const { return engine_->signals.version(); }

std::vector<Router::SlowSession> Router::slow_sessions(const Now& now, std::size_t max) const {
  std::vector<SlowSession> slow;
  engine_->table.each_session([&](const Session& session) {
    if (!session.outbox || session.link == no_link) return;
    slow.push_back({.name = session.name, .id = to_text(session.uuid), .waiting_bytes = session.outbox_bytes, .behind = now.steady - session.outbox_since,
                    .params_conflated = session.outbox->params_conflated(), .streams_dropped = session.outbox->streams_dropped()});
  });
  std::ranges::sort(slow, std::greater{}, &SlowSession::waiting_bytes);
  if (slow.size() > max) slow.resize(max);
  return slow;
}

std::vector<Router::AwaySession> Router::away_sessions(const Now& now, std::size_t max) const {
  std::vector<AwaySession> away;
  for (const auto& [order, id] : engine_->detached) {
    if (away.size() == max) break;
    const Session* session = engine_->table.find(id);
    if (session == nullptr) continue;
    const Micros left = std::max(session->resumption->ends - now.steady, Micros{0});
    away.push_back({.name = session->name, .id = to_text(session->uuid), .away = Micros(engine_->config.resume_window) - left, .left = left});
  }
  return away;
}

void Router::for_each(const Pattern& pattern, const std::function<void(const ParamView&)>& visit) const {
  std::string after;
  while (const auto entry = engine_->params.next_match(pattern, after)) {
    const ParamRecord record = engine_->params.record(*entry);
    after.assign(record.address);
    visit(engine_->param_view(record));
  }
}

void Router::set_strategy(const Pattern& pattern, ConflictStrategy strategy) {
  engine_->strategies.insert(engine_->strategies.begin(), {pattern, strategy});
  std::string after;
  while (const auto entry = engine_->params.next_match(pattern, after)) {
    after.assign(engine_->params.record(*entry).address);
    engine_->params.set_strategy(*entry, strategy);
  }
}

void Router::set_observer(Observer* observer) {
  engine_->check_entry();
  engine_->show_whole();
  engine_->hooks.observer = observer;
  engine_->shown_seq = engine_->whole_seq = engine_->commit_log.last_seq();
}

void Router::set_replayer(Replayer* replayer) { engine_->hooks.replayer = replayer; }

std::optional<std::size_t> Router::replayed(SessionId session, const Message& message, const Now& now) {
  engine_->check_entry();
  return engine_->replayed(session, message, now);
}

void Router::replay_ended(SessionId session, std::string_view pattern, const std::optional<Error>& error, Qos qos, const Now& now) {
  engine_->check_entry();
  engine_->replay_ended(session, pattern, error, qos, now);
}

void Router::set_transform(Transform* transform) {
  engine_->check_entry();
  engine_->hooks.transform = transform;
}

void Router::set_reactor(Reactor* reactor) {
  engine_->check_entry();
  engine_->hooks.reactor = reactor;
  engine_->unconcerned.clear();
}

Result<void> Router::restore(std::string_view address, const ValueView& value, Revision revision, std::string_view writer, UnixTime time,
                             std::optional<Ttl> ttl, const Now& now) {
  return engine_->restore(address, value, revision, writer, time, ttl, now);
}

bool Router::walk(std::string_view after, const std::function<bool(const ParamView&)>& visit) const { return engine_->walk(after, visit); }
void Router::restore_removal(std::string_view address, Revision revision) { engine_->restore_removal(address, revision); }
Revision Router::removed_revisions_max() const { return engine_->params.removed_revisions_max(); }
void Router::restore_removed_revisions_max(Revision revision) { engine_->params.raise_removed_revisions(revision); }
void Router::raise_revisions(std::uint64_t unclean_starts) {
  constexpr std::uint64_t starts_max = std::uint64_t{1} << 36;
  engine_->params.raise_revisions(std::min(unclean_starts, starts_max) << 24);
}
std::uint64_t Router::epoch() const { return engine_->epoch; }
Seq Router::last_seq() const { return engine_->commit_log.last_seq(); }

std::string Router::session_text(SessionId id) const {
  const Session* session = engine_->table.find(id);
  return session == nullptr ? std::string() : to_text(session->uuid);
}

std::string_view Router::session_name(std::string_view text) const {
  Uuid uuid;
  if (!parse_uuid(text, uuid)) return {};
  const auto found = engine_->by_uuid.find(uuid);
  const Session* session = found == engine_->by_uuid.end() ? nullptr : engine_->table.find(found->second);
  return session == nullptr ? std::string_view() : std::string_view(session->name);
}

const Stats& Router::stats() const { return engine_->current_stats(); }
Gauges Router::gauges() const { return engine_->gauges(); }
const Config& Router::config() const { return engine_->config; }

// ---- entry points with a decision or two of their own ----

LinkId Engine::open_link(Sink& sink, const Now& now) {
  const LinkId id = table.open_link(sink, now);
  table.find(id)->handshake_timer = timers.arm(TimerKind::handshake, static_cast<std::uint32_t>(id), now.steady + Micros(config.handshake_timeout));
  if (tick_timer == TimerId::none) arm_tick(now);
  return id;
}

void Engine::activity(LinkId id, const Now& now) {
  if (Link* link = table.find(id)) {
    link->received = now.steady;
    link->pings_missed = 0;
  }
}

SessionId Engine::open_profile(const SessionProfile& profile, Sink& sink, const Now& now) {
  const LinkId id = table.open_link(sink, now);
  table.find(id)->phase = Phase::active;
  Session& session = begin_session(id, profile.name, profile.grants ? profile.grants : open_grants());
  session.echo_sets = profile.echo_sets;
  session.null_removes = profile.null_removes;
  session.echo_publishes = profile.echo_publishes;
  session.sink_queues = profile.sink_queues;
  session.conflate = profile.conflate;
  session.counted = profile.counted;
  session.encoding = profile.encoding;
  session.visitor = profile.visitor;
  if (!profile.writer.empty()) {
    writers.release(session.writer);
    session.writer = writers.intern(profile.writer);
  }
  tell_opened(session, now);
  return session.id;
}

void Engine::submit_from(SessionId id, const Message& message, Qos qos, const Provenance& given, const Now& now, std::size_t input_bytes) {
  Session* session = table.find(id);
  if (session == nullptr) return;
  Provenance provenance = given;
  if (provenance.session == nobody) provenance.session = id;
  if (provenance.writer == WriterId{}) provenance.writer = session->writer;
  ++stats.messages_in[static_cast<std::uint8_t>(type_of(message))];
  const LinkId link = session->link;
  if (input_bytes != 0) count_input(*table.find(link), input_bytes);
  fed_backlog = nobody;
  submit(*session, message, qos, provenance, now);
  if (fed_backlog != nobody && input_bytes != 0) pace(link, now);
}

Router::ParamView Engine::param_view(const ParamRecord& record) {
  view_writer = writer_text(record.writer);
  Router::ParamView view{.address = record.address, .value = record.value, .revision = record.revision, .writer = view_writer, .time = record.time,
                         .lock_holder = {}, .ttl = {}};
  if (record.lock_holder != nobody) view.lock_holder = record.lock_holder;
  view.ttl = record.ttl;
  return view;
}

Result<void> Engine::restore(std::string_view address, const ValueView& value, Revision revision, std::string_view writer, UnixTime time,
                             std::optional<Ttl> ttl, const Now& now) {
  if (const auto bad = check_set_form(Set{.address = address, .value = value})) return *bad;
  const auto old = params.find_record(address);
  const WriterId by = writers.intern(writer);
  if (!params.restore(address, value, revision, by, time, ttl, commit_log.last_seq(), now.steady)) {
    writers.release(by);
    return Error{ErrorCode::revision_conflict, fmt::format("AtCapacity: the router holds its maximum of {} params", config.params_max), std::string(address)};
  }
  if (old) writers.release(old->writer);
  params.set_strategy(*params.find(address), strategy_for(address));
  return {};
}

void Engine::restore_removal(std::string_view address, Revision revision) {
  if (const auto entry = params.find(address)) {
    writers.release(params.record(*entry).writer);
    params.remove(*entry);
  }
  params.restore_removal(address, revision);
}

bool Engine::walk(std::string_view after, const std::function<bool(const Router::ParamView&)>& visit) {
  static const Pattern everything = *Pattern::parse("/**");
  std::string last(after);
  while (const auto entry = params.next_match(everything, last)) {
    const ParamRecord record = params.record(*entry);
    last.assign(record.address);
    if (!visit(param_view(record))) return false;
  }
  return true;
}

const Stats& Engine::current_stats() {
  stats.gestures_untracked = gesture_coalescer.untracked();
  stats.gestures_coalesced = gesture_coalescer.coalesced();
  stats.gestures_abandoned = gesture_coalescer.abandoned();
  stats.match_cache_misses = subscriptions.cache_misses();
  stats.match_cache_resets = subscriptions.cache_resets();
  return stats;
}

Gauges Engine::gauges() {
  Gauges out{.links = table.links(), .sessions = table.sessions() - detached.size(), .sessions_detached = detached.size(), .resume_bytes = sent_budget.bytes, .subscriptions = subscriptions.size(), .params = params.size(), .signals = signals.size(),
             .gestures = gesture_coalescer.size(), .bundles_waiting = bundles.size(), .outbox_bytes = outboxes_bytes, .snapshots_running = cursors.size(),
             .sessions_congested = 0, .param_bytes = params.memory_bytes()};
  table.each_session([&](const Session& session) {
    if (session.outbox && session.outbox->congested()) ++out.sessions_congested;
    if (session.counted) return;
    --out.links, --out.sessions;
    subscriptions.for_each(session.slot, [&](SubscriptionSlot, const Subscription&) { --out.subscriptions; });
  });
  return out;
}

}  // namespace clasp::router
