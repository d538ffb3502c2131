// When to try again after a connection was lost (client specification, section 5; bridges specification 2.6).
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/time.hpp"

namespace clasp::client {

struct BackoffConfig {
  Micros first{5'000'000};
  double factor = 1.5;
  Micros cap{30'000'000};
  double jitter = 0.2;             // each delay is shortened or lengthened by up to this part of it
  std::uint32_t attempts_max = 0;  // 0: without end
  Micros stable_after{0};          // a connection that lasted so long starts the schedule anew
};

// first × factor^n, at most cap, each with jitter.
class Backoff {
 public:
  explicit Backoff(const BackoffConfig& config) : config_(config) {}

  bool exhausted() const { return config_.attempts_max != 0 && attempts_ >= config_.attempts_max; }
  std::uint32_t attempts() const { return attempts_; }

  // The delay before the next attempt, which is hereby counted. `random` is any 64 random bits.
  Micros next(std::uint64_t random) {
    const double capped = std::min(delay_us_ == 0 ? static_cast<double>(config_.first.count()) : delay_us_, static_cast<double>(config_.cap.count()));
    delay_us_ = std::min(capped * config_.factor, static_cast<double>(config_.cap.count()));
    ++attempts_;
    const double unit = static_cast<double>(random >> 11) * 0x1.0p-53;  // 0 … 1
    return Micros{static_cast<std::int64_t>(capped * (1.0 + config_.jitter * (2.0 * unit - 1.0)))};
  }

  void connection_ended(Micros lasted) {
    if (lasted < config_.stable_after) return;
    attempts_ = 0;
    delay_us_ = 0;
  }

 private:
  BackoffConfig config_;
  double delay_us_ = 0;  // of the next attempt, before jitter; 0: the first
  std::uint32_t attempts_ = 0;
};

}  // namespace clasp::client
