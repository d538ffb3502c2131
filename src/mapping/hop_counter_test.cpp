#include "mapping/hop_counter.hpp"

#include <gtest/gtest.h>

namespace clasp::mapping {
namespace {

constexpr SteadyTime start{1'000'000};
constexpr std::uint32_t mixer = 1;
constexpr std::uint32_t tablet = 2;

TEST(HopCounter, CountsRoundTripsBetweenTwoDevicesUpToTheEnd) {
  HopCounter hops;
  SteadyTime now = start;
  std::uint8_t hop = 0;
  for (int round = 1; round <= hops_max; ++round) {
    hops.out("/a", hop, round % 2 == 0 ? mixer : tablet, now);
    now = now + Micros{5'000};
    hop = hops.in("/a", round % 2 == 0 ? tablet : mixer, now);
    EXPECT_EQ(hop, round);
  }
  hops.out("/a", hop, mixer, now);
  EXPECT_GT(hops.in("/a", tablet, now), hops_max) << "here it ends";
}

TEST(HopCounter, ADeviceThatGoesOnMovingIsNoLoop) {
  HopCounter hops;
  SteadyTime now = start;
  std::uint8_t hop = 0;
  for (int i = 0; i < 100; ++i, now = now + Micros{10'000}) {
    hop = hops.in("/a", mixer, now);
    ASSERT_LE(hop, 1);
    hops.out("/a", hop, mixer, now);                             // its own echo
    if (i % 3 == 0) hops.out("/a", 0, HopCounter::others, now);  // and somebody else moves it, too
  }
}

TEST(HopCounter, WhatComesByItselfOrMuchLaterBeginsAnew) {
  HopCounter hops;
  EXPECT_EQ(hops.in("/a", mixer, start), 0);
  hops.out("/a", 5, HopCounter::others, start);
  EXPECT_EQ(hops.in("/b", mixer, start), 0);
  EXPECT_EQ(hops.in("/a", mixer, start), 6);
  EXPECT_EQ(hops.last("/a", start), 5);
  EXPECT_EQ(hops.in("/a", mixer, start + Micros{300'000}), 0);
  EXPECT_EQ(hops.last("/a", start + Micros{300'000}), 0);
}

TEST(HopCounter, RemembersNoMoreAddressesThanItMay) {
  HopCounter hops(Micros{250'000}, 2);
  for (const char* address : {"/a", "/b", "/c"}) hops.out(address, 3, HopCounter::others, start);
  EXPECT_EQ(hops.size(), 2U);
  EXPECT_EQ(hops.in("/a", mixer, start), 0);
  EXPECT_EQ(hops.in("/c", mixer, start), 4);
}

}  // namespace
}  // namespace clasp::mapping
