// Thinning by subscription options: what was last delivered per subscription and address, and what is held back until its time (contract 10, 11).
//
// Exists only for sessions that have a subscription with max_rate or epsilon. Addresses are known by a seeded 64-bit hash.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/time.hpp"
#include "router/shared_frame.hpp"
#include "router/subscriptions.hpp"

namespace clasp::router {

enum class Thinning : std::uint8_t { pass, hold, suppress };

// What waits for its time: a param by address (rendered when it is due), or the newest frame of a stream.
struct HeldItem {
  std::uint64_t key = 0;
  std::string address;
  SignalType signal = SignalType::param;
  SharedFrame frame;  // streams and gesture moves
};

class OptionState {
 public:
  OptionState(std::size_t slots_max, std::uint64_t& exhausted) : slots_max_(slots_max), exhausted_(exhausted) {}

  // What this one subscription says to a value of the address with this key. `due`: when a held one may go (set on hold only).
  Thinning judge(SubscriptionSlot slot, const SubscribeOptions& options, std::uint64_t key, std::optional<double> number, SteadyTime now, SteadyTime& due);
  // It went out: counts for this subscription too.
  void delivered(SubscriptionSlot slot, const SubscribeOptions& options, std::uint64_t key, std::optional<double> number, SteadyTime now);

  void hold(HeldItem item, SteadyTime due);   // replaces what was held under this key, keeps the earlier due time
  void release(std::uint64_t key);            // a newer one went out
  std::optional<HeldItem> pop_due(SteadyTime now);
  std::optional<SteadyTime> next_due() const;
  void forget(SubscriptionSlot slot);         // the subscription is gone
  void drop_held() { held_.clear(), by_key_.clear(); }
  std::size_t slots() const { return slots_.size(); }

 private:
  struct Key {
    std::uint32_t slot = 0;
    std::uint64_t address = 0;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const { return static_cast<std::size_t>(key.address ^ (std::uint64_t{key.slot} * 0x9e3779b97f4a7c15U)); }
  };
  struct Last {
    SteadyTime sent;
    double number = 0;
    bool has_number = false;
  };
  using Due = std::pair<SteadyTime, std::uint64_t>;

  std::size_t slots_max_;
  std::uint64_t& exhausted_;
  std::unordered_map<Key, Last, Hash> slots_;
  std::unordered_map<std::uint32_t, std::size_t> counts_;  // per subscription
  std::map<Due, HeldItem> held_;
  std::unordered_map<std::uint64_t, Due> by_key_;
  std::uint64_t order_ = 0;
};

}  // namespace clasp::router
