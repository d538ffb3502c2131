// Sessions that outlive their link (contract 29, docs/decisions/resume.md).
//
// A session that has lost its link is detached: it costs what it is, and nothing accumulates, because what is committed meanwhile is in the commit
// log anyway. When its client comes back, it is first given what the last link had lost, as it was; then what waited; then it reads the log from
// where it left, under the rules for slow links (13–15), until it has read everything and is live again. Nothing of its client is read meanwhile.
#include <algorithm>

#include "core/check.hpp"
#include "router/engine.hpp"

namespace clasp::router {

namespace {

constexpr std::size_t commits_per_turn_max = 2'048;  // read for all sessions together
constexpr std::size_t commits_at_once_max = 128;     // for one, before the next look at its link
constexpr std::size_t read_ahead_bytes = 262'144;    // in the outbox: the log keeps the rest

resume::Secret random_secret(Random& random) {
  resume::Secret secret;
  const std::uint64_t halves[2] = {random.next(), random.next()};
  std::memcpy(secret.data(), halves, sizeof halves);
  return secret;
}

}  // namespace

// ---- losing the link ----

bool Engine::may_be_resumed(const Session& session) const {
  if (!session.resumption || session.resumption->leaving) return false;
  return std::ranges::none_of(doomed, [&](const auto& entry) { return entry.first == session.id; });
}

void Engine::detach(Session& session, const Now& now) {
  Resumption& state = *session.resumption;
  ++stats.sessions_detached;
  session.link = no_link;
  if (!std::exchange(session.reads_log, true)) state.read_to = commit_log.last_seq();
  std::erase(readers, session.id);
  state.giving_again = false;  // the claim says anew where
  state.sent.shrink();
  if (session.outbox) session.outbox->conflate();
  account_outbox(session);

  state.detached_as = ++detachments;
  detached.emplace(state.detached_as, session.id);
  state.ends = now.steady + Micros(config.resume_window);
  state.timer = timers.arm(TimerKind::detached, static_cast<std::uint64_t>(session.id), state.ends);
  if (detached.size() <= config.detached_sessions_max) return;
  ++stats.sessions_not_resumed;
  log("detached", fmt::format("more than {} sessions have lost their link: the one longest away ends", config.detached_sessions_max), now);
  end_session(detached.begin()->second, now);
}

void Engine::forget_detached(Session& session) {
  Resumption& state = *session.resumption;
  timers.cancel(state.timer);
  detached.erase(std::exchange(state.detached_as, 0));
}

// Of what is committed only this concerns it at once: an id in its outbox is about to stand for another param.
void Engine::skip_reader(Session& session, Delivery& delivery, SharedFrame& shared, const Now&) {
  if (delivery.kind != CommitKind::remove || !session.outbox) return;
  if (!shared) shared = SharedFrame(delivery.frame());
  const std::uint64_t key = address_key(delivery.address);
  if (session.outbox->entry_removed(delivery.entry, shared, key)) session.resumption->shown_ahead[key] = delivery.seq;
  account_outbox(session);
}

// What is in no log is kept with its place in it.
void Engine::keep_for_later(Session& session, const SharedFrame& frame, bool is_reply) {
  Resumption& state = *session.resumption;
  state.later.push_back({.place = commit_log.last_seq(), .is_reply = is_reply, .frame = frame});
  state.later_bytes += frame.size() + Outbox::item_bytes;
  account_outbox(session);
  if (state.later_bytes > config.undroppable_bytes_max) {
    ++stats.sessions_overflow_closed;
    doom(session, {CloseCode::try_later, "more than the permitted bytes of answers and signals wait for it"});
  }
}

// ---- coming back ----

resume::Offer Engine::new_resumption(Session& session) {
  session.resumption = std::make_unique<Resumption>(sent_budget);
  session.resumption->secret = random_secret(*hooks.random);
  return offer_of(session);
}

resume::Offer Engine::offer_of(const Session& session) const {
  return {.secret = session.resumption->secret,
          .epoch = epoch,
          .window_ms = static_cast<std::uint64_t>(config.resume_window.count()),
          .resumed = false,
          .frames = session.resumption->received,
          .why = {}};
}

// The session a claim is good for. If the secret is right and it still cannot be resumed, it ends: its client goes on with another one.
Engine::Claimed Engine::claimed(const resume::Claim& claim, const Grants& grants, const Now& now) {
  if (claim.epoch != epoch) return {.why = resume::why_restarted};
  Uuid uuid;
  const auto found = parse_uuid(claim.session, uuid) ? by_uuid.find(uuid) : by_uuid.end();
  Session* session = found != by_uuid.end() ? table.find(found->second) : nullptr;
  // Session ids are public. Whoever has only that is told the same as if there were no such session.
  if (session == nullptr || !session->resumption || !resume::same_secret(session->resumption->secret, claim.secret) || !may_be_resumed(*session))
    return {.why = resume::why_unknown};

  const auto end = [&](std::string_view why) -> Claimed {
    if (table.find(session->link) != nullptr)
      close_link(session->link, {CloseCode::policy, "its client has begun another session"}, now, Farewell::ended);
    else
      end_session(session->id, now);
    return {.why = why};
  };
  if (session->rights.grants() != grants) set_grants(session->id, grants, now);
  SentFrames& sent = session->resumption->sent;
  if (claim.frames > sent.end()) return end(resume::why_invalid);
  if (claim.frames < sent.first()) return end(session->resumption->rights_changed ? resume::why_rights : resume::why_overrun);
  const Seq oldest = commit_log.first_seq();
  if (session->reads_log && session->resumption->read_to + 1 < oldest) return end(resume::why_overrun);
  sent.arrived(claim.frames);
  for (sent.rewind(); !sent.at_end(); sent.skip()) {
    const SentFrames::Item item = sent.peek();
    if (!item.whole && SentFrames::widen(item.shown, commit_log.last_seq()) < oldest) return end(resume::why_overrun);
  }
  return {.session = session};
}

// `session` is not live. Its client has everything sent.first() says it has.
void Engine::take_up(LinkId id, Session& session, const Now& now) {
  if (table.find(session.link) != nullptr)
    close_link(session.link, {CloseCode::policy, "another connection has taken the session over"}, now, Farewell::lost);
  ++stats.sessions_resumed;
  forget_detached(session);
  Link* link = table.find(id);
  session.link = id;
  link->session = session.id;
  link->progressed = now.steady;
  session.outbox_since = now.steady;
  Resumption& state = *session.resumption;
  state.marked = state.received;  // WELCOME tells
  state.bytes_since_mark = 0;
  state.sent.rewind();
  state.giving_again = !state.sent.at_end();
  readers.push_back(session.id);
  pause_reading(*link, PauseCause::resume);
}

// ---- giving what was missed ----

// What was handed to a link and has not arrived, in its order. A commit looks as it did; it is encoded from the log.
bool Engine::give_again(Session& session, Link& link, const Now& now) {
  Resumption& state = *session.resumption;
  for (; state.giving_again && !state.sent.at_end(); state.sent.skip()) {
    if (!has_room(session, link)) return false;
    const SentFrames::Item item = state.sent.peek();
    std::size_t bytes = 0;
    if (item.whole) {
      const SinkCall call(in_sink);
      bytes = link.sink->reply({.message = nullptr, .frame = item.frame, .stamp_t3 = false});
    } else {
      const auto commit = commit_log.find(SentFrames::widen(item.shown, commit_log.last_seq()));
      if (!commit) return fall_behind(session, now), false;
      emit_scratch.clear();
      Delivery delivery = delivery_of(*commit, emit_scratch, Presence::live);
      if (!item.plain) {
        delivery.ttl = commit->ttl;
        delivery.lock = commit->lock;
        delivery.unlock = commit->unlock;
      }
      delivery.own = commit->provenance.session == session.id;
      const SinkCall call(in_sink);
      bytes = link.sink->deliver(delivery);
    }
    link.unsent += bytes;
    stats.bytes_out += bytes;
  }
  state.giving_again = false;
  return true;
}

void Engine::fall_behind(Session& session, const Now&) {
  ++stats.resumes_refused[resume::why_overrun];
  doom(session, {CloseCode::try_later, "too slow: what it has missed is not remembered any more"});
}

// As much as the budget, the link and the outbox have room for.
void Engine::read_on(Session& session, std::size_t& budget, const Now& now) {
  if (table.find(session.link) == nullptr || !session.reads_log) return;
  Resumption& state = *session.resumption;
  while (true) {
    pump(session, now);
    if (state.giving_again) return;
    if (state.read_to == commit_log.last_seq()) {
      take_later(session, commit_log.last_seq() + 1, now);
      return be_live(session, now);
    }
    const Seq oldest = commit_log.first_seq();
    if (state.read_to + 1 < oldest) return fall_behind(session, now);
    // Before the log forgets it, it goes into the outbox whatever waits there: from here on it is an ordinary slow link.
    const bool full = commit_log.memory_bytes() + commit_log.memory_bytes() / 4 >= config.commit_log_bytes_max;
    const bool hurried = full && state.read_to + 1 - oldest < (commit_log.last_seq() - oldest) / 4;
    if (budget == 0 || (!hurried && session.outbox && session.outbox->memory_bytes() > read_ahead_bytes)) return;

    Outbox& box = outbox_of(session, now);
    box.conflate();  // params are marks: once per address, with the value they have when they leave
    std::size_t left = std::min(budget, commits_at_once_max);
    budget -= left;
    commit_log.walk_from(state.read_to + 1, [&](const Commit& commit) {
      take_later(session, commit.seq, now);
      read_commit(session, commit, hurried, now);
      state.read_to = commit.seq;
      return --left > 0;
    });
    stats.params_conflated += box.params_conflated() - std::exchange(session.conflated_seen, box.params_conflated());  // nothing to warn of
    after_push(session, now);
    if (!may_be_resumed(session)) return;  // more waits than is permitted: it is being closed
  }
}

// What stands before that commit.
void Engine::take_later(Session& session, Seq before, const Now& now) {
  Resumption& state = *session.resumption;
  for (; !state.later.empty() && state.later.front().place < before; state.later.pop_front()) {
    const Resumption::Later& item = state.later.front();
    state.later_bytes -= item.frame.size() + Outbox::item_bytes;
    Outbox& box = outbox_of(session, now);
    item.is_reply ? box.push_reply(item.frame, now.steady) : box.push_kept(item.frame, now.steady);
  }
}

// One commit for one session, as commit() would have given it then (contract 2–4, 10, 11), into the outbox.
void Engine::read_commit(Session& session, const Commit& commit, bool hurried, const Now& now) {
  if (commit.kind == CommitKind::lock) return;
  const bool is_publish = commit.kind == CommitKind::publish;
  if (commit.provenance.session == session.id && (is_publish ? session.echo_publishes : session.echo_sets) == Echo::no) return;
  emit_scratch.clear();
  Delivery delivery = delivery_of(commit, emit_scratch, Presence::live);
  delivery.any_type = commit.any_type;
  const std::uint8_t mask = types_of(delivery);
  const MatchSet matched = subscriptions.match(commit.address, nullptr);
  const auto row = std::ranges::lower_bound(matched.rows, session.slot, {}, &MatchRow::session);
  if (row == matched.rows.end() || row->session != session.slot) return;
  const bool due = std::ranges::any_of(matched.subscriptions.subspan(row->first, row->count), [&](SubscriptionSlot slot) {
    const Subscription& subscription = subscriptions.subscription(slot);
    return (subscription.types.bits & mask) != 0 && subscription.since < commit.seq;
  });
  if (!due) return;

  if (!is_publish) {
    const auto ahead = session.resumption->shown_ahead.find(address_key(commit.address));
    if (ahead != session.resumption->shown_ahead.end() && commit.seq <= ahead->second) return;
    const auto record = params.find_record(commit.address);
    // Whatever it was, it is shown here as it is now: who hears what comes behind must not hold an older value (contract 2).
    if (record) {
      delivery = delivery_of(*record, emit_scratch, Presence::live);
      delivery.timestamp.reset();
    } else {
      delivery.kind = CommitKind::remove;
      delivery.value = ValueView{};
      delivery.revision = params.removed_revision(commit.address);
      session.resumption->shown_ahead[address_key(commit.address)] = commit_log.last_seq();
    }
  }
  if (session.options && thins(delivery) && !passes_options(session, *row, matched, delivery, mask, now)) return;
  ++stats.deliveries;
  Outbox& box = *session.outbox;
  if (delivery.kind == CommitKind::set) return box.push_param(delivery.entry, {}, now.steady);
  if (delivery.kind == CommitKind::remove)
    return box.push_removal(no_entry, SharedFrame(delivery.frame()), now.steady, address_key(delivery.address));
  if (hurried && is_publish && is_newest_only(delivery)) {
    const std::uint64_t key = thing_key(delivery.kind, delivery.signal, delivery.address, delivery.id.value_or(0));
    return box.push_stream(key, SharedFrame(delivery.frame()), now.steady);
  }
  box.push_kept(SharedFrame(delivery.frame()), now.steady);
}

// Round-robin over those that read.
bool Engine::read_log(const Now& now) {
  std::size_t budget = commits_per_turn_max;
  bool more = false;
  for (std::size_t left = readers.size(); left > 0 && budget > 0; --left) {
    const SessionId id = readers.front();
    readers.pop_front();
    Session* session = table.find(id);
    if (session == nullptr) continue;
    const std::size_t before = budget;
    read_on(*session, budget, now);
    if (!session->reads_log) continue;
    more = more || budget != before;
    readers.push_back(id);
  }
  close_doomed(now);
  return (more || budget == 0) && !readers.empty();
}

void Engine::be_live(Session& session, const Now& now) {
  session.reads_log = false;
  session.resumption->shown_ahead.clear();
  pump(session, now);
  std::erase(readers, session.id);
  if (Link* link = table.find(session.link)) resume_reading(*link, PauseCause::resume);
  if (session.options) arm_held(session);
}

// ---- counting ----

// Every frame of its client is counted. True: it was a MARK, and there is nothing else to do.
bool Engine::on_mark(Session& session, const Decoded<Frame>& frame, std::size_t bytes, const Now& now) {
  Resumption& state = *session.resumption;
  ++state.received;
  state.bytes_since_mark += bytes;
  const auto mark = frame ? resume::find_mark(frame->payload) : std::nullopt;
  if (mark) {
    ++stats.messages_in[resume::mark_code];
    state.sent.arrived(mark->frames);
    state.leaving = state.leaving || mark->leaving;
  }
  if (state.received - state.marked >= resume::mark_frames || state.bytes_since_mark >= resume::mark_bytes) {
    state.marked = state.received;
    state.bytes_since_mark = 0;
    reply_scratch.clear();
    resume::append_mark(reply_scratch, {.frames = state.received});
    reply_frame(session, reply_scratch.view(), nullptr, false, now);
  }
  return mark.has_value();
}

}  // namespace clasp::router
