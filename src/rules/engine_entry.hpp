// A rule in force, and what it remembers. Inside this module only.
#pragma once

#include "rules/rules_engine.hpp"

namespace clasp::rules {

inline constexpr std::uint32_t origin_mark = 0x8000'0000;  // Provenance::origin of what rules write; bridges count from 1

template <typename Wanted>
const Wanted* trigger_of(const Rule& rule) {
  return std::get_if<Wanted>(&rule.trigger);
}

struct RulesEngine::Entry {
  Entry(Rule given, std::uint64_t its_order, Serial its_serial, std::uint32_t its_slot)
      : rule(std::move(given)), order(its_order), serial(its_serial), slot(its_slot) {
    const bool by_time = std::holds_alternative<IntervalTrigger>(rule.trigger) || std::holds_alternative<TimeTrigger>(rule.trigger);
    writer = (by_time ? "interval:" : "rule:") + rule.id;
    if (const auto* threshold = std::get_if<ThresholdTrigger>(&rule.trigger)) one_address = threshold->pattern.is_literal();
  }

  Side& side(std::string_view address) { return one_address ? only_side : sides.of(address); }

  Rule rule;
  std::uint64_t order;
  Serial serial;
  std::uint32_t slot;
  std::string writer;
  std::optional<SteadyTime> fired_at;
  bool one_address = false;
  bool cut = false;  // that a chain was too long has been told
  Side only_side = Side::inside;
  RecentTable<Side> sides;
  RecentTable<std::optional<Value>> last;
  RuleStats stats;
};

}  // namespace clasp::rules
