// SUBSCRIBE, GET, QUERY, ANNOUNCE, SYNC, REPLAY (router specification 8, 10, 16–18).
#include <algorithm>

#include "core/check.hpp"
#include "router/engine.hpp"

namespace clasp::router {

void Engine::on_subscribe(Session& session, const Subscribe& subscribe, const Now& now) {
  const auto refuse = [&](ErrorCode code, std::string text) {
    ++stats.subscriptions_refused;
    send_error(session, {code, std::move(text), printable(subscribe.pattern, config.address_bytes_max)}, now);
  };
  const auto old = subscriptions.find(session.slot, subscribe.id);
  if (!old && config.subscriptions_per_session_max != 0 && subscriptions.count(session.slot) >= config.subscriptions_per_session_max)
    return refuse(ErrorCode::too_many, fmt::format("Subscription limit reached (max {})", config.subscriptions_per_session_max));
  auto pattern = Pattern::parse(subscribe.pattern, config.address_bytes_max);
  if (!pattern) return refuse(ErrorCode::pattern_error, describe_address_fault(pattern.error(), subscribe.pattern));
  if (!session.rights.covers(Action::read, *pattern))
    return refuse(ErrorCode::forbidden, "Insufficient scope for subscription");

  if (old) {  // the same id again replaces
    drop_cursors(session.id, subscribe.id);
    if (session.options) session.options->forget(*old);
  }
  const SubscribeOptions options = subscribe.options.value_or(SubscribeOptions{});
  const Pattern parsed = *pattern;
  subscriptions.add({.session = session.slot,
                     .id = subscribe.id,
                     .pattern = std::move(*pattern),
                     .types = subscribe.types,
                     .options = options,
                     .since = commit_log.last_seq()});
  if (old) drop_uncovered(session, now);  // the replaced pattern may have covered more
  if ((options.max_rate || options.epsilon) && !session.options)
    session.options = std::make_unique<OptionState>(config.option_slots_max, stats.option_slots_exhausted);
  send_history(session, parsed, options, subscribe.types, now);
  if (subscribe.snapshot) start_snapshot(session, parsed, subscribe.id, now);
  tell_subscribed(session, parsed, now);
}

// Everything that could be refused is looked at before anything is done.
bool Engine::subscribe_since(SessionId id, const Subscribe& subscribe, Seq since, const Now& now) {
  Session* session = table.find(id);
  if (session == nullptr || since > commit_log.last_seq() || since + 1 < commit_log.first_seq()) return false;
  const auto pattern = Pattern::parse(subscribe.pattern, config.address_bytes_max);
  if (!pattern || subscriptions.find(session->slot, subscribe.id) || !session->rights.covers(Action::read, *pattern)) return false;
  if (config.subscriptions_per_session_max != 0 && subscriptions.count(session->slot) >= config.subscriptions_per_session_max) return false;
  if (!send_since(*session, *pattern, subscribe.types, since, now)) return false;
  subscriptions.add({.session = session->slot, .id = subscribe.id, .pattern = *pattern, .types = subscribe.types, .options = {},
                     .since = commit_log.last_seq()});
  tell_subscribed(*session, *pattern, now);
  close_doomed(now);
  return true;
}

bool Engine::read(const Session& session, const Pattern& pattern, std::string_view after, const std::function<bool(const Router::ParamView&)>& visit) {
  ByteBuffer scratch;
  std::string last(after);
  while (const auto entry = params.next_match(pattern, last)) {
    const ParamRecord record = params.record(*entry);
    last.assign(record.address);
    const auto value = visible(session, record, scratch);
    if (!value) continue;
    Router::ParamView view = param_view(record);
    view.value = *value;
    if (!visit(view)) return false;
  }
  return true;
}

void Engine::on_unsubscribe(Session& session, const Unsubscribe& unsubscribe, const Now& now) {
  const auto slot = subscriptions.find(session.slot, unsubscribe.id);
  if (!slot) return;
  drop_cursors(session.id, unsubscribe.id);
  if (session.options) session.options->forget(*slot);
  subscriptions.remove(session.slot, unsubscribe.id);
  drop_uncovered(session, now);
}

// Marks show what is committed later, so those no subscription covers any more must go (contract 32). Frames that wait were committed before and
// stay, but must not become marks: nobody will tell this session when their entry is removed and its id goes to another address.
void Engine::drop_uncovered(Session& session, const Now& now) {
  static_cast<void>(now);
  if (!session.outbox) return;
  const auto uncovered = [&](const OutboxItem& item) {
    return !subscriptions.gets_live(session.slot, params.record(item.entry).address, commit_log.last_seq() + 1);
  };
  session.outbox->drop_if([&](const OutboxItem& item) { return item.kind == ItemKind::mark && uncovered(item); });
  session.outbox->keep_frames_if(uncovered);
  if (session.outbox->empty()) drop_outbox(session);
  account_outbox(session);
}

bool Engine::render_get(Session& session, std::string_view address, ByteBuffer& out, const Now& now) {
  const auto entry = params.find(address);
  if (!entry) return false;
  const ParamRecord record = params.record(*entry);
  const auto value = visible(session, record, value_scratch);
  if (!value) return false;
  params.touch(*entry, now.steady);
  char uuid[36];
  SnapshotWriter writer(out);
  if (!writer.add(record.address, *value, record.revision, writers.text(record.writer, uuid), record.time)) return false;
  writer.finish();
  return true;
}

void Engine::on_get(Session& session, const Get& get, Qos qos, const Now& now) {
  if (const auto fault =
          check_address(get.address, {.bytes_max = config.address_bytes_max, .wildcards = false, .control_characters = !config.strict_addresses}))
    return send_error(session, {ErrorCode::revision_conflict, describe_address_fault(*fault, get.address), printable(get.address)}, now);
  if (!session.rights.allows(Action::read, get.address))
    return send_error(session, {ErrorCode::forbidden, "Insufficient scope for read operation", std::string(get.address)}, now);

  const bool missing_is_error = config.get_missing_is_error && qos != Qos::fire;
  if (session.outbox && session.outbox->congested()) {  // rendered when it leaves, as everything that shows a param now
    session.outbox->push_get(ItemKind::get, SharedFrame(as_bytes(get.address)), missing_is_error, now.steady);
    return after_push(session, now);
  }
  reply_scratch.clear();
  if (!render_get(session, get.address, reply_scratch, now)) {
    if (missing_is_error) send_error(session, {ErrorCode::not_found, "not found", std::string(get.address)}, now);
    return;
  }
  Link* link = table.find(session.link);
  if (!session.outbox && link != nullptr && has_room(session, *link)) {
    if (session.encoding == Encoding::frames) return reply_frame(session, reply_scratch.view(), nullptr, false, now);
    const auto frame = decode_frame(reply_scratch.view());
    const auto message = inner_decoder.decode(frame->payload);
    CLASP_CHECK(message.has_value());
    return reply_frame(session, reply_scratch.view(), &*message, false, now);
  }
  outbox_of(session, now).push_get(ItemKind::get_ready, SharedFrame(reply_scratch.view()), missing_is_error, now.steady);
  after_push(session, now);
}

void Engine::on_query(Session& session, const Query& query, const Now& now) {
  const auto pattern =
      Pattern::parse(query.pattern.starts_with('/') ? std::string(query.pattern) : '/' + std::string(query.pattern), config.address_bytes_max);
  if (!pattern)
    return send_error(session, {ErrorCode::pattern_error, describe_address_fault(pattern.error(), query.pattern), printable(query.pattern)}, now);
  QueryResult result;
  std::size_t bytes = 3;
  std::size_t frames = 0;
  const auto flush = [&] {
    reply(session, Message{std::move(result)}, now);
    result = {};
    bytes = 3;
    ++frames;
  };
  signals.query(*pattern, now.steady, [&](const SignalDefinition& signal) {
    if (!session.rights.allows(Action::read, signal.address)) return;
    const std::size_t size = 8 + signal.address.size() + signal.datatype.value_or("").size() + signal.access.value_or("").size();
    if (bytes + size > wire::payload_bytes_max || result.signals.size() >= 0xffff) flush();
    bytes += size;
    result.signals.push_back(signal);
  });
  if (frames == 0 || !result.signals.empty()) flush();
}

void Engine::on_announce(Session& session, const Announce& announce, const Now& now) {
  const AddressRules rules{.bytes_max = config.address_bytes_max, .wildcards = true, .control_characters = !config.strict_addresses};
  for (const SignalDefinition& signal : announce.signals) {
    if (const auto fault = check_address(signal.address, rules))
      return send_error(session, {ErrorCode::revision_conflict, describe_address_fault(*fault, signal.address), printable(signal.address)}, now,
                        Order::write);
    if (!session.rights.allows(Action::write, signal.address))
      return send_error(session, {ErrorCode::forbidden, "Insufficient scope for announce operation", std::string(signal.address)}, now, Order::write);
  }
  std::size_t refused = 0;
  for (const SignalDefinition& signal : announce.signals) refused += signals.announce(signal, session.id, now.steady) ? 0 : 1;
  if (refused > 0) {
    stats.signals_refused += refused;
    return send_error(session,
                      {ErrorCode::too_many,
                       fmt::format("Signal limit reached (max {}): {} of {} were refused", config.signals_max, refused, announce.signals.size()),
                       printable(announce.ns)},
                      now, Order::write);
  }
  Ack ack;
  ack.address = announce.ns;
  reply(session, Message{ack}, now, Order::write, commit_log.last_seq());  // at any QoS
}

void Engine::on_sync(Session& session, const Sync& sync, const Now& now) {
  reply(session, Message{Sync{.t1 = sync.t1, .t2 = now.received.us, .t3 = now.unix_time.us}}, now);
}

void Engine::on_replay(Session& session, const Replay& replay, Qos qos, const Now& now) {
  const auto pattern = Pattern::parse(replay.pattern, config.address_bytes_max);
  if (!pattern)
    return send_error(session, {ErrorCode::pattern_error, describe_address_fault(pattern.error(), replay.pattern), printable(replay.pattern)}, now);
  if (!session.rights.covers(Action::read, *pattern))
    return send_error(session, {ErrorCode::forbidden, "Insufficient scope for replay", pattern->text()}, now);
  if (hooks.replayer == nullptr) return send_error(session, {ErrorCode::unavailable, "Journal not configured on this router", pattern->text()}, now);
  if (const auto refused = hooks.replayer->replay(session.id, *pattern, replay, qos)) send_error(session, *refused, now);
}

// What the journal has kept is shown as what is live: only what the session may read, as it may see it.
std::optional<std::size_t> Engine::replayed(SessionId id, const Message& message, const Now& now) {
  Session* session = table.find(id);
  if (session == nullptr) return std::nullopt;
  const auto* set = std::get_if<Set>(&message.body);
  const Publish* publish = set == nullptr ? &std::get<Publish>(message.body) : nullptr;
  const std::string_view address = set != nullptr ? set->address : publish->address;
  if (session->rights.allows(Action::read, address)) {
    View view = Pass{};
    if (session->rights.filtered()) {
      emit_scratch.clear();
      Delivery delivery(emit_scratch);
      delivery.kind = set != nullptr ? CommitKind::set : CommitKind::publish;
      delivery.presence = Presence::history;
      delivery.address = address;
      delivery.value = set != nullptr ? std::optional(set->value) : publish->value;
      view = gate.view(view_of(*session), delivery);
    }
    if (std::holds_alternative<Pass>(view)) {
      reply(*session, message, now);
    } else if (const auto* replaced = std::get_if<Replace>(&view)) {
      const EncodedValue value(replaced->value);
      Message shown = message;
      if (set != nullptr) std::get<Set>(shown.body).value = value.view();
      else std::get<Publish>(shown.body).value = value.view();
      reply(*session, shown, now);
    }
  }
  const Link* link = table.find(session->link);
  const std::size_t waiting = (session->outbox ? session->outbox->reply_bytes() : 0) + (session->resumption ? session->resumption->later_bytes : 0) + (link != nullptr ? link->unsent : 0);
  close_doomed(now);
  return waiting;
}

void Engine::replay_ended(SessionId id, std::string_view pattern, const std::optional<Error>& error, Qos qos, const Now& now) {
  Session* session = table.find(id);
  if (session == nullptr) return;
  if (error) {
    send_error(*session, *error, now);
  } else if (qos != Qos::fire) {
    Ack ack;
    ack.address = pattern;
    reply(*session, Message{ack}, now);
  }
  close_doomed(now);
}

}  // namespace clasp::router
