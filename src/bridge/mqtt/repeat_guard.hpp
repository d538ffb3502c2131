// Ends loops that carry no origin with them: two bridges between the same router and the same broker hand each other the same value for ever, and
// neither sees more of it than that it comes again and again (bridges specification, 2.7).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/bytes.hpp"
#include "core/time.hpp"

namespace clasp::bridge::mqtt {

// The same value on the same topic more than `repeats_max` times in a row, each soon after the last, changes nothing any more and is dropped, until
// there is a pause or another value. Events are worth more than that: only if they come very fast and four times as often.
class RepeatGuard {
 public:
  RepeatGuard(std::uint32_t repeats_max, std::size_t topics_max) : repeats_max_(repeats_max), topics_max_(topics_max) {}

  // It is about to go through. False: it has gone through often enough.
  bool passes(std::string_view topic, Bytes payload, bool is_param, SteadyTime now) {
    if (repeats_max_ == 0) return true;
    Run& run = of(topic);
    const std::size_t value = std::hash<std::string_view>{}(as_text(payload));
    const Micros pause_max = is_param ? Micros{250'000} : Micros{50'000};
    const bool again = run.count > 0 && run.value == value && now - run.last <= pause_max;
    run.count = again ? run.count + 1 : 1;
    run.value = value;
    run.last = now;
    return run.count <= (is_param ? repeats_max_ : repeats_max_ * 4);
  }

 private:
  struct Run {
    std::string topic;
    std::size_t value = 0;  // hash
    SteadyTime last;
    std::uint32_t count = 0;
  };

  Run& of(std::string_view topic) {
    if (const auto found = places_.find(topic); found != places_.end()) {
      used_.splice(used_.begin(), used_, found->second);
      return used_.front();
    }
    if (places_.size() >= topics_max_) {
      places_.erase(std::string_view(used_.back().topic));
      used_.pop_back();
    }
    used_.emplace_front().topic = topic;
    places_.emplace(std::string_view(used_.front().topic), used_.begin());
    return used_.front();
  }

  std::uint32_t repeats_max_;
  std::size_t topics_max_;
  std::list<Run> used_;  // the last used first
  std::unordered_map<std::string_view, std::list<Run>::iterator> places_;
};

}  // namespace clasp::bridge::mqtt
