#include "router/param_store_testing.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

namespace clasp::router {
namespace {

// ---- Revisions (contract 19 and 20; wire format, section 13) ----

TEST_F(ParamStoreTest, ANewAddressStartsAtOneAndEveryAcceptedWriteAddsOneEvenForAnEqualValue) {
  EXPECT_EQ(set("/a", 0.5), "created 1");
  EXPECT_EQ(set("/a", 0.5, phone), "2");
  EXPECT_EQ(get("/a"), "0.5 rev=2 by 2");
}

TEST_F(ParamStoreTest, AWrongExpectedRevisionIsRefusedAndChangesNothing) {
  set("/a", 1);
  EXPECT_EQ(set("/a", 2, phone, {.revision = 9}), "conflict 9 is 1");
  EXPECT_EQ(get("/a"), "1 rev=1 by 1");
  EXPECT_EQ(set("/a", 2, phone, {.revision = 1}), "2");
}

TEST_F(ParamStoreTest, ANewAddressIgnoresTheExpectedRevision) { EXPECT_EQ(set("/a", 1, desk, {.revision = 77}), "created 1"); }

TEST_F(ParamStoreTest, TheRevisionIsCheckedBeforeTheLock) {
  set("/a", 1, desk, {.lock = true});
  EXPECT_EQ(set("/a", 2, phone, {.revision = 9}), "conflict 9 is 1");
}

TEST_F(ParamStoreTest, RemovingTellsTheRevisionOfTheRemovalAndTheNextWriteContinuesAboveIt) {
  set("/a", 1);
  set("/a", 2);
  EXPECT_EQ(remove("/a"), 3u);
  EXPECT_EQ(get("/a"), "-");
  EXPECT_EQ(set("/a", 3), "created 4");
  EXPECT_EQ(set("/other", 1), "created 1");
}

TEST_F(ParamStoreTest, RaisingLiftsTheNextRevisionOfEveryAddressOnce) {
  set("/old", 1);
  set("/gone", 1);
  remove("/gone");
  store().raise_revisions(1'000);
  EXPECT_EQ(get("/old"), "1 rev=1 by 1") << "what was sent stays true until the next write";
  EXPECT_EQ(set("/old", 2, desk, {.revision = 1}), "1002");
  EXPECT_EQ(set("/old", 3), "1003");
  EXPECT_EQ(set("/gone", 3), "created 1003");
  EXPECT_EQ(set("/new", 1), "created 1001");
  store().raise_revisions(10);
  store().raise_revisions(10);
  EXPECT_EQ(set("/old", 4), "1024");
  EXPECT_EQ(remove("/new"), 1'022u);
  EXPECT_EQ(set("/new", 2), "created 1023");
}

TEST_F(ParamStoreTest, RestoredParamsAreRaisedWhetherTheyComeBeforeOrAfterTheRaise) {
  store().restore("/before", TestValue(1).view(), 5, WriterId{9}, UnixTime{77}, std::nullopt, 3, now_);
  store().raise_revisions(1'000);
  store().restore("/after", TestValue(1).view(), 5, WriterId{9}, UnixTime{77}, std::nullopt, 4, now_);
  EXPECT_EQ(set("/before", 2), "1006");
  EXPECT_EQ(set("/after", 2), "1006");
}

TEST_F(ParamStoreTest, ARevisionAtTheEndOfItsRangeStaysThereInsteadOfWrapping) {
  constexpr Revision last = std::numeric_limits<Revision>::max();
  store().restore("/a", TestValue(1).view(), last, WriterId{9}, UnixTime{77}, std::nullopt, 3, now_);
  EXPECT_EQ(set("/a", 2), fmt::format("{}", last));
  EXPECT_EQ(remove("/a"), last);
  EXPECT_EQ(set("/a", 2), fmt::format("created {}", last));
}

TEST_F(ParamStoreTest, RestoreGivesEverythingAsItWas) {
  ASSERT_TRUE(store().restore("/a", TestValue("x").view(), 42, WriterId{9}, UnixTime{77}, sliding(5), 3, now_));
  const ParamRecord record = store().find_record("/a").value();
  EXPECT_EQ(show(record.value), "\"x\"");
  EXPECT_EQ(record.revision, 42u);
  EXPECT_EQ(record.writer, WriterId{9});
  EXPECT_EQ(record.time, UnixTime{77});
  EXPECT_EQ(record.last_seq, 3u);
  EXPECT_EQ(record.ttl, sliding(5));
  EXPECT_EQ(set("/a", 1), "43");
}

TEST_F(ParamStoreTest, AWriteIsRememberedWithItsPositionWriterAndTime) {
  set("/a", 1);
  set("/a", 2, phone);
  const ParamRecord record = store().find_record("/a").value();
  EXPECT_EQ(record.last_seq, 2u);
  EXPECT_EQ(record.time, UnixTime{1'002});
  EXPECT_EQ(record.writer, WriterId{2});
}

// ---- Strategies ----

TEST_F(ParamStoreTest, MaxKeepsTheLargerNumberAndTheLoserChangesNothing) {
  const With max{.strategy = ConflictStrategy::max};
  set("/a", 5, desk, max);
  EXPECT_EQ(set("/a", 5, phone), "lost at 1");
  EXPECT_EQ(set("/a", 4, phone), "lost at 1");
  EXPECT_EQ(get("/a"), "5 rev=1 by 1");
  EXPECT_EQ(set("/a", 6, phone), "2");
}

TEST_F(ParamStoreTest, MinKeepsTheSmallerNumber) {
  set("/a", -0.5, desk, {.strategy = ConflictStrategy::min});
  EXPECT_EQ(set("/a", 0.0), "lost at 1");
  EXPECT_EQ(set("/a", -0.75), "2");
}

TEST_F(ParamStoreTest, ValuesThatCannotBeComparedReplaceEachOtherUnderMaxAndMin) {
  for (const ConflictStrategy strategy : {ConflictStrategy::max, ConflictStrategy::min}) {
    start();
    set("/a", 5, desk, {.strategy = strategy});
    EXPECT_EQ(set("/a", 1.0), "2");
    EXPECT_EQ(set("/a", 9), "3");
    EXPECT_EQ(set("/a", "text"), "4");
    EXPECT_EQ(set("/a", "other"), "5");
    EXPECT_EQ(set("/a", TestValue()), "6");
    EXPECT_EQ(set("/a", TestValue()), "7");
  }
}

TEST_F(ParamStoreTest, NanNeverWinsAndAnyNumberWinsAgainstIt) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  set("/a", 5, desk, {.strategy = ConflictStrategy::max});
  EXPECT_EQ(set("/a", nan), "lost at 1");
  set("/b", nan, desk, {.strategy = ConflictStrategy::min});
  EXPECT_EQ(set("/b", nan), "lost at 1");
  EXPECT_EQ(set("/b", 1e9), "2");
}

TEST_F(ParamStoreTest, ALosingWriteAppliesNoLockFlagAndNoLifetime) {
  set("/a", 5, desk, {.strategy = ConflictStrategy::max});
  EXPECT_EQ(set("/a", 1, desk, {.ttl = sliding(5), .lock = true}), "lost at 1");
  EXPECT_EQ(get("/a"), "5 rev=1 by 1");
  EXPECT_EQ(store().find_record("/a")->ttl, std::nullopt);
  EXPECT_EQ(store().next_expiry(), std::nullopt);
  set("/a", 6, desk, {.lock = true});
  EXPECT_EQ(set("/a", 1, desk, {.unlock = true}), "lost at 2");
  EXPECT_EQ(get("/a"), "6 rev=2 by 1 locked by 1");
}

TEST_F(ParamStoreTest, TheStrategyOfAParamCanBeChanged) {
  set("/a", 5);
  const EntryId entry = store().find("/a").value();
  EXPECT_TRUE(store().strategy_accepts(entry, TestValue(1).view()));
  store().set_strategy(entry, ConflictStrategy::max);
  EXPECT_FALSE(store().strategy_accepts(entry, TestValue(1).view()));
  EXPECT_EQ(set("/a", 1), "lost at 1");
  EXPECT_EQ(store().record(entry).strategy, ConflictStrategy::max);
}

TEST_F(ParamStoreTest, UnderTheLockStrategyAWriteThatSkipsTheChecksStillLosesAgainstTheHolder) {
  set("/a", 1, desk, {.lock = true, .strategy = ConflictStrategy::lock});
  const TestValue two(2);
  const ParamWrite remote{.address = "/a", .value = two.view(), .session = phone};
  EXPECT_TRUE(store().write(remote, 9, {}, now_, ConflictStrategy::lww).lost);
  EXPECT_EQ(get("/a"), "1 rev=1 by 1 locked by 1");
}

TEST_F(ParamStoreTest, AWriteThatSkipsTheChecksLeavesSomebodyElsesLockAlone) {
  set("/a", 1, desk, {.lock = true});
  const TestValue two(2);
  store().write({.address = "/a", .value = two.view(), .unlock = true, .session = phone, .writer = WriterId{2}}, 9, {}, now_, ConflictStrategy::lww);
  EXPECT_EQ(get("/a"), "2 rev=2 by 2 locked by 1");
  store().write({.address = "/a", .value = two.view(), .lock = true, .session = phone, .writer = WriterId{2}}, 9, {}, now_, ConflictStrategy::lww);
  EXPECT_EQ(get("/a"), "2 rev=3 by 2 locked by 1");
}

TEST_F(ParamStoreTest, AWallClockThatStepsBackRefusesNothing) {
  const TestValue value(1);
  const ParamWrite write{.address = "/a", .value = value.view()};
  store().write(write, 1, UnixTime{5'000}, now_, ConflictStrategy::lww);
  EXPECT_EQ(store().write(write, 2, UnixTime{10}, now_, ConflictStrategy::lww).revision, 2u);
}

// ---- Locks (wire format 22.7) ----

TEST_F(ParamStoreTest, OnlyTheHolderWritesALockedParam) {
  EXPECT_EQ(set("/a", 1, desk, {.lock = true}), "created 1");
  EXPECT_EQ(set("/a", 2, phone), "held by 1");
  EXPECT_EQ(set("/a", 2, phone, {.lock = true}), "held by 1");
  EXPECT_EQ(set("/a", 2, nobody), "held by 1");
  EXPECT_EQ(set("/a", 2, desk), "2");
  EXPECT_EQ(get("/a"), "2 rev=2 by 1 locked by 1");
  EXPECT_EQ(set("/a", 3, desk, {.unlock = true}), "3");
  EXPECT_EQ(set("/a", 4, phone, {.lock = true}), "4");
  EXPECT_EQ(get("/a"), "4 rev=4 by 2 locked by 2");
}

TEST_F(ParamStoreTest, UnlockingSomebodyElsesLockIsRefused) {
  set("/a", 1, desk, {.lock = true});
  EXPECT_EQ(set("/a", 2, phone, {.unlock = true}), "held by 1");
  EXPECT_EQ(set("/a", 2, phone, {.lock = true, .unlock = true}), "held by 1");
  EXPECT_EQ(get("/a"), "1 rev=1 by 1 locked by 1");
}

TEST_F(ParamStoreTest, LockAndUnlockTogetherKeepTheLock) {
  set("/a", 1, desk, {.lock = true, .unlock = true});
  EXPECT_EQ(get("/a"), "1 rev=1 by 1 locked by 1");
  set("/a", 2, desk, {.lock = true, .unlock = true});
  EXPECT_EQ(get("/a"), "2 rev=2 by 1 locked by 1");
}

TEST_F(ParamStoreTest, UnlockingWhatIsNotLockedIsAPlainWrite) {
  EXPECT_EQ(set("/a", 1, desk, {.unlock = true}), "created 1");
  EXPECT_EQ(set("/a", 2, phone, {.unlock = true}), "2");
}

TEST_F(ParamStoreTest, TheEndOfASessionFreesItsLocksAndNoOthersInTheOrderTheyWereTaken) {
  for (const std::string_view address : {"/c", "/a", "/b", "/z"}) set(address, 1, desk, {.lock = true});
  set("/other", 1, phone, {.lock = true});
  set("/a", 2, desk, {.unlock = true});
  remove("/z");
  std::vector<std::string> released;
  store().release_locks(desk, [&](EntryId entry) {
    EXPECT_EQ(store().lock_holder(entry), nobody);
    released.emplace_back(store().record(entry).address);
  });
  EXPECT_THAT(released, testing::ElementsAre("/c", "/b"));
  EXPECT_EQ(set("/c", 2, phone), "2");
  EXPECT_EQ(set("/other", 2, desk), "held by 2");
  store().release_locks(desk, [](EntryId) { FAIL() << "nothing is left"; });
}

TEST_F(ParamStoreTest, WhoeverIsToldOfAReleasedLockMayRemoveTheOtherParams) {
  for (const std::string_view address : {"/a", "/b", "/c"}) set(address, 1, desk, {.lock = true});
  int told = 0;
  store().release_locks(desk, [&](EntryId) {
    ++told;
    if (store().find("/b")) remove("/b");
  });
  EXPECT_EQ(told, 2);
}

TEST_F(ParamStoreTest, ALockGoesWithItsParam) {
  set("/a", 1, desk, {.lock = true});
  remove("/a");
  EXPECT_EQ(set("/a", 2, phone), "created 3");
  EXPECT_EQ(get("/a"), "2 rev=3 by 2");
}

TEST_F(ParamStoreTest, ALockCanBeGivenAndTakenWithoutAWrite) {
  set("/a", 1);
  const EntryId entry = store().find("/a").value();
  store().set_lock(entry, phone);
  EXPECT_EQ(get("/a"), "1 rev=1 by 1 locked by 2");
  store().set_lock(entry, desk);
  EXPECT_EQ(store().lock_holder(entry), desk);
  store().set_lock(entry, nobody);
  store().set_lock(entry, nobody);
  EXPECT_EQ(set("/a", 2, phone), "2");
}

}  // namespace
}  // namespace clasp::router
