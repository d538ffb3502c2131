// The newest SET per address, kept while there is no connection and sent when there is one again.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "client/param_cache.hpp"
#include "core/bytes.hpp"

namespace clasp::client {

class OfflineParams {
 public:
  explicit OfflineParams(std::size_t addresses_max) : addresses_max_(addresses_max) {}

  bool enabled() const { return addresses_max_ != 0; }
  std::size_t size() const { return frames_.size(); }

  // `frame` is the whole SET. A newer one takes the place of an older one at the end of the order. False if there is no room for the address.
  bool keep(std::string_view address, Bytes frame) {
    if (const auto found = by_address_.find(address); found != by_address_.end()) {
      frames_.erase(found->second);
      by_address_.erase(found);
    } else if (frames_.size() >= addresses_max_) {
      return false;
    }
    frames_.push_back({std::string(address), std::string(as_text(frame))});
    by_address_.emplace(frames_.back().address, std::prev(frames_.end()));
    return true;
  }

  // Oldest first. `send(address, frame)` returns false to stop; what it took is forgotten.
  template <typename Send>
  void drain(Send&& send) {
    while (!frames_.empty() && send(std::string_view(frames_.front().address), as_bytes(frames_.front().frame))) {
      by_address_.erase(frames_.front().address);
      frames_.pop_front();
    }
  }

 private:
  struct Kept {
    std::string address;
    std::string frame;
  };
  std::size_t addresses_max_;
  std::list<Kept> frames_;
  std::unordered_map<std::string, std::list<Kept>::iterator, TextHash, std::equal_to<>> by_address_;
};

}  // namespace clasp::client
