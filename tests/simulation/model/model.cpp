#include "model.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace clasp::simulation::model {

namespace {

constexpr std::uint8_t all_types = 0x1f;
constexpr Us us_per_second = 1'000'000;
constexpr std::size_t commit_overhead = 160;  // what a log may need for an entry beside its text, generously

std::uint8_t bit(SignalType type) { return static_cast<std::uint8_t>(1U << static_cast<unsigned>(type)); }
Text text_of(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

// What one address is to maxRate and epsilon: its params, its streams and each of its gestures apart.
std::string thinning_key(const std::string& address, const std::optional<PublishFields>& message) {
  if (!message) return "param " + address;
  const bool gesture = message->kind() == SignalType::gesture;
  return fmt::format("{} {} {}", signal_name(message->kind()), gesture ? message->id.value_or(0) : 0, address);
}

std::uint32_t cost_of(const Message& message) {  // a BUNDLE counts as its members
  const auto* bundle = std::get_if<Bundle>(&message.body);
  if (bundle == nullptr) return 1;
  std::uint32_t cost = 0;
  for (const Message& member : bundle->messages) cost += cost_of(member);
  return std::max(cost, 1U);
}

}  // namespace

Model::Model(Rules rules) : rules_(std::move(rules)), state_(rules_, matchers_), gestures_(rules_) {}

Model::Session* Model::find_session(SessionNo no) {
  const auto found = sessions_.find(no);
  return found == sessions_.end() ? nullptr : &found->second;
}
const Model::Session* Model::find_session(SessionNo no) const {
  const auto found = sessions_.find(no);
  return found == sessions_.end() ? nullptr : &found->second;
}

// ---- links and sessions ----

void Model::opened(LinkNo link, bool must_answer_pings, Clock now) {
  links_[link] = {.opened = now.steady,
                  .received = now.steady,
                  .progressed = now.steady,
                  .pinged = must_answer_pings,
                  .expectation = std::make_unique<Expectation>(rules_)};
}

void Model::alive(LinkNo link, Clock now) { links_.at(link).received = now.steady; }
void Model::progressed(LinkNo link, Clock now) { links_.at(link).progressed = now.steady; }
// A session that is not read because of the router is not silent (it looks once a second).
void Model::read(LinkNo number, bool on, Clock now) {
  Link& link = links_.at(number);
  link.reading = on;
  link.received = std::max(link.received, now.steady - us_per_second);
}

void Model::lost(LinkNo link, Clock now) {
  end_session(links_.at(link).session, now);
  links_.erase(link);
}

void Model::away(LinkNo link) { links_.at(link).expectation->become_slow(); }

void Model::refuse(Link& link, int code, Clock now) {
  link.refused = true;
  link.expectation->add({.text = text_of(error_line(code))}, now.steady);
}

void Model::received(LinkNo number, const Message* message, Qos qos, Clock now) {
  Link& link = links_.at(number);
  link.received = now.steady;
  const auto* hello = message != nullptr ? std::get_if<Hello>(&message->body) : nullptr;
  if (link.session == 0) {
    if (hello == nullptr) return refuse(link, code::invalid_message, now);
    if (rules_.sessions_max != 0 && sessions_.size() >= rules_.sessions_max) return refuse(link, code::overloaded, now);
  } else {
    Session& session = sessions_.at(link.session);
    if (!within_rate(session, message, now)) return;
    if (message == nullptr) return answer(session, error_line(code::invalid_message), now);
    if (hello == nullptr) return handle(session, *message, qos, now);
  }
  const bool snapshot =
      std::ranges::none_of(hello->block, [](const BlockEntry& entry) { return entry.first == "snapshot" && entry.second.as_string() == "none"; });
  begin_session(number, snapshot, !hello->block.empty(), now);
}

// A second HELLO ends the session before; what was still waiting for that one is gone with it.
void Model::begin_session(LinkNo number, bool snapshot, bool asks, Clock now) {
  Link& link = links_.at(number);
  end_session(link.session, now);
  link.expectation = std::make_unique<Expectation>(rules_);
  link.debts.clear();
  link.session = ++last_session_;
  ids_[link.session] = "?";  // until its WELCOME is seen
  Session& session = sessions_[link.session];
  session.no = link.session;
  session.link = number;
  const auto features = static_cast<std::uint8_t>(rules_.features | (asks ? feature::extended : 0));
  answer(session, welcome_line(features, now.unix_time, rules_.name, !snapshot), now);
  if (!snapshot) return;
  Debt debt{.pattern = matchers_.of("/**"), .since = changes_, .owes_frame = true};
  for (const auto& [address, param] : state_.params()) debt.owed.insert(address);
  link.debts.push_back(std::move(debt));
}

void Model::end_session(SessionNo no, Clock now) {
  if (!sessions_.contains(no)) return;
  together_ = ++moments_;
  for (const Move& move : gestures_.ended(no)) tell_publish(no, move.publish, now);
  together_ = 0;
  state_.release_locks(no);
  for (auto& [address, announced] : announced_) {
    if (announced.by == no && !announced.left) announced.left = now.steady;
  }
  sessions_.erase(no);
}

// One second's worth at once, then as many a second; one notice a second. A cost above that passes when nothing is owed, and is owed afterwards.
bool Model::within_rate(Session& session, const Message* message, Clock now) {
  if (rules_.messages_per_second_max == 0) return true;
  const std::int64_t burst = std::int64_t{rules_.messages_per_second_max} * us_per_second;
  session.tokens = session.refilled ? std::min(burst, session.tokens + (now.steady - *session.refilled) * rules_.messages_per_second_max) : burst;
  session.refilled = now.steady;
  const std::int64_t price = std::int64_t{message != nullptr ? cost_of(*message) : 1} * us_per_second;
  if (session.tokens >= std::min(price, burst)) {
    session.tokens -= price;
    return true;
  }
  if (!session.told_of_limit || now.steady - *session.told_of_limit >= us_per_second) {
    session.told_of_limit = now.steady;
    answer(session, error_line(code::too_many), now);
  }
  return false;
}

// ---- time ----

std::optional<Us> Model::next() const {
  std::optional<Us> next;
  const auto consider = [&next](std::optional<Us> due) {
    if (due && (!next || *due < *next)) next = due;
  };
  consider(state_.next_expiry());
  consider(gestures_.next());
  if (!bundles_.empty()) consider(bundles_.begin()->first.first);
  for (const auto& [no, session] : sessions_) consider(session.held.next());
  for (const auto& [number, link] : links_) {
    if (link.session == 0 && !link.refused) consider(link.opened + rules_.handshake_timeout);
  }
  return next;
}

// Of one moment: bundles in their order, then lifetimes, gestures and held values, whose order among each other is open.
void Model::passed(Clock now) {
  while (!bundles_.empty() && bundles_.begin()->first.first <= now.steady) {
    const WaitingBundle bundle = bundles_.extract(bundles_.begin()).mapped();
    execute(bundle, now);
  }
  together_ = ++moments_;
  for (const std::string& address : state_.expired(now.steady)) remove(address, now);
  for (const Move& move : gestures_.due(now.steady)) tell_publish(move.sender, move.publish, now);
  for (auto& [no, session] : sessions_) held_due(session, now);
  together_ = 0;
  std::erase_if(announced_, [&](const auto& entry) { return rules_.signal_ttl != 0 && entry.second.left && *entry.second.left + rules_.signal_ttl <= now.steady; });
  for (auto& [number, link] : links_) {
    if (link.session == 0 && !link.refused && link.opened + rules_.handshake_timeout <= now.steady) refuse(link, code::handshake_timeout, now);
  }
}

// ---- changes, and who hears of them ----

std::uint64_t Model::write(const SetFields& set, SessionNo writer, bool may_lock, Clock now) {
  if (const auto victim = state_.next_victim(set.address)) remove(*victim, now);
  const std::uint64_t revision = state_.write(set, writer, may_lock, change(), now);
  const Text text = text_of(set_line(set.address, set.value, revision, set.ttl, set.lock, set.unlock));
  remember(set.address, bit(SignalType::param), text_of(set_line(set.address, set.value, revision)), now);
  tell({.address = set.address,
        .line = {.kind = Line::Kind::param, .text = text, .address = set.address, .revision = revision},
        .types = bit(SignalType::param),
        .thinnable = true,
        .number = number_in(set.value)},
       now);
  for (auto& [no, session] : sessions_) {  // what comes live need not come in a snapshot (rule 6), even if the subscription ends meanwhile
    for (Debt& debt : links_.at(session.link).debts) {
      if (debt.owed.contains(set.address) && gets_live(session, set.address, changes_)) debt.owed.erase(set.address);
    }
  }
  return revision;
}

// Expiry or eviction: subscribers hear a Null with the next revision (rule 20).
void Model::remove(const std::string& address, Clock now) {
  change();
  const std::uint64_t revision = state_.remove(address);
  for (auto& [number, link] : links_) {  // if it comes back, it is not what an open snapshot promised
    for (Debt& debt : link.debts) debt.owed.erase(address);
  }
  const Text text = text_of(set_line(address, Value(1, '\0'), revision));
  remember(address, bit(SignalType::param), text, now);
  tell({.address = address,
        .line = {.kind = Line::Kind::removal, .text = text, .address = address, .revision = revision},
        .types = bit(SignalType::param)},
       now);
}

void Model::publish(SessionNo sender, const PublishFields& publish, Clock now) {
  if (publish.signal != SignalType::gesture) return tell_publish(sender, publish, now);
  for (const PublishFields& out : gestures_.publish(sender, publish, now.steady)) tell_publish(sender, out, now);
}

void Model::tell_publish(SessionNo sender, const PublishFields& publish, Clock now) {
  change();
  const Text text = text_of(publish_line(publish));
  remember(publish.address, bit(publish.kind()), text, now);
  Line line{.kind = publish.passing() ? Line::Kind::passing : Line::Kind::kept, .text = text};
  if (publish.passing()) line.stream = fmt::format("{} {} {}", signal_name(publish.kind()), publish.id.value_or(0), publish.address);
  tell({.address = publish.address,
        .line = std::move(line),
        .types = publish.signal ? bit(*publish.signal) : all_types,
        .thinnable = publish.passing() || publish.kind() == SignalType::param,
        .message = publish,
        .number = publish.value ? number_in(*publish.value) : std::nullopt,
        .except = sender},
       now);
}

void Model::remember(const std::string& address, std::uint8_t type, Text text, Clock now) {
  past_bytes_ += text->size() + commit_overhead;
  past_[address].push_back(
      {.place = changes_, .steady = now.steady, .unix_time = now.unix_time, .type = type, .together = together_, .text = std::move(text)});
}

std::vector<Model::Subscription*> Model::matching(Session& session, const std::string& address, std::uint8_t types) {
  std::vector<Subscription*> out;
  for (auto& [id, subscription] : session.subscriptions) {
    if ((subscription.types & types) != 0 && subscription.pattern->matches(address)) out.push_back(&subscription);
  }
  return out;
}

void Model::tell(Telling telling, Clock now) {
  for (auto& [no, session] : sessions_) {
    if (no == telling.except) continue;
    const std::vector<Subscription*> subscriptions = matching(session, telling.address, telling.types);
    if (subscriptions.empty() || (telling.thinnable && !wanted_now(session, telling, subscriptions, now))) continue;
    add(session, telling.line, now);
  }
}

// It goes out if any matching subscription wants it now, and then counts for all of them (rule 11).
bool Model::wanted_now(Session& session, const Telling& telling, const std::vector<Subscription*>& subscriptions, Clock now) {
  const std::string key = thinning_key(telling.address, telling.message);
  std::optional<Us> due;
  bool wanted = false;
  for (const Subscription* subscription : subscriptions) {
    Us when = 0;
    const Thinner::Verdict verdict =
        subscription->options.thins() ? subscription->thinner.judge(key, telling.number, now.steady, when) : Thinner::Verdict::wants;
    if (verdict == Thinner::Verdict::wants) wanted = true;
    if (verdict == Thinner::Verdict::waits && (!due || when < *due)) due = when;
  }
  if (wanted) {
    session.held.release(key);
    for (Subscription* subscription : subscriptions) subscription->thinner.delivered(key, telling.number, now.steady);
  } else if (due) {
    session.held.hold(key, {.address = telling.address, .message = telling.message, .due = *due});
  }
  return wanted;
}

void Model::held_due(Session& session, Clock now) {
  while (const auto due = session.held.pop_due(now.steady)) {
    const Held& held = due->second;
    Telling telling{.address = held.address, .types = bit(SignalType::param), .thinnable = true, .message = held.message};
    if (held.message) {
      telling.types = bit(held.message->kind());
      telling.number = held.message->value ? number_in(*held.message->value) : std::nullopt;
      telling.line = {.kind = held.message->passing() ? Line::Kind::passing : Line::Kind::kept, .text = text_of(publish_line(*held.message))};
      if (held.message->passing())
        telling.line.stream = fmt::format("{} {} {}", signal_name(held.message->kind()), held.message->id.value_or(0), held.address);
    } else {
      const Param* param = state_.find(held.address);
      if (param == nullptr) continue;  // its end was told at once
      telling.number = number_in(param->value);
      telling.line = {.kind = Line::Kind::param,
                      .text = text_of(set_line(held.address, param->value, param->revision)),
                      .address = held.address,
                      .revision = param->revision};
    }
    const std::vector<Subscription*> subscriptions = matching(session, held.address, telling.types);
    if (!subscriptions.empty() && wanted_now(session, telling, subscriptions, now)) add(session, telling.line, now);
  }
}

void Model::add(const Session& session, Line line, Clock now) {
  if (line.kind != Line::Kind::past) line.together = together_;  // what is past keeps the moment it had
  links_.at(session.link).expectation->add(std::move(line), now.steady);
  told_.push_back(session.link);
}

void Model::answer(const Session& session, std::string text, Clock now) { add(session, {.text = text_of(std::move(text))}, now); }

bool Model::gets_live(const Session& session, const std::string& address, std::uint64_t change) const {
  return std::ranges::any_of(session.subscriptions, [&](const auto& entry) {
    const Subscription& subscription = entry.second;
    return subscription.since < change && (subscription.types & bit(SignalType::param)) != 0 && subscription.pattern->matches(address);
  });
}

}  // namespace clasp::simulation::model
