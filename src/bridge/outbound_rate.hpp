// At most so many messages a second for each address, the newest value always last (bridges specification, section 2.9).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/time.hpp"

namespace clasp::bridge {

enum class Offered : std::uint8_t { send_now, kept, replaced };

// The first value of an address goes out at once, later ones wait until the interval has passed; of those waiting only the newest stays. An
// address that has been quiet for an interval is forgotten. Full: values of further addresses are not thinned. `Waiting` is what is sent.
template <typename Waiting>
class OutboundRate {
 public:
  OutboundRate(std::uint32_t hz_max, std::size_t addresses_max) : interval_(1'000'000 / hz_max), addresses_max_(addresses_max) {}

  // Unless it may go now, `fill(Waiting&)` writes it where it waits, over what waited there.
  template <typename Fill>
  Offered offer(std::string_view address, SteadyTime now, Fill fill) {
    const auto found = slots_.find(address);
    if (found == slots_.end()) {
      if (slots_.size() < addresses_max_) {
        const auto slot = slots_.emplace(address, Slot{.due = now + interval_, .waiting = std::nullopt}).first;
        by_due_.emplace(slot->second.due, slot);
      }
      return Offered::send_now;
    }
    std::optional<Waiting>& waiting = found->second.waiting;
    const bool replaced = waiting.has_value();
    if (!replaced) waiting.emplace();
    fill(*waiting);
    return replaced ? Offered::replaced : Offered::kept;
  }

  // Gives what may go out now to `send(Waiting&&)`.
  template <typename Send>
  void advance(SteadyTime now, Send send) {
    while (!by_due_.empty() && by_due_.begin()->first <= now) {
      const typename Slots::iterator slot = by_due_.begin()->second;
      by_due_.erase(by_due_.begin());
      if (!slot->second.waiting) {
        slots_.erase(slot);
        continue;
      }
      Waiting due = std::move(*slot->second.waiting);
      slot->second.waiting.reset();
      slot->second.due = now + interval_;
      by_due_.emplace(slot->second.due, slot);
      send(std::move(due));
    }
  }

  std::optional<SteadyTime> next_deadline() const { return by_due_.empty() ? std::nullopt : std::optional(by_due_.begin()->first); }

 private:
  struct Slot {
    SteadyTime due;
    std::optional<Waiting> waiting;
  };
  using Slots = std::map<std::string, Slot, std::less<>>;

  Micros interval_;
  std::size_t addresses_max_;
  Slots slots_;
  std::multimap<SteadyTime, typename Slots::iterator> by_due_;
};

}  // namespace clasp::bridge
