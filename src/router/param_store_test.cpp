#include "router/param_store.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/address.hpp"
#include "router/allocations_testing.hpp"
#include "router/param_values_testing.hpp"

namespace clasp::router {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr SessionId desk{1};
constexpr SessionId phone{2};

constexpr Ttl never{Ttl::Mode::never, 0};
constexpr Ttl sliding(std::uint32_t seconds) { return {Ttl::Mode::sliding, seconds}; }
constexpr Ttl absolute(std::uint32_t seconds) { return {Ttl::Mode::absolute, seconds}; }
constexpr SteadyTime at_second(double seconds) { return {static_cast<std::int64_t>(seconds * 1e6)}; }

struct With {
  std::optional<Revision> revision{};
  std::optional<Ttl> ttl{};
  bool lock = false;
  bool unlock = false;
  ConflictStrategy strategy = ConflictStrategy::lww;
};

// A store and what sessions do with it, answered in words: "created 1", "2", "lost at 2", "conflict 9 is 1", "held by 1", "full".
class ParamStoreTest : public testing::Test {
 protected:
  ParamStore& start(ParamLimits limits = {}) {
    limits.hash_seed = 7;
    store_.emplace(limits);
    return *store_;
  }
  ParamStore& store() { return store_ ? *store_ : start(); }

  std::string set(std::string_view address, const TestValue& value, SessionId session = desk, const With& with = {}) {
    const ParamWrite write{.address = address,
                           .value = value.view(),
                           .expected = with.revision,
                           .ttl = with.ttl,
                           .lock = with.lock,
                           .unlock = with.unlock,
                           .session = session,
                           .writer = WriterId{static_cast<std::uint32_t>(session)}};
    if (const auto checked = store().check(write); !checked) {
      const Refused& refused = checked.error();
      switch (refused.why) {
        case Refusal::revision_conflict: return fmt::format("conflict {} is {}", refused.expected, refused.actual);
        case Refusal::lock_held: return fmt::format("held by {}", static_cast<std::uint64_t>(refused.holder));
        case Refusal::at_capacity: return "full";
      }
    }
    std::string evicted;
    if (!store().find(address)) {
      if (const auto victim = store().eviction_victim()) {
        evicted = fmt::format(" instead of {}", store().record(*victim).address);
        store().remove(*victim);
      }
    }
    ++seq_;
    const Written written = store().write(write, seq_, UnixTime{1'000 + seq_}, now_, with.strategy);
    if (written.lost) return fmt::format("lost at {}", written.revision);
    return fmt::format("{}{}{}", written.created ? "created " : "", written.revision, evicted);
  }
  // "value rev=2 by 1 locked by 1", "-" if it is missing.
  std::string get(std::string_view address) {
    const auto record = store().find_record(address);
    if (!record) return "-";
    EXPECT_EQ(record->address, address);
    std::string text = fmt::format("{} rev={} by {}", show(record->value), record->revision, static_cast<std::uint32_t>(record->writer));
    if (record->lock_holder != nobody) text += fmt::format(" locked by {}", static_cast<std::uint64_t>(record->lock_holder));
    return text;
  }
  Revision remove(std::string_view address) { return store().remove(store().find(address).value()); }
  void touch(std::string_view address) { store().touch(store().find(address).value(), now_); }
  void at(double second) { now_ = at_second(second); }
  std::vector<std::string> expire() {
    std::vector<EntryId> entries;
    store().expired(now_, 1'000, entries);
    std::vector<std::string> addresses;
    for (const EntryId entry : entries) {
      addresses.emplace_back(store().record(entry).address);
      store().remove(entry);
    }
    return addresses;
  }
  std::vector<std::string> matches(std::string_view pattern) {
    std::vector<std::string> found;
    const Pattern parsed = Pattern::parse(pattern).value();
    std::string after;
    while (const auto entry = store().next_match(parsed, after)) {
      after = store().record(*entry).address;
      found.push_back(after);
    }
    return found;
  }
  std::uint64_t visits_of(std::string_view pattern) {
    const std::uint64_t before = store().visited();
    matches(pattern);
    return store().visited() - before;
  }

  std::optional<ParamStore> store_;
  Seq seq_ = 0;
  SteadyTime now_;
};

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
  EXPECT_THAT(released, ElementsAre("/c", "/b"));
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

// ---- Lifetimes ----

TEST_F(ParamStoreTest, ASlidingLifetimeCountsFromTheLastWriteOrReadToTheMicrosecond) {
  set("/a", 1, desk, {.ttl = sliding(10)});
  EXPECT_EQ(store().next_expiry(), at_second(10));
  at(9);
  set("/a", 2);
  at(18);
  touch("/a");
  at(27.999999);
  EXPECT_THAT(expire(), IsEmpty());
  EXPECT_EQ(store().next_expiry(), at_second(28));
  at(28);
  EXPECT_THAT(expire(), ElementsAre("/a"));
  EXPECT_EQ(store().next_expiry(), std::nullopt);
  EXPECT_EQ(set("/a", 3), "created 4");
}

TEST_F(ParamStoreTest, AnAbsoluteLifetimeCountsFromTheLastWriteOnly) {
  set("/a", 1, desk, {.ttl = absolute(10)});
  at(5);
  set("/a", 2);
  touch("/a");
  at(14);
  touch("/a");
  at(15);
  EXPECT_THAT(expire(), ElementsAre("/a"));
}

TEST_F(ParamStoreTest, WithoutADefaultAParamWithoutLifetimeStaysForever) {
  set("/a", 1);
  set("/b", 1, desk, {.ttl = never});
  EXPECT_EQ(store().next_expiry(), std::nullopt);
  at(1e9);
  EXPECT_THAT(expire(), IsEmpty());
}

TEST_F(ParamStoreTest, TheDefaultLifetimeSlidesAndIsForParamsWithoutTheirOwn) {
  start({.default_ttl_us = 1'500'000});
  set("/default", 1);
  set("/never", 1, desk, {.ttl = never});
  set("/longer", 1, desk, {.ttl = sliding(2)});
  at(1);
  touch("/default");
  at(2.499999);
  EXPECT_THAT(expire(), ElementsAre("/longer"));
  at(2.5);
  EXPECT_THAT(expire(), ElementsAre("/default"));
  EXPECT_EQ(store().size(), 1u);
}

TEST_F(ParamStoreTest, ALifetimeIsReplacedOnlyIfOneIsGivenAndMayBecomeShorterOrEndless) {
  set("/a", 1, desk, {.ttl = sliding(100)});
  set("/a", 2);
  EXPECT_EQ(store().find_record("/a")->ttl, sliding(100));
  set("/a", 3, desk, {.ttl = absolute(3)});
  EXPECT_EQ(store().next_expiry(), at_second(3)) << "a shorter lifetime moves up at once";
  set("/a", 4, desk, {.ttl = never});
  EXPECT_EQ(store().find_record("/a")->ttl, never);
  EXPECT_EQ(store().next_expiry(), std::nullopt);
  set("/a", 5, desk, {.ttl = sliding(7)});
  EXPECT_EQ(store().next_expiry(), at_second(7));
}

TEST_F(ParamStoreTest, ExpiredParamsComeInPortionsInOrderOfTheirEndAndStayDueUntilRemoved) {
  for (int i = 1; i <= 5; ++i) set(fmt::format("/{}", i), 1, desk, {.ttl = absolute(static_cast<std::uint32_t>(10 - i))});
  at(20);
  std::vector<EntryId> due;
  store().expired(now_, 2, due);
  ASSERT_EQ(due.size(), 2u);
  EXPECT_EQ(store().record(due[0]).address, "/5");
  EXPECT_EQ(store().record(due[1]).address, "/4");
  EXPECT_EQ(store().next_expiry(), at_second(5)) << "not removed yet";
  EXPECT_THAT(expire(), ElementsAre("/5", "/4", "/3", "/2", "/1"));
}

TEST_F(ParamStoreTest, ManyRenewedLifetimesThatSurfaceTogetherDelayNobodyForLongButAreAllFound) {
  constexpr int params = 10'000;
  for (int i = 0; i < params; ++i) set(fmt::format("/{}", i), 1, desk, {.ttl = sliding(10)});
  at(5);
  for (int i = 0; i < params; ++i) set(fmt::format("/{}", i), 2);
  at(10);
  int calls = 0;
  for (; store().next_expiry() <= now_; ++calls) ASSERT_THAT(expire(), IsEmpty());
  EXPECT_GT(calls, 1);
  EXPECT_LT(calls, 10);
  EXPECT_EQ(store().next_expiry(), at_second(15));
}

// ---- Capacity ----

TEST_F(ParamStoreTest, AFullStoreRefusesNewAddressesAndStillTakesWritesOfOldOnes) {
  start({.params_max = 2});
  set("/a", 1);
  set("/b", 1);
  EXPECT_EQ(set("/c", 1), "full");
  EXPECT_EQ(set("/a", 2), "2");
  EXPECT_FALSE(store().restore("/c", TestValue(1).view(), 1, {}, {}, std::nullopt, 1, now_));
  EXPECT_TRUE(store().restore("/b", TestValue(1).view(), 9, {}, {}, std::nullopt, 1, now_));
  remove("/a");
  EXPECT_EQ(set("/c", 1), "created 1");
}

TEST_F(ParamStoreTest, LruEvictsWhatWasNotWrittenOrReadForLongest) {
  start({.params_max = 3, .eviction = EvictionPolicy::lru});
  for (const std::string_view address : {"/a", "/b", "/c"}) set(address, 1);
  set("/a", 2);
  touch("/b");
  EXPECT_EQ(set("/d", 1), "created 1 instead of /c");
  EXPECT_EQ(set("/c", 1), "created 3 instead of /a");
  EXPECT_EQ(store().size(), 3u);
}

TEST_F(ParamStoreTest, OldestFirstEvictsByCreation) {
  start({.params_max = 2, .eviction = EvictionPolicy::oldest_first});
  set("/a", 1);
  EXPECT_EQ(store().eviction_victim(), std::nullopt) << "there is room";
  set("/b", 1);
  set("/a", 2);
  EXPECT_EQ(set("/c", 1), "created 1 instead of /a");
  EXPECT_EQ(set("/d", 1), "created 1 instead of /b");
}

TEST_F(ParamStoreTest, RefusingHasNoVictim) {
  start({.params_max = 1});
  set("/a", 1);
  EXPECT_EQ(store().eviction_victim(), std::nullopt);
}

// ---- Entries and memory ----

TEST_F(ParamStoreTest, AnEntryKeepsItsMatchSlotUntilItIsRemoved) {
  set("/a", 1);
  const EntryId entry = store().find("/a").value();
  store().match_slot(entry) = {.generation = 3, .set = 4};
  set("/a", "a value of quite another size");
  EXPECT_EQ(store().find("/a"), entry);
  EXPECT_EQ(store().match_slot(entry).generation, 3u);
  EXPECT_EQ(store().match_slot(entry).set, 4u);
  remove("/a");
  set("/b", 1);
  EXPECT_EQ(store().find("/b"), entry) << "ids are reused";
  EXPECT_EQ(store().match_slot(entry).generation, 0u);
}

TEST_F(ParamStoreTest, ValuesOfAllSizesAreKeptAndReplaceEachOther) {
  for (const std::size_t bytes : {0u, 1u, 60u, 61u, 70u, 1'000u, 65'000u, 3u, 65'535u, 0u, 40'000u}) {
    const std::string text(bytes, static_cast<char>('a' + bytes % 26));
    set("/a", TestValue(text));
    EXPECT_EQ(show(store().find_record("/a")->value), fmt::format("\"{}\"", text));
    set("/a", TestValue());
    EXPECT_EQ(get("/a").substr(0, 5), "null ");
  }
}

TEST_F(ParamStoreTest, AnAddressOfEveryLengthIsFound) {
  for (std::size_t bytes = 1; bytes <= 1'024; ++bytes) set("/" + std::string(bytes - 1, 'x'), static_cast<int>(bytes));
  for (std::size_t bytes = 1; bytes <= 1'024; ++bytes) {
    const auto record = store().find_record("/" + std::string(bytes - 1, 'x'));
    ASSERT_TRUE(record);
    EXPECT_EQ(show(record->value), fmt::format("{}", bytes));
  }
}

TEST_F(ParamStoreTest, WritingAnExistingParamWithAValueOfItsSizeClassAllocatesNothing) {
  start({.eviction = EvictionPolicy::lru, .default_ttl_us = 1'000'000});
  const TestValue value(0.5);
  const TestValue text("abcdef");  // 8 bytes, too
  const std::string address = "/lights/1/dim";
  set(address, value);
  const std::uint64_t before = allocations_so_far();
  for (int i = 0; i < 1'000; ++i) {
    const ParamWrite write{.address = address, .value = i % 2 ? value.view() : text.view(), .session = desk, .writer = WriterId{1}};
    ASSERT_TRUE(store().check(write));
    store().write(write, ++seq_, {}, now_, ConflictStrategy::lww);
    store().touch(*store().find(address), now_);
  }
  EXPECT_EQ(allocations_so_far(), before);
}

TEST_F(ParamStoreTest, WalkingAllocatesNothingPerMatch) {
  for (int i = 0; i < 1'000; ++i) set(fmt::format("/x/{:04}/dim", i), i);
  const Pattern pattern = Pattern::parse("/x/*/dim").value();
  std::string after(64, ' ');
  after = "/x";
  (void)store().next_match(pattern, after);
  const std::uint64_t before = allocations_so_far();
  int found = 0;
  for (; const auto entry = store().next_match(pattern, after); ++found) after = store().record(*entry).address;
  EXPECT_EQ(found, 1'000);
  EXPECT_LE(allocations_so_far() - before, 1u) << "the first jump makes room for its target";
}

TEST_F(ParamStoreTest, MemoryIsReusedWhenParamsComeAndGo) {
  const auto fill_and_empty = [this] {
    for (int i = 0; i < 5'000; ++i)
      set(fmt::format("/some/address/{:06}", i), "some text that takes a few dozen bytes", desk, {.ttl = sliding(9), .lock = true});
    const std::size_t full = store().memory_bytes();
    for (int i = 0; i < 5'000; ++i) remove(fmt::format("/some/address/{:06}", i));
    return full;
  };
  const std::size_t first = fill_and_empty();
  fill_and_empty();
  const std::size_t third = fill_and_empty();
  EXPECT_EQ(store().size(), 0u);
  EXPECT_LT(third, first + first / 4) << "the second round adds the revisions of removed params, nothing else grows";
}

// ---- Walks ----

TEST_F(ParamStoreTest, AWalkFindsWhatMatchesInAddressOrderSoThatASubtreeComesTogether) {
  for (const std::string_view address : {"/b", "/a!", "/a/c/d", "/a", "/a/c", "/ab/c", "/a/", "/a/b", "/a0"}) set(address, 1);
  EXPECT_THAT(matches("/**"), ElementsAre("/a", "/a/", "/a/b", "/a/c", "/a/c/d", "/a!", "/a0", "/ab/c", "/b"));
  EXPECT_THAT(matches("/a/**"), ElementsAre("/a", "/a/", "/a/b", "/a/c", "/a/c/d"));
  EXPECT_THAT(matches("/a/*"), ElementsAre("/a/", "/a/b", "/a/c"));
  EXPECT_THAT(matches("/*/c"), ElementsAre("/a/c", "/ab/c"));
  EXPECT_THAT(matches("/a*"), ElementsAre("/a", "/a!", "/a0"));
  EXPECT_THAT(matches("/**/d"), ElementsAre("/a/c/d"));
  EXPECT_THAT(matches("/a/c"), ElementsAre("/a/c"));
  EXPECT_THAT(matches("/c/**"), IsEmpty());
  EXPECT_THAT(matches("/a/x"), IsEmpty());
}

TEST_F(ParamStoreTest, AWalkGoesOnAfterAnAddressThatIsGoneOrNeverMatched) {
  for (const std::string_view address : {"/a/1", "/a/3", "/a/5"}) set(address, 1);
  const Pattern pattern = Pattern::parse("/a/*").value();
  const auto next = [&](std::string_view after) {
    const auto entry = store().next_match(pattern, after);
    return entry ? std::string(store().record(*entry).address) : "-";
  };
  EXPECT_EQ(next("/a/1"), "/a/3");
  remove("/a/3");
  EXPECT_EQ(next("/a/3"), "/a/5");
  set("/a/4", 1);
  EXPECT_EQ(next("/a/3"), "/a/4");
  EXPECT_EQ(next("/0"), "/a/1");
  EXPECT_EQ(next("/z"), "-");
}

class ParamStoreWalkTest : public ParamStoreTest {
 protected:
  // 100 fixtures with 100 params each below /a, and as much on both sides of it.
  void SetUp() override {
    for (const std::string_view root : {"/0", "/a", "/z"}) {
      for (int child = 0; child < 100; ++child) {
        for (int param = 0; param < 100; ++param) set(fmt::format("{}/{:02}/{:02}", root, child, param), 1);
      }
    }
  }
};

TEST_F(ParamStoreWalkTest, ASubtreeIsOneRun) {
  EXPECT_EQ(matches("/a/17/**").size(), 100u);
  EXPECT_LE(visits_of("/a/17/**"), 102u);
  EXPECT_LE(visits_of("/a/**"), 10'002u);
}

TEST_F(ParamStoreWalkTest, AWildcardBetweenCostsAFewLooksAChildWhateverLiesBelow) {
  EXPECT_EQ(matches("/a/*/50").size(), 100u);
  EXPECT_LE(visits_of("/a/*/50"), 400u);
  EXPECT_LE(visits_of("/a/*/nothing"), 400u);
  EXPECT_LE(visits_of("/*/17/50"), 30u);
  EXPECT_LE(visits_of("/a/*"), 202u) << "all children, none of which is a param itself";
}

TEST_F(ParamStoreWalkTest, APartialWildcardJumpsToItsPrefixAndStopsBehindIt) {
  EXPECT_EQ(matches("/a/1*/9*").size(), 100u);
  EXPECT_LE(visits_of("/a/1*/9*"), 150u);
  EXPECT_EQ(matches("/a/*7/33").size(), 10u);
  EXPECT_LE(visits_of("/a/*7/33"), 150u);
}

TEST_F(ParamStoreWalkTest, WhatCannotMatchCostsNextToNothing) {
  EXPECT_LE(visits_of("/a/17/50"), 1u);
  EXPECT_LE(visits_of("/b/**"), 2u);
  EXPECT_LE(visits_of("/a/xx/*"), 2u);
}

}  // namespace
}  // namespace clasp::router
