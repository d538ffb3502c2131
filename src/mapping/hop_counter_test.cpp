#include "mapping/hop_counter.hpp"

#include <gtest/gtest.h>

namespace clasp::mapping {
namespace {

constexpr SteadyTime start{1'000'000};

TEST(HopCounter, CountsARoundTripAfterTheOtherUpToTheEnd) {
  HopCounter hops;
  SteadyTime now = start;
  std::uint8_t hop = 0;
  for (int round = 1; round <= hops_max; ++round) {
    hops.out("/a", hop, now);
    now = now + Micros{5'000};
    hop = hops.in("/a", now);
    EXPECT_EQ(hop, round);
  }
  hops.out("/a", hop, now);
  EXPECT_GT(hops.in("/a", now), hops_max) << "here it ends";
}

TEST(HopCounter, WhatComesByItselfOrMuchLaterBeginsAnew) {
  HopCounter hops;
  EXPECT_EQ(hops.in("/a", start), 0);
  hops.out("/a", 5, start);
  EXPECT_EQ(hops.in("/b", start), 0);
  EXPECT_EQ(hops.in("/a", start + Micros{300'000}), 0);
  hops.out("/a", 0, start + Micros{300'000});
  EXPECT_EQ(hops.in("/a", start + Micros{300'000}), 1) << "the old count is forgotten";
}

TEST(HopCounter, RemembersNoMoreAddressesThanItMay) {
  HopCounter hops(Micros{250'000}, 2);
  for (const char* address : {"/a", "/b", "/c"}) hops.out(address, 3, start);
  EXPECT_EQ(hops.size(), 2U);
  EXPECT_EQ(hops.in("/a", start), 0);
  EXPECT_EQ(hops.in("/c", start), 4);
}

}  // namespace
}  // namespace clasp::mapping
