#include "client/subscription_table.hpp"

#include <algorithm>

namespace clasp::client {

const LocalSubscription& SubscriptionTable::add(Pattern pattern, TypeMask types, const SubscribeOptions& options) {
  memo_.clear();
  subscriptions_.push_back({++last_id_, std::move(pattern), types, options});
  return subscriptions_.back();
}

bool SubscriptionTable::remove(std::uint32_t id) {
  const auto found = std::ranges::lower_bound(subscriptions_, id, {}, &LocalSubscription::id);
  if (found == subscriptions_.end() || found->id != id) return false;
  memo_.clear();
  subscriptions_.erase(found);
  return true;
}

const LocalSubscription* SubscriptionTable::find(std::uint32_t id) const {
  const auto found = std::ranges::lower_bound(subscriptions_, id, {}, &LocalSubscription::id);
  return found == subscriptions_.end() || found->id != id ? nullptr : &*found;
}

std::span<const std::uint32_t> SubscriptionTable::indexes_of(std::string_view address) {
  const bool remember = subscriptions_.size() > memo_worthwhile;
  if (remember) {
    if (const auto found = memo_.find(address); found != memo_.end()) return found->second;
  }
  indexes_.clear();
  for (std::uint32_t i = 0; i < subscriptions_.size(); ++i) {
    if (subscriptions_[i].pattern.matches(address)) indexes_.push_back(i);
  }
  if (!remember) return indexes_;
  if (memo_.size() >= memo_entries_max) memo_.clear();
  return memo_.emplace(std::string(address), indexes_).first->second;
}

std::span<const std::uint32_t> SubscriptionTable::matching(std::string_view address, SignalType signal, std::uint32_t serial_from) {
  result_.clear();
  for (const std::uint32_t index : indexes_of(address)) {
    const LocalSubscription& subscription = subscriptions_[index];
    if (subscription.id > serial_from && subscription.types.has(signal)) result_.push_back(subscription.id);
  }
  return result_;
}

bool SubscriptionTable::keeps_current(std::string_view address, std::uint32_t shown_to) const {
  return std::ranges::any_of(subscriptions_, [&](const LocalSubscription& subscription) {
    const bool sees_every_change = !subscription.options.max_rate && !subscription.options.epsilon && subscription.types.has(SignalType::param);
    return sees_every_change && subscription.id <= shown_to && subscription.pattern.matches(address);
  });
}

}  // namespace clasp::client
