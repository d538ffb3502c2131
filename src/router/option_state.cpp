#include "router/option_state.hpp"

#include <cmath>

namespace clasp::router {

Thinning OptionState::judge(SubscriptionSlot slot, const SubscribeOptions& options, std::uint64_t key, std::optional<double> number, SteadyTime now,
                            SteadyTime& due) {
  const auto found = slots_.find({static_cast<std::uint32_t>(slot), key});
  if (found == slots_.end()) return Thinning::pass;
  const Last& last = found->second;
  if (options.epsilon && number && last.has_number && std::fabs(*number - last.number) < *options.epsilon) return Thinning::suppress;
  if (options.epsilon && number && last.has_number && std::isnan(*number) && std::isnan(last.number)) return Thinning::suppress;
  if (options.max_rate && *options.max_rate > 0) {
    due = last.sent + Micros{1'000'000 / *options.max_rate};
    if (now < due) return Thinning::hold;
  }
  return Thinning::pass;
}

void OptionState::delivered(SubscriptionSlot slot, const SubscribeOptions& options, std::uint64_t key, std::optional<double> number, SteadyTime now) {
  if (!options.max_rate && !options.epsilon) return;
  const auto index = static_cast<std::uint32_t>(slot);
  auto found = slots_.find({index, key});
  if (found == slots_.end()) {
    std::size_t& count = counts_[index];
    if (count >= slots_max_) {  // delivered unthinned from here on, and counted (engine design, section 14)
      ++exhausted_;
      return;
    }
    ++count;
    found = slots_.emplace(Key{index, key}, Last{}).first;
  }
  found->second = {.sent = now, .number = number.value_or(0), .has_number = number.has_value()};
}

void OptionState::hold(HeldItem item, SteadyTime due) {
  const std::uint64_t key = item.key;
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    const Due at = found->second;
    if (at.first <= due) {
      held_.find(at)->second = std::move(item);
      return;
    }
    held_.erase(at);
    by_key_.erase(found);
  }
  const Due at{due, ++order_};
  held_.emplace(at, std::move(item));
  by_key_.emplace(key, at);
}

void OptionState::release(std::uint64_t key) {
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    held_.erase(found->second);
    by_key_.erase(found);
  }
}

std::optional<HeldItem> OptionState::pop_due(SteadyTime now) {
  if (held_.empty() || held_.begin()->first.first > now) return std::nullopt;
  HeldItem item = std::move(held_.begin()->second);
  held_.erase(held_.begin());
  by_key_.erase(item.key);
  return item;
}

std::optional<SteadyTime> OptionState::next_due() const {
  if (held_.empty()) return std::nullopt;
  return held_.begin()->first.first;
}

void OptionState::forget(SubscriptionSlot slot) {
  const auto index = static_cast<std::uint32_t>(slot);
  if (counts_.erase(index) == 0) return;
  std::erase_if(slots_, [index](const auto& entry) { return entry.first.slot == index; });
}

}  // namespace clasp::router
