// One server that is told about changes: a webhook, or a device with an HTTP interface.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>

#include "bridge/http/http_bridge_config.hpp"
#include "bridge/http/poll.hpp"
#include "bridge/router_link.hpp"
#include "core/time.hpp"
#include "http_client/http_fetch.hpp"

namespace clasp::bridge::http {

// One request at a time, so that what arrives there is in order. Of a param (and of a stream, and of a gesture's moves) only the newest waits, at
// the place of the first; everything else waits as it came, at most limits::event_age_max. A full queue loses its oldest.
//
// 5xx, 408, 429 and no answer at all are tried again, `retries` times with twice the pause each time, Retry-After heeded; any other answer than 2xx
// is final. Then an item is given up, but for a param whose server cannot be reached: its newest value stays until the server is back.
class Target {
 public:
  Target(const TargetConfig& config, std::size_t index, Surroundings around);
  Target(const Target&) = delete;
  ~Target();

  bool wants(const LinkDelivery& delivery) const;
  void add(const LinkDelivery& delivery, const Now& now);  // only notes; calls nobody
  void advance(const Now& now);
  std::optional<SteadyTime> next_deadline() const;
  std::size_t waiting() const { return queue_.size() + (current_ ? 1 : 0); }
  void set_changed(std::function<void()> changed) { changed_ = std::move(changed); }

 private:
  struct Item {
    std::string address;
    std::optional<std::string> value;  // tag and bytes
    std::uint64_t revision = 0;
    SignalType signal = SignalType::param;
    GesturePhase phase = GesturePhase::start;
    std::optional<std::uint32_t> id;
    UnixTime time;
    SteadyTime since;
    std::uint64_t number = 0;
    std::string slot;  // equal for those of which only the newest is worth sending; empty: every one is
    bool is_param = false;
  };
  using Queue = std::list<Item>;

  static std::string slot_of(const LinkDelivery& delivery);
  bool take_next(const Now& now);  // the next item to send; false: there is none
  void send(const Now& now);
  void answered(const Result<http_client::HttpAnswer>& answer);
  void try_again(const std::string& why, const http_client::HttpAnswer* answer);
  void give_up(const std::string& why, bool unreachable);
  void erase(Queue::iterator at);
  http_client::HttpCall call_of(const Item& item, std::string url) const;

  const TargetConfig& config_;
  Surroundings around_;
  std::function<void()> changed_ = [] {};
  std::string key_;  // names it among the targets
  Queue queue_;
  std::map<std::string, Queue::iterator, std::less<>> slots_;  // who waits there
  std::optional<Item> current_;                                // being sent, or waiting to be sent again
  unsigned attempts_ = 0;                                      // of the current one
  unsigned unreachable_ = 0;                                   // times in a row
  std::uint64_t last_number_ = 0;
  http_client::CallId call_ = http_client::CallId::none;
  SteadyTime not_before_{0};
};

}  // namespace clasp::bridge::http
