#include "router/bundle_scheduler.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace clasp::router {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr SessionId desk{1};
constexpr SessionId tablet{2};

WaitingBundle bundle(SessionId session, std::string_view payload) {
  WaitingBundle waiting;
  waiting.session = session;
  waiting.payload.append(as_bytes(payload));
  return waiting;
}

std::vector<std::string> pop_all(BundleScheduler& scheduler, SteadyTime now) {
  std::vector<std::string> payloads;
  while (const auto due = scheduler.pop_due(now)) payloads.emplace_back(as_text(due->payload.view()));
  return payloads;
}

TEST(BundleScheduler, GivesBundlesOutAtTheirTimeAndNotBefore) {
  BundleScheduler scheduler({});
  ASSERT_TRUE(scheduler.add({200}, bundle(desk, "later")));
  ASSERT_TRUE(scheduler.add({100}, bundle(desk, "sooner")));
  EXPECT_EQ(scheduler.next_deadline(), SteadyTime{100});
  EXPECT_THAT(pop_all(scheduler, {99}), IsEmpty());
  EXPECT_THAT(pop_all(scheduler, {100}), ElementsAre("sooner"));
  EXPECT_EQ(scheduler.next_deadline(), SteadyTime{200});
  EXPECT_THAT(pop_all(scheduler, {1'000}), ElementsAre("later"));
  EXPECT_EQ(scheduler.next_deadline(), std::nullopt);
}

TEST(BundleScheduler, KeepsTheOrderOfReceiptForEqualTimesAsContract23Says) {
  BundleScheduler scheduler({});
  for (const std::string_view name : {"a", "b", "c"}) ASSERT_TRUE(scheduler.add({5}, bundle(name == "b" ? tablet : desk, name)));
  EXPECT_THAT(pop_all(scheduler, {5}), ElementsAre("a", "b", "c"));
}

TEST(BundleScheduler, KeepsWhoSentABundleAndHow) {
  BundleScheduler scheduler({});
  WaitingBundle waiting = bundle(desk, "x");
  waiting.qos = Qos::commit;
  waiting.provenance.writer = WriterId{7};
  ASSERT_TRUE(scheduler.add({5}, std::move(waiting)));
  const auto due = scheduler.pop_due({5});
  ASSERT_TRUE(due);
  EXPECT_EQ(due->session, desk);
  EXPECT_EQ(due->qos, Qos::commit);
  EXPECT_EQ(due->provenance.writer, WriterId{7});
}

TEST(BundleScheduler, RefusesMoreThanASessionMayHaveWaitingUntilOneHasRun) {
  BundleScheduler scheduler({.per_session_max = 2});
  ASSERT_TRUE(scheduler.add({1}, bundle(desk, "1")));
  ASSERT_TRUE(scheduler.add({2}, bundle(desk, "2")));
  EXPECT_FALSE(scheduler.add({3}, bundle(desk, "3")));
  EXPECT_TRUE(scheduler.add({3}, bundle(tablet, "other")));
  EXPECT_EQ(scheduler.size(), 3U);
  ASSERT_TRUE(scheduler.pop_due({1}));
  EXPECT_TRUE(scheduler.add({4}, bundle(desk, "4")));
  EXPECT_THAT(pop_all(scheduler, {9}), ElementsAre("2", "other", "4"));
}

TEST(BundleScheduler, RefusesMoreBytesThanASessionMayHaveWaiting) {
  BundleScheduler scheduler({.bytes_per_session_max = 10});
  ASSERT_TRUE(scheduler.add({1}, bundle(desk, "12345678")));
  EXPECT_FALSE(scheduler.add({2}, bundle(desk, "123")));
  EXPECT_TRUE(scheduler.add({3}, bundle(desk, "12")));
  EXPECT_EQ(scheduler.bytes(), 10U);
  EXPECT_THAT(pop_all(scheduler, {9}), ElementsAre("12345678", "12"));
  EXPECT_EQ(scheduler.bytes(), 0U);
}

TEST(BundleScheduler, ForgetsTheBundlesOfARevokedSessionAndTellsWhich) {
  BundleScheduler scheduler({.per_session_max = 2});
  ASSERT_TRUE(scheduler.add({2}, bundle(desk, "2")));
  ASSERT_TRUE(scheduler.add({1}, bundle(desk, "1")));
  ASSERT_TRUE(scheduler.add({1}, bundle(tablet, "other")));
  std::vector<std::string> dropped;
  scheduler.drop_session(desk, [&](const WaitingBundle& waiting) { dropped.emplace_back(as_text(waiting.payload.view())); });
  EXPECT_THAT(dropped, ElementsAre("1", "2"));
  EXPECT_TRUE(scheduler.add({3}, bundle(desk, "3")));
  EXPECT_EQ(scheduler.bytes(), 6U);
  EXPECT_THAT(pop_all(scheduler, {9}), ElementsAre("other", "3"));
}

TEST(BundleScheduler, IsBoundedForAllSessionsTogether) {
  BundleScheduler by_count({.count_max = 3});
  for (std::uint64_t session = 1; session <= 3; ++session) ASSERT_TRUE(by_count.add({1}, bundle(SessionId{session}, "x")));
  EXPECT_FALSE(by_count.add({1}, bundle(SessionId{4}, "x")));

  BundleScheduler by_bytes({.bytes_max = 5});
  ASSERT_TRUE(by_bytes.add({1}, bundle(desk, "1234")));
  EXPECT_FALSE(by_bytes.add({1}, bundle(tablet, "12")));
  EXPECT_TRUE(by_bytes.add({1}, bundle(tablet, "1")));
}

}  // namespace
}  // namespace clasp::router
