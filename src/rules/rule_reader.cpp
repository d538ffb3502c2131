#include "rules/rule_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "core/address.hpp"
#include "core/json.hpp"
#include "rules/members.hpp"
#include "url/url.hpp"

namespace clasp::rules {

namespace {

constexpr double second_us = 1'000'000;
constexpr double millisecond_us = 1'000;
constexpr Micros no_time{0};
constexpr Micros shortest_period{1'000};

// "OnChange", "on_change" and "change" are the same word.
std::string plain_word(std::string_view text) {
  std::string word;
  for (const char c : text) {
    if (c != '_' && c != '-') word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return word.starts_with("on") ? word.substr(2) : word;
}

// Some stores keep parts of a rule as a text that is JSON.
const Value& unpacked(const Value& value, Value& storage) {
  const std::string* text = value.string();
  if (text == nullptr || text->empty() || (text->front() != '{' && text->front() != '[')) return value;
  auto parsed = parse_json(*text);
  if (!parsed) return value;
  storage = *std::move(parsed);
  return storage;
}

// {"type":"on_change",…} or {"OnChange":{…}}: the word, and where its members are.
struct Tagged {
  std::string word;
  const Value* content = nullptr;
  std::string pointer;
};
std::optional<Tagged> read_tag(const Value& value, const std::string& pointer, Findings& findings, std::string_view what) {
  const Map* members = value.map();
  if (members != nullptr) {
    if (const Value* type = value.find("type"); type != nullptr && type->string() != nullptr)
      return Tagged{plain_word(*type->string()), &value, pointer};
    if (members->size() == 1 && members->front().second.map() != nullptr)
      return Tagged{plain_word(members->front().first), &members->front().second, pointer + "/" + members->front().first};
  }
  findings.fail(pointer, fmt::format("expected {} as an object with a \"type\", not {}", what, shown(value)));
  return std::nullopt;
}

// ---- triggers ----

using ReadTrigger = Trigger (*)(Members& members);

Trigger read_change(Members& m) {
  return ChangeTrigger{.pattern = m.pattern({"pattern", "address"}), .only_changes = m.flag({"only_changes"}, false)};
}

Trigger read_threshold(Members& m) {
  ThresholdTrigger out{.pattern = m.pattern({"address", "pattern"}), .above = m.number({"above"}), .below = m.number({"below"})};
  if (const auto threshold = m.number({"threshold"})) {
    const std::string direction = m.has({"direction"}) ? m.text({"direction"}) : "above";
    const bool both = direction == "both";
    if (both || direction == "above" || direction == "rising") out.above = threshold;
    if (both || direction == "below" || direction == "falling") out.below = threshold;
    if (!out.above && !out.below) m.fail({"direction"}, "expected one of: above, rising, below, falling, both");
  }
  static_cast<void>(m.has({"direction"}));  // without a threshold it means nothing, and other dialects always write it
  if (!out.above && !out.below) m.fail({"above"}, "missing; a threshold needs \"above\" or \"below\", or both");
  if (out.above && out.below && *out.below > *out.above) m.fail({"below"}, fmt::format("{} is more than \"above\", {}", *out.below, *out.above));
  out.hysteresis = m.number({"hysteresis"}).value_or(0);
  if (out.hysteresis < 0) m.fail({"hysteresis"}, "expected a number of at least 0");
  if (m.has({"mode"})) {
    const std::string mode = m.text({"mode"});
    out.level = mode == "level";
    if (mode != "level" && mode != "crossing" && mode != "edge") m.fail({"mode"}, "expected one of: crossing, level");
  }
  return out;
}

// A bare name is the last segment of an address.
Trigger read_event(Members& m) {
  const bool has_address = m.has({"pattern", "address"});
  const Value* event = m.find({"event"});
  if (has_address || event == nullptr || event->string() == nullptr) return EventTrigger{m.pattern({"pattern", "address"})};
  if (event->string()->starts_with('/')) return EventTrigger{m.pattern({"event"})};
  const auto pattern = Pattern::parse("/**/" + *event->string());
  if (!pattern || event->string()->empty()) m.fail({"event"}, fmt::format("expected the name of an event or a pattern, not {}", shown(*event)));
  return EventTrigger{pattern ? *pattern : *Pattern::parse("/")};
}

Trigger read_interval(Members& m) {
  const auto period = m.time({"seconds", "every"}, second_us, shortest_period);
  if (!m.has({"seconds", "every"})) m.fail({"seconds"}, "missing; a number of seconds is needed");
  return IntervalTrigger{.period = period.value_or(Micros{1'000'000}), .immediate = m.flag({"immediate"}, false)};
}

Trigger read_time(Members& m) {
  auto schedule = Schedule::parse(m.text({"cron", "schedule", "at"}));
  if (!schedule) m.fail({"cron", "schedule", "at"}, schedule.error().message);
  return TimeTrigger{schedule ? *std::move(schedule) : Schedule{}};
}

Trigger read_session(Members& m, bool leaves) {
  SessionTrigger out{.leaves = leaves, .subscribes = {}, .name = {}};
  const std::string pattern = m.text({"pattern", "address", "name"});
  if (pattern.starts_with('/'))
    out.subscribes = m.pattern({"pattern", "address", "name"});
  else
    out.name = pattern;
  return out;
}

struct TriggerRow {
  std::string_view word;
  ReadTrigger read;
};
constexpr std::array trigger_rows{
    TriggerRow{"change", read_change},
    TriggerRow{"threshold", read_threshold},
    TriggerRow{"event", read_event},
    TriggerRow{"interval", read_interval},
    TriggerRow{"time", read_time},
    TriggerRow{"sessionjoin", [](Members& m) { return read_session(m, false); }},
    TriggerRow{"sessionleave", [](Members& m) { return read_session(m, true); }},
};

Trigger read_trigger(Members& rule) {
  Findings& findings = rule.findings();
  Trigger none = ChangeTrigger{.pattern = *Pattern::parse("/")};
  const Value* given = rule.find({"trigger"});
  if (given == nullptr) {
    rule.fail({"trigger"}, "missing; what sets the rule off is needed");
    return none;
  }
  Value storage;
  const auto tag = read_tag(unpacked(*given, storage), rule.at("trigger"), findings, "a trigger");
  if (!tag) return none;
  const auto row = std::ranges::find(trigger_rows, tag->word, &TriggerRow::word);
  if (row == trigger_rows.end()) {
    findings.fail(tag->pointer,
                  fmt::format("there is no trigger \"{}\"; there are on_change, on_threshold, on_event, on_interval, on_time, on_session_join, "
                              "on_session_leave",
                              printable(tag->word, 40)));
    return none;
  }
  Members members(*tag->content, tag->pointer, findings);
  static_cast<void>(members.find({"type"}));
  Trigger trigger = row->read(members);
  // The desktop application writes the members of all triggers, whichever it is.
  static_cast<void>(members.find_even_null({"address", "event", "threshold", "direction", "seconds"}));
  members.note_unknown();
  return trigger;
}

// ---- conditions ----

constexpr std::array<std::pair<std::string_view, Comparison>, 15> comparison_words{{{"eq", Comparison::eq},
                                                                                    {"==", Comparison::eq},
                                                                                    {"=", Comparison::eq},
                                                                                    {"equals", Comparison::eq},
                                                                                    {"ne", Comparison::ne},
                                                                                    {"!=", Comparison::ne},
                                                                                    {"gt", Comparison::gt},
                                                                                    {">", Comparison::gt},
                                                                                    {"gte", Comparison::gte},
                                                                                    {">=", Comparison::gte},
                                                                                    {"ge", Comparison::gte},
                                                                                    {"lt", Comparison::lt},
                                                                                    {"<", Comparison::lt},
                                                                                    {"lte", Comparison::lte},
                                                                                    {"<=", Comparison::lte}}};

Condition read_condition(const Value& given, const std::string& pointer, Findings& findings) {
  Condition out;
  if (given.map() == nullptr) {
    findings.fail(pointer, fmt::format("expected a condition as an object, not {}", shown(given)));
    return out;
  }
  Members m(given, pointer, findings);
  if (const Value* test = m.find({"test"})) {
    if (m.has({"address"})) out.address = m.address({"address"});
    auto compiled = transform::ConditionTest::compile(*test, m.at("test"));
    if (compiled)
      out.test = std::move(*compiled);
    else if (!findings.mistake)
      findings.mistake = compiled.error().message;
    m.note_unknown();
    return out;
  }
  out.address = m.address({"address"});
  std::string word = m.text({"op", "operator"});
  std::ranges::transform(word, word.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto row = std::ranges::find(comparison_words, word, &std::pair<std::string_view, Comparison>::first);
  if (row != comparison_words.end())
    out.comparison = row->second;
  else
    m.fail({"op", "operator"}, "expected one of: eq, ne, gt, gte, lt, lte");
  const Value* value = m.find_even_null({"value"});
  if (value == nullptr)
    m.fail({"value"}, "missing; a value is needed, null for \"is not set\"");
  else
    out.value = *value;
  // Forms give numbers as texts. Texts have no order, so a number it must be.
  if (out.comparison != Comparison::eq && out.comparison != Comparison::ne && out.value.string() != nullptr) {
    const auto number = parse_json(*out.value.string());
    if (number && number->as_number())
      out.value = *number;
    else
      m.fail({"value"}, fmt::format("{} has no order; expected a number", shown(out.value)));
  }
  m.note_unknown();
  return out;
}

// ---- actions ----

constexpr std::array<std::string_view, 5> signal_words{"param", "event", "stream", "gesture", "timeline"};
constexpr std::array<SignalType, 5> signals{SignalType::param, SignalType::event, SignalType::stream, SignalType::gesture, SignalType::timeline};

using ReadAction = void (*)(Members& members, std::vector<Action>& out);

Value required_value(Members& m) {
  const Value* value = m.find_even_null({"value"});
  if (value == nullptr) m.fail({"value"}, "missing; a value is needed");
  return value != nullptr ? *value : Value();
}

void read_set(Members& m, std::vector<Action>& out) {
  std::string address = m.address({"address"});
  out.emplace_back(SetAction{.address = std::move(address), .value = required_value(m)});
}

void read_publish(Members& m, std::vector<Action>& out) {
  PublishAction action{.address = m.address({"address"}), .signal = SignalType::event, .value = {}};
  if (m.has({"signal"})) {
    const auto found = std::ranges::find(signal_words, m.text({"signal"}));
    if (found == signal_words.end())
      m.fail({"signal"}, fmt::format("expected one of: {}", fmt::join(signal_words, ", ")));
    else
      action.signal = signals[static_cast<std::size_t>(found - signal_words.begin())];
  }
  if (const Value* value = m.find_even_null({"value"})) action.value = *value;
  out.emplace_back(std::move(action));
}

void read_copy(Members& m, std::vector<Action>& out) {
  CopyAction action{.address = m.address({"address"}), .transform = {}};
  if (const Value* given = m.find({"transform"})) {
    const Value spec = transform_spec(*given);
    const auto check_range = [&m](const Value& ranged) {
      const Value* min = ranged.find("min");
      const Value* max = ranged.find("max");
      if (min != nullptr && max != nullptr && holds(*min, Comparison::gt, *max))
        m.findings().fail(m.at("transform") + "/min", fmt::format("{} is more than \"max\", {}", shown(*min), shown(*max)));
    };
    check_range(spec);
    auto compiled = transform::Transform::compile(spec, {.lenses = *m.findings().lenses, .on_nonfinite = transform::NonFinite::pass}, m.at("transform"));
    if (compiled) {
      check_range(compiled->to_json());  // where one of them was left out, or both stand inside: {"Invert":{"min":4}}
      action.transform = std::move(*compiled);
    } else if (!m.findings().mistake) {
      m.findings().mistake = compiled.error().message;
    }
  }
  out.emplace_back(std::move(action));
}

// With an address it is a delayed set.
void read_delay(Members& m, std::vector<Action>& out) {
  const auto time = m.time({"milliseconds", "delay_ms", "delayMs", "time"}, millisecond_us, no_time);
  if (!m.has({"milliseconds", "delay_ms", "delayMs", "time"})) m.fail({"milliseconds"}, "missing; a number of milliseconds is needed");
  out.emplace_back(DelayAction{time.value_or(no_time)});
  if (m.has({"address"})) read_set(m, out);
}

void read_scene(Members& m, std::vector<Action>& out) {
  SceneAction action;
  const Value* values = m.find({"values", "set"});
  if (values == nullptr) {
    if (m.has({"address"}))
      action.stored_at = m.address({"address"});
    else
      m.fail({"values"}, "missing; an object of addresses and values is needed, or the \"address\" of a param that holds one");
  } else if (values->map() == nullptr || values->map()->empty()) {
    m.fail({"values", "set"}, fmt::format("expected an object of addresses and values, not {}", shown(*values)));
  } else {
    if (values->map()->size() > scene_values_max) m.fail({"values", "set"}, fmt::format("more than {} params", scene_values_max));
    for (const auto& [address, value] : *values->map()) {
      if (const auto fault = check_address(address)) m.fail({"values", "set"}, describe_address_fault(*fault, address));
      action.values.emplace_back(address, value);
    }
  }
  out.emplace_back(std::move(action));
}

void read_webhook(Members& m, std::vector<Action>& out) {
  static constexpr std::array schemes{url::Scheme{"http", 80}, url::Scheme{"https", 443, true}};
  WebhookAction action{.url = m.text({"url"}), .body = {}};
  if (!action.url.empty()) {
    const std::string scheme = url::find_scheme(action.url).value_or("");
    if (scheme != "http" && scheme != "https")
      m.fail({"url"}, "expected a URL that begins with http:// or https://");
    else if (const auto parsed = url::parse_url(action.url, schemes); !parsed)
      m.fail({"url"}, parsed.error().message);
  }
  if (const Value* body = m.find_even_null({"body", "value"})) action.body = *body;
  out.emplace_back(std::move(action));
}

struct ActionRow {
  std::string_view word;
  ReadAction read;
};
constexpr std::array action_rows{ActionRow{"set", read_set},     ActionRow{"publish", read_publish}, ActionRow{"setfromtrigger", read_copy},
                                 ActionRow{"delay", read_delay}, ActionRow{"scene", read_scene},     ActionRow{"webhook", read_webhook}};

void read_action(const Value& given, const std::string& pointer, Findings& findings, std::vector<Action>& out) {
  const auto tag = read_tag(given, pointer, findings, "an action");
  if (!tag) return;
  const auto row = std::ranges::find(action_rows, tag->word, &ActionRow::word);
  if (row == action_rows.end()) {
    return findings.fail(tag->pointer, fmt::format("there is no action \"{}\"; there are set, publish, set_from_trigger, delay, scene, webhook",
                                                   printable(tag->word, 40)));
  }
  Members members(*tag->content, tag->pointer, findings);
  static_cast<void>(members.find({"type"}));
  row->read(members, out);
  static_cast<void>(members.find_even_null({"address", "value", "transform", "delayMs", "delay_ms"}));  // forms write them all
  members.note_unknown();
}

// ---- the rule ----

std::string id_of_name(std::string_view name) {
  std::string id;
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      id += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (!id.empty() && id.back() != '_')
      id += '_';
  }
  while (!id.empty() && id.back() == '_') id.pop_back();
  return id.substr(0, rule_id_bytes_max);
}

// A rule that the desktop application has exported: it means milliseconds where others mean seconds.
bool is_of_desktop(const Value& spec, bool has_id) {
  if (!has_id) return true;
  const auto any_has = [&spec](std::string_view list, std::string_view member) {
    const Value* items = spec.find(list);
    return items != nullptr && items->array() != nullptr &&
           std::ranges::any_of(*items->array(), [member](const Value& item) { return item.find(member) != nullptr; });
  };
  const Value* trigger = spec.find("trigger");
  const Value* direction = trigger != nullptr ? trigger->find("direction") : nullptr;
  const std::string* word = direction != nullptr ? direction->string() : nullptr;
  return any_has("conditions", "operator") || any_has("actions", "delayMs") ||
         (word != nullptr && (*word == "rising" || *word == "falling" || *word == "both"));
}

std::optional<Micros> read_cooldown(Members& m, const Value& spec, bool has_id) {
  if (m.has({"cooldown_ms"})) return m.time({"cooldown_ms"}, millisecond_us, no_time);
  if (m.has({"cooldown_secs", "cooldownSecs"})) return m.time({"cooldown_secs", "cooldownSecs"}, second_us, no_time);
  const Value* given = m.find({"cooldown"});
  if (given == nullptr) return std::nullopt;
  const Value* secs = given->find("secs");
  const Value* nanos = given->find("nanos");
  if (given->array() != nullptr && given->array()->size() == 2) {
    secs = given->array()->data();
    nanos = secs + 1;
  }
  if (secs == nullptr && nanos == nullptr) return m.time({"cooldown"}, is_of_desktop(spec, has_id) ? millisecond_us : second_us, no_time);
  constexpr std::int64_t secs_max = 315'360'000;
  if (secs == nullptr || nanos == nullptr || secs->integer() == nullptr || nanos->integer() == nullptr || *secs->integer() < 0 ||
      *nanos->integer() < 0 || *secs->integer() > secs_max || *nanos->integer() > 4'294'967'295) {
    m.fail({"cooldown"}, fmt::format("expected {{\"secs\":…,\"nanos\":…}}, both whole numbers, not {}", shown(*given)));
    return std::nullopt;
  }
  return Micros{*secs->integer() * 1'000'000 + *nanos->integer() / 1'000};
}

void read_id(Members& m, std::string_view fallback, ReadRule& out) {
  Rule& rule = out.rule;
  out.has_id = m.has({"id", "config_id", "configId"});
  if (m.has({"name"})) rule.name = m.text({"name"});
  if (out.has_id)
    rule.id = m.text({"id", "config_id", "configId"});
  else if (const Value* id = m.find_even_null({"id"}); id != nullptr)
    m.fail({"id"}, "expected a text that is not empty");
  else
    rule.id = rule.name.empty() ? std::string(fallback) : id_of_name(rule.name);
  if (rule.id.empty()) rule.id = fallback;
  if (rule.id.size() > rule_id_bytes_max) m.fail({"id"}, fmt::format("longer than {} bytes", rule_id_bytes_max));
  if (rule.id.find('/') != std::string::npos || check_address("/" + rule.id)) m.fail({"id"}, "it becomes part of an address: no / and no *");
  if (rule.name.empty()) rule.name = rule.id;
}

template <typename Each>
void read_list(Members& m, std::string_view name, std::size_t max, Each each) {
  const Value* given = m.find({name});
  if (given == nullptr) return;
  Value storage;
  const Value& list = unpacked(*given, storage);
  if (list.array() == nullptr) return m.fail({name}, fmt::format("expected an array, not {}", shown(*given)));
  if (list.array()->size() > max) return m.fail({name}, fmt::format("more than {}", max));
  for (std::size_t i = 0; i < list.array()->size(); ++i) each((*list.array())[i], fmt::format("{}/{}", m.at(name), i));
}

}  // namespace

Result<ReadRule> read_rule(const Value& spec, std::string_view id, const transform::LensLoader& lenses) {
  Findings findings{.lenses = &lenses};
  ReadRule out{
      .rule = {.id = {}, .name = {}, .trigger = ChangeTrigger{.pattern = *Pattern::parse("/")}, .conditions = {}, .actions = {}, .cooldown = {}},
      .notes = {}};
  Rule& rule = out.rule;
  if (spec.map() == nullptr) return Error{ErrorCode::invalid_value, fmt::format("/: expected a rule as an object, not {}", shown(spec)), {}};
  Members m(spec, "", findings);
  read_id(m, id, out);
  rule.enabled = m.flag({"enabled"}, true);
  rule.trigger = read_trigger(m);
  read_list(m, "conditions", rule_conditions_max,
            [&](const Value& given, const std::string& pointer) { rule.conditions.push_back(read_condition(given, pointer, findings)); });
  read_list(m, "actions", rule_actions_max,
            [&](const Value& given, const std::string& pointer) { read_action(given, pointer, findings, rule.actions); });
  if (rule.actions.empty()) m.fail({"actions"}, "a rule must have at least one action");
  rule.cooldown = read_cooldown(m, spec, out.has_id);
  static_cast<void>(m.find_even_null({"description", "comment", "owner", "updatedAt", "version"}));
  m.note_unknown();
  if (findings.mistake) return Error{ErrorCode::invalid_value, *findings.mistake, {}};
  out.notes = std::move(findings.notes);
  return out;
}

}  // namespace clasp::rules
