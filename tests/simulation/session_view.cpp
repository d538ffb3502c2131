#include "session_view.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "router/router_fixture.hpp"

namespace clasp::simulation {

namespace {
constexpr std::size_t transcript_frames_max = 25;
constexpr std::size_t transcript_characters_max = 110;
}  // namespace

SessionView::SessionView(const Ledger& ledger, const std::vector<std::string>& addresses, std::string id, bool every_set)
    : ledger_(ledger), addresses_(addresses), id_(std::move(id)), every_set_(every_set), params_(addresses.size()) {}

void SessionView::subscribe(std::uint32_t id, LiveSubscription subscription) {
  if (subscription.thinning) thinned_ = true;
  subscriptions_.insert_or_assign(id, std::move(subscription));
  unsubscribe(0);
}

// What no subscription covers any more may still come, but is owed no longer (rule 32).
void SessionView::unsubscribe(std::uint32_t id) {
  subscriptions_.erase(id);
  for (std::size_t place = 0; place < params_.size(); ++place) {
    std::erase_if(params_[place].due, [&](const Due& due) {
      return std::ranges::none_of(subscriptions_, [&](const auto& entry) {
        return entry.second.holds_state() && entry.second.since < due.seq && entry.second.pattern.matches(addresses_[place]);
      });
    });
  }
}

bool SessionView::due(const Record& record, bool only_plain) const {
  const SignalType type = record.kind == CommitKind::publish ? record.signal : SignalType::param;
  return std::ranges::any_of(subscriptions_, [&](const auto& entry) {
    const LiveSubscription& subscription = entry.second;
    return !(only_plain && subscription.thinning) && subscription.types.has(type) && subscription.pattern.matches(record.address);
  });
}

void SessionView::committed(const Record& record) {
  if (record.kind == CommitKind::lock) return;
  if (record.kind != CommitKind::publish) {
    if (due(record, true)) params_[record.place].due.push_back({record.seq, record.revision});
  } else if (!record.droppable() && record.sender != id_ && due(record, false)) {
    kept_.push_back(record.token);
  }
}

std::optional<std::string> SessionView::hear(Bytes bytes, Via via) {
  std::string words = describe_frame(bytes).substr(0, transcript_characters_max);
  const auto frame = decode_frame(bytes);
  if (!frame) return "a frame that cannot be decoded: " + words;
  Decoder decoder;
  const auto message = decoder.decode(frame->payload);
  if (!message) return "a message that cannot be decoded: " + words;
  transcript_.push_back(std::move(words));
  if (transcript_.size() > transcript_frames_max) transcript_.pop_front();

  if (std::holds_alternative<Welcome>(message->body)) {
    if (std::exchange(welcomed_, true)) return "rule 5: a second WELCOME";
    return std::nullopt;
  }
  if (!welcomed_) return "rule 5: a frame before WELCOME";
  if (const auto* set = std::get_if<Set>(&message->body)) return hear_set(*set, via);
  if (const auto* publish = std::get_if<Publish>(&message->body)) return hear_publish(*publish, via);
  if (const auto* snapshot = std::get_if<Snapshot>(&message->body)) return hear_snapshot(*snapshot);
  if (const auto* ack = std::get_if<Ack>(&message->body)) return hear_ack(*ack);
  if (const auto* error = std::get_if<ErrorReply>(&message->body)) return hear_error(*error);
  if (std::holds_alternative<Pong>(message->body)) return std::nullopt;
  return "rule 33: a message it did not ask for";
}

std::optional<std::string> SessionView::hear_set(const Set& set, Via via) {
  const Revision revision = set.revision.value_or(0);
  const Record* record = ledger_.find_revision(set.address, revision);
  if (record == nullptr || record->value != bytes_of(set.value)) return fmt::format("a value of {} that was never committed", set.address);
  if (via == Via::reply) return std::nullopt;  // history: revisions may be old (rule 12)
  Param& param = params_[record->place];
  if (revision < param.heard) return fmt::format("rule 7: {} fell from revision {} to {}", set.address, param.heard, revision);
  if (revision <= param.heard_live && !thinned_) return fmt::format("rule 3: revision {} of {} came twice", revision, set.address);
  // A congested link may skip; one that keeps up may not (rule 8).
  if (every_set_ && !thinned_ && !param.due.empty() && param.due.front().revision < revision)
    return fmt::format("rule 8: revision {} of {} never came, but {} did", param.due.front().revision, set.address, revision);
  param.heard = param.heard_live = revision;
  param.absent = record->kind == CommitKind::remove;
  while (!param.due.empty() && param.due.front().revision <= revision) param.due.pop_front();
  return std::nullopt;
}

std::optional<std::string> SessionView::hear_publish(const Publish& publish, Via via) {
  const ValueView value = publish.value.value_or(ValueView{});
  const Record* record = ledger_.find_token(token_of(value));
  if (record == nullptr || record->value != bytes_of(value) || record->address != publish.address ||
      record->signal != publish.signal.value_or(SignalType::event) || record->id != publish.id.value_or(0) || record->phase != publish.phase)
    return fmt::format("rule 8: a message to {} that was never committed so", publish.address);
  if (via == Via::reply) return std::nullopt;  // history
  if (record->sender == id_) return fmt::format("rule 4: its own message {} came back", record->token);
  if (record->droppable()) {
    Seq& last = streamed_[{record->address, record->id}];
    if (record->seq <= last) return fmt::format("rule 2: stream item {} came after a newer one of {}", record->token, record->address);
    last = record->seq;
    if (thinned_) return std::nullopt;  // may come later than its place
  } else {
    if (kept_.empty() || kept_.front() != record->token)
      return fmt::format("rule 15: {} came where {} is due", record->token, kept_.empty() ? 0 : kept_.front());
    kept_.pop_front();
    for (std::size_t place = 0; place < params_.size() && !thinned_; ++place) {
      if (!params_[place].due.empty() && params_[place].due.front().seq < record->seq)
        return fmt::format("rule 2: {} came, but {} revision {} was due before it", record->token, addresses_[place],
                           params_[place].due.front().revision);
    }
  }
  if (record->seq <= last_published_) return fmt::format("rule 2: {} came after a later message", record->token);
  last_published_ = record->seq;
  return std::nullopt;
}

std::optional<std::string> SessionView::hear_snapshot(const Snapshot& snapshot) {
  ++snapshots_;
  for (const SnapshotParam& entry : snapshot.params) {
    const Record* record = ledger_.find_revision(entry.address, entry.revision);
    if (record == nullptr || record->value != bytes_of(entry.value)) return fmt::format("a value of {} that was never committed", entry.address);
    Param& param = params_[record->place];
    if (entry.revision < param.heard)
      return fmt::format("rule 7: {} fell from revision {} to {} in a SNAPSHOT", entry.address, param.heard, entry.revision);
    param.heard = entry.revision;
    param.absent = false;
    // On a slow link this stands for the older values that still wait (rule 2: "at least the value it had then").
    while (!every_set_ && !param.due.empty() && param.due.front().revision <= entry.revision) param.due.pop_front();
  }
  return std::nullopt;
}

std::optional<std::string> SessionView::hear_ack(const Ack& ack) {
  if (scheduled_answers_ > 0 && !ack.address) {
    --scheduled_answers_;
    return std::nullopt;
  }
  if (answers_.empty()) return "rule 26: an ACK for nothing";
  const OwedAnswer owed = answers_.front();
  answers_.pop_front();
  if (owed.kind == OwedAnswer::Kind::error || owed.address != ack.address.value_or("") ||
      (owed.kind == OwedAnswer::Kind::ack && owed.revision != ack.revision.value_or(0)))
    return fmt::format("rule 26: an ACK of '{}' revision {} where '{}' revision {} is due", ack.address.value_or(""), ack.revision.value_or(0),
                       owed.address, owed.revision);
  // … each after the echo of its write.
  if (const std::size_t place = ledger_.place(owed.address); !owed.address.empty() && !thinned_ && place < params_.size()) {
    if (!params_[place].due.empty() && params_[place].due.front().revision <= owed.revision)
      return fmt::format("rule 26: the ACK of {} revision {} came before its echo", owed.address, owed.revision);
  }
  return std::nullopt;
}

std::optional<std::string> SessionView::hear_error(const ErrorReply& error) {
  const auto code = static_cast<ErrorCode>(error.code);
  if (code == ErrorCode::overloaded || code == ErrorCode::invalid_message || code == ErrorCode::not_found) return std::nullopt;  // of no write
  if (scheduled_answers_ > 0) {
    --scheduled_answers_;
    return std::nullopt;
  }
  if (answers_.empty()) return "rule 26: an ERROR for nothing";
  const OwedAnswer owed = answers_.front();
  answers_.pop_front();
  if (owed.kind == OwedAnswer::Kind::ack || (!owed.address.empty() && owed.address != error.address.value_or("")))
    return fmt::format("rule 26: an ERROR about '{}' where an answer about '{}' is due", error.address.value_or(""), owed.address);
  return std::nullopt;
}

std::optional<std::string> SessionView::check_drained(const std::vector<Revision>& router_revisions) const {
  if (!welcomed_ || snapshots_ == 0) return "rule 5: no WELCOME and SNAPSHOT";
  if (!kept_.empty()) return fmt::format("rule 15: {} messages never came, the first is {}", kept_.size(), kept_.front());
  if (!answers_.empty()) return fmt::format("rule 26: {} answers never came, the first about '{}'", answers_.size(), answers_.front().address);
  for (std::size_t place = 0; place < params_.size(); ++place) {
    const Param& param = params_[place];
    if (!param.due.empty() && !thinned_) return fmt::format("rule 18: {} revision {} never came", addresses_[place], param.due.back().revision);
    for (const auto& [id, subscription] : subscriptions_) {
      if (!subscription.holds_state() || !subscription.pattern.matches(addresses_[place])) continue;
      const Revision now = router_revisions[place];
      if (now != 0 && (param.absent || param.heard != now))
        return fmt::format("rule 18: {} is at revision {}, the session holds {}", addresses_[place], now, param.absent ? 0 : param.heard);
      // A removal before the subscription is told to nobody: what was known from elsewhere says nothing.
      if (now == 0 && !param.absent && ledger_.removed_at(place) > subscription.since)
        return fmt::format("rule 18: {} is gone, the session holds revision {}", addresses_[place], param.heard);
    }
  }
  return std::nullopt;
}

std::string SessionView::tail() const { return fmt::format("{}", fmt::join(transcript_, "\n    ")); }

}  // namespace clasp::simulation
