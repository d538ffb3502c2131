#include "cli/rate_table.hpp"

#include <gmock/gmock.h>

#include "cli/round_trips.hpp"

namespace clasp::cli {
namespace {

using std::chrono::seconds;

std::vector<std::string> addresses(const RateTable::Summary& summary) {
  std::vector<std::string> out;
  for (const auto& row : summary.busiest) out.push_back(row.address);
  return out;
}

TEST(RateTable, PutsTheBusiestFirst) {
  RateTable table;
  table.known("/quiet", 1);
  for (int i = 0; i < 20; ++i) table.heard("/busy", i);
  for (int i = 0; i < 10; ++i) table.heard("/slow", i);
  const auto summary = table.summarize(seconds{2}, 10);
  EXPECT_THAT(addresses(summary), testing::ElementsAre("/busy", "/slow", "/quiet"));
  EXPECT_DOUBLE_EQ(summary.per_second, 15);
  EXPECT_DOUBLE_EQ(summary.busiest[0].per_second, 10);
  EXPECT_EQ(summary.busiest[0].value, "19");
  EXPECT_EQ(summary.busiest[2].total, 0u);
}

TEST(RateTable, SortsAsAsked) {
  RateTable table;
  for (int i = 0; i < 3; ++i) table.heard("/b", i);
  table.summarize(seconds{1}, 10);
  table.heard("/c", 1);
  table.heard("/a", 1);
  const auto sorted = [&](RateTable::Order order) { return addresses(table.summarize(seconds{1}, 10, order)); };
  EXPECT_THAT(sorted(RateTable::Order::latest), testing::ElementsAre("/a", "/c", "/b"));
  EXPECT_THAT(sorted(RateTable::Order::total), testing::ElementsAre("/b", "/a", "/c"));
  EXPECT_THAT(sorted(RateTable::Order::address), testing::ElementsAre("/a", "/b", "/c"));
}

TEST(RateTable, CountsRatesAnewAndTotalsOn) {
  RateTable table;
  table.heard("/a", 1);
  table.summarize(seconds{1}, 1);
  table.heard("/b", 1);
  const auto summary = table.summarize(seconds{1}, 1);
  EXPECT_THAT(addresses(summary), testing::ElementsAre("/b"));
  EXPECT_DOUBLE_EQ(summary.per_second, 1);
  EXPECT_EQ(summary.total, 2u);
  EXPECT_EQ(summary.addresses, 2u);
}

TEST(RateTable, HoldsNoMoreAddressesThanItMayButCountsTheirMessages) {
  RateTable table(2);
  for (const char* address : {"/a", "/b", "/c", "/c", "/a"}) table.heard(address, 1);
  const auto summary = table.summarize(seconds{1}, 10);
  EXPECT_EQ(summary.addresses, 2u);
  EXPECT_EQ(summary.total, 5u);
  EXPECT_EQ(summary.untracked, 2u);
}

TEST(RoundTrips, KnowsLeastMeanMostAndDeviation) {
  RoundTrips trips;
  for (const int us : {200, 400, 400, 400, 500, 500, 700, 900}) trips.add(std::chrono::microseconds{us});
  EXPECT_EQ(trips.count(), 8u);
  EXPECT_DOUBLE_EQ(trips.min_us(), 200);
  EXPECT_DOUBLE_EQ(trips.mean_us(), 500);
  EXPECT_DOUBLE_EQ(trips.max_us(), 900);
  EXPECT_NEAR(trips.deviation_us(), 200, 1e-9);
}

}  // namespace
}  // namespace clasp::cli
