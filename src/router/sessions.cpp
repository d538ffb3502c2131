// Opening and ending sessions, and everything that happens because time has passed (router specification 23; contract 28–32).
#include "core/check.hpp"
#include "router/engine.hpp"

namespace clasp::router {

namespace {

constexpr Micros tick_interval{1'000'000};
constexpr std::size_t expiries_per_turn_max = 256;

Uuid random_uuid(Random& random) {
  Uuid uuid;
  const std::uint64_t halves[2] = {random.next(), random.next()};
  std::memcpy(uuid.bytes.data(), halves, sizeof halves);
  uuid.bytes[6] = static_cast<std::uint8_t>((uuid.bytes[6] & 0x0f) | 0x40);  // version 4
  uuid.bytes[8] = static_cast<std::uint8_t>((uuid.bytes[8] & 0x3f) | 0x80);  // variant 1
  return uuid;
}

GestureLimits gesture_limits(const Config& config) {
  return {.interval = config.gesture_interval, .age_max = config.gesture_age_max, .gestures_max = config.gestures_max};
}

}  // namespace

Engine::Engine(Config configuration, Hooks given, const Now& now)
    : config(std::move(configuration)),
      hooks(std::move(given)),
      gate(hooks.gate != nullptr ? *hooks.gate : open_gate),
      epoch((CLASP_CHECK(hooks.random != nullptr), hooks.random->next())),
      hash_seed(hooks.random->next()),
      writers(hash_seed),
      params({.params_max = config.params_max, .eviction = config.eviction, .default_ttl_us = Micros(config.param_ttl).count(), .hash_seed = hash_seed}),
      subscriptions(config.match_cache_bytes_max, hash_seed),
      commit_log(config.commit_log_bytes_max),
      gesture_coalescer(gesture_limits(config)),
      bundles({.per_session_max = config.bundles_per_session_max, .bytes_per_session_max = config.bundle_bytes_per_session_max}),
      signals(config.signals_max, Micros(config.signal_ttl)) {
  static_cast<void>(now);
  for (const auto& [text, strategy] : config.strategies) {
    auto pattern = Pattern::parse(text);
    CLASP_CHECK(pattern.has_value());  // the configuration was validated where it was read
    strategies.emplace_back(std::move(*pattern), strategy);
  }
}

Session& Engine::begin_session(LinkId id, std::string_view name, Grants grants) {
  Session& session = table.open_session(id);
  do session.uuid = random_uuid(*hooks.random);
  while (by_uuid.contains(session.uuid));
  by_uuid.emplace(session.uuid, session.id);
  session.name = name;
  session.rights = std::move(grants);
  session.writer = writers.intern(session.uuid);
  table.find(id)->session = session.id;
  ++stats.sessions_opened;
  return session;
}

void Engine::end_session(SessionId id, const Now& now) {
  Session* session = table.find(id);
  if (session == nullptr) return;
  std::vector<HeldMove> moves;
  gesture_coalescer.end_session(id, moves);
  for (const HeldMove& move : moves) publish_held(move, now);

  if (session->locks) {
    const Provenance by = provenance_of(*session);
    params.release_locks(id, [&](EntryId entry) {
      const ParamRecord record = params.record(entry);
      const std::string address(record.address);
      Delivery freed = new_commit(CommitKind::lock, address, now);
      freed.entry = entry;
      freed.revision = record.revision;
      freed.provenance = by;
      commit(freed, nobody, false, now);
    });
  }
  if (session->resumption) {
    forget_detached(*session);
    std::erase(readers, id);
  }
  tell_closed(*session, now);
  signals.leave(id, now.steady);
  subscriptions.remove_session(session->slot);
  drop_cursors(id, std::nullopt);
  timers.cancel(session->held_timer);
  std::erase_if(waiting_answers, [id](const WaitingAnswer& answer) { return answer.session == id; });
  session->outbox.reset();
  if (session->resumption) session->resumption->later_bytes = 0;
  account_outbox(*session);
  show_commits();  // while its id still has a text
  writers.release(session->writer);
  by_uuid.erase(session->uuid);
  if (Link* link = table.find(session->link)) link->session = nobody;
  table.free_session(id);
}

void Engine::close_link(LinkId id, const CloseReason& reason, const Now& now, Farewell farewell) {
  Link* link = table.find(id);
  if (link == nullptr) return;
  {
    const SinkCall call(in_sink);
    link->sink->close(reason);
  }
  link_gone(id, now, farewell);
}

void Engine::link_gone(LinkId id, const Now& now, Farewell farewell) {
  Link* link = table.find(id);
  if (link == nullptr) return;
  timers.cancel(link->handshake_timer);
  std::erase_if(pending_hellos, [id](const auto& pending) { return pending.second.link == id; });
  Session* session = table.find(std::exchange(link->session, nobody));
  table.free_link(id);
  if (session == nullptr) return;
  farewell == Farewell::lost && may_be_resumed(*session) ? detach(*session, now) : end_session(session->id, now);
}

void Engine::doom(Session& session, const CloseReason& reason) {
  for (const auto& [id, why] : doomed) {
    if (id == session.id) return;
  }
  doomed.emplace_back(session.id, reason);
}

// May be entered again through the commits an ending session causes: the list is worked off one by one.
void Engine::close_doomed(const Now& now) {
  while (!doomed.empty()) {
    const auto [id, reason] = doomed.back();
    doomed.pop_back();
    Session* session = table.find(id);
    if (session == nullptr) continue;
    log("closed", fmt::format("session {} ({}) was closed: {}", to_text(session->uuid), printable(session->name, 40), reason.text), now);
    if (table.find(session->link) != nullptr) close_link(session->link, reason, now, Farewell::ended);
    else end_session(id, now);
  }
}

void Engine::set_grants(SessionId id, Grants grants, const Now& now) {
  Session* session = table.find(id);
  if (session == nullptr) return;
  session->rights = std::move(grants);
  if (session->rights.none()) {
    bundles.drop_session(id, [this](const WaitingBundle& bundle) { writers.release(bundle.provenance.writer); });
    doom(*session, {CloseCode::policy, "access revoked"});
    return close_doomed(now);
  }
  const Rights& rights = session->rights;
  std::vector<std::uint32_t> lost;
  subscriptions.for_each(session->slot, [&](SubscriptionSlot, const Subscription& subscription) {
    if (!rights.covers(Action::read, subscription.pattern)) lost.push_back(subscription.id);
  });
  for (const std::uint32_t subscription : lost) on_unsubscribe(*session, {subscription}, now);
  if (session->options) session->options->drop_held();
  if (session->resumption && !rights.unrestricted()) {
    session->resumption->sent.forget();
    session->resumption->rights_changed = true;
  }
  if (!session->outbox || rights.unrestricted()) return;
  session->outbox->drop_if([&](const OutboxItem& item) {
    if (item.kind == ItemKind::reply) return false;
    if (item.kind == ItemKind::mark) return !rights.allows(Action::read, params.record(item.entry).address);
    if (item.kind == ItemKind::get) return !rights.allows(Action::read, as_text(item.frame.view()));
    const auto frame = decode_frame(item.frame.view());
    const auto message = inner_decoder.decode(frame->payload);
    if (const auto* set = std::get_if<Set>(&message->body)) return !rights.allows(Action::read, set->address);
    if (const auto* publish = std::get_if<Publish>(&message->body)) return !rights.allows(Action::read, publish->address);
    if (const auto* snapshot = std::get_if<Snapshot>(&message->body))
      return !snapshot->params.empty() && !rights.allows(Action::read, snapshot->params.front().address);
    return false;
  });
  if (session->outbox->empty()) drop_outbox(*session);
  account_outbox(*session);
}

// ---- time ----

std::optional<SteadyTime> Engine::next_deadline() const {
  std::optional<SteadyTime> next;
  const auto consider = [&next](std::optional<SteadyTime> due) {
    if (due && (!next || *due < *next)) next = due;
  };
  consider(timers.next_deadline());
  consider(params.next_expiry());
  consider(gesture_coalescer.next_deadline());
  consider(bundles.next_deadline());
  consider(signals.next_expiry());
  consider(snapshots_due);
  if (hooks.reactor != nullptr) consider(hooks.reactor->next_deadline());
  return next;
}

std::optional<SteadyTime> Engine::advance(const Now& now) {
  if (snapshots_due && *snapshots_due <= now.steady) snapshots_due.reset();  // the end of the turn that begins here sees to them
  if (const auto due = bundles.next_deadline(); due && *due <= now.steady) execute_due_bundles(now);

  if (const auto due = params.next_expiry(); due && *due <= now.steady) {
    std::vector<EntryId> expired;
    params.expired(now.steady, expiries_per_turn_max, expired);
    for (const EntryId entry : expired) {
      ++stats.params_expired;
      remove_param(entry, nullptr, now);
    }
  }
  if (const auto due = gesture_coalescer.next_deadline(); due && *due <= now.steady) {
    std::vector<HeldMove> moves;
    gesture_coalescer.advance(now.steady, moves);
    for (const HeldMove& move : moves) publish_held(move, now);
  }
  if (const auto due = signals.next_expiry(); due && *due <= now.steady) signals.expire(now.steady);

  while (const auto timer = timers.pop_due(now.steady)) {
    switch (timer->kind) {
      case TimerKind::handshake: {
        const LinkId id{static_cast<std::uint32_t>(timer->key)};
        Link* link = table.find(id);
        if (link == nullptr) break;
        link->handshake_timer = TimerId::none;
        ++stats.handshakes_timed_out;
        refuse_link(id, Input::timeout, ErrorCode::handshake_timeout,
                    fmt::format("no HELLO within {} s", config.handshake_timeout.count() / 1000), CloseCode::policy, now);
        break;
      }
      case TimerKind::idle:
        tick_timer = TimerId::none;
        if (const Micros late = now.steady - tick_due; late > tick_interval) excuse(late, now);
        on_tick(now);
        break;
      case TimerKind::held_params:
        if (Session* session = table.find(SessionId{timer->key})) {
          session->held_timer = TimerId::none;
          on_held_due(*session, now);
        }
        break;
      case TimerKind::detached:
        if (Session* session = table.find(SessionId{timer->key})) {
          session->resumption->timer = TimerId::none;
          ++stats.sessions_not_resumed;
          end_session(session->id, now);
        }
        break;
      default: break;  // pace: end_turn wakes whoever waits
    }
  }
  advance_reactor(now);
  settle(now);
  return next_deadline();
}

// This process was stopped, suspended or starved of its processor: it could neither hear nor send meanwhile, so that time counts against nobody.
void Engine::excuse(Micros absence, const Now& now) {
  const auto later = [&](SteadyTime& time) { time = std::min(time + absence, now.steady); };
  table.each_link([&](LinkId, Link& link) {
    later(link.received);
    later(link.progressed);
    later(link.pinged);
    if (Session* session = table.find(link.session)) later(session->outbox_since);
  });
  for (const auto& [order, id] : detached) {
    Resumption& state = *table.find(id)->resumption;
    state.ends = state.ends + absence;
    timers.move(state.timer, state.ends);
  }
  const double length = static_cast<double>(absence.count()) / 1e6;
  log("absence", fmt::format("this process did not run for {:.1f} s; that counts against no session", length), now);
}

void Engine::arm_tick(const Now& now) {
  tick_due = now.steady + tick_interval;
  tick_timer = timers.arm(TimerKind::idle, 0, tick_due);
}

// Once a second, for all links: silence, pings, stalls. A link that is not read because of us is not idle.
void Engine::on_tick(const Now& now) {
  std::vector<std::pair<LinkId, CloseReason>> closing;
  table.each_link([&](LinkId id, Link& link) {
    if (link.phase != Phase::active) return;
    const Session* session = table.find(link.session);
    if (session != nullptr && session->outbox && now.steady - std::max(link.progressed, session->outbox_since) > Micros(config.stall_max)) {
      ++stats.sessions_stalled_closed;
      closing.emplace_back(id, CloseReason{CloseCode::try_later, "nothing was taken for too long"});
      return;
    }
    if (link.reads_paused != 0 || (session != nullptr && session->encoding == Encoding::views)) {
      link.received = now.steady;
      return;
    }
    const Micros silent = now.steady - link.received;
    if (config.session_timeout.count() != 0 && silent > Micros(config.session_timeout)) {
      ++stats.sessions_idle_closed;
      closing.emplace_back(id, CloseReason{CloseCode::policy, "nothing was received for too long"});
      return;
    }
    if (config.ping_interval.count() == 0 || silent < Micros(config.ping_interval) || now.steady - link.pinged < Micros(config.ping_interval)) return;
    if (link.pings_missed >= config.pings_missed_max) {
      ++stats.sessions_idle_closed;
      closing.emplace_back(id, CloseReason{CloseCode::policy, "pings were not answered"});
      return;
    }
    link.pinged = now.steady;
    const SinkCall call(in_sink);
    if (link.sink->ping()) ++link.pings_missed;
  });
  for (const auto& [id, reason] : closing) close_link(id, reason, now, Farewell::lost);
  if (table.links() > 0 || !detached.empty()) arm_tick(now);
}

void Engine::arm_held(Session& session) {
  const auto due = session.options->next_due();
  if (!due) return timers.cancel(session.held_timer);
  if (session.held_timer == TimerId::none) session.held_timer = timers.arm(TimerKind::held_params, static_cast<std::uint64_t>(session.id), *due);
  else timers.move(session.held_timer, *due);
}

void Engine::on_held_due(Session& session, const Now& now) {
  if (session.reads_log) return;  // be_live() looks again
  while (auto item = session.options->pop_due(now.steady)) {
    SharedFrame shared;
    emit_scratch.clear();
    Delivery delivery(emit_scratch);
    std::optional<Message> message;
    std::uint8_t mask = TypeMask::of(item->signal).bits;
    const bool is_param = !item->frame;  // of a message the frame waits, of a param only its address
    const auto entry = is_param ? params.find(item->address) : std::nullopt;
    if (is_param) {
      if (!entry) continue;  // removed meanwhile: its subscribers were told
      delivery = delivery_of(params.record(*entry), emit_scratch, Presence::live);
      delivery.timestamp.reset();
    } else {
      const auto frame = decode_frame(item->frame.view());
      const auto decoded = inner_decoder.decode(frame->payload);
      CLASP_CHECK(decoded.has_value());
      const auto& publish = std::get<Publish>(decoded->body);
      delivery.kind = CommitKind::publish;
      delivery.address = publish.address;
      delivery.value = publish.value;
      delivery.samples = publish.samples;
      delivery.signal = item->signal;
      delivery.phase = publish.phase;
      delivery.id = publish.id;
      delivery.rate = publish.rate;
      delivery.timestamp = publish.timestamp;
    }
    const MatchSet matched = subscriptions.match(item->address, entry ? &params.match_slot(*entry) : nullptr);
    for (const MatchRow& row : matched.rows) {
      if (row.session != session.slot || (row.types & mask) == 0) continue;
      if (passes_options(session, row, matched, delivery, mask, now)) deliver(session, delivery, shared, now);
    }
  }
  arm_held(session);
}

bool Engine::end_turn(const Now& now) {
  settle(now);
  show_whole();
  snapshots_due.reset();
  const bool more_to_read = !readers.empty() && read_log(now);
  const bool more_to_show = !cursors.empty() && advance_snapshots(now);
  if (!paced.empty()) wake_paced(now);
  ++turn;
  return more_to_read || more_to_show;
}

// ---- the rest ----

std::uint64_t Engine::address_key(std::string_view address, std::uint32_t id) const {
  std::uint64_t hash = hash_seed ^ (std::uint64_t{id} * 0x9e3779b97f4a7c15U);
  std::size_t i = 0;
  for (; i + 8 <= address.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, address.data() + i, 8);
    hash = (hash ^ word) * 0xff51afd7ed558ccdU;
    hash ^= hash >> 32;
  }
  std::uint64_t tail = address.size();
  for (; i < address.size(); ++i) tail = (tail << 8) | static_cast<std::uint8_t>(address[i]);
  hash = (hash ^ tail) * 0xc4ceb9fe1a85ec53U;
  return hash ^ (hash >> 29);
}

std::uint64_t Engine::thing_key(CommitKind kind, SignalType signal, std::string_view address, std::uint32_t id) const {
  const std::uint64_t which = kind == CommitKind::publish ? 1 + static_cast<std::uint64_t>(signal) : 0;
  return address_key(address, id) + which * 0x9e3779b97f4a7c15U;
}

std::string Engine::writer_text(WriterId writer) const {
  char uuid[36];
  return std::string(writers.text(writer, uuid));
}

// At most one line a second of each kind; says how many were left out (contract: limited logging).
void Engine::log(std::string_view kind, std::string line, const Now& now) {
  if (hooks.log) paced_log.line(kind, std::move(line), now.steady, hooks.log);
}

}  // namespace clasp::router
