// What a flood leaves out of a batch, seen from the hand-over.
#include "store/thinning.hpp"

#include "store/handover.hpp"
#include "store/store_testing.hpp"

namespace clasp::store {
namespace {

using ::testing::ElementsAre;

class ThinningTest : public ::testing::Test {
 protected:
  ThinningTest() { handover_.set_thin_from(0); }
  struct Change {
    router::CommitKind kind = router::CommitKind::set;
    std::string_view address{};
    SignalType signal = SignalType::param;
    GesturePhase phase = GesturePhase::start;
    std::optional<std::uint32_t> id{};
    std::optional<Ttl> ttl{};
    bool lock = false;
  };
  // Its revision is its number; `text`: a value of another size than numbers have.
  void add(const Change& change, std::string_view text = {}) {
    const EncodedValue value = text.empty() ? EncodedValue(Value(1)) : EncodedValue(Value(std::string(text)));
    router::Commit commit;
    commit.seq = ++count_;
    commit.revision = count_;
    commit.kind = change.kind;
    commit.address = change.address;
    commit.signal = change.signal;
    commit.phase = change.phase;
    commit.id = change.id;
    commit.ttl = change.ttl;
    commit.lock = change.lock;
    commit.value = value.view();
    handover_.push({&commit, 1}, SteadyTime{0});
    handover_.whole();
  }
  // The numbers of what is left, in the order of the batch.
  std::vector<std::uint64_t> left() {
    EXPECT_TRUE(handover_.take(batch_, {}, Micros{0}));
    std::vector<std::uint64_t> out;
    lifetimes_.clear();
    for (std::size_t offset = 0; offset < batch_.items.size();) {
      const Item item = next_item(batch_.items.view(), offset);
      if (item.kind != ItemKind::entry) continue;
      out.push_back(item.record.revision);
      lifetimes_.push_back(item.record.ttl);
    }
    EXPECT_EQ(batch_.entries, out.size());
    EXPECT_EQ(batch_.last, count_) << "an ACK counts what was left out as well";
    return out;
  }
  Handover handover_{65'536};
  Batch batch_;
  std::vector<std::optional<Ttl>> lifetimes_;
  std::uint64_t count_ = 0;
};

TEST_F(ThinningTest, OfTheSetsOfOneAddressTheNewestStaysAtThePlaceOfTheFirst) {
  for (const char* address : {"/a", "/b", "/a", "/c", "/a"}) add({.address = address});
  EXPECT_THAT(left(), ElementsAre(5, 2, 4));
  EXPECT_EQ(batch_.thinned, 2U);
  add({.address = "/a"});
  EXPECT_THAT(left(), ElementsAre(6)) << "another batch knows nothing of the last one";
}

TEST_F(ThinningTest, AValueOfAnotherSizeStandsWhereItCame) {
  add({.address = "/a"});
  add({.address = "/b"});
  add({.address = "/a"}, "longer");
  add({.address = "/a"}, "longer still");
  EXPECT_THAT(left(), ElementsAre(2, 4));
  EXPECT_EQ(batch_.thinned, 2U);
}

TEST_F(ThinningTest, EventsLocksAndRemovalsStayAndNothingOvertakesThem) {
  using router::CommitKind;
  for (int i = 0; i < 2; ++i) {
    add({.kind = CommitKind::publish, .address = "/e", .signal = SignalType::event});
    add({.kind = CommitKind::publish, .address = "/g", .signal = SignalType::gesture});
    add({.address = "/l", .lock = true});
    add({.address = "/l"});
    add({.kind = CommitKind::remove, .address = "/r"});
    add({.address = "/r"});
    add({.kind = CommitKind::lock, .address = "/f"});
  }
  EXPECT_THAT(left(), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14));
}

TEST_F(ThinningTest, StreamsAndMovesKeepTheNewestOfEachKind) {
  using router::CommitKind;
  for (int i = 0; i < 2; ++i) {
    add({.kind = CommitKind::publish, .address = "/x", .signal = SignalType::stream});
    add({.kind = CommitKind::publish, .address = "/x", .signal = SignalType::gesture, .phase = GesturePhase::move, .id = 1});
    add({.kind = CommitKind::publish, .address = "/x", .signal = SignalType::gesture, .phase = GesturePhase::move, .id = 2});
    add({.address = "/x"});
  }
  EXPECT_THAT(left(), ElementsAre(5, 6, 7, 8));
}

TEST_F(ThinningTest, ALifetimeIsHandedOnButNotAcrossARemoval) {
  add({.address = "/a", .ttl = Ttl{Ttl::Mode::sliding, 5}});
  add({.address = "/a"});
  add({.address = "/a"}, "text");
  add({.address = "/b", .ttl = Ttl{Ttl::Mode::sliding, 6}});
  add({.kind = router::CommitKind::remove, .address = "/b"});
  add({.address = "/b"});
  EXPECT_THAT(left(), ElementsAre(3, 4, 5, 6));
  EXPECT_EQ(lifetimes_[0], (Ttl{Ttl::Mode::sliding, 5}));
  EXPECT_FALSE(lifetimes_[3]);
}

TEST_F(ThinningTest, WhatIsHandedOverTogetherIsThinnedAsIfItCameOneByOne) {
  struct Given {
    std::string_view address;
    std::optional<Ttl> ttl{};
    bool lock = false;
  };
  const Ttl five{Ttl::Mode::sliding, 5}, six{Ttl::Mode::sliding, 6};
  const std::vector<Given> given{{"/a", five}, {"/a"}, {"/a"}, {"/b"}, {"/a"}, {"/a", {}, true}, {"/a"}, {"/a", six}, {"/a"}, {"/c", six}, {"/c", five}, {"/c"}};
  const EncodedValue value(Value(1));
  std::vector<router::Commit> commits;
  for (const Given& each : given) {
    router::Commit commit;
    commit.seq = commit.revision = ++count_;
    commit.address = each.address;
    commit.ttl = each.ttl;
    commit.lock = each.lock;
    commit.value = value.view();
    commits.push_back(commit);
  }
  handover_.push(commits, SteadyTime{0});
  handover_.whole();
  const auto together = left();
  EXPECT_THAT(together, ElementsAre(5, 4, 6, 9, 12));
  EXPECT_EQ(batch_.thinned, 7U);
  EXPECT_THAT(lifetimes_, ElementsAre(five, std::nullopt, std::nullopt, six, five));

  count_ -= commits.size();
  for (const router::Commit& commit : commits) {
    ++count_;
    handover_.push({&commit, 1}, SteadyTime{0});
  }
  handover_.whole();
  const auto lifetimes = lifetimes_;
  EXPECT_EQ(left(), together);
  EXPECT_EQ(lifetimes_, lifetimes);
}

// Entries behind a snapshot's beginning come on top of it: one before it must not get what came behind it.
TEST_F(ThinningTest, NothingMovesBeforeTheBeginningOfASnapshot) {
  add({.address = "/a"});
  ASSERT_TRUE(handover_.push_snapshot(ItemKind::snapshot_begin, {}, 0));
  add({.address = "/a"});
  add({.address = "/a"});
  EXPECT_THAT(left(), ElementsAre(1, 3));
}

TEST_F(ThinningTest, BeforeSoManyEntriesEverythingIsKept) {
  handover_.set_thin_from(3);
  for (int i = 0; i < 6; ++i) add({.address = "/a"});
  EXPECT_THAT(left(), ElementsAre(1, 2, 3, 6));
}

TEST_F(ThinningTest, OnceABatchIsThinnedItIsToItsEnd) {
  handover_.set_thin_from(2);
  add({.address = "/b"});
  add({.address = "/c"});
  add({.address = "/a"});
  add({.address = "/a"}, "longer");  // the one before is left out: there are no more than before
  handover_.set_thin_from(1'000);
  add({.address = "/a"});
  handover_.set_thin_from(2);
  add({.address = "/a"});
  EXPECT_THAT(left(), ElementsAre(1, 2, 6));
}

TEST_F(ThinningTest, MoreAddressesThanItCanRememberAreKept) {
  Handover large(268'435'456);
  large.set_thin_from(0);
  const EncodedValue value(Value(1));
  router::Commit commit;
  commit.value = value.view();
  for (int round = 1; round <= 2; ++round) {
    for (int i = 0; i < 300'000; ++i) {
      const std::string address = fmt::format("/many/{}", i);
      commit.address = address;
      commit.seq = commit.revision = static_cast<std::uint64_t>(round) * 1'000'000 + static_cast<std::uint64_t>(i);
      large.push({&commit, 1}, SteadyTime{0});
    }
  }
  large.whole();
  ASSERT_TRUE(large.take(batch_, {}, Micros{0}));
  std::map<std::string, std::uint64_t> newest;
  for (std::size_t offset = 0; offset < batch_.items.size();) {
    const Item item = next_item(batch_.items.view(), offset);
    if (item.kind == ItemKind::entry) newest[std::string(item.record.address)] = item.record.revision;
  }
  ASSERT_EQ(newest.size(), 300'000U);
  for (int i = 0; i < 300'000; ++i) ASSERT_EQ(newest[fmt::format("/many/{}", i)], 2'000'000U + static_cast<std::uint64_t>(i));
  EXPECT_EQ(batch_.thinned + batch_.entries, 600'000U);
}

}  // namespace
}  // namespace clasp::store
