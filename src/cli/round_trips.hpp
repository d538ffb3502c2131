// Statistics of `clasp ping`.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>

namespace clasp::cli {

class RoundTrips {
 public:
  void add(std::chrono::microseconds time) {
    const auto us = static_cast<double>(time.count());
    min_ = count_ == 0 ? us : std::min(min_, us);
    max_ = std::max(max_, us);
    ++count_;
    const double delta = us - mean_;  // Welford: stable, and needs no list
    mean_ += delta / static_cast<double>(count_);
    squares_ += delta * (us - mean_);
  }

  std::uint64_t count() const { return count_; }
  double min_us() const { return min_; }
  double max_us() const { return max_; }
  double mean_us() const { return mean_; }
  double deviation_us() const { return count_ == 0 ? 0 : std::sqrt(squares_ / static_cast<double>(count_)); }

 private:
  std::uint64_t count_ = 0;
  double min_ = 0;
  double max_ = 0;
  double mean_ = 0;
  double squares_ = 0;
};

}  // namespace clasp::cli
