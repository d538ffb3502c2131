#include "bridge/remote/own_writes.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace clasp::bridge {
namespace {

using client::Ticket;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class OwnWritesTest : public ::testing::Test {
 protected:
  void wrote(std::uint64_t ticket, std::string_view address, std::uint32_t peer) { writes_.wrote(Ticket{ticket}, address, PeerTag{peer}); }
  void wrote_bundle(std::uint64_t ticket, std::vector<std::string> addresses, std::uint32_t peer, std::int64_t hold_from = 0) {
    writes_.wrote_bundle(Ticket{ticket}, std::move(addresses), {hold_from}, PeerTag{peer});
  }
  void comes(std::string address, std::uint64_t revision, bool snapshot = false) {
    writes_.arrived({.address = std::move(address), .value = std::string(1, '\0'), .revision = revision, .snapshot = snapshot}, {now_}, ready_);
  }
  void answered(std::uint64_t ticket, std::uint64_t revision) { writes_.settled(Ticket{ticket}, revision, ready_); }
  void unanswered(std::uint64_t ticket) { writes_.settled(Ticket{ticket}, std::nullopt, ready_); }
  std::vector<std::string> delivered() {
    std::vector<std::string> lines;
    for (const HeldSet& set : std::exchange(ready_, {})) {
      lines.push_back(fmt::format("{} {}{}", set.address, set.revision, set.own ? fmt::format(" own {}", static_cast<std::uint32_t>(set.peer)) : ""));
    }
    return lines;
  }
  void expect_empty() {
    EXPECT_EQ(writes_.pending(), 0U);
    EXPECT_EQ(writes_.held(), 0U);
  }

  std::int64_t now_ = 1'000;
  OwnWrites writes_{5};
  std::vector<HeldSet> ready_;
};

TEST_F(OwnWritesTest, LetsForeignSetsPassAtOnce) {
  comes("/a", 1);
  wrote(1, "/b", 7);
  comes("/a", 2);
  EXPECT_THAT(delivered(), ElementsAre("/a 1", "/a 2"));
}

TEST_F(OwnWritesTest, TellsOwnFromForeignByTheRevision) {
  wrote(1, "/a", 7);
  comes("/a", 5);  // somebody else was faster
  comes("/a", 6);
  comes("/a", 7);
  EXPECT_THAT(delivered(), IsEmpty());
  answered(1, 6);
  EXPECT_THAT(delivered(), ElementsAre("/a 5", "/a 6 own 7", "/a 7"));
  expect_empty();
}

TEST_F(OwnWritesTest, KeepsSeveralWritesOfOneAddressApart) {
  wrote(1, "/a", 7);
  wrote(2, "/a", 8);
  comes("/a", 1);
  answered(1, 1);
  EXPECT_THAT(delivered(), ElementsAre("/a 1 own 7"));
  comes("/a", 2);
  comes("/a", 3);
  answered(2, 3);
  EXPECT_THAT(delivered(), ElementsAre("/a 2", "/a 3 own 8"));
  expect_empty();
}

TEST_F(OwnWritesTest, LetsEverythingGoWhenTheWriteWasRefusedOrNeverAnswered) {
  wrote(1, "/a", 7);
  comes("/a", 4);
  unanswered(1);
  EXPECT_THAT(delivered(), ElementsAre("/a 4"));
  unanswered(1);
  answered(99, 1);
  expect_empty();
}

TEST_F(OwnWritesTest, NeedsNoEcho) {
  wrote(1, "/a", 7);  // we are not subscribed to it, or a slow link shows a newer value only
  answered(1, 3);
  wrote(2, "/a", 7);
  comes("/a", 9);
  answered(2, 4);
  EXPECT_THAT(delivered(), ElementsAre("/a 9"));
  expect_empty();
}

TEST_F(OwnWritesTest, DoesNotHoldSnapshots) {
  wrote(1, "/a", 7);
  comes("/a", 1);
  comes("/a", 1, true);
  EXPECT_THAT(delivered(), ElementsAre("/a 1", "/a 1")) << "in order, so what was held goes first";
}

TEST_F(OwnWritesTest, RecognisesAllMembersOfABundle) {
  wrote_bundle(1, {"/a", "/b", "/c"}, 7);
  comes("/a", 1);  // foreign
  comes("/a", 2);
  comes("/b", 1);
  comes("/c", 5);
  comes("/b", 2);  // foreign again
  comes("/x", 1);
  EXPECT_THAT(delivered(), ElementsAre("/x 1"));
  answered(1, 5);
  EXPECT_THAT(delivered(), ElementsAre("/a 1", "/a 2 own 7", "/b 1 own 7", "/c 5 own 7", "/b 2"));
  expect_empty();
}

TEST_F(OwnWritesTest, RecognisesAnAddressThatABundleWritesTwice) {
  wrote_bundle(1, {"/a", "/a"}, 7);
  comes("/a", 1);
  comes("/a", 2);
  answered(1, 2);
  EXPECT_THAT(delivered(), ElementsAre("/a 1 own 7", "/a 2 own 7"));
  expect_empty();
}

TEST_F(OwnWritesTest, HoldsForAScheduledBundleOnlyWhenItIsDue) {
  wrote_bundle(1, {"/a"}, 7, 5'000);
  comes("/a", 1);
  EXPECT_THAT(delivered(), ElementsAre("/a 1"));
  now_ = 5'000;
  comes("/a", 2);
  EXPECT_THAT(delivered(), IsEmpty());
  answered(1, 2);
  EXPECT_THAT(delivered(), ElementsAre("/a 2 own 7"));
  expect_empty();
}

TEST_F(OwnWritesTest, BoundsWhatItHolds) {
  wrote(1, "/a", 7);
  for (std::uint64_t revision = 1; revision <= 7; ++revision) comes("/a", revision);
  EXPECT_THAT(delivered(), ElementsAre("/a 1", "/a 2", "/a 3", "/a 4", "/a 5", "/a 6"));
  EXPECT_EQ(writes_.passed_unchecked(), 1U);
  EXPECT_EQ(writes_.held(), 1U);
}

TEST_F(OwnWritesTest, IgnoresBundlesOfEventsOnly) {
  wrote_bundle(1, {}, 7);
  answered(1, 0);
  expect_empty();
}

}  // namespace
}  // namespace clasp::bridge
