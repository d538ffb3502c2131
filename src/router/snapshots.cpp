// Snapshots are cursors: state is brought in chunks, between live traffic, whenever the link has room (engine design, section 5; contract 5–7).
#include "core/check.hpp"
#include "router/engine.hpp"

namespace clasp::router {

namespace {
constexpr std::size_t visits_per_step_max = 20'000;  // params looked at in one go, sent or not
constexpr std::size_t bytes_per_turn_max = 1'048'576;
}  // namespace

std::optional<ValueView> Engine::visible(const Session& session, const ParamRecord& record, ByteBuffer& scratch) {
  if (!session.rights.allows(Action::read, record.address)) return std::nullopt;
  if (!session.rights.filtered()) return record.value;
  ByteBuffer unused;
  const Delivery delivery = delivery_of(record, unused, Presence::snapshot);
  View view = gate.view(view_of(session), delivery);
  if (std::holds_alternative<Hide>(view)) return std::nullopt;
  auto* replace = std::get_if<Replace>(&view);
  if (replace == nullptr) return record.value;
  scratch.clear();
  if (!encode_value(replace->value, scratch)) return std::nullopt;
  return ValueView{static_cast<ValueTag>(scratch.data()[0]), scratch.view(1)};
}

void Engine::start_snapshot(Session& session, Pattern pattern, std::optional<std::uint32_t> subscription, const Now& now) {
  cursors.push_back({.session = session.id,
                     .pattern = std::move(pattern),
                     .since = commit_log.last_seq(),
                     .subscription = subscription,
                     .owes_frame = !subscription.has_value(),
                     .after = {}});
  ++session.cursors;
  if (advance_snapshot(cursors.back(), now).finished) {
    finish_snapshot(cursors.back());
    cursors.pop_back();
  }
}

void Engine::finish_snapshot(const SnapshotCursor& cursor) {
  Session* session = table.find(cursor.session);
  if (session == nullptr) return;
  --session->cursors;
  Link* link = table.find(session->link);
  if (link == nullptr || session->encoding == Encoding::frames || !cursor.subscription) return;
  const SinkCall call(in_sink);
  link->sink->caught_up(*cursor.subscription);
}

// One chunk. Entries that changed after the snapshot's point and came live are skipped; what is sent is the value of now.
Engine::Progress Engine::advance_snapshot(SnapshotCursor& cursor, const Now& now) {
  Session* session = table.find(cursor.session);
  if (session == nullptr) return {.finished = true};
  Link* link = table.find(session->link);
  if (link == nullptr || (session->resumption && session->resumption->giving_again)) return {};  // it goes on when the session is back
  // Frames waiting in order must not be overtaken by a newer value (rule 7); marks may, they show the newest anyway.
  if (session->outbox && !session->outbox->congested()) return {};
  if (!has_room(*session, *link)) return {};

  const bool as_frames = session->encoding == Encoding::frames;
  chunk_scratch.clear();
  std::optional<SnapshotWriter> writer;
  writer.emplace(chunk_scratch, config.snapshot_chunk_bytes);
  Progress progress;
  std::size_t visits = 0;
  std::size_t sent_views = 0;
  while (visits < visits_per_step_max && sent_views < wire::snapshot_params_max) {
    const auto entry = params.next_match(cursor.pattern, cursor.after);
    if (!entry) {
      progress.finished = true;
      break;
    }
    ++visits;
    const ParamRecord record = params.record(*entry);
    const auto advance = [&] { cursor.after.assign(record.address); };
    const bool came_live = record.last_seq > cursor.since && subscriptions.gets_live(session->slot, record.address, record.last_seq);
    const auto value = came_live ? std::nullopt : visible(*session, record, value_scratch);
    if (!value) {
      advance();
      continue;
    }
    if (as_frames) {
      char uuid[36];
      const std::string_view by = writers.text(record.writer, uuid);
      if (!writer->add(record.address, *value, record.revision, by, record.time)) {
        if (writer->count() > 0) break;  // full
        chunk_scratch.clear();
        writer.emplace(chunk_scratch, wire::payload_bytes_max);  // a value larger than a chunk gets a frame of its own
        if (!writer->add(record.address, *value, record.revision, by, record.time)) {
          log("snapshot", fmt::format("{} does not fit a SNAPSHOT frame and was left out", printable(record.address)), now);
          advance();
          continue;
        }
      }
    } else {
      ByteBuffer unused;
      Delivery delivery = delivery_of(record, unused, Presence::snapshot);
      delivery.value = *value;
      if (cursor.subscription) delivery.subscriptions = {&*cursor.subscription, 1};
      const SinkCall call(in_sink);
      link->unsent += link->sink->deliver(delivery);
      ++sent_views;
    }
    if (session->outbox) session->outbox->forget_older(address_key(record.address));
    if (cursor.subscription) {
      params.touch(*entry, now.steady);
      note_snapshot_delivery(*session, *cursor.subscription, record.address, *value, now);
    }
    advance();
  }
  if (as_frames && (writer->count() > 0 || (progress.finished && cursor.owes_frame))) {
    writer->finish();
    cursor.owes_frame = false;
    stats.bytes_out += hand_over(*session, *link, {.message = nullptr, .frame = chunk_scratch.view(), .stamp_t3 = false});
  }
  if (session->outbox && session->outbox->empty()) drop_outbox(*session);
  account_outbox(*session);
  progress.bytes = chunk_scratch.size() + sent_views * 64 + visits;
  return progress;
}

// A value that came by snapshot counts as delivered for the subscription's epsilon and rate.
void Engine::note_snapshot_delivery(Session& session, std::uint32_t subscription_id, std::string_view address, const ValueView& value, const Now& now) {
  if (!session.options) return;
  const auto slot = subscriptions.find(session.slot, subscription_id);
  if (!slot) return;
  session.options->delivered(*slot, subscriptions.subscription(*slot).options,
                             thing_key(CommitKind::set, SignalType::param, address, 0), value.as_number(), now.steady);
}

// Round-robin over the running snapshots. True if there is more to send at once.
bool Engine::advance_snapshots(const Now& now) {
  std::size_t bytes = 0;
  bool more = false;
  std::size_t left = cursors.size();
  for (; left > 0 && bytes < bytes_per_turn_max; --left) {
    SnapshotCursor& cursor = cursors.front();
    const Progress progress = advance_snapshot(cursor, now);
    bytes += progress.bytes;
    if (progress.finished) {
      finish_snapshot(cursor);
      cursors.pop_front();
    } else {
      if (progress.bytes > 0) more = true;
      cursors.splice(cursors.end(), cursors, cursors.begin());
    }
  }
  return more || left > 0;  // the budget of this turn may end before all had theirs
}

void Engine::drop_cursors(SessionId id, std::optional<std::uint32_t> subscription) {
  Session* session = table.find(id);
  if (session == nullptr || session->cursors == 0) return;
  std::erase_if(cursors, [&](const SnapshotCursor& cursor) {
    const bool drop = cursor.session == id && (!subscription || cursor.subscription == subscription);
    if (drop) --session->cursors;
    return drop;
  });
}

// What is due of everything after `since`, in order. Params come once, with their value of now, at the place of their first change (contract 2). Nothing
// is sent if it is more than may wait for one session.
bool Engine::send_since(Session& session, const Pattern& pattern, TypeMask types, Seq since, const Now& now) {
  std::vector<Commit> due;
  std::unordered_map<std::string_view, std::size_t> params_due;  // where in `due`
  std::size_t bytes = 0;
  commit_log.walk_from(since + 1, [&](const Commit& commit) {
    const bool is_publish = commit.kind == CommitKind::publish;
    if (commit.kind == CommitKind::lock || !types.has(is_publish ? commit.signal : SignalType::param)) return true;
    if (!pattern.matches(commit.address) || !session.rights.allows(Action::read, commit.address)) return true;
    if (!is_publish) {
      const auto [at, first] = params_due.try_emplace(commit.address, due.size());
      if (!first) due[at->second].revision = commit.revision;  // of its removal, if it is gone
      if (!first) return true;
    }
    bytes += Outbox::item_bytes + commit.address.size() + (commit.value ? commit.value->encoded_bytes() : 0) + commit.samples.value_or(Bytes{}).size();
    due.push_back(commit);
    return bytes <= config.undroppable_bytes_max / 2;
  });
  if (bytes > config.undroppable_bytes_max / 2) return false;
  for (const Commit& commit : due) {  // views into the ring: nothing is committed meanwhile
    ByteBuffer scratch;
    Delivery delivery(scratch);
    const auto record = commit.kind == CommitKind::publish ? std::nullopt : params.find_record(commit.address);
    if (record) {
      delivery = delivery_of(*record, scratch, Presence::live);
      delivery.timestamp.reset();
    } else {  // of a param that is gone, the removal
      delivery = delivery_of(commit, scratch, Presence::live);
      if (commit.kind != CommitKind::publish) {
        delivery.kind = CommitKind::remove;
        delivery.value = ValueView{};
      }
    }
    delivery.seq = commit.seq;
    SharedFrame shared;
    deliver(session, delivery, shared, now);
  }
  return true;
}

// The last n values of each matching address, oldest first, from the commit log (contract 12).
void Engine::send_history(Session& session, const Pattern& pattern, const SubscribeOptions& options, TypeMask types, const Now& now) {
  if (!options.history || *options.history == 0) return;
  const std::uint64_t window_us = options.window ? std::uint64_t{*options.window} * 1000 : ~std::uint64_t{0};
  std::unordered_map<std::string, std::uint32_t> taken;
  std::vector<SharedFrame> frames;
  std::size_t bytes = 0;
  commit_log.walk_back([&](const Commit& commit) {
    if (now.unix_time.us - std::min(now.unix_time.us, commit.time.us) > window_us) return false;
    if (frames.size() >= config.history_max || bytes > config.replies_bytes_max) {
      ++stats.history_truncated;
      return false;
    }
    const bool is_publish = commit.kind == CommitKind::publish;
    if (commit.kind == CommitKind::lock || !types.has(is_publish ? commit.signal : SignalType::param)) return true;
    if (!pattern.matches(commit.address) || !session.rights.allows(Action::read, commit.address)) return true;
    std::uint32_t& count = taken[std::string(commit.address)];
    if (count >= *options.history) return true;
    ++count;
    ByteBuffer scratch;
    const Delivery delivery = delivery_of(commit, scratch, Presence::history);
    frames.emplace_back(delivery.frame());
    bytes += frames.back().size();
    return true;
  });
  for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame) {
    if (session.encoding == Encoding::frames) {
      reply_frame(session, frame->view(), nullptr, false, now);
      continue;
    }
    const auto decoded = decode_frame(frame->view());
    const auto message = inner_decoder.decode(decoded->payload);
    CLASP_CHECK(message.has_value());
    reply_frame(session, frame->view(), &*message, false, now);
  }
}

}  // namespace clasp::router
