// One rule as it is understood, whichever way it was written (docs/rules.md): what sets it off, what must hold, what it then does.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "clasp/value.hpp"
#include "core/message.hpp"
#include "core/pattern.hpp"
#include "core/time.hpp"
#include "rules/schedule.hpp"
#include "transform/transform.hpp"

namespace clasp::rules {

inline constexpr std::size_t rules_max = 10'000;
inline constexpr std::size_t rule_actions_max = 100;
inline constexpr std::size_t rule_conditions_max = 100;
inline constexpr std::size_t rule_id_bytes_max = 128;
inline constexpr std::size_t scene_values_max = 512;

// ---- triggers ----

struct ChangeTrigger {
  Pattern pattern;
  bool only_changes = false;  // not when the same value is set again
};
// A number passes a limit. Once for each crossing, unless `level`: then each time it is beyond.
struct ThresholdTrigger {
  Pattern pattern;
  std::optional<double> above;
  std::optional<double> below;
  double hysteresis = 0;  // it has to come back so far before it can cross again
  bool level = false;
};
struct EventTrigger {
  Pattern pattern;
};
struct IntervalTrigger {
  Micros period{};
  bool immediate = false;  // the first time at once
};
struct TimeTrigger {
  Schedule schedule;
};
struct SessionTrigger {
  bool leaves = false;
  std::optional<Pattern> subscribes;  // whoever subscribes to something of it …
  std::string name;                   // … or else is called so; may have *
};
using Trigger = std::variant<ChangeTrigger, ThresholdTrigger, EventTrigger, IntervalTrigger, TimeTrigger, SessionTrigger>;

// ---- conditions ----

enum class Comparison : std::uint8_t { eq, ne, gt, gte, lt, lte };
std::string_view comparison_name(Comparison comparison);
// Numbers as numbers, whatever their kind; the order of anything else is undecided, so false. A missing param is null.
bool holds(const Value& left, Comparison comparison, const Value& right);
bool equal_values(const Value& left, const Value& right);  // NaN equals itself

struct Condition {
  std::string address;  // empty: what set the rule off
  Comparison comparison = Comparison::eq;
  Value value;
  std::optional<transform::ConditionTest> test;  // instead of the comparison
};

// ---- actions ----

struct SetAction {
  std::string address;
  Value value;
};
struct PublishAction {
  std::string address;
  SignalType signal = SignalType::event;
  std::optional<Value> value;
};
struct CopyAction {  // "set_from_trigger"
  std::string address;
  std::optional<transform::Transform> transform;
};
struct DelayAction {  // before what follows
  Micros time{};
};
// Several params at once: those given, or those a param holds as a map of addresses.
struct SceneAction {
  std::vector<std::pair<std::string, Value>> values;
  std::string stored_at;
};
struct WebhookAction {
  std::string url;
  std::optional<Value> body;  // none: which rule, what set it off, when
};
using Action = std::variant<SetAction, PublishAction, CopyAction, DelayAction, SceneAction, WebhookAction>;

struct Rule {
  std::string id;
  std::string name;
  bool enabled = true;
  Trigger trigger;
  std::vector<Condition> conditions;
  std::vector<Action> actions;
  std::optional<Micros> cooldown;
};

// In the documented dialect; read again it is the same rule.
Value to_json(const Rule& rule);

}  // namespace clasp::rules
