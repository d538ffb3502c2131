// What rules do because time has passed: intervals, times of day, actions behind a delay.
#include <algorithm>

#include "rules/engine_entry.hpp"

namespace clasp::rules {

namespace {
// The wall clock may be set: nobody relies on how far away a time of day was for longer than this.
constexpr Micros wall_clock_trust{60'000'000};
constexpr std::uint64_t wall_clock_set_back_us = 1'000'000;
}  // namespace

std::optional<SteadyTime> RulesEngine::next_deadline() const {
  if (agenda_.empty()) return std::nullopt;
  return agenda_.begin()->first;
}

void RulesEngine::advance(const Now& now, std::vector<router::Effect>& effects) {
  // What is put off from now on is for a later turn, however short: a turn ends.
  std::vector<Task> due;
  while (!agenda_.empty() && agenda_.begin()->first <= now.steady) {
    due.push_back(std::move(agenda_.begin()->second));
    if (due.back().delayed)
      --delayed_;
    else if (Entry* entry = entry_of(due.back())) {
      if (const auto* interval = std::get_if<IntervalTrigger>(&entry->rule.trigger)) {
        const Micros late = now.steady - agenda_.begin()->first;  // what was missed is passed over
        const SteadyTime next = agenda_.begin()->first + interval->period * (late / interval->period + 1);
        agenda_.emplace(next, Task{.serial = entry->serial, .slot = entry->slot});
      }
    }
    agenda_.erase(agenda_.begin());
  }
  for (Task& task : due) run_task(std::move(task), now, effects);
}

RulesEngine::Entry* RulesEngine::entry_of(const Task& task) {
  Entry* entry = task.slot < entries_.size() ? entries_[task.slot].get() : nullptr;
  return entry != nullptr && entry->serial == task.serial ? entry : nullptr;
}

void RulesEngine::run_task(Task task, const Now& now, std::vector<router::Effect>& effects) {
  Entry* entry = entry_of(task);
  if (entry == nullptr) return;
  if (task.delayed) {
    Cause cause{.address = task.address, .value = std::move(task.value), .chain = task.chain};
    return perform(*entry, task.next_action, std::move(cause), now, effects);
  }
  const Cause cause{.address = "", .value = {}, .chain = {}};
  if (std::holds_alternative<IntervalTrigger>(entry->rule.trigger)) return consider(*entry, cause, now, effects);
  if (now.unix_time.us + wall_clock_set_back_us < task.armed_at.us) return arm_schedule(*entry, {}, now.unix_time, now);
  if (now.unix_time < task.wall) return arm_schedule(*entry, std::move(task), now.unix_time, now);
  consider(*entry, cause, now, effects);
  arm_schedule(*entry, {}, now.unix_time, now);
}

void RulesEngine::arm(Entry& entry, const Now& now) {
  if (const auto* interval = std::get_if<IntervalTrigger>(&entry.rule.trigger)) {
    agenda_.emplace(interval->immediate ? now.steady : now.steady + interval->period, Task{.serial = entry.serial, .slot = entry.slot});
  } else if (std::holds_alternative<TimeTrigger>(entry.rule.trigger)) {
    arm_schedule(entry, {}, now.unix_time, now);
  }
}

// `task`: one that is not due yet by the wall clock, or none.
void RulesEngine::arm_schedule(const Entry& entry, Task task, UnixTime after, const Now& now) {
  if (task.serial == 0) {
    const auto next = std::get<TimeTrigger>(entry.rule.trigger).schedule.next(after, around_.local_time);
    if (!next) return;
    task = {.serial = entry.serial, .slot = entry.slot, .wall = *next};
  }
  task.armed_at = now.unix_time;
  const Micros ahead{
      static_cast<std::int64_t>(std::min<std::uint64_t>(task.wall.us - now.unix_time.us, static_cast<std::uint64_t>(wall_clock_trust.count())))};
  agenda_.emplace(now.steady + ahead, std::move(task));
}

void RulesEngine::disarm(Serial serial) {
  for (auto task = agenda_.begin(); task != agenda_.end();) {
    if (task->second.serial != serial) {
      ++task;
      continue;
    }
    if (task->second.delayed) --delayed_;
    task = agenda_.erase(task);
  }
}

}  // namespace clasp::rules
