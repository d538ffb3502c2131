// What the bundled lenses read and write numbers with, beside the standard library's.
#include "decimal.hpp"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <charconv>
#include <random>
#include <string>

namespace {

std::string written(double value) {
  std::array<char, decimal::text_bytes_max> out{};
  char* const end = decimal::write(value, out.data());
  EXPECT_LE(end - out.data(), static_cast<std::ptrdiff_t>(out.size()));
  return {out.data(), end};
}
double standard(const std::string& text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}
decimal::Read read(const std::string& text) { return decimal::read(text.data(), text.data() + text.size()); }

void expect_round_trip(double value) {
  if (value - value != 0) return;
  const std::string text = written(value);
  ASSERT_EQ(std::bit_cast<std::uint64_t>(standard(text)), std::bit_cast<std::uint64_t>(value)) << text;
  ASSERT_EQ(std::bit_cast<std::uint64_t>(read(text).value), std::bit_cast<std::uint64_t>(value)) << text;
  ASSERT_EQ(read(text).bytes, text.size());
  ASSERT_FALSE(read(text).integer) << text;
}

TEST(LensDecimal, WhatIsWrittenReadsBackAsTheSameDouble) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    expect_round_trip(std::bit_cast<double>(random()));                             // of any size
    expect_round_trip(std::bit_cast<double>(random() % (std::uint64_t{1} << 52)));  // subnormal
    expect_round_trip(static_cast<double>(static_cast<std::int64_t>(random() % 2'000'000) - 1'000'000) / 1'000);
    expect_round_trip(std::uniform_real_distribution<>(-1, 1)(random));
  }
  for (const double value : {5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1e22, 1e23, 9007199254740992.0}) expect_round_trip(value);
}

TEST(LensDecimal, IsShortAndAlwaysFloating) {
  EXPECT_EQ(written(0), "0.0");
  EXPECT_EQ(written(-0.0), "-0.0");
  EXPECT_EQ(written(1), "1.0");
  EXPECT_EQ(written(0.1), "0.1");
  EXPECT_EQ(written(-12.875), "-12.875");
  EXPECT_EQ(written(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(written(1e15), "1000000000000000.0");
  EXPECT_EQ(written(1e22), "1e22");
  EXPECT_EQ(written(1.5e-7), "1.5e-7");
}

TEST(LensDecimal, ReadsAsTheStandardLibraryDoes) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 200'000; ++i) {
    const std::string text = std::to_string(random() % 10'000'000'000'000'000'000U) + "e" + std::to_string(static_cast<int>(random() % 600) - 320);
    ASSERT_EQ(read(text).value, standard(text)) << text;
  }
  for (const char* text : {"0", "-0", "7", "0.5", "123.456e2", "1E3", "1e+3", "4.35", "0.000001", "9007199254740993", "2.2250738585072011e-308"})
    EXPECT_EQ(read(text).value, standard(text)) << text;
  EXPECT_TRUE(read("5").integer);
  EXPECT_FALSE(read("5.0").integer);
}

TEST(LensDecimal, WhatIsNoNumberIsNone) {
  for (const char* text : {"", "-", "x", "+1", ".5", "01", "null", "\"1\""}) EXPECT_EQ(read(text).bytes, 0U) << text;
  EXPECT_EQ(read("1.").bytes, 1U);
  EXPECT_EQ(read("1e").bytes, 1U);
  EXPECT_EQ(read("1,2").bytes, 1U);
}

}  // namespace
