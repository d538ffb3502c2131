#include "cli/when.hpp"

#include <gmock/gmock.h>

namespace clasp::cli {
namespace {

TEST(When, IsADelayOrATime) {
  EXPECT_EQ(*parse_when("+2s"), (When{true, 2'000'000}));
  EXPECT_EQ(*parse_when("+250ms"), (When{true, 250'000}));
  EXPECT_EQ(*parse_when("+0.5"), (When{true, 500'000}));
  EXPECT_EQ(*parse_when("+0"), (When{true, 0}));
  EXPECT_EQ(*parse_when("1764070000000000"), (When{false, 1'764'070'000'000'000}));
}

TEST(When, CountsADelayFromTheGivenNow) {
  EXPECT_EQ(parse_when("+2s")->unix_us(1'764'070'000'000'000), 1'764'070'002'000'000u);
  EXPECT_EQ(parse_when("1764070000000000")->unix_us(5), 1'764'070'000'000'000u);
}

TEST(When, RefusesWhatIsNeither) {
  for (const char* text : {"", "+", "+-1s", "2s", "tomorrow", "-1764070000000000", "9223372036854775808", "+1000d", "1764070000000000us"})
    EXPECT_FALSE(parse_when(text)) << text;
}

TEST(When, RefusesSecondsAndMillisecondsSince1970) {
  EXPECT_FALSE(parse_when("1764070000"));
  EXPECT_THAT(parse_when("1764070000000").error().message, testing::HasSubstr("microseconds since 1970"));
}

TEST(Past, IsAgoOrMicroseconds) {
  constexpr std::uint64_t now = 1'764'070'000'000'000;
  EXPECT_EQ(*parse_past("-10m", now), now - 600'000'000);
  EXPECT_EQ(*parse_past("-1.5s", now), now - 1'500'000);
  EXPECT_EQ(*parse_past("-0s", now), now);
  EXPECT_EQ(*parse_past("-10m", 5), 0U);
  EXPECT_EQ(*parse_past("1764070000000000", now), now);
  EXPECT_EQ(*parse_past("0", now), 0U);
  for (const char* wrong : {"", "-", "10m", "-10", "-10parsecs", "yesterday", "-1s2"}) EXPECT_FALSE(parse_past(wrong, now)) << wrong;
}

}  // namespace
}  // namespace clasp::cli
