// What waits for one client. One thread.
//
// While the client keeps up everything leaves in order, nothing is merged. It is slow once something waited for 100 ms or 1 MiB waits: from then
// until it has taken all, of each key only the newest message waits, in the place of the first (delivery contract, 13 and 14).
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/time.hpp"

namespace clasp::bridge::web {

// One message as the client gets it, shared by all who get the same.
struct OutMessage {
  std::string text;                      // not sent if `binary_only`
  std::vector<std::string> attachments;  // binary frames behind it
  bool binary_only = false;

  std::size_t bytes() const {
    std::size_t sum = text.size() + 64;  // and what holding it costs
    for (const std::string& attachment : attachments) sum += attachment.size();
    return sum;
  }
};
using SharedMessage = std::shared_ptr<const OutMessage>;

struct OutLimits {
  std::size_t events_max = 10'000;           // of what may not be dropped
  std::size_t events_bytes_max = 4'194'304;  // of that
  std::size_t bytes_max = 16'777'216;        // of everything
  std::size_t slow_bytes = 1'048'576;
  Micros slow_age{100'000};
};

class OutQueue {
 public:
  enum class Pushed : std::uint8_t { queued, replaced, overflow };

  explicit OutQueue(const OutLimits& limits = {}) : limits_(limits) {}

  // `key` names what a newer message makes worthless (an address); empty: every one counts. After an overflow the client has to go.
  Pushed push(SharedMessage message, std::string_view key, SteadyTime now);
  bool empty() const { return items_.empty(); }
  const SharedMessage& front() const { return items_.front().message; }  // call only when !empty()
  void pop();
  std::size_t bytes() const { return bytes_; }
  std::size_t size() const { return items_.size(); }
  std::uint64_t replaced() const { return replaced_; }

 private:
  struct Item {
    SharedMessage message;
    std::string key;
    SteadyTime since;
  };
  using Items = std::list<Item>;

  bool is_slow(SteadyTime now) const;
  void become_slow();
  void replace(Item& item, SharedMessage message);
  void account(const Item& item, std::ptrdiff_t sign);
  bool is_too_much() const { return events_ > limits_.events_max || event_bytes_ > limits_.events_bytes_max || bytes_ > limits_.bytes_max; }

  OutLimits limits_;
  Items items_;
  std::unordered_map<std::string, Items::iterator> by_key_;  // while it is slow
  std::size_t bytes_ = 0;
  std::size_t events_ = 0;
  std::size_t event_bytes_ = 0;
  std::uint64_t replaced_ = 0;
  bool slow_ = false;
};

}  // namespace clasp::bridge::web
