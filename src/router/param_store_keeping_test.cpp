#include "router/param_store_testing.hpp"

#include <gmock/gmock.h>

#include "core/address.hpp"
#include "core/allocations_testing.hpp"

namespace clasp::router {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

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
    ASSERT_FALSE(store().check(write, store().place(write.address)));
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

}  // namespace
}  // namespace clasp::router
