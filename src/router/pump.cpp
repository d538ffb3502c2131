// Outboxes: what happens between a commit and a link that cannot take it at once (engine design, sections 4 and 6; contract 13–17).
//
// Two regimes keep rule 7 (no revision ever falls) true. While a session keeps up, everything is rendered when it is committed and leaves in that
// order. Once it is congested, everything that shows a param is rendered when it leaves.
#include <algorithm>

#include "core/check.hpp"
#include "router/engine.hpp"

namespace clasp::router {

// ---- towards the sink ----

bool Engine::is_moving(const Link& link, const Now& now) const { return link.progressed + config.congested_age > now.steady; }

void Engine::deliver(Session& session, Delivery& delivery, SharedFrame& shared, const Now& now) {
  Link* link = table.find(session.link);
  if (link == nullptr) return;
  if (session.sink_queues) {
    leave(session, *link, delivery, delivery.seq);
    if (link->unsent > config.pace_bytes && is_moving(*link, now)) fed_backlog = session.id;
    return;
  }
  if (!session.outbox && has_room(session, *link)) return leave(session, *link, delivery, delivery.seq);

  Outbox& box = outbox_of(session, now);
  const bool is_param = delivery.kind == CommitKind::set && session.conflate;
  if (!shared && !(is_param && box.congested())) shared = SharedFrame(delivery.frame());
  if (delivery.kind == CommitKind::remove && session.conflate) {
    box.push_removal(delivery.entry, shared, now.steady, address_key(delivery.address));
  } else if (is_param) {
    box.push_param(delivery.entry, box.congested() ? SharedFrame{} : shared, now.steady, box.congested() ? 0 : address_key(delivery.address));
  } else if (delivery.kind == CommitKind::publish && is_newest_only(delivery)) {
    box.push_stream(thing_key(delivery.kind, delivery.signal, delivery.address, delivery.id.value_or(0)), shared, now.steady);
  } else {
    box.push_kept(shared, now.steady);
  }
  if (is_moving(*link, now) && box.waiting_bytes() > config.pace_bytes) fed_backlog = session.id;
  after_push(session, now);
}

std::size_t Engine::hand_over(Session& session, Link& link, const Reply& reply) {
  if (session.resumption) session.resumption->sent.add(reply.frame);
  const SinkCall call(in_sink);
  const std::size_t bytes = link.sink->reply(reply);
  link.unsent += bytes;
  return bytes;
}

// As the session's view lets it pass. That need not be the same the next time, so a client that resumes gets this frame.
void Engine::leave_viewed(Session& session, Link& link, Delivery& delivery) {
  View view = gate.view(view_of(session), delivery);
  if (std::holds_alternative<Hide>(view)) return;
  const auto* replace = std::get_if<Replace>(&view);
  if (replace == nullptr) {
    if (session.resumption) session.resumption->sent.add(delivery.frame());
    return leave_as_is(link, delivery);
  }
  const EncodedValue replaced(replace->value);
  ByteBuffer scratch;  // the shared frame is not theirs
  Delivery other(scratch);
  other = delivery;
  other.rebind(scratch);
  other.value = replaced.view();
  if (session.resumption) session.resumption->sent.add(other.frame());
  leave_as_is(link, other);
}

Delivery Engine::delivery_of(const ParamRecord& record, ByteBuffer& scratch, Presence presence) const {
  Delivery delivery(scratch);
  delivery.seq = record.last_seq;
  delivery.kind = CommitKind::set;
  delivery.presence = presence;
  delivery.entry = record.entry;
  delivery.address = record.address;
  delivery.value = record.value;
  delivery.revision = record.revision;
  delivery.provenance.writer = record.writer;
  delivery.timestamp = record.time;
  return delivery;
}

// As it was committed; a SET without its lifetime, which counts from then.
Delivery Engine::delivery_of(const Commit& commit, ByteBuffer& scratch, Presence presence) {
  Delivery delivery(scratch);
  delivery.seq = commit.seq;
  delivery.kind = commit.kind;
  delivery.presence = presence;
  delivery.address = commit.address;
  delivery.value = commit.value;
  delivery.revision = commit.revision;
  delivery.signal = commit.signal;
  delivery.phase = commit.phase;
  delivery.id = commit.id;
  delivery.rate = commit.rate;
  delivery.samples = commit.samples;
  delivery.timestamp = commit.timestamp;
  return delivery;
}

// ---- the outbox ----

Outbox& Engine::outbox_of(Session& session, const Now& now) {
  if (!session.outbox) {
    session.outbox = std::make_unique<Outbox>();
    session.outbox_since = now.steady;
  }
  return *session.outbox;
}

void Engine::after_push(Session& session, const Now& now) {
  Outbox& box = *session.outbox;
  account_outbox(session);
  if (!box.congested() && session.conflate &&
      (box.waiting_bytes() > config.congested_bytes || now.steady - box.oldest() > Micros(config.congested_age)))
    conflate(session, now);
  if (count_drops(session)) notice_drops(session, now);
  if (box.undroppable_bytes() > config.undroppable_bytes_max) {
    ++stats.sessions_overflow_closed;
    doom(session, {CloseCode::try_later, "too slow: more than the permitted bytes of events and answers wait"});
  }
  update_pause_for_replies(session);
  if (outboxes_bytes > config.outboxes_bytes_max) relieve_memory(now);
}

// Adds what the outbox has dropped since the last look to the counters; true if there was anything.
bool Engine::count_drops(Session& session) {
  const std::uint64_t conflated = session.outbox->params_conflated() - std::exchange(session.conflated_seen, session.outbox->params_conflated());
  const std::uint64_t streams = session.outbox->streams_dropped() - std::exchange(session.streams_seen, session.outbox->streams_dropped());
  stats.params_conflated += conflated;
  stats.streams_dropped += streams;
  session.drops += conflated + streams;
  return conflated + streams > 0;
}

void Engine::drop_outbox(Session& session) {
  session.outbox.reset();
  session.conflated_seen = session.streams_seen = 0;
}

void Engine::account_outbox(Session& session) {
  const std::size_t bytes = (session.outbox ? session.outbox->memory_bytes() : 0) + (session.resumption ? session.resumption->later_bytes : 0);
  outboxes_bytes += bytes;
  outboxes_bytes -= session.outbox_bytes;
  session.outbox_bytes = bytes;
}

void Engine::conflate(Session& session, const Now& now) {
  if (session.outbox->congested()) return;
  ++stats.congestions;
  session.outbox->conflate();
  account_outbox(session);
  log("slow", fmt::format("session {} ({}) is slow: its params are conflated from here on", to_text(session.uuid), printable(session.name, 40)), now);
}

// ERROR 503 when dropping began, at most every 10 s (contract 16).
void Engine::notice_drops(Session& session, const Now& now) {
  if (now.steady - session.notified < Micros(config.overload_notice_interval)) return;
  session.notified = now.steady;
  const std::uint64_t drops = session.drops;
  session.drops = 0;
  send_error(session, {ErrorCode::overloaded, fmt::format("Buffer overflow: messages being dropped ({} drops in last 10 seconds)", drops), {}}, now);
}

void Engine::relieve_memory(const Now& now) {
  Session* largest = nullptr;
  table.each_session([&](Session& session) {
    if (session.outbox && (largest == nullptr || session.outbox_bytes > largest->outbox_bytes)) largest = &session;
  });
  if (largest == nullptr) return;
  if (!largest->outbox->congested() && largest->conflate) return conflate(*largest, now);
  ++stats.sessions_overflow_closed;
  doom(*largest, {CloseCode::try_later, "too slow: the router's memory for waiting messages is used up"});
}

void Engine::sent(LinkId id, std::size_t bytes, const Now& now) {
  Link* link = table.find(id);
  if (link == nullptr || bytes == 0) return;
  CLASP_CHECK(bytes <= link->unsent);
  link->unsent -= bytes;
  link->progressed = now.steady;
  Session* session = table.find(link->session);
  if (session != nullptr && (session->outbox || session->reads_log)) pump(*session, now);
  // Room was what they waited for: nobody else would turn the loop for them.
  if (session != nullptr && (session->cursors > 0 || session->reads_log)) snapshots_due = now.steady;
  close_doomed(now);
}

void Engine::pump(Session& session, const Now& now) {
  Link* link = table.find(session.link);
  if (link == nullptr) return;
  if (session.resumption && !give_again(session, *link, now)) return;
  if (!session.outbox) return;
  Outbox& box = *session.outbox;
  // Half of a congested session's window is left to its running snapshots, or they would never get a turn.
  const std::size_t window = !box.congested()      ? config.window_bytes
                             : session.cursors > 0 ? config.window_bytes_congested / 2
                                                   : config.window_bytes_congested;
  while (!box.empty() && link->unsent < window) {
    const OutboxItem item = box.pop();
    emit(session, *link, item, now);
  }
  if (box.empty()) {
    drop_outbox(session);
  }
  account_outbox(session);
  update_pause_for_replies(session);
}

void Engine::emit(Session& session, Link& link, const OutboxItem& item, const Now& now) {
  switch (item.kind) {
    case ItemKind::mark: {
      emit_scratch.clear();
      Delivery delivery = delivery_of(params.record(item.entry), emit_scratch, Presence::live);
      const Seq shown = std::exchange(delivery.seq, 0);  // it stands where the first of its values stood
      delivery.timestamp.reset();
      delivery.own = item.own;
      if (session.reads_log) session.resumption->shown_ahead[address_key(delivery.address)] = shown;
      return leave(session, link, delivery, shown);
    }
    case ItemKind::get: {
      emit_scratch.clear();
      const std::string_view address = as_text(item.frame.view());
      if (render_get(session, address, emit_scratch, now)) {
        if (session.outbox) session.outbox->forget_older(address_key(address));
        hand_over(session, link, {.message = nullptr, .frame = emit_scratch.view(), .stamp_t3 = false});
      } else if (item.missing_is_error) {
        append_frame(emit_scratch,
                     Message{ErrorReply{.code = static_cast<std::uint16_t>(ErrorCode::not_found), .message = "not found", .address = address}});
        hand_over(session, link, {.message = nullptr, .frame = emit_scratch.view(), .stamp_t3 = false});
      }
      return;
    }
    default: return emit_frame(session, link, item);
  }
}

// A frame that waited. Sinks of CLASP links take it as it is; others, and filtered sessions, get it decoded again.
void Engine::emit_frame(Session& session, Link& link, const OutboxItem& item) {
  const bool is_reply = item.kind == ItemKind::reply || item.kind == ItemKind::get_ready;
  const bool plain = session.encoding == Encoding::frames && !session.rights.filtered();
  if (is_reply && session.encoding == Encoding::frames) {
    hand_over(session, link, {.message = nullptr, .frame = item.frame.view(), .stamp_t3 = false});
    return;
  }
  emit_scratch.clear();
  Delivery delivery(emit_scratch);
  delivery.own = item.own;
  delivery.set_frame(item.frame.view());
  if (plain) return leave(session, link, delivery, 0);

  const auto frame = decode_frame(item.frame.view());
  CLASP_CHECK(frame.has_value());
  const auto message = inner_decoder.decode(frame->payload);
  CLASP_CHECK(message.has_value());
  if (is_reply) {
    hand_over(session, link, {.message = &*message, .frame = item.frame.view(), .stamp_t3 = false});
  } else if (const auto* set = std::get_if<Set>(&message->body)) {
    delivery.address = set->address;
    delivery.value = set->value;
    delivery.revision = set->revision.value_or(0);
    leave(session, link, delivery, 0);
  } else if (const auto* publish = std::get_if<Publish>(&message->body)) {
    delivery.kind = CommitKind::publish;
    delivery.address = publish->address;
    delivery.value = publish->value;
    delivery.samples = publish->samples;
    delivery.signal = publish->signal.value_or(SignalType::event);
    delivery.phase = publish->phase;
    delivery.id = publish->id;
    delivery.rate = publish->rate;
    delivery.timestamp = publish->timestamp;
    leave(session, link, delivery, 0);
  }
}

// ---- replies ----

void Engine::reply(Session& session, const Message& message, const Now& now, Order order, Seq needs) {
  reply_scratch.clear();
  if (!append_frame(reply_scratch, message)) {
    log("reply", "an answer did not fit a frame and was not sent", now);
    return;
  }
  if (order == Order::write && config.durability == Durability::sync) {
    // Answers to one session's writes leave in order: one that needs nothing still waits behind those before it.
    needs = std::max(needs, session.answers_need);
    if (needs > durable_seq) {
      session.answers_need = needs;
      waiting_answers.push_back({session.id, needs, SharedFrame(reply_scratch.view())});
      return;
    }
  }
  reply_frame(session, reply_scratch.view(), &message, std::holds_alternative<Sync>(message.body), now);
}

void Engine::reply_frame(Session& session, Bytes frame, const Message* message, bool stamp_t3, const Now& now) {
  Link* link = table.find(session.link);
  if (session.reads_log) return keep_for_later(session, SharedFrame(frame), true);
  if (link == nullptr) return;
  if (session.sink_queues || (!session.outbox && has_room(session, *link))) {
    stats.bytes_out += hand_over(session, *link, {.message = message, .frame = frame, .stamp_t3 = stamp_t3});
    return;
  }
  outbox_of(session, now).push_reply(SharedFrame(frame), now.steady);
  after_push(session, now);
}

void Engine::send_error(Session& session, const Error& error, const Now& now, Order order) {
  ++stats.errors_out[static_cast<std::uint16_t>(error.code)];
  ErrorReply body{.code = static_cast<std::uint16_t>(error.code), .message = error.message, .address = {}, .correlation_id = {}};
  if (!error.address.empty()) body.address = error.address;
  reply(session, Message{body}, now, order);
}

void Engine::reply_to_link(Link& link, const Message& message) {
  reply_scratch.clear();
  if (!append_frame(reply_scratch, message)) return;
  const SinkCall call(in_sink);
  link.unsent += link.sink->reply({.message = &message, .frame = reply_scratch.view(), .stamp_t3 = false});
}

void Engine::release_durable(const Now& now) {
  while (!waiting_answers.empty() && waiting_answers.front().needs <= durable_seq) {
    const WaitingAnswer answer = std::move(waiting_answers.front());
    waiting_answers.pop_front();
    Session* session = table.find(answer.session);
    if (session == nullptr) continue;
    if (session->encoding == Encoding::frames) {
      reply_frame(*session, answer.frame.view(), nullptr, false, now);
      continue;
    }
    const auto frame = decode_frame(answer.frame.view());
    const auto message = inner_decoder.decode(frame->payload);
    CLASP_CHECK(message.has_value());
    reply_frame(*session, answer.frame.view(), &*message, false, now);
  }
  close_doomed(now);
}

// What was committed stays, but nobody may promise that it will be there after a crash.
void Engine::fail_waiting_answers(const Now& now) {
  std::deque<WaitingAnswer> failed;
  failed.swap(waiting_answers);
  for (const WaitingAnswer& answer : failed) {
    Session* session = table.find(answer.session);
    if (session == nullptr) continue;
    session->answers_need = 0;
    const auto frame = decode_frame(answer.frame.view());
    const auto message = inner_decoder.decode(frame->payload);
    CLASP_CHECK(message.has_value());
    if (const auto* ack = std::get_if<Ack>(&message->body)) {
      ErrorReply body{.code = static_cast<std::uint16_t>(ErrorCode::overloaded), .message = *journal_fault, .address = {}, .correlation_id = {}};
      body.address = ack->address;
      ++stats.errors_out[body.code];
      reply(*session, Message{body}, now);
    } else {
      reply_frame(*session, answer.frame.view(), &*message, false, now);
    }
  }
  close_doomed(now);
}

void Engine::set_journal_slow(bool slow) {
  if (std::exchange(journal_slow, slow) == slow) return;
  if (!slow) table.each_link([&](LinkId, Link& link) { resume_reading(link, PauseCause::journal); });
}

void Engine::set_journal_fault(std::optional<std::string> why, const Now& now) {
  journal_fault = std::move(why);
  if (!journal_fault) return;
  set_journal_slow(false);  // who waits is to hear it
  fail_waiting_answers(now);
}

void Engine::pause_writer(SessionId writer) {
  const Session* session = table.find(writer);
  Link* link = session != nullptr ? table.find(session->link) : nullptr;
  if (link != nullptr) pause_reading(*link, PauseCause::journal);
}

// ---- reading ----

void Engine::pause_reading(Link& link, std::uint8_t cause) {
  const bool was_reading = link.reads_paused == 0;
  link.reads_paused |= cause;
  if (!was_reading) return;
  ++stats.reads_paused;
  const SinkCall call(in_sink);
  link.sink->read(false);
}

void Engine::resume_reading(Link& link, std::uint8_t cause) {
  if ((link.reads_paused & cause) == 0) return;
  link.reads_paused &= static_cast<std::uint8_t>(~cause);
  if (link.reads_paused != 0) return;
  const SinkCall call(in_sink);
  link.sink->read(true);
}

// A session's own unread answers pause its reading; deliveries never do.
void Engine::update_pause_for_replies(Session& session) {
  Link* link = table.find(session.link);
  if (link == nullptr) return;
  const std::size_t waiting = session.outbox ? session.outbox->reply_bytes() : 0;
  if (waiting > config.replies_bytes_max)
    pause_reading(*link, PauseCause::replies);
  else if (waiting <= config.replies_bytes_max / 2)
    resume_reading(*link, PauseCause::replies);
}

// The link's read filled its budget and feeds a subscriber that is behind but moving: wait for that one, at most pace_max (contract 17).
void Engine::pace(LinkId id, const Now& now) {
  Link* link = table.find(id);
  if (link == nullptr || link->turn_bytes < config.turn_input_bytes || (link->reads_paused & PauseCause::pace) != 0) return;
  pause_reading(*link, PauseCause::pace);
  const SteadyTime until = now.steady + config.pace_max;
  paced.push_back({id, fed_backlog, until});
  timers.arm(TimerKind::pace, 0, until);
}

// Woken by every way its cause can end: drained, conflated, closed, no longer moving, timed out.
void Engine::wake_paced(const Now& now) {
  std::erase_if(paced, [&](const PacedLink& waiting) {
    Link* link = table.find(waiting.link);
    if (link == nullptr) return true;
    const Session* subscriber = table.find(waiting.subscriber);
    const Link* fed = subscriber != nullptr ? table.find(subscriber->link) : nullptr;
    const std::size_t behind = fed == nullptr                                              ? 0
                               : subscriber->sink_queues                                   ? fed->unsent
                               : subscriber->outbox && !subscriber->outbox->congested() ? subscriber->outbox->waiting_bytes()
                                                                                           : 0;
    const bool still_behind = behind > config.pace_bytes / 2 && is_moving(*fed, now);
    if (still_behind && now.steady < waiting.until) return false;
    resume_reading(*link, PauseCause::pace);
    return true;
  });
}

}  // namespace clasp::router
