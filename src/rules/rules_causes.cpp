// What sets rules off: changes, messages, sessions.
#include <algorithm>
#include <utility>

#include "rules/engine_entry.hpp"
#include "rules/pattern_overlap.hpp"

namespace clasp::rules {

using router::Commit;
using router::CommitKind;
using router::Effect;

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

}  // namespace clasp::rules
