#include "router/removed_revisions.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace clasp::router {
namespace {

// Hashes as a good hash function gives them.
std::uint64_t hash(std::uint64_t number) { return (number + 1) * 0x9e37'79b9'7f4a'7c15; }

TEST(RemovedRevisions, KnowTheLastRevisionOfEachUntilItIsBack) {
  RemovedRevisions removed;
  removed.remember(hash(1), 7);
  removed.remember(hash(2), 3);
  EXPECT_EQ(removed.floor_of(hash(1)), 7u);
  EXPECT_EQ(removed.floor_of(hash(2)), 3u);
  EXPECT_EQ(removed.floor_of(hash(3)), 0u);
  removed.forget(hash(1));
  EXPECT_EQ(removed.floor_of(hash(1)), 0u);
  EXPECT_EQ(removed.size(), 1u);
  removed.forget(hash(1));
  EXPECT_EQ(removed.size(), 1u);
}

TEST(RemovedRevisions, OnOverflowTheOldestIsOnlyRememberedByTheFloorAboveWhichNewAddressesStart) {
  RemovedRevisions removed;
  removed.remember(hash(0), 50);
  for (std::uint64_t i = 1; i < RemovedRevisions::rows_max; ++i) removed.remember(hash(i), 2);
  EXPECT_EQ(removed.floor_of(hash(999'999)), 0u);
  removed.remember(hash(70'000), 4);
  EXPECT_EQ(removed.size(), RemovedRevisions::rows_max);
  EXPECT_EQ(removed.dropped(), 1u);
  EXPECT_EQ(removed.floor_of(hash(999'999)), 50u);
  EXPECT_EQ(removed.floor_of(hash(0)), 50u);
  EXPECT_EQ(removed.floor_of(hash(1)), 2u) << "its row says it exactly";
  removed.remember(hash(70'001), 4);
  EXPECT_EQ(removed.floor_of(hash(1)), 50u) << "the floor never falls";
}

TEST(RemovedRevisions, ForgottenRowsMakeRoom) {
  RemovedRevisions removed;
  for (std::uint64_t i = 0; i < 3 * RemovedRevisions::rows_max; ++i) {
    removed.remember(hash(i), 9);
    if (i >= 1'000) removed.forget(hash(i - 1'000));
  }
  EXPECT_EQ(removed.dropped(), 0u);
  EXPECT_EQ(removed.size(), 1'000u);
  EXPECT_LT(removed.memory_bytes(), 400'000u);
}

TEST(RemovedRevisions, ARaiseCountsOnceForWhatWasRememberedBeforeIt) {
  RemovedRevisions removed;
  removed.remember(hash(1), 7);
  removed.raise(100);
  const RemovedRevisions::Generation between = removed.generation();
  removed.remember(hash(2), 7);
  removed.raise(1'000);
  EXPECT_EQ(removed.floor_of(hash(1)), 1'107u);
  EXPECT_EQ(removed.floor_of(hash(2)), 1'007u);
  EXPECT_EQ(removed.floor_of(hash(3)), 1'100u) << "new addresses, too";
  EXPECT_EQ(removed.pending(0), 1'100u);
  EXPECT_EQ(removed.pending(between), 1'000u);
  EXPECT_EQ(removed.pending(removed.generation()), 0u);
}

TEST(RemovedRevisions, TwoAddressesOfOneHashShareTheHigherRevision) {
  RemovedRevisions removed;
  removed.remember(hash(1), 7);
  removed.remember(hash(1), 3);
  EXPECT_EQ(removed.floor_of(hash(1)), 7u);
  EXPECT_EQ(removed.size(), 1u);
}

TEST(RemovedRevisions, SumsStopAtTheEndOfTheirRange) {
  constexpr Revision last = std::numeric_limits<Revision>::max();
  EXPECT_EQ(raised(last - 1, 1), last);
  EXPECT_EQ(raised(last, 1), last);
  EXPECT_EQ(raised(5, last), last);
  RemovedRevisions removed;
  removed.remember(hash(1), last - 1);
  removed.raise(last);
  removed.raise(last);
  EXPECT_EQ(removed.floor_of(hash(1)), last);
}

}  // namespace
}  // namespace clasp::router
