// Keeps the estimate of the router's clock: a burst of exchanges at the start, one every half minute afterwards (client specification, 23.7).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "core/clock_sync.hpp"
#include "core/time.hpp"

namespace clasp::client {

class ClockKeeper {
 public:
  static constexpr std::uint32_t burst_max = 5;
  static constexpr Micros burst_gap{50'000};

  // A new connection: the router may be another one, so earlier samples count for nothing.
  void begin(SteadyTime now) {
    filter_ = {};
    round_trips_seen_ = 0;
    burst_left_ = burst_max;
    next_ = now;
  }
  void end() { next_.reset(); }

  std::optional<SteadyTime> next() const { return next_; }
  void request_sent(SteadyTime now, Micros interval) {
    if (burst_left_ > 0) --burst_left_;
    next_ = now + (burst_left_ > 0 ? burst_gap : interval);
  }

  // False if the sample was of no use: a negative round trip, or one of more than twice the median of the last ones.
  bool add(std::uint64_t t1, std::uint64_t t2, std::uint64_t t3, std::uint64_t t4, SteadyTime now) {
    const std::int64_t round_trip = static_cast<std::int64_t>(t4 - t1) - static_cast<std::int64_t>(t3 - t2);
    if (round_trip < 0) return false;
    const bool outlier = round_trips_seen_ >= 3 && round_trip > 2 * median();
    round_trips_[round_trips_seen_++ % round_trips_.size()] = round_trip;
    return !outlier && filter_.add(t1, t2, t3, t4, now);
  }

  const ClockSync& filter() const { return filter_; }

 private:
  std::int64_t median() const {
    auto sorted = round_trips_;
    const std::size_t count = std::min(round_trips_seen_, sorted.size());
    std::sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(count));
    return sorted[count / 2];
  }

  ClockSync filter_;
  std::array<std::int64_t, 9> round_trips_{};
  std::size_t round_trips_seen_ = 0;
  std::uint32_t burst_left_ = 0;
  std::optional<SteadyTime> next_;
};

}  // namespace clasp::client
