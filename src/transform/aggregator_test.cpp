#include "transform/aggregator.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

namespace clasp::transform {
namespace {

constexpr SteadyTime start{1'000'000};

// The same figure, computed from all samples of the window each time.
double plainly(AggregatorKind kind, const std::vector<double>& window) {
  const auto count = static_cast<double>(window.size());
  const double sum = std::accumulate(window.begin(), window.end(), 0.0);
  switch (kind) {
    case AggregatorKind::average:
    case AggregatorKind::moving_average: return sum / count;
    case AggregatorKind::sum: return sum;
    case AggregatorKind::min: return *std::ranges::min_element(window);
    case AggregatorKind::max: return *std::ranges::max_element(window);
    case AggregatorKind::latest: return window.back();
    case AggregatorKind::first: return window.front();
    case AggregatorKind::count: return count;
    case AggregatorKind::std_dev: {
      double squares = 0;
      for (const double sample : window) squares += (sample - sum / count) * (sample - sum / count);
      return std::sqrt(squares / count);
    }
    case AggregatorKind::rate_of_change: break;
  }
  return 0;
}

constexpr std::array windowed{AggregatorKind::average, AggregatorKind::sum,     AggregatorKind::min,
                              AggregatorKind::max,     AggregatorKind::latest,  AggregatorKind::first,
                              AggregatorKind::count,   AggregatorKind::std_dev, AggregatorKind::moving_average};

TEST(Aggregator, AgreesWithThePlainComputationOverAnyWindow) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> numbers(-5, 5);
  for (const AggregatorKind kind : windowed) {
    for (const std::size_t size : {1U, 3U, 100U}) {
      Aggregator aggregator({.kind = kind, .window_size = size});
      std::vector<double> window;
      for (int i = 0; i < 1'000; ++i) {
        const double sample = 1e6 * (i / 300) + numbers(random);  // a large offset that moves: what cancellation feeds on
        window.push_back(sample);
        if (window.size() > size) window.erase(window.begin());
        ASSERT_NEAR(aggregator.add(sample, start + Micros{i}), plainly(kind, window), 1e-5)
            << aggregator_name(kind) << ", window " << size << ", sample " << i;
      }
    }
  }
}

TEST(Aggregator, ForgetsByTime) {
  Aggregator sum({.kind = AggregatorKind::sum, .window_size = window_size_max, .window_time = Micros{1'000}});
  EXPECT_EQ(sum.add(1, start), 1);
  EXPECT_EQ(sum.add(2, start + Micros{900}), 3);
  EXPECT_EQ(sum.add(4, start + Micros{1'500}), 6) << "the first is too old";
  EXPECT_EQ(sum.add(8, start + Micros{9'000}), 8);
}

TEST(Aggregator, WithoutBoundsCountsEverythingAndStoresNothing) {
  Aggregator max({.kind = AggregatorKind::max, .unbounded = true});
  Aggregator average({.kind = AggregatorKind::average, .unbounded = true});
  Aggregator first({.kind = AggregatorKind::first, .unbounded = true});
  for (int i = 1'000; i > 0; --i) {
    EXPECT_EQ(max.add(i, start), 1'000);
    EXPECT_EQ(first.add(i, start), 1'000);
    average.add(i, start);
  }
  EXPECT_NEAR(average.add(500.5, start), 500.5, 1e-9);
}

TEST(Aggregator, TellsHowFastItChanges) {
  Aggregator rate({.kind = AggregatorKind::rate_of_change});
  EXPECT_EQ(rate.add(1, start), 0);
  EXPECT_NEAR(rate.add(3, start + Micros{500'000}), 4, 1e-12);
  EXPECT_EQ(rate.add(9, start + Micros{500'000}), 0) << "no time has passed";
}

TEST(Aggregator, HasANameForEachKind) {
  for (int i = 0; i < 10; ++i) {
    const auto kind = static_cast<AggregatorKind>(i);
    EXPECT_EQ(find_aggregator(aggregator_name(kind)), kind);
  }
  EXPECT_FALSE(find_aggregator("median"));
}

}  // namespace
}  // namespace clasp::transform
