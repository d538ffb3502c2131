// The client's own subscriptions and which of them want an arriving item. Patterns are compiled once and mean what they mean in the router.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "client/param_cache.hpp"
#include "core/message.hpp"
#include "core/pattern.hpp"

namespace clasp::client {

struct LocalSubscription {
  std::uint32_t id = 0;  // on the wire; also its serial number: later subscriptions have higher ones
  Pattern pattern;
  TypeMask types;
  SubscribeOptions options;
};

class SubscriptionTable {
 public:
  explicit SubscriptionTable(std::size_t subscriptions_max) : subscriptions_max_(subscriptions_max) {}

  bool full() const { return subscriptions_.size() >= subscriptions_max_; }
  const LocalSubscription& add(Pattern pattern, TypeMask types, const SubscribeOptions& options);  // only when !full()
  bool remove(std::uint32_t id);
  const LocalSubscription* find(std::uint32_t id) const;
  std::uint32_t newest() const { return last_id_; }
  std::span<const LocalSubscription> all() const { return subscriptions_; }

  // Ids of those that match, want the signal and are newer than `serial_from`. Valid until the next call.
  std::span<const std::uint32_t> matching(std::string_view address, SignalType signal, std::uint32_t serial_from);

  // True if a subscription that sees every change of this param has been there since serial `shown_to` at the latest.
  bool keeps_current(std::string_view address, std::uint32_t shown_to) const;

 private:
  static constexpr std::size_t memo_entries_max = 65'536;
  static constexpr std::size_t memo_worthwhile = 8;  // with fewer subscriptions matching is cheaper than remembering

  std::span<const std::uint32_t> indexes_of(std::string_view address);

  std::size_t subscriptions_max_;
  std::uint32_t last_id_ = 0;
  std::vector<LocalSubscription> subscriptions_;  // ascending ids
  std::vector<std::uint32_t> result_;
  std::vector<std::uint32_t> indexes_;
  std::unordered_map<std::string, std::vector<std::uint32_t>, TextHash, std::equal_to<>> memo_;  // address → indexes; emptied when the table changes
};

}  // namespace clasp::client
