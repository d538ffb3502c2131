// Figures over the samples of one address: mean, extremes, deviation … (transforms specification, section 7). O(1) a sample, amortised.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>

#include "core/time.hpp"

namespace clasp::transform {

enum class AggregatorKind : std::uint8_t { average, sum, min, max, latest, first, count, moving_average, rate_of_change, std_dev };
std::optional<AggregatorKind> find_aggregator(std::string_view name);
std::string_view aggregator_name(AggregatorKind kind);

struct AggregatorConfig {
  AggregatorKind kind = AggregatorKind::average;
  std::size_t window_size = 100;      // samples; also the bound if only a time is given
  std::optional<Micros> window_time;  // samples older than this leave the window
  bool unbounded = false;             // everything since the start counts; nothing is stored
};
inline constexpr std::size_t window_size_max = 10'000;

class Aggregator {
 public:
  explicit Aggregator(const AggregatorConfig& config) : config_(config) {}
  double add(double sample, SteadyTime now);  // finite samples only

 private:
  struct Sample {
    double number;
    SteadyTime at;
    std::uint64_t index;
  };
  // A sum whose rounding errors are kept beside it (Neumaier).
  struct Sum {
    double sum = 0;
    double lost = 0;
    void add(double number);
    double value() const { return sum + lost; }
  };

  void forget_old(SteadyTime now);
  void take(double number);
  void recompute();
  double deviation() const;
  double rate(double sample, SteadyTime now) const;
  bool stores() const { return !config_.unbounded; }

  AggregatorConfig config_;
  std::deque<Sample> window_;
  std::deque<Sample> extremes_;  // for min and max: candidates, the best first
  Sum sum_;
  Sum squares_;       // of the distances from shift_
  double shift_ = 0;  // close to the samples, so that squares do not swallow their differences
  std::uint64_t added_ = 0;
  std::uint64_t removed_since_ = 0;  // since the sums were last computed from the window
  std::size_t count_ = 0;
  double first_ = 0;
  double best_ = 0;  // min or max if unbounded
  std::optional<Sample> previous_;
};

}  // namespace clasp::transform
