#include "rules/rules_engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/address.hpp"
#include "core/json.hpp"
#include "rules/engine_entry.hpp"
#include "rules/pattern_overlap.hpp"

namespace clasp::rules {

using router::Commit;
using router::CommitKind;
using router::Effect;

namespace {

constexpr std::uint64_t index_seed = 0x9e3779b97f4a7c15U;  // rules are the operator's: nobody chooses them to collide
constexpr std::uint32_t origin_mark = 0x8000'0000;         // Provenance::origin of what rules write; bridges count from 1

template <typename Wanted>
const Wanted* trigger_of(const Rule& rule) {
  return std::get_if<Wanted>(&rule.trigger);
}

const Pattern* indexed_pattern(const Rule& rule) {
  if (const auto* change = trigger_of<ChangeTrigger>(rule)) return &change->pattern;
  if (const auto* threshold = trigger_of<ThresholdTrigger>(rule)) return &threshold->pattern;
  if (const auto* event = trigger_of<EventTrigger>(rule)) return &event->pattern;
  return nullptr;
}

}  // namespace

RulesEngine::RulesEngine(Surroundings surroundings, EngineOptions options)
    : around_(std::move(surroundings)), options_(options), changes_(index_seed), events_(index_seed) {}
RulesEngine::~RulesEngine() = default;

// ---- which rules there are ----

Result<void> RulesEngine::install(Rule rule, const Now& now) {
  std::optional<std::uint32_t> slot;
  if (const auto known = by_id_.find(rule.id); known != by_id_.end()) {
    slot = known->second;
    Entry& old = *entries_[*slot];
    if (to_json(old.rule) == to_json(rule)) return {};
    index(old, *slot, false);
    disarm(old.serial);
  } else if (by_id_.size() >= rules_max) {
    return Error{ErrorCode::revision_conflict, fmt::format("more than {} rules", rules_max), {}};
  }
  const std::uint64_t order = slot ? entries_[*slot]->order : ++last_order_;
  if (!slot && !free_slots_.empty()) {
    slot = free_slots_.back();
    free_slots_.pop_back();
  } else if (!slot) {
    slot = static_cast<std::uint32_t>(entries_.size());
    entries_.emplace_back();
  }
  entries_[*slot] = std::make_unique<Entry>(std::move(rule), order, ++last_serial_, *slot);
  Entry& entry = *entries_[*slot];
  by_id_[entry.rule.id] = *slot;
  index(entry, *slot, true);
  learn_sides(entry);
  arm(entry, now);
  return {};
}

bool RulesEngine::remove(std::string_view id) {
  const auto known = by_id_.find(std::string(id));
  if (known == by_id_.end()) return false;
  const std::uint32_t slot = known->second;
  index(*entries_[slot], slot, false);
  disarm(entries_[slot]->serial);
  entries_[slot].reset();
  free_slots_.push_back(slot);
  by_id_.erase(known);
  return true;
}

bool RulesEngine::enable(std::string_view id, bool enabled) {
  const auto known = by_id_.find(std::string(id));
  if (known == by_id_.end()) return false;
  entries_[known->second]->rule.enabled = enabled;
  return true;
}

void RulesEngine::index(const Entry& entry, std::uint32_t slot, bool add) {
  if (trigger_of<SessionTrigger>(entry.rule) != nullptr) {
    if (add)
      session_rules_.push_back(slot);
    else
      std::erase(session_rules_, slot);
  }
  const Pattern* pattern = indexed_pattern(entry.rule);
  if (pattern == nullptr) return;
  if (++version_ == 0) version_ = 1;
  router::PatternTrie& trie = trigger_of<EventTrigger>(entry.rule) != nullptr ? events_ : changes_;
  if (add)
    trie.add(*pattern, slot);
  else
    trie.remove(slot);
}

void RulesEngine::look_around() {
  for (const auto& entry : entries_) {
    if (entry) learn_sides(*entry);
  }
}

void RulesEngine::learn_sides(Entry& entry) {
  if (!around_.for_each) return;
  const auto* threshold = trigger_of<ThresholdTrigger>(entry.rule);
  const auto* change = trigger_of<ChangeTrigger>(entry.rule);
  if (threshold != nullptr) {
    around_.for_each(threshold->pattern, [&](std::string_view address, const ValueView& value) {
      const auto number = value.as_number();
      if (number && !std::isnan(*number)) entry.side(address) = side_of(*threshold, entry.side(address), *number);
    });
  } else if (change != nullptr && change->only_changes) {
    around_.for_each(change->pattern, [&](std::string_view address, const ValueView& value) { entry.last.of(address) = to_value(value); });
  }
}

const Rule* RulesEngine::find(std::string_view id) const {
  const auto known = by_id_.find(std::string(id));
  return known == by_id_.end() ? nullptr : &entries_[known->second]->rule;
}

void RulesEngine::for_each(const std::function<void(const Rule&, const RuleStats&)>& visit) const {
  std::vector<const Entry*> all;
  for (const auto& entry : entries_) {
    if (entry) all.push_back(entry.get());
  }
  std::ranges::sort(all, {}, &Entry::order);
  for (const Entry* entry : all) visit(entry->rule, entry->stats);
}

// ---- what sets them off ----

bool RulesEngine::concerns(std::string_view address) const {
  matches_.clear();
  changes_.match(address, matches_);
  return !matches_.empty();
}

void RulesEngine::react(const Commit& commit, const Now& now, std::vector<Effect>& effects) {
  const bool is_publish = commit.kind == CommitKind::publish;
  if (is_publish && commit.signal != SignalType::event && commit.signal != SignalType::param) return;
  const router::PatternTrie& rules = is_publish && commit.signal == SignalType::event ? events_ : changes_;
  if (rules.size() == 0) return;
  matches_.clear();
  rules.match(commit.address, matches_);
  if (matches_.empty()) return;

  ordered_.clear();
  for (const std::uint32_t slot : matches_) ordered_.emplace_back(entries_[slot]->order, slot);
  std::ranges::sort(ordered_);
  Cause cause{.address = commit.address, .value = commit.value ? to_value(*commit.value) : Value(), .chain = {}};
  if ((commit.provenance.origin & origin_mark) != 0) {
    cause.is_ours = true;
    const std::uint32_t place = (commit.provenance.origin - chain_base_) & ~origin_mark;
    if (place < chains_.size()) cause.chain = chains_[place];
  }
  for (const auto& [order, slot] : ordered_) consider(*entries_[slot], cause, now, effects);
}

void RulesEngine::session_opened(const router::Visitor& visitor, const Now& now, std::vector<Effect>& effects) {
  if (session_rules_.empty()) return;
  auto& joined = joined_[static_cast<std::uint64_t>(visitor.id)];
  fire_session(
      visitor, false,
      [&](const SessionTrigger& trigger, Serial serial) {
        if (trigger.subscribes || !segment_matches(trigger.name, visitor.name)) return false;
        joined.push_back(serial);
        return true;
      },
      now, effects);
}

void RulesEngine::subscribed(const router::Visitor& visitor, const Pattern& pattern, const Now& now, std::vector<Effect>& effects) {
  if (session_rules_.empty()) return;
  auto& joined = joined_[static_cast<std::uint64_t>(visitor.id)];
  fire_session(
      visitor, false,
      [&](const SessionTrigger& trigger, Serial serial) {
        if (!trigger.subscribes || std::ranges::find(joined, serial) != joined.end() || !overlap(*trigger.subscribes, pattern)) return false;
        joined.push_back(serial);
        return true;
      },
      now, effects);
}

void RulesEngine::session_closed(const router::Visitor& visitor, const Now& now, std::vector<Effect>& effects) {
  const auto known = joined_.find(static_cast<std::uint64_t>(visitor.id));
  if (known == joined_.end()) return;
  const std::vector<Serial> joined = std::move(known->second);
  joined_.erase(known);
  fire_session(visitor, true, [&](const SessionTrigger&, Serial serial) { return std::ranges::find(joined, serial) != joined.end(); }, now, effects);
}

// `fits` is asked for all rules about sessions, so that those about leaving know who has joined; those that fire are those about this.
void RulesEngine::fire_session(const router::Visitor& visitor, bool leaves, const std::function<bool(const SessionTrigger&, Serial)>& fits,
                               const Now& now, std::vector<Effect>& effects) {
  ordered_.clear();
  for (const std::uint32_t slot : session_rules_) ordered_.emplace_back(entries_[slot]->order, slot);
  std::ranges::sort(ordered_);
  const Cause cause{.address = "", .value = Map{{"session", visitor.uuid}, {"name", visitor.name}}, .chain = {}};
  for (const auto& [order, slot] : ordered_) {
    Entry& entry = *entries_[slot];
    const auto& trigger = *trigger_of<SessionTrigger>(entry.rule);
    if (fits(trigger, entry.serial) && trigger.leaves == leaves) consider(entry, cause, now, effects);
  }
}

// ---- whether they act ----

RulesEngine::Side RulesEngine::side_of(const ThresholdTrigger& trigger, Side before, double number) const {
  if (trigger.above && number > *trigger.above) return Side::above;
  if (trigger.below && number < *trigger.below) return Side::below;
  if (before == Side::above && trigger.above && number > *trigger.above - trigger.hysteresis) return Side::above;
  if (before == Side::below && trigger.below && number < *trigger.below + trigger.hysteresis) return Side::below;
  return Side::inside;
}

std::optional<Verdict> RulesEngine::observe(Entry& entry, const Cause& cause) {
  if (const auto* change = trigger_of<ChangeTrigger>(entry.rule); change != nullptr && change->only_changes) {
    std::optional<Value>& last = entry.last.of(cause.address);
    if (last && equal_values(*last, cause.value)) return Verdict::unchanged;
    last = cause.value;
  }
  if (const auto* threshold = trigger_of<ThresholdTrigger>(entry.rule)) {
    const auto number = cause.value.as_number();
    if (!number || std::isnan(*number)) return Verdict::no_number;  // which is on no side, so nothing has been crossed
    Side& side = entry.side(cause.address);
    const Side before = std::exchange(side, side_of(*threshold, side, *number));
    if (side == Side::inside) return Verdict::within;
    const bool beyond = side == Side::above ? *number > *threshold->above : *number < *threshold->below;
    if (threshold->level ? !beyond : side == before) return beyond ? Verdict::still_beyond : Verdict::within;
  }
  return std::nullopt;
}

Verdict RulesEngine::judge(Entry& entry, const Cause& cause, const Now& now, std::size_t& condition) {
  const auto unmoved = observe(entry, cause);
  if (!entry.rule.enabled) return Verdict::disabled;
  if (unmoved) return *unmoved;
  if (cause.is_ours) {
    if (options_.chain_max == 0 || !cause.chain || cause.chain->length >= options_.chain_max) return Verdict::chain_too_long;
    for (const Chain* link = cause.chain.get(); link != nullptr; link = link->before.get()) {
      if (link->rule == entry.serial) return Verdict::in_chain;
    }
  }
  if (entry.rule.cooldown && entry.fired_at && now.steady - *entry.fired_at < *entry.rule.cooldown) return Verdict::cooling_down;
  for (condition = 0; condition < entry.rule.conditions.size(); ++condition) {
    if (!holds_now(entry.rule.conditions[condition], cause, now)) return Verdict::condition;
  }
  return Verdict::fired;
}

bool RulesEngine::holds_now(Condition& condition, const Cause& cause, const Now& now) const {
  std::optional<Value> value;
  if (condition.address.empty())
    value = cause.value;
  else if (around_.find)
    value = around_.find(condition.address);
  if (condition.test) return value && condition.test->holds(*value, condition.address.empty() ? cause.address : condition.address, now);
  return holds(value.value_or(Value()), condition.comparison, condition.value);
}

void RulesEngine::consider(Entry& entry, const Cause& cause, const Now& now, std::vector<Effect>& effects) {
  std::size_t condition = 0;
  const Verdict verdict = judge(entry, cause, now, condition);
  if (watch_) tell(entry, verdict, condition, cause);
  switch (verdict) {
    case Verdict::fired: break;
    case Verdict::chain_too_long:
      ++entry.stats.suppressed;
      if (!std::exchange(entry.cut, true) && around_.log)
        around_.log(
            fmt::format("rule {} was not run: a chain of rules ends after {}; this is told once", printable(entry.rule.id), options_.chain_max));
      return;
    case Verdict::in_chain:
    case Verdict::cooling_down:
    case Verdict::condition: ++entry.stats.suppressed; return;
    default: return;
  }
  entry.fired_at = now.steady;
  ++entry.stats.fired;
  entry.stats.last_fired = now.unix_time;
  Cause mine = cause;
  const auto length = static_cast<std::uint8_t>(cause.chain ? cause.chain->length + 1 : 1);
  mine.chain = std::make_shared<const Chain>(Chain{.rule = entry.serial, .length = length, .before = cause.chain});
  perform(entry, 0, std::move(mine), now, effects);
}

void RulesEngine::tell(const Entry& entry, Verdict verdict, std::size_t condition, const Cause& cause) {
  std::string why;
  switch (verdict) {
    case Verdict::fired: why = "fires"; break;
    case Verdict::disabled: why = "it is disabled"; break;
    case Verdict::in_chain: why = "it has had a part in this already"; break;
    case Verdict::chain_too_long: why = fmt::format("a chain of rules ends after {}", options_.chain_max); break;
    case Verdict::no_number: why = fmt::format("{} is no number", printable(clasp::to_json(cause.value), 60)); break;
    case Verdict::within: why = fmt::format("{} is not beyond its threshold", printable(clasp::to_json(cause.value), 60)); break;
    case Verdict::still_beyond: why = "it was beyond its threshold already"; break;
    case Verdict::unchanged: why = "the value is the same as before"; break;
    case Verdict::cooling_down: why = fmt::format("it has fired less than {} s ago", static_cast<double>(entry.rule.cooldown->count()) / 1e6); break;
    case Verdict::condition: {
      const Condition& failing = entry.rule.conditions[condition];
      const auto value = failing.address.empty() ? std::optional(cause.value) : around_.find ? around_.find(failing.address) : std::nullopt;
      why = fmt::format("condition {} does not hold: {} is {}", condition + 1, failing.address.empty() ? "the value" : failing.address,
                        value ? printable(clasp::to_json(*value), 60) : "not set");
      if (!failing.test) why += fmt::format(", not {} {}", comparison_name(failing.comparison), printable(clasp::to_json(failing.value), 60));
      break;
    }
  }
  watch_(entry.rule, verdict, why);
}

// ---- what they do ----

// Up to a delay; the rest follows in its time.
void RulesEngine::perform(Entry& entry, std::size_t first_action, Cause cause, const Now& now, std::vector<Effect>& effects) {
  for (std::size_t i = first_action; i < entry.rule.actions.size(); ++i) {
    const auto* delay = std::get_if<DelayAction>(&entry.rule.actions[i]);
    if (delay == nullptr) {
      perform_one(entry, entry.rule.actions[i], cause, now, effects);
      continue;
    }
    if (i + 1 == entry.rule.actions.size()) return;
    if (delayed_ >= options_.delayed_max) {
      ++delayed_dropped_;
      return failed(entry, fmt::format("its actions from {} on were dropped: {} rules wait for their time already", i + 2, delayed_));
    }
    ++delayed_;
    agenda_.emplace(now.steady + delay->time, Task{.serial = entry.serial,
                                                   .slot = entry.slot,
                                                   .delayed = true,
                                                   .next_action = i + 1,
                                                   .address = std::string(cause.address),
                                                   .value = std::move(cause.value),
                                                   .chain = cause.chain});
    return;
  }
}

void RulesEngine::perform_one(Entry& entry, Action& action, const Cause& cause, const Now& now, std::vector<Effect>& effects) {
  if (const auto* set = std::get_if<SetAction>(&action)) {
    effects.push_back(effect_of(entry, cause, set->address));
    effects.back().value = set->value;
  } else if (const auto* publish = std::get_if<PublishAction>(&action)) {
    effects.push_back(effect_of(entry, cause, publish->address));
    effects.back().publish = true;
    effects.back().signal = publish->signal;
    effects.back().value = publish->value;
  } else if (auto* copy = std::get_if<CopyAction>(&action)) {
    Value value = cause.value;
    if (copy->transform && copy->transform->apply(value, cause.address, now) == transform::Outcome::drop) return;
    effects.push_back(effect_of(entry, cause, copy->address));
    effects.back().value = std::move(value);
  } else if (const auto* scene = std::get_if<SceneAction>(&action)) {
    recall_scene(entry, *scene, cause, effects);
  } else if (const auto* webhook = std::get_if<WebhookAction>(&action)) {
    call_webhook(entry, *webhook, cause, now);
  }
}

void RulesEngine::recall_scene(Entry& entry, const SceneAction& scene, const Cause& cause, std::vector<Effect>& effects) {
  const std::size_t before = effects.size();
  const auto add = [&](const std::string& address, const Value& value) {
    effects.push_back(effect_of(entry, cause, address));
    effects.back().value = value;
    effects.back().more = true;
  };
  for (const auto& [address, value] : scene.values) add(address, value);
  if (!scene.stored_at.empty()) {
    const auto stored = around_.find ? around_.find(scene.stored_at) : std::nullopt;
    if (!stored || stored->map() == nullptr)
      return failed(entry, fmt::format("{} holds no scene, which is a map of addresses and values", scene.stored_at));
    if (stored->map()->size() > scene_values_max)
      return failed(entry, fmt::format("the scene at {} has more than {} params", scene.stored_at, scene_values_max));
    for (const auto& [address, value] : *stored->map()) add(address, value);
  }
  if (effects.size() > before) effects.back().more = false;
}

Effect RulesEngine::effect_of(const Entry& entry, const Cause& cause, std::string address) {
  if (chains_.empty() || chains_.back() != cause.chain) chains_.push_back(cause.chain);
  const std::uint32_t origin = origin_mark | ((chain_base_ + static_cast<std::uint32_t>(chains_.size()) - 1) & ~origin_mark);
  const auto hops = static_cast<std::uint8_t>(cause.chain->length - 1);
  return {.session = session_, .address = std::move(address), .writer = entry.writer, .origin = origin, .hops = hops};
}

void RulesEngine::call_webhook(Entry& entry, const WebhookAction& webhook, const Cause& cause, const Now& now) {
  if (!around_.webhook) return failed(entry, "webhooks are not available here");
  Value body = webhook.body.value_or(
      Value(Map{{"rule", entry.rule.id}, {"address", cause.address}, {"value", cause.value}, {"time", static_cast<std::int64_t>(now.unix_time.us)}}));
  std::string text;
  append_json(body, JsonBytes::base64, text);
  around_.webhook(entry.rule.id, webhook.url, text);
}

void RulesEngine::failed(Entry& entry, std::string what) {
  ++entry.stats.failed;
  if (around_.log) around_.log(fmt::format("rule {}: {}", printable(entry.rule.id), what));
}

void RulesEngine::webhook_failed(std::string_view rule, const std::string& why) {
  if (const auto known = by_id_.find(std::string(rule)); known != by_id_.end())
    failed(*entries_[known->second], fmt::format("the webhook failed: {}", why));
}

void RulesEngine::refused(const Effect& effect, const Error&) {
  const std::size_t colon = effect.writer.find(':');
  if (effect.session != session_ || colon == std::string::npos) return;
  if (const auto known = by_id_.find(effect.writer.substr(colon + 1)); known != by_id_.end()) ++entries_[known->second]->stats.failed;
}

void RulesEngine::settled() {
  chain_base_ = (chain_base_ + static_cast<std::uint32_t>(chains_.size())) & ~origin_mark;
  chains_.clear();
}

}  // namespace clasp::rules
