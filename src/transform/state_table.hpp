// What nodes remember, for each address apart, and no more addresses than allowed: the one not used for longest is forgotten.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "transform/aggregator.hpp"
#include "transform/node.hpp"

namespace clasp::transform {

class StateTable {
 public:
  StateTable(std::size_t cells, std::size_t addresses_max) : cells_(cells), addresses_max_(addresses_max) {}

  Cells& of(std::string_view address) {
    if (const auto found = places_.find(address); found != places_.end()) {
      if (found->second != used_.begin()) used_.splice(used_.begin(), used_, found->second);
      return used_.front().second;
    }
    if (places_.size() >= addresses_max_) {
      places_.erase(std::string_view(used_.back().first));
      used_.pop_back();
    }
    used_.emplace_front(std::string(address), Cells(cells_));
    places_.emplace(std::string_view(used_.front().first), used_.begin());
    return used_.front().second;
  }
  std::size_t size() const { return places_.size(); }
  void clear() {
    places_.clear();
    used_.clear();
  }

 private:
  using Entry = std::pair<std::string, Cells>;
  std::size_t cells_;
  std::size_t addresses_max_;
  std::list<Entry> used_;                                                    // the last used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> places_;  // keys lie in the list
};

}  // namespace clasp::transform
