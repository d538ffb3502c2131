// The one place that changes what others see: everything accepted gets the next seq here and fans out (engine design, section 1).
#include <algorithm>
#include <bit>

#include "core/check.hpp"
#include "router/engine.hpp"

namespace clasp::router {

namespace {

std::size_t bucket_of(std::size_t targets) {
  return std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(targets)), 31);
}

}  // namespace

Seq Engine::commit(Delivery& delivery, SessionId except, bool any_type, const Now& now) {
  if (hooks.observer != nullptr) {  // before the log, which may be small, has to drop what nobody has seen yet
    const std::size_t bytes =
        delivery.address.size() + (delivery.value ? delivery.value->encoded_bytes() : 0) + (delivery.samples ? delivery.samples->size() : 0) + 128;
    if (unshown_bytes != 0 && unshown_bytes + bytes > config.commit_log_bytes_max / 4) show_commits();  // in the middle of whatever it belongs to
    unshown_bytes += bytes;
  }
  delivery.any_type = any_type;
  if (frame_time && delivery.kind == CommitKind::set) {  // for the log only: nobody else is told
    delivery.timestamp = frame_time;
    delivery.seq = commit_log.append(delivery);
    delivery.timestamp.reset();
  } else {
    delivery.seq = commit_log.append(delivery);
  }
  ++stats.commits;
  if (journal_slow) pause_writer(delivery.provenance.session);
  if (delivery.kind == CommitKind::lock) return delivery.seq;

  const bool is_publish = delivery.kind == CommitKind::publish;
  const std::uint8_t mask = types_of(delivery);
  const bool thinnable = thins(delivery);
  SharedFrame shared;
  std::size_t targets = 0;
  const MatchSet matched = subscriptions.match(
      delivery.address, delivery.entry == no_entry || delivery.kind == CommitKind::remove ? nullptr : &params.match_slot(delivery.entry));
  for (const MatchRow& row : matched.rows) {
    if ((row.types & mask) == 0) continue;
    Session& session = table.at(row.session);
    if (session.reads_log) [[unlikely]] {
      skip_reader(session, delivery, shared, now);
      continue;
    }
    if (session.id == except && session.echo_publishes == Echo::no) continue;
    delivery.own = delivery.provenance.session == session.id;
    if (delivery.own && !is_publish && session.echo_sets == Echo::no) continue;
    if (session.options && thinnable && !passes_options(session, row, matched, delivery, mask, now)) continue;
    ++targets;
    if (session.encoding == Encoding::views) delivery.subscriptions = subscription_ids(row, matched);
    deliver(session, delivery, shared, now);
  }
  stats.deliveries += targets;
  ++stats.fanout_count;
  stats.fanout_sum += targets;
  ++stats.fanout_buckets[bucket_of(targets)];

  if (hooks.reactor != nullptr) react(delivery, now);
  return delivery.seq;
}

std::span<const std::uint32_t> Engine::subscription_ids(const MatchRow& row, const MatchSet& matched) {
  ids_scratch.clear();
  for (const SubscriptionSlot slot : matched.subscriptions.subspan(row.first, row.count)) ids_scratch.push_back(subscriptions.subscription(slot).id);
  return ids_scratch;
}

bool Engine::passes_options(Session& session, const MatchRow& row, const MatchSet& matched, const Delivery& delivery, std::uint8_t mask, const Now& now) {
  const bool is_gesture = delivery.kind == CommitKind::publish && delivery.signal == SignalType::gesture;
  const std::uint64_t key = thing_key(delivery.kind, delivery.signal, delivery.address, is_gesture ? delivery.id.value_or(0) : 0);
  const std::optional<double> number = delivery.value ? delivery.value->as_number() : std::nullopt;
  const auto slots = matched.subscriptions.subspan(row.first, row.count);

  // A message goes out if any matching subscription wants it now, and counts for all of them (contract 11).
  bool wanted = (row.plain_types & mask) != 0;
  std::optional<SteadyTime> due;
  for (const SubscriptionSlot slot : slots) {
    const Subscription& subscription = subscriptions.subscription(slot);
    if (wanted || (subscription.types.bits & mask) == 0) continue;
    SteadyTime when;
    const Thinning thinning = session.options->judge(slot, subscription.options, key, number, now.steady, when);
    if (thinning == Thinning::pass) wanted = true;
    if (thinning == Thinning::hold && (!due || when < *due)) due = when;
  }
  if (wanted) {
    session.options->release(key);
    for (const SubscriptionSlot slot : slots) {
      const Subscription& subscription = subscriptions.subscription(slot);
      if ((subscription.types.bits & mask) != 0) session.options->delivered(slot, subscription.options, key, number, now.steady);
    }
  } else if (due) {
    HeldItem item{.key = key, .address = std::string(delivery.address), .signal = delivery.signal, .frame = {}};
    if (delivery.kind == CommitKind::publish) item.frame = SharedFrame(delivery.frame());
    else item.signal = SignalType::param;
    session.options->hold(std::move(item), *due);
    arm_held(session);
  }
  return wanted;
}

Result<bool> Engine::clear_param(SessionId id, std::string_view address, const Now& now) {
  const Session* session = table.find(id);
  if (session == nullptr) return false;
  if (auto denied = check_rights(*session, address, ValueView{}, "write")) return *std::move(denied);
  const auto entry = params.find(address);
  if (!entry) return false;
  if (const SessionId holder = params.lock_holder(*entry); holder != nobody && holder != id)
    return describe({.why = Refusal::lock_held, .holder = holder}, address);
  const Provenance by = provenance_of(*session);
  remove_param(*entry, &by, now);
  settle(now);
  return true;
}

Revision Engine::remove_param(EntryId entry, const Provenance* by, const Now& now) {
  const ParamRecord record = params.record(entry);
  const std::string address(record.address);  // the record goes before subscribers are told
  const WriterId writer = record.writer;
  const Revision revision = params.remove(entry);
  if (static_cast<std::size_t>(entry) < unconcerned.size()) unconcerned[static_cast<std::size_t>(entry)] = 0;  // it may become another address
  Delivery delivery = new_commit(CommitKind::remove, address, now);
  delivery.entry = entry;
  delivery.value = ValueView{};
  delivery.revision = revision;
  if (by != nullptr) delivery.provenance = *by;
  else delivery.provenance.writer = writer;
  commit(delivery, nobody, false, now);
  writers.release(writer);
  return revision;
}

void Engine::show_commits() {
  unshown_bytes = 0;
  if (hooks.observer != nullptr && commit_log.last_seq() != shown_seq) show_commits_to(*hooks.observer);
  writers.forget_unused();  // the log names writers without counting them: their texts live until they were shown
}

void Engine::show_whole() {
  show_commits();
  if (hooks.observer != nullptr && whole_seq != shown_seq) hooks.observer->whole();
  whole_seq = shown_seq;
}

void Engine::show_commits_to(Observer& observer) {
  const auto show = [&] {
    if (!shown_commits.empty()) observer.committed(shown_commits);
    shown_commits.clear();
  };
  commit_log.walk_from(shown_seq + 1, [&](const Commit& logged) {
    const WriterId writer = logged.provenance.writer;
    const bool same = !shown_commits.empty() && shown_commits.back().provenance.writer == writer;
    const std::string_view text = same ? shown_commits.back().writer : writers.text(writer, shown_writers[shown_commits.size()].data());
    shown_commits.push_back(logged);
    shown_commits.back().writer = text;
    if (shown_commits.size() == Observer::shown_at_once_max) show();
    return true;
  });
  show();
  shown_seq = commit_log.last_seq();
}

}  // namespace clasp::router
