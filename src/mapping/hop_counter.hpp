// Loops through devices and other routers, which carry no origin with them: a value that comes in at an address soon after one went out there may be
// its consequence, and is then one hop further from where it all began. Beyond eight hops it ends (bridges specification, 2.7).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/time.hpp"

namespace clasp::mapping {

inline constexpr std::uint8_t hops_max = 8;

class HopCounter {
 public:
  explicit HopCounter(Micros window = std::chrono::milliseconds{250}, std::size_t addresses_max = 10'000)
      : window_(window), addresses_max_(addresses_max) {}

  static constexpr std::uint32_t others = 0xffff'ffff;  // cause of what none of the bridge's devices has brought about
  template <typename Tag>
  static constexpr std::uint32_t cause(bool own, Tag device) {
    return own ? static_cast<std::uint32_t>(device) : others;
  }

  // Something went out at this address, so many hops from its beginning, to all but the device that caused it.
  void out(std::string_view address, std::uint8_t hops, std::uint32_t cause, SteadyTime now) {
    Entry& entry = of(address);
    entry.hops = hops;
    entry.cause = cause;
    entry.at = now;
  }
  // How many hops what comes in there from a device is from its beginning.
  std::uint8_t in(std::string_view address, std::uint32_t device, SteadyTime now) const {
    const Entry* entry = find(address, now);
    if (entry == nullptr || entry->cause == device) return entry == nullptr ? std::uint8_t{0} : entry->hops;
    return static_cast<std::uint8_t>(std::min<int>(entry->hops + 1, hops_max + 1));
  }
  // Hops of what went out there last; 0 if that is long ago.
  std::uint8_t last(std::string_view address, SteadyTime now) const {
    const Entry* entry = find(address, now);
    return entry == nullptr ? std::uint8_t{0} : entry->hops;
  }
  std::size_t size() const { return places_.size(); }

 private:
  struct Entry {
    std::string address;
    std::optional<SteadyTime> at;
    std::uint8_t hops = 0;
    std::uint32_t cause = others;
  };
  const Entry* find(std::string_view address, SteadyTime now) const {
    const auto found = places_.find(address);
    if (found == places_.end() || !found->second->at || now - *found->second->at > window_) return nullptr;
    return &*found->second;
  }
  Entry& of(std::string_view address) {
    if (const auto found = places_.find(address); found != places_.end()) {
      used_.splice(used_.begin(), used_, found->second);
      return used_.front();
    }
    if (places_.size() >= addresses_max_) {
      places_.erase(std::string_view(used_.back().address));
      used_.pop_back();
    }
    used_.emplace_front().address = address;
    places_.emplace(std::string_view(used_.front().address), used_.begin());
    return used_.front();
  }

  Micros window_;
  std::size_t addresses_max_;
  std::list<Entry> used_;  // the last used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> places_;
};

}  // namespace clasp::mapping
