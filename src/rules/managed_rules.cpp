#include "rules/managed_rules.hpp"

#include <fmt/format.h>

#include <utility>

#include "core/address.hpp"
#include "core/json.hpp"
#include "rules/rule_reader.hpp"

namespace clasp::rules {

using router::Commit;
using router::CommitKind;
using router::Effect;
using router::Reject;
using router::Transformed;

namespace {

constexpr std::string_view enabled_member = "/enabled";
constexpr std::string_view changed_writer = "rules:changed";  // of a rule of a file that was switched: it is kept as it was set

std::string address_of(std::string_view id, std::string_view member = "") { return fmt::format("{}{}{}", rules_address, id, member); }

// A map, or a text that holds one.
Value rule_text(const ValueView& value) {
  Value given = to_value(value);
  if (const std::string* text = given.string()) {
    if (auto parsed = parse_json(*text)) return *std::move(parsed);
  }
  return given;
}

Reject bad_rule(std::string message) { return {.message = std::move(message), .code = ErrorCode::revision_conflict}; }

}  // namespace

void ManagedRules::put(const std::string& address, const std::optional<Value>& value) {
  putting_ = true;
  put_(address, value);
  putting_ = false;
}

void ManagedRules::show_count() {
  if (std::exchange(shown_count_, engine_.size()) != engine_.size()) put(std::string(rules_count_address), static_cast<std::int64_t>(engine_.size()));
}

std::vector<std::string> ManagedRules::take_up(const std::vector<Kept>& kept, const Now& now) {
  std::vector<std::string> notes;
  for (const Kept& param : kept) {
    const std::string id = param.address.substr(rules_address.size());
    if (id.find('/') != std::string::npos || param.value.is_null()) continue;
    auto read = read_rule(param.value, id, lenses_);
    const bool fits = read && read->rule.id == id && param.writer != own_writer;
    if (!read) notes.push_back(fmt::format("the rule kept at {} is not understood and was removed: {}", param.address, read.error().message));
    if (fits && !changeable_) {  // whoever wrote it there may have had no leave to
      notes.push_back(fmt::format("the rule kept at {} is not in force: rules are not changed at run time here (--rules-runtime)", param.address));
    } else if (fits) {
      if (const auto done = engine_.install(std::move(read->rule), now); !done) notes.push_back(done.error().message);
    } else {
      put(param.address, std::nullopt);
    }
  }
  engine_.look_around();
  show_count();
  return notes;
}

Result<void> ManagedRules::use(std::vector<Rule> rules, const Now& now) {
  std::unordered_set<std::string> ids;
  for (const Rule& rule : rules) ids.insert(rule.id);
  for (const std::string& id : of_files_) {
    if (ids.contains(id) || !engine_.remove(id)) continue;
    put(address_of(id), std::nullopt);
    put(address_of(id, enabled_member), std::nullopt);
  }
  of_files_ = std::move(ids);
  for (Rule& rule : rules) {
    const std::string address = address_of(rule.id);
    const Value shown = to_json(rule);
    if (auto done = engine_.install(std::move(rule), now); !done) return done;
    put(address, shown);
  }
  show_count();
  return {};
}

Transformed ManagedRules::transform(std::string_view address, SignalType signal, const ValueView& value, const Now& now) {
  if (signal == SignalType::param && address == rules_count_address && !putting_)
    return Reject{"how many rules there are is not for others to say", ErrorCode::refused};
  if (signal == SignalType::param && address.starts_with(rules_address))
    return putting_ ? Transformed(router::Keep{}) : check(address.substr(rules_address.size()), value);
  return next_ != nullptr ? next_->transform(address, signal, value, now) : Transformed(router::Keep{});
}

// What a client sets there, before it is accepted.
Transformed ManagedRules::check(std::string_view name, const ValueView& value) const {
  if (!changeable_) return Reject{"rules are not changed at run time here (--rules-runtime)", ErrorCode::refused};
  if (value.tag == ValueTag::null) return router::Keep{};
  if (name.ends_with(enabled_member)) {
    const std::string_view id = name.substr(0, name.size() - enabled_member.size());
    if (engine_.find(id) == nullptr) return bad_rule(fmt::format("there is no rule \"{}\"", printable(id, 60)));
    if (!value.as_bool()) return bad_rule("expected true or false");
    return router::Keep{};
  }
  if (name.empty() || name.find('/') != std::string_view::npos)
    return bad_rule("a rule is at /clasp/rules/<id>, its switch at /clasp/rules/<id>/enabled");
  auto read = read_rule(rule_text(value), name, lenses_);
  if (!read) return bad_rule(fmt::format("rule \"{}\": {}", printable(name, 60), read.error().message));
  if (read->has_id && read->rule.id != name)
    return bad_rule(fmt::format("the rule's id is \"{}\", its address ends in \"{}\"", printable(read->rule.id, 60), printable(name, 60)));
  read->rule.id = name;
  if (engine_.find(name) == nullptr && engine_.size() >= rules_max) return bad_rule(fmt::format("more than {} rules", rules_max));
  return to_json(read->rule);
}

void ManagedRules::react(const Commit& commit, const Now& now, std::vector<Effect>& effects) {
  if (commit.kind != CommitKind::publish && commit.provenance.session != session_ && commit.address.starts_with(rules_address))
    manage(commit, now, effects);
  if (shown_count_ && *shown_count_ != engine_.size()) {
    shown_count_ = engine_.size();
    effects.push_back({.session = session_, .address = std::string(rules_count_address), .value = Value(static_cast<std::int64_t>(engine_.size()))});
  }
  engine_.react(commit, now, effects);
}

Effect ManagedRules::own_effect(std::string_view id, std::string_view member) const {
  return {.session = session_, .address = address_of(id, member), .writer = std::string(changed_writer)};
}

// What was accepted comes into force.
void ManagedRules::manage(const Commit& commit, const Now& now, std::vector<Effect>& effects) {
  std::string_view id = commit.address.substr(rules_address.size());
  const bool is_gone = commit.kind == CommitKind::remove || !commit.value || commit.value->tag == ValueTag::null;
  if (id.ends_with(enabled_member)) {
    id.remove_suffix(enabled_member.size());
    const auto enabled = commit.value ? commit.value->as_bool() : std::nullopt;
    if (is_gone || !enabled || !changeable_ || !engine_.enable(id, *enabled)) return;
    effects.push_back(own_effect(id));
    effects.back().value = to_json(*engine_.find(id));
    return;
  }
  if (!is_gone && changeable_) {
    auto read = read_rule(rule_text(*commit.value), id, lenses_);
    if (read && read->rule.id == id && engine_.install(std::move(read->rule), now)) {
      of_files_.erase(std::string(id));
      return;
    }
  }
  // Neither a lifetime's end, nor what comes past check() (a removal, something a rule writes) changes a rule: what is in force is shown again.
  const bool meant = is_gone && changeable_ && commit.provenance.session != router::nobody;
  if (const Rule* rule = engine_.find(id); !meant && (rule != nullptr || !is_gone)) {
    effects.push_back(own_effect(id));
    if (rule != nullptr) effects.back().value = to_json(*rule);
    return;
  }
  if (!engine_.remove(id)) return;
  of_files_.erase(std::string(id));
  if (commit.kind == CommitKind::set) effects.push_back(own_effect(id));
  effects.push_back(own_effect(id, enabled_member));
}

}  // namespace clasp::rules
