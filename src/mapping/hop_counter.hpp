// Loops through devices and other routers, which carry no origin with them: a value that comes in at an address soon after one went out there may be
// its consequence, and is then one hop further from where it all began. Beyond eight hops it ends (bridges specification, 2.7).
#pragma once

#include <algorithm>
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

  // Something went out at this address, so many hops from its beginning.
  void out(std::string_view address, std::uint8_t hops, SteadyTime now) {
    Entry& entry = of(address);
    entry.hops = entry.at && now - *entry.at <= window_ ? std::max(entry.hops, hops) : hops;
    entry.at = now;
  }
  // How many hops what comes in there is from its beginning.
  std::uint8_t in(std::string_view address, SteadyTime now) const {
    const auto found = places_.find(address);
    if (found == places_.end() || !found->second->at || now - *found->second->at > window_) return 0;
    return static_cast<std::uint8_t>(std::min<int>(found->second->hops + 1, hops_max + 1));
  }
  std::size_t size() const { return places_.size(); }

 private:
  struct Entry {
    std::string address;
    std::optional<SteadyTime> at;
    std::uint8_t hops = 0;
  };
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
