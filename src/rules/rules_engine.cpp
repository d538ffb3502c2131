#include "rules/rules_engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "rules/engine_entry.hpp"

namespace clasp::rules {

namespace {

constexpr std::uint64_t index_seed = 0x9e3779b97f4a7c15U;  // rules are the operator's: nobody chooses them to collide

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

}  // namespace clasp::rules
