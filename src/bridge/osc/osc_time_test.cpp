#include "bridge/osc/osc_time.hpp"

#include <gtest/gtest.h>

namespace clasp::bridge::osc {
namespace {

using namespace std::chrono_literals;

constexpr UnixTime second(std::uint64_t seconds) { return {seconds * micros_per_second}; }
constexpr TimeTag tag_of_seconds(std::uint64_t seconds) { return TimeTag{seconds << 32}; }

TEST(OscTime, SubtractsTheSeventyYearsBetweenTheEpochs) {
  EXPECT_EQ(to_unix(tag_of_seconds(seconds_1900_to_1970)), second(0));
  EXPECT_EQ(to_unix(tag_of_seconds(3'976'214'400)), second(1'767'225'600));  // 2026-01-01
  EXPECT_EQ(to_time_tag(second(1'767'225'600)), tag_of_seconds(3'976'214'400));
}

TEST(OscTime, KeepsFractionsToOneMicrosecond) {
  EXPECT_EQ(to_unix(TimeTag{(seconds_1900_to_1970 + 10) << 32 | 0x8000'0000}), (UnixTime{10'500'000}));
  EXPECT_EQ(to_time_tag(UnixTime{10'500'000}), (TimeTag{(seconds_1900_to_1970 + 10) << 32 | 0x8000'0000}));
  for (std::uint64_t us = 0; us < micros_per_second; us += 7) {
    const std::uint64_t back = to_unix(to_time_tag(UnixTime{us})).us;
    ASSERT_TRUE(back == us || back + 1 == us) << us;  // the way in rounds down
  }
  EXPECT_EQ(to_unix(TimeTag{seconds_1900_to_1970 << 32 | 0xffff'ffff}), (UnixTime{999'999}));
}

TEST(OscTime, GoesOnAfterTheWrapOf2036) {
  constexpr std::uint64_t wrap = 0x1'0000'0000 - seconds_1900_to_1970;
  EXPECT_EQ(to_unix(tag_of_seconds(0xffff'ffff)), second(wrap - 1));
  EXPECT_EQ(to_unix(tag_of_seconds(0x64)), second(wrap + 100));
  EXPECT_EQ(to_time_tag(second(wrap + 100)), tag_of_seconds(0x64));
  EXPECT_TRUE(is_later(tag_of_seconds(0x64), tag_of_seconds(0xffff'fff0)));
  EXPECT_FALSE(is_later(tag_of_seconds(0xffff'fff0), tag_of_seconds(0x64)));
}

TEST(OscTime, TagsBefore1970CountAsTheEpoch) { EXPECT_EQ(to_unix(tag_of_seconds(0x8000'0001)), second(0)); }

TEST(OscTime, ImmediateIsEarlierThanEverything) {
  const TimeTag some = tag_of_seconds(3'976'214'400);
  EXPECT_TRUE(is_later(some, TimeTag::immediately));
  EXPECT_TRUE(is_later(some, TimeTag{0}));
  EXPECT_FALSE(is_later(TimeTag::immediately, some));
  EXPECT_FALSE(is_later(TimeTag::immediately, TimeTag{0}));
  EXPECT_FALSE(is_later(some, some));
}

TEST(OscTime, SchedulesOnlyWhatIsAheadAndNotTooFar) {
  const UnixTime now = second(1'767'225'600);
  const auto in = [now](std::int64_t us) { return to_time_tag(UnixTime{now.us + static_cast<std::uint64_t>(us)}); };
  EXPECT_EQ(schedule(TimeTag{0}, now, 60s), Schedule{});
  EXPECT_EQ(schedule(TimeTag::immediately, now, 60s), Schedule{});
  EXPECT_EQ(schedule(in(-1'000'000), now, 60s), Schedule{});
  EXPECT_EQ(schedule(in(0), now, 60s), Schedule{});
  EXPECT_EQ(schedule(in(59'000'000), now, 60s), (Schedule{.at = UnixTime{now.us + 59'000'000}}));
  EXPECT_EQ(schedule(in(61'000'000), now, 60s), (Schedule{.at = std::nullopt, .wrong_clock = true}));
  EXPECT_EQ(schedule(in(31'536'000'000'000), now, 60s), (Schedule{.at = std::nullopt, .wrong_clock = true}));
  EXPECT_EQ(schedule(tag_of_seconds(0x64), now, 60s), (Schedule{.at = std::nullopt, .wrong_clock = true}));
}

}  // namespace
}  // namespace clasp::bridge::osc
