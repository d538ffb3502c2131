#include "client/backoff.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace clasp::client {
namespace {

constexpr std::uint64_t lowest = 0, middle = 1ULL << 63, highest = std::numeric_limits<std::uint64_t>::max();

std::vector<std::int64_t> delays(const BackoffConfig& config, int count, std::uint64_t random) {
  Backoff backoff(config);
  std::vector<std::int64_t> result;
  for (int i = 0; i < count; ++i) result.push_back(backoff.next(random).count() / 1000);
  return result;
}

TEST(Backoff, GrowsToItsCap) {
  EXPECT_THAT(delays({}, 7, middle), ::testing::ElementsAre(5000, 7500, 11250, 16875, 25312, 30000, 30000));
  EXPECT_THAT(delays({.first = Micros{1'000'000}, .factor = 2}, 7, middle), ::testing::ElementsAre(1000, 2000, 4000, 8000, 16000, 30000, 30000));
}

TEST(Backoff, SpreadsByAFifthEachWay) {
  EXPECT_THAT(delays({}, 2, lowest), ::testing::ElementsAre(4000, 6000));
  EXPECT_THAT(delays({}, 2, highest), ::testing::ElementsAre(6000, 9000));
}

TEST(Backoff, StartsAnewOnlyAfterAStableConnection) {
  Backoff backoff({.first = Micros{1'000'000}, .factor = 2, .attempts_max = 3, .stable_after = Micros{30'000'000}});
  backoff.next(middle);
  backoff.next(middle);
  backoff.connection_ended(Micros{29'999'999});
  EXPECT_EQ(backoff.next(middle), Micros{4'000'000});
  EXPECT_TRUE(backoff.exhausted());
  backoff.connection_ended(Micros{30'000'000});
  EXPECT_FALSE(backoff.exhausted());
  EXPECT_EQ(backoff.next(middle), Micros{1'000'000});
}

}  // namespace
}  // namespace clasp::client
