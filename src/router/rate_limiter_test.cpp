#include "router/rate_limiter.hpp"

#include <gtest/gtest.h>

namespace clasp::router {
namespace {

using Answer = RateLimiter::Answer;
constexpr std::int64_t second = 1'000'000;

int passed(RateLimiter& limiter, std::uint32_t rate, int attempts, SteadyTime now) {
  int count = 0;
  for (int i = 0; i < attempts; ++i) count += limiter.take(rate, 1, now) == Answer::pass;
  return count;
}

TEST(RateLimiter, LetsEverythingPassWithoutALimit) {
  RateLimiter limiter;
  EXPECT_EQ(passed(limiter, 0, 100'000, {0}), 100'000);
}

TEST(RateLimiter, AllowsOneSecondsWorthAtOnceAndThenTheRate) {
  RateLimiter limiter;
  EXPECT_EQ(passed(limiter, 100, 500, {0}), 100);
  EXPECT_EQ(passed(limiter, 100, 500, {9'999}), 0);
  EXPECT_EQ(passed(limiter, 100, 500, {10'000}), 1);
  EXPECT_EQ(passed(limiter, 100, 500, {second}), 99);
  EXPECT_EQ(passed(limiter, 100, 500, {1'000 * second}), 100);  // saved up, but never more than the burst
}

TEST(RateLimiter, NeverLosesFractionsHoweverOftenItIsAsked) {
  RateLimiter limiter;
  EXPECT_EQ(passed(limiter, 3, 3, {0}), 3);
  int count = 0;
  for (std::int64_t us = 1; us <= 10 * second; us += 7) count += limiter.take(3, 1, {us}) == Answer::pass;
  EXPECT_EQ(count, 29);  // the thirtieth is complete at 10 s, just behind the last question
}

TEST(RateLimiter, StartsFullWhereverTheClockStarts) {
  for (const std::int64_t start : {-5'000'000'000'000LL, -1LL, 0LL, 9'000'000'000'000'000LL}) {
    RateLimiter limiter;
    EXPECT_EQ(passed(limiter, 10, 20, {start}), 10) << start;
    EXPECT_EQ(passed(limiter, 10, 20, {start + 100'000}), 1) << start;
  }
}

TEST(RateLimiter, CountsABundleAsItsMembersAndAnEmptyOneAsOne) {
  RateLimiter limiter;
  EXPECT_EQ(limiter.take(10, 7, {0}), Answer::pass);
  EXPECT_NE(limiter.take(10, 4, {0}), Answer::pass);
  EXPECT_EQ(limiter.take(10, 0, {0}), Answer::pass);
  EXPECT_EQ(limiter.take(10, 2, {0}), Answer::pass);
  EXPECT_NE(limiter.take(10, 0, {0}), Answer::pass);
}

TEST(RateLimiter, LetsABundleAboveTheBurstPassWhenFullAndThenWaitsItOff) {
  RateLimiter limiter;
  EXPECT_EQ(limiter.take(10, 35, {0}), Answer::pass);
  EXPECT_NE(limiter.take(10, 1, {2 * second}), Answer::pass);   // still 5 in debt
  EXPECT_NE(limiter.take(10, 35, {3 * second}), Answer::pass);  // half full is not full
  EXPECT_EQ(limiter.take(10, 5, {3 * second}), Answer::pass);
  EXPECT_EQ(limiter.take(10, 65'535, {100 * second}), Answer::pass);
  EXPECT_NE(limiter.take(10, 1, {6'000 * second}), Answer::pass);
  EXPECT_EQ(limiter.take(10, 1, {6'700 * second}), Answer::pass);
}

TEST(RateLimiter, GivesNoticeOfRefusalsAtMostOnceASecond) {
  RateLimiter limiter;
  EXPECT_EQ(limiter.take(1, 1, {0}), Answer::pass);
  EXPECT_EQ(limiter.take(1, 1, {0}), Answer::refuse_with_notice);
  EXPECT_EQ(limiter.take(1, 1, {second - 1}), Answer::refuse);
  EXPECT_EQ(limiter.take(1, 1, {second}), Answer::pass);
  EXPECT_EQ(limiter.take(1, 1, {second}), Answer::refuse_with_notice);
  EXPECT_EQ(limiter.take(1, 1, {second + 1}), Answer::refuse);
}

TEST(RateLimiter, FollowsARateThatIsLoweredMeanwhile) {
  RateLimiter limiter;
  EXPECT_EQ(passed(limiter, 1'000, 1, {0}), 1);
  EXPECT_EQ(passed(limiter, 10, 100, {0}), 10);
}

}  // namespace
}  // namespace clasp::router
