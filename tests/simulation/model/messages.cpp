// What each message from a client means (router specification 8–17 as the contract corrects it).
#include <fmt/format.h>

#include <algorithm>

#include "core/codec.hpp"
#include "model.hpp"

namespace clasp::simulation::model {

namespace {

constexpr std::size_t payload_max = 65'535;
constexpr std::size_t entry_extra = 60;    // a SNAPSHOT frame's head, lengths, revision, flags, writer and time around one entry
constexpr std::size_t publish_extra = 24;  // everything a PUBLISH can have beside address and content
constexpr std::string_view p2p_prefix = "/clasp/p2p/signal/";

Text text_of(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

// `from` in what peers tell each other is who really sent it.
Value with_true_sender(const Value& value, const std::string& sender) {
  if (value.front() != static_cast<char>(ValueTag::map)) return value;
  const ValueView view{ValueTag::map, as_bytes(std::string_view(value).substr(1))};
  Map entries = *to_value(view).map();
  for (auto& [key, content] : entries) {
    if (key == "from") content = clasp::Value(sender);
  }
  return value_of(EncodedValue(clasp::Value(std::move(entries))).view());
}

}  // namespace

void Model::handle(Session& session, const Message& message, Qos qos, Clock now) {
  if (const auto* set = std::get_if<Set>(&message.body)) return on_set(session, fields_of(*set), qos, now);
  if (const auto* publish = std::get_if<Publish>(&message.body)) return on_publish(session, fields_of(*publish), now);
  if (const auto* bundle = std::get_if<Bundle>(&message.body)) return on_bundle(session, *bundle, qos, now);
  if (const auto* subscribe = std::get_if<Subscribe>(&message.body)) return on_subscribe(session, *subscribe, now);
  if (const auto* unsubscribe = std::get_if<Unsubscribe>(&message.body)) return on_unsubscribe(session, unsubscribe->id, now);
  if (const auto* get = std::get_if<Get>(&message.body)) return on_get(session, std::string(get->address), qos, now);
  if (const auto* announce = std::get_if<Announce>(&message.body)) return on_announce(session, *announce, now);
  if (const auto* query = std::get_if<Query>(&message.body)) return on_query(session, std::string(query->pattern), now);
  if (const auto* sync = std::get_if<Sync>(&message.body)) return answer(session, sync_line(sync->t1, now.unix_time, now.unix_time), now);
  if (std::holds_alternative<Ping>(message.body)) return answer(session, "PONG", now);
  if (const auto* replay = std::get_if<Replay>(&message.body)) {  // there is no journal
    const bool valid = valid_pattern(replay->pattern, rules_.address_bytes_max);
    return answer(session, error_line(valid ? code::unavailable : code::pattern, replay->pattern), now);
  }
  if (std::holds_alternative<FederationSync>(message.body)) return answer(session, error_line(code::refused), now);  // nobody here is a peer
  // WELCOME, SNAPSHOT, ACK, ERROR, RESULT, PONG from a client: nothing.
}

int Model::fault_of(const SetFields& set) const {
  if (!valid_address(set.address, rules_.address_bytes_max)) return code::refused_by_state;
  return entry_extra + set.address.size() + set.value.size() > payload_max ? code::invalid_value : 0;
}

int Model::fault_of(const PublishFields& publish) const {
  if (!valid_address(publish.address, rules_.address_bytes_max)) return code::refused_by_state;
  const std::size_t content = publish.value ? publish.value->size() - 1 : publish.samples ? publish.samples->size() : 0;
  return publish_extra + publish.address.size() + content > payload_max ? code::invalid_value : 0;
}

void Model::on_set(Session& session, const SetFields& set, Qos qos, Clock now) {
  int refused = fault_of(set);
  if (refused == 0) refused = state_.refusal(set.address, set.expected, session.no);
  if (refused == 0 && state_.loses(set.address, set.value)) refused = code::refused_by_state;
  if (refused != 0) return answer(session, error_line(refused, set.address), now);

  const std::uint64_t revision = write(set, session.no, true, now);
  if (qos == Qos::fire && !rules_.ack_always) return;
  std::optional<bool> locked;
  std::string holder;
  if (set.lock || set.unlock) {
    const SessionNo by = state_.find(set.address)->holder;
    locked = by != 0;
    if (find_session(by) != nullptr) holder = ids_.at(by);
  }
  answer(session, ack_line(set.address, revision, locked, holder), now);
}

void Model::on_publish(Session& session, const PublishFields& fields, Clock now) {
  if (const int refused = fault_of(fields); refused != 0) return answer(session, error_line(refused, fields.address), now);
  if (!on_p2p(session, fields, now)) publish(session.no, fields, now);
}

// Straight to one session, subscribed or not; not part of the one order, nobody else hears it.
bool Model::on_p2p(Session& session, const PublishFields& fields, Clock now) {
  if (!fields.address.starts_with(p2p_prefix)) return false;
  const std::string target = fields.address.substr(p2p_prefix.size());
  if (target.empty() || target.contains('/')) return false;
  const auto found = std::ranges::find_if(sessions_, [&](const auto& entry) { return ids_.at(entry.first) == target; });
  if (found == sessions_.end()) {
    answer(session, error_line(code::not_found, fields.address), now);
    return true;
  }
  PublishFields signal = fields;
  if (signal.value) signal.value = with_true_sender(*signal.value, ids_.at(session.no));
  Line line{.kind = signal.passing() ? Line::Kind::passing : Line::Kind::kept, .text = text_of(publish_line(signal))};
  if (signal.passing()) line.stream = fmt::format("{} {} {}", signal_name(signal.kind()), signal.id.value_or(0), signal.address);
  add(found->second, std::move(line), now);
  return true;
}

void Model::on_subscribe(Session& session, const Subscribe& subscribe, Clock now) {
  const bool replaces = session.subscriptions.contains(subscribe.id);
  const std::string pattern(subscribe.pattern);
  if (!replaces && rules_.subscriptions_max != 0 && session.subscriptions.size() >= rules_.subscriptions_max)
    return answer(session, error_line(code::too_many, pattern), now);
  if (!valid_pattern(pattern, rules_.address_bytes_max)) return answer(session, error_line(code::pattern, pattern), now);

  if (replaces) drop_debts(session, subscribe.id);
  const SubscribeOptions options = subscribe.options.value_or(SubscribeOptions{});
  const SubscriptionOptions thinning{.max_rate = options.max_rate, .epsilon = options.epsilon};
  Matcher* matcher = matchers_.of(pattern);
  session.subscriptions.insert_or_assign(
      subscribe.id,
      Subscription{
          .pattern = matcher, .types = subscribe.types.bits, .options = thinning, .since = changes_, .thinner = {thinning, rules_.option_slots_max}});
  if (replaces) cover_less(session);
  history(session, matcher, subscribe.types.bits, options, now);

  Debt debt{.subscription = subscribe.id, .pattern = matcher, .since = changes_};
  for (const auto& [address, param] : state_.params()) {
    if (matcher->matches(address)) debt.owed.insert(address);
  }
  std::vector<Debt>& debts = links_.at(session.link).debts;
  debt.unclear = std::ranges::any_of(debts, &Debt::unclear);
  debts.push_back(std::move(debt));  // even if nothing matches yet: until its turn comes, something may
}

void Model::on_unsubscribe(Session& session, std::uint32_t id, Clock) {
  if (session.subscriptions.erase(id) == 0) return;
  drop_debts(session, id);
  cover_less(session);
}

void Model::drop_debts(Session& session, std::uint32_t subscription) {
  std::vector<Debt>& debts = links_.at(session.link).debts;
  if (std::erase_if(debts, [&](const Debt& debt) { return debt.subscription == subscription; }) == 0) return;
  for (Debt& debt : debts) debt.unclear = true;
}

// On a slow link, what no subscription covers any more need not come (rule 32).
void Model::cover_less(Session& session) {
  links_.at(session.link).expectation->uncovered([&](const std::string& address) { return gets_live(session, address, changes_ + 1); });
}

// The last n values of each address, oldest first, in one order (rule 12).
void Model::history(Session& session, Matcher* pattern, std::uint8_t types, const SubscribeOptions& options, Clock now) {
  if (!options.history || *options.history == 0) return;
  constexpr std::uint64_t us_per_ms = 1'000;
  std::vector<const Past*> chosen;
  for (const auto& [address, all] : past_) {
    if (!pattern->matches(address)) continue;
    std::uint32_t count = 0;
    for (auto past = all.rbegin(); past != all.rend() && count < *options.history; ++past) {
      if ((past->type & types) == 0) continue;
      const std::uint64_t age = now.unix_time - std::min(now.unix_time, past->unix_time);
      if (options.window && age > *options.window * us_per_ms) break;
      chosen.push_back(&*past);
      ++count;
    }
  }
  std::ranges::sort(chosen, {}, &Past::place);
  // At most so many in all; of one moment any may be the ones left out.
  auto first = chosen.begin() + (chosen.size() > rules_.history_max ? static_cast<std::ptrdiff_t>(chosen.size() - rules_.history_max) : 0);
  const bool cut_within_moment =
      first != chosen.begin() && first != chosen.end() && (*first)->together != 0 && (*std::prev(first))->together == (*first)->together;
  while (cut_within_moment && first != chosen.begin() && (*std::prev(first))->together == (*first)->together) --first;
  chosen.erase(chosen.begin(), first);
  std::size_t bytes = 0;
  for (const Past* past : chosen) bytes += past->text->size();
  const bool may_be_cut = cut_within_moment || past_bytes_ > rules_.history_bytes_max / 2 || bytes > rules_.replies_bytes_max / 2;
  ++histories_;
  for (const Past* past : chosen)
    add(session, {.kind = Line::Kind::past, .text = past->text, .together = past->together, .answer = histories_, .optional = may_be_cut}, now);
}

void Model::on_get(Session& session, const std::string& address, Qos qos, Clock now) {
  if (!valid_address(address, rules_.address_bytes_max)) return answer(session, error_line(code::refused_by_state, address), now);
  const bool missing_is_error = rules_.get_missing_is_error && qos != Qos::fire;
  const bool exists = state_.find(address) != nullptr;
  Line line{.kind = Line::Kind::get, .address = address, .missing_is_error = missing_is_error};
  if (exists) {
    line.text = text_of("SNAPSHOT " + entry_now(address));
    state_.touch(address, now.steady);
  } else if (missing_is_error) {
    line.text = text_of(error_line(code::not_found, address));
  } else if (!links_.at(session.link).expectation->slow()) {
    return;  // silence
  }
  add(session, std::move(line), now);
}

void Model::on_announce(Session& session, const Announce& announce, Clock now) {
  for (const SignalDefinition& signal : announce.signals) {
    if (!valid_pattern(signal.address, rules_.address_bytes_max)) return answer(session, error_line(code::refused_by_state, signal.address), now);
  }
  bool refused = false;
  for (const SignalDefinition& signal : announce.signals) {
    const std::string address(signal.address);
    if (!announced_.contains(address) && announced_.size() >= rules_.signals_max) {
      refused = true;
      continue;
    }
    Announced announced{.fields = {.address = address, .type = signal.type}, .by = session.no, .left = {}};
    if (signal.datatype) announced.fields.datatype = std::string(*signal.datatype);
    if (signal.access) announced.fields.access = std::string(*signal.access);
    announced_[address] = std::move(announced);
  }
  if (refused) return answer(session, error_line(code::too_many, announce.ns), now);
  answer(session, ack_line(std::string(announce.ns), 0), now);
}

void Model::on_query(Session& session, const std::string& text, Clock now) {
  const std::string pattern = text.starts_with('/') ? text : '/' + text;
  if (!valid_pattern(pattern, rules_.address_bytes_max)) return answer(session, error_line(code::pattern, text), now);
  std::vector<SignalFields> signals;
  for (const auto& [address, announced] : announced_) {
    if (matchers_.of(pattern)->matches(address)) signals.push_back(announced.fields);
  }
  answer(session, result_line(std::move(signals)), now);
}

}  // namespace clasp::simulation::model
