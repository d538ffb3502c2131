// Whether a rule that something sets off acts, and why not.
#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "core/address.hpp"
#include "core/json.hpp"
#include "rules/engine_entry.hpp"

namespace clasp::rules {

using router::Effect;

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

}  // namespace clasp::rules
