// The newest of each address, kept while there is no connection and sent when there is one again.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "client/param_cache.hpp"

namespace clasp::client {

// What is kept of an address: for a session the whole frame of the SET, for a bridge the value and whose it is.
template <typename Kept>
class NewestPerAddress {
 public:
  explicit NewestPerAddress(std::size_t addresses_max) : addresses_max_(addresses_max) {}

  bool enabled() const { return addresses_max_ != 0; }
  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }

  // A newer one takes the place of an older one at the end of the order. False if there is no room for the address.
  bool keep(std::string_view address, Kept kept) {
    if (const auto found = by_address_.find(address); found != by_address_.end()) {
      entries_.erase(found->second);
      by_address_.erase(found);
    } else if (entries_.size() >= addresses_max_) {
      return false;
    }
    entries_.push_back({std::string(address), std::move(kept)});
    by_address_.emplace(entries_.back().address, std::prev(entries_.end()));
    return true;
  }

  void forget(std::string_view address) {
    const auto found = by_address_.find(address);
    if (found == by_address_.end()) return;
    entries_.erase(found->second);
    by_address_.erase(found);
  }

  // Oldest first. `send(address, kept)` returns false to stop; what it took is forgotten.
  template <typename Send>
  void drain(Send&& send) {
    while (!entries_.empty() && send(std::string_view(entries_.front().address), std::as_const(entries_.front().kept))) {
      by_address_.erase(entries_.front().address);
      entries_.pop_front();
    }
  }

 private:
  struct Entry {
    std::string address;
    Kept kept;
  };
  std::size_t addresses_max_;
  std::list<Entry> entries_;
  std::unordered_map<std::string, typename std::list<Entry>::iterator, TextHash, std::equal_to<>> by_address_;
};

using OfflineParams = NewestPerAddress<std::string>;

}  // namespace clasp::client
