// A rule as JSON, in the documented dialect.
#include "rules/rule.hpp"

namespace clasp::rules {

namespace {

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

// Whole numbers without a fraction, as people write them.
Value number(double given) {
  const auto whole = static_cast<std::int64_t>(given);
  constexpr double exact = 9'007'199'254'740'992.0;  // 2^53
  if (given > -exact && given < exact && static_cast<double>(whole) == given) return whole;
  return given;
}
Value seconds(Micros time) { return number(static_cast<double>(time.count()) / 1e6); }

Value trigger_json(const Trigger& trigger) {
  return std::visit(
      Overloaded{
          [](const ChangeTrigger& t) {
            Map out{{"type", "on_change"}, {"pattern", t.pattern.text()}};
            if (t.only_changes) out.emplace_back("only_changes", true);
            return Value(std::move(out));
          },
          [](const ThresholdTrigger& t) {
            Map out{{"type", "on_threshold"}, {"address", t.pattern.text()}};
            if (t.above) out.emplace_back("above", number(*t.above));
            if (t.below) out.emplace_back("below", number(*t.below));
            if (t.hysteresis != 0) out.emplace_back("hysteresis", number(t.hysteresis));
            if (t.level) out.emplace_back("mode", "level");
            return Value(std::move(out));
          },
          [](const EventTrigger& t) { return Value(Map{{"type", "on_event"}, {"pattern", t.pattern.text()}}); },
          [](const IntervalTrigger& t) {
            Map out{{"type", "on_interval"}, {"seconds", seconds(t.period)}};
            if (t.immediate) out.emplace_back("immediate", true);
            return Value(std::move(out));
          },
          [](const TimeTrigger& t) { return Value(Map{{"type", "on_time"}, {"cron", t.schedule.text()}}); },
          [](const SessionTrigger& t) {
            return Value(Map{{"type", t.leaves ? "on_session_leave" : "on_session_join"}, {"pattern", t.subscribes ? t.subscribes->text() : t.name}});
          },
      },
      trigger);
}

Value condition_json(const Condition& condition) {
  Map out;
  if (!condition.address.empty()) out.emplace_back("address", condition.address);
  if (condition.test) {
    out.emplace_back("test", condition.test->to_json());
  } else {
    out.emplace_back("op", comparison_name(condition.comparison));
    out.emplace_back("value", condition.value);
  }
  return out;
}

Value action_json(const Action& action) {
  return std::visit(
      Overloaded{
          [](const SetAction& a) { return Value(Map{{"type", "set"}, {"address", a.address}, {"value", a.value}}); },
          [](const PublishAction& a) {
            Map out{{"type", "publish"}, {"address", a.address}};
            if (a.signal != SignalType::event) out.emplace_back("signal", signal_name(a.signal));
            if (a.value) out.emplace_back("value", *a.value);
            return Value(std::move(out));
          },
          [](const CopyAction& a) {
            Map out{{"type", "set_from_trigger"}, {"address", a.address}};
            if (a.transform) out.emplace_back("transform", a.transform->to_json());
            return Value(std::move(out));
          },
          [](const DelayAction& a) { return Value(Map{{"type", "delay"}, {"milliseconds", number(static_cast<double>(a.time.count()) / 1e3)}}); },
          [](const SceneAction& a) {
            if (!a.stored_at.empty()) return Value(Map{{"type", "scene"}, {"address", a.stored_at}});
            Map values;
            for (const auto& [address, value] : a.values) values.emplace_back(address, value);
            return Value(Map{{"type", "scene"}, {"values", std::move(values)}});
          },
          [](const WebhookAction& a) {
            Map out{{"type", "webhook"}, {"url", a.url}};
            if (a.body) out.emplace_back("body", *a.body);
            return Value(std::move(out));
          },
      },
      action);
}

}  // namespace

Value to_json(const Rule& rule) {
  Map out{{"id", rule.id}, {"name", rule.name}, {"enabled", rule.enabled}, {"trigger", trigger_json(rule.trigger)}};
  if (!rule.conditions.empty()) {
    Array conditions;
    for (const Condition& condition : rule.conditions) conditions.push_back(condition_json(condition));
    out.emplace_back("conditions", std::move(conditions));
  }
  Array actions;
  for (const Action& action : rule.actions) actions.push_back(action_json(action));
  out.emplace_back("actions", std::move(actions));
  if (rule.cooldown) out.emplace_back("cooldown", seconds(*rule.cooldown));
  return out;
}

}  // namespace clasp::rules
