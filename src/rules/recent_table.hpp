// What is remembered for each of many addresses, and no more of them than allowed: the one not used for longest is forgotten.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace clasp::rules {

inline constexpr std::size_t remembered_addresses_max = 10'000;  // for each rule

template <typename State>
class RecentTable {
 public:
  RecentTable() = default;
  RecentTable(const RecentTable&) = delete;

  State& of(std::string_view address) {
    if (const auto found = places_.find(address); found != places_.end()) {
      if (found->second != used_.begin()) used_.splice(used_.begin(), used_, found->second);
      return used_.front().second;
    }
    if (places_.size() >= remembered_addresses_max) {
      places_.erase(std::string_view(used_.back().first));
      used_.pop_back();
    }
    used_.emplace_front(std::string(address), State{});
    places_.emplace(std::string_view(used_.front().first), used_.begin());
    return used_.front().second;
  }
  std::size_t size() const { return places_.size(); }

 private:
  using Entry = std::pair<std::string, State>;
  std::list<Entry> used_;                                                             // the last used first
  std::unordered_map<std::string_view, typename std::list<Entry>::iterator> places_;  // keys lie in the list
};

}  // namespace clasp::rules
