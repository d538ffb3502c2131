#include "core/clock_sync.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "core/vector_file.hpp"

namespace clasp {
namespace {

using namespace std::chrono_literals;
using test::load_vectors;
using test::VectorRow;
using testing::Ge;
using testing::SizeIs;

class ClockVector : public testing::TestWithParam<VectorRow> {};

// The file has no row with a negative round trip (the reference underflows there); what we do then is in the tests below.
TEST_P(ClockVector, FiltersExchangesAsListed) {
  const auto& row = GetParam().json;
  const auto& exchanges = row.at("exchanges_t1_t2_t3_t4");
  const auto& expected = row.at("after_each");
  ASSERT_EQ(exchanges.size(), expected.size());
  ClockSync sync;
  for (std::size_t i = 0; i < exchanges.size(); ++i) {
    SCOPED_TRACE(i);
    const auto t = exchanges[i].get<std::vector<std::uint64_t>>();
    ASSERT_TRUE(sync.add(t.at(0), t.at(1), t.at(2), t.at(3), SteadyTime{}));
    EXPECT_EQ(sync.offset_us(), expected[i].at("offset").get<std::int64_t>());
    EXPECT_EQ(sync.rtt_us(), expected[i].at("rtt").get<std::int64_t>());
    EXPECT_EQ(sync.jitter_us(), expected[i].at("jitter").get<std::int64_t>());
    EXPECT_DOUBLE_EQ(sync.quality(), expected[i].at("quality").get<double>());
  }
  EXPECT_EQ(sync.samples(), exchanges.size());
}
INSTANTIATE_TEST_SUITE_P(Wire, ClockVector, testing::ValuesIn(load_vectors("clock_sync")), test::row_name);

TEST(ClockVectors, AreAllThere) { EXPECT_THAT(load_vectors("clock_sync"), SizeIs(Ge(6U))); }

TEST(ClockSync, DiscardsSamplesWithANegativeRoundTrip) {
  ClockSync sync;
  EXPECT_FALSE(sync.add(2'000, 5'000, 5'000, 1'000, {})) << "answered before it was asked";
  EXPECT_FALSE(sync.add(1'000, 5'000, 7'000, 1'100, {})) << "the server kept it longer than the round trip took";
  EXPECT_EQ(sync.samples(), 0U);
  EXPECT_EQ(sync.quality(), 0.0);

  ASSERT_TRUE(sync.add(1'000, 1'050, 1'060, 1'110, {}));
  EXPECT_FALSE(sync.add(2'000, 5'000, 5'000, 1'000, {}));
  EXPECT_EQ(sync.samples(), 1U);
  EXPECT_EQ(sync.rtt_us(), 100);
  EXPECT_TRUE(sync.add(1'000, 1'000, 1'000, 1'000, {})) << "a round trip of zero is not negative";
}

TEST(ClockSync, DiscardsTimesBeyondAllDatesInsteadOfOverflowing) {
  constexpr std::uint64_t huge = std::numeric_limits<std::uint64_t>::max();
  ClockSync sync;
  EXPECT_FALSE(sync.add(0, huge, huge, 0, {}));
  EXPECT_FALSE(sync.add(huge, 0, 0, huge, {}));
  EXPECT_FALSE(sync.add(0, 0, 0, huge, {}));
  EXPECT_EQ(sync.samples(), 0U);

  constexpr std::uint64_t far = std::uint64_t{1} << 61;
  for (int i = 0; i < 12; ++i) EXPECT_TRUE(sync.add(0, i % 2 ? far : 0, i % 2 ? far : 0, i % 3 ? far : 0, {}));
  EXPECT_GE(sync.jitter_us(), 0);
  EXPECT_GE(sync.quality(), 0.0);
  EXPECT_LE(sync.quality(), 1.0);
}

TEST(ClockSync, AsksAgainOnceTheIntervalHasPassedSinceTheLastGoodSample) {
  ClockSync sync;
  EXPECT_TRUE(sync.needs_sync(SteadyTime{0}, 30s));
  ASSERT_TRUE(sync.add(0, 0, 0, 0, SteadyTime{5'000'000}));
  EXPECT_FALSE(sync.needs_sync(SteadyTime{5'000'000}, 30s));
  EXPECT_FALSE(sync.needs_sync(SteadyTime{34'999'999}, 30s));
  EXPECT_TRUE(sync.needs_sync(SteadyTime{35'000'000}, 30s));
  ASSERT_FALSE(sync.add(1, 0, 0, 0, SteadyTime{35'000'000}));
  EXPECT_TRUE(sync.needs_sync(SteadyTime{35'000'000}, 30s)) << "a discarded sample is no sync";
}

TEST(ClockSync, ConvertsBothWaysAndStopsAtTheEndsOfTime) {
  ClockSync ahead;
  ASSERT_TRUE(ahead.add(1'000'000, 1'005'050, 1'005'060, 1'000'110, {}));
  EXPECT_EQ(ahead.to_server(UnixTime{10'000}), UnixTime{15'000});
  EXPECT_EQ(ahead.to_local(UnixTime{15'000}), UnixTime{10'000});
  EXPECT_EQ(ahead.to_local(UnixTime{100}), UnixTime{0});
  EXPECT_EQ(ahead.to_server(UnixTime{std::numeric_limits<std::uint64_t>::max()}), UnixTime{std::numeric_limits<std::uint64_t>::max()});

  ClockSync behind;
  ASSERT_TRUE(behind.add(2'000'000, 1'000'050, 1'000'060, 2'000'110, {}));
  EXPECT_EQ(behind.to_server(UnixTime{3'000'000}), UnixTime{2'000'000});
  EXPECT_EQ(behind.to_local(UnixTime{2'000'000}), UnixTime{3'000'000});
  EXPECT_EQ(behind.to_server(UnixTime{1}), UnixTime{0});
}

TEST(SessionTime, CountsFromItsStartInBothClocks) {
  const SessionTime session{.start_steady = SteadyTime{700}, .start_unix = UnixTime{1'000'000}};
  EXPECT_EQ(session.elapsed(SteadyTime{1'700}), Micros{1'000});
  EXPECT_EQ(session.to_unix(Micros{250}), UnixTime{1'000'250});
  EXPECT_EQ(session.from_unix(UnixTime{1'000'250}), Micros{250});
  EXPECT_EQ(session.from_unix(UnixTime{1'000'000}), Micros{0});
  EXPECT_EQ(session.from_unix(UnixTime{999'999}), Micros{0}) << "before the start";
}

std::vector<int> drain(JitterBuffer<int>& buffer, UnixTime until) {
  std::vector<int> out;
  while (const auto value = buffer.pop(until)) out.push_back(*value);
  return out;
}

TEST(JitterBuffer, GivesBackInOrderOfTimeUpToThePlaybackTime) {
  JitterBuffer<int> buffer(8, 100);
  const UnixTime now{1'000'000};
  for (const int i : {3, 1, 2, 5}) EXPECT_TRUE(buffer.push(UnixTime{now.us + static_cast<std::uint64_t>(i) * 1'000}, i, now));
  EXPECT_EQ(buffer.size(), 4U);
  EXPECT_EQ(buffer.depth_us(), 4'000U);
  EXPECT_THAT(drain(buffer, UnixTime{1'000'999}), testing::IsEmpty());
  EXPECT_THAT(drain(buffer, UnixTime{1'003'000}), testing::ElementsAre(1, 2, 3));
  EXPECT_EQ(buffer.depth_us(), 0U);
  EXPECT_THAT(drain(buffer, UnixTime{2'000'000}), testing::ElementsAre(5));
  EXPECT_TRUE(buffer.empty());
}

TEST(JitterBuffer, PutsAnEqualTimeBeforeItsEqual) {
  JitterBuffer<int> buffer(8, 100);
  buffer.push(UnixTime{500}, 1, UnixTime{0});
  buffer.push(UnixTime{500}, 2, UnixTime{0});
  EXPECT_THAT(drain(buffer, UnixTime{500}), testing::ElementsAre(2, 1));
}

TEST(JitterBuffer, DropsWhatHasLeftTheWindow) {
  JitterBuffer<int> buffer(8, 100);
  buffer.push(UnixTime{1'000'000}, 1, UnixTime{1'000'000});
  buffer.push(UnixTime{1'000'001}, 2, UnixTime{1'000'000});
  buffer.push(UnixTime{1'100'000}, 3, UnixTime{1'100'000});  // limit 1'000'000: the first goes, the second is a µs younger
  EXPECT_THAT(drain(buffer, UnixTime{2'000'000}), testing::ElementsAre(2, 3));
}

TEST(JitterBuffer, WhenFullDiscardsANewFirstAndElseTheOldest) {
  JitterBuffer<int> buffer(3, 100);
  for (const int i : {10, 20, 30}) buffer.push(UnixTime{static_cast<std::uint64_t>(i)}, i, UnixTime{0});
  EXPECT_FALSE(buffer.push(UnixTime{5}, 5, UnixTime{0}));
  EXPECT_FALSE(buffer.push(UnixTime{10}, 11, UnixTime{0})) << "would come before its equal, so it would be the first";
  EXPECT_TRUE(buffer.push(UnixTime{25}, 25, UnixTime{0}));
  EXPECT_EQ(buffer.size(), 3U);
  EXPECT_THAT(drain(buffer, UnixTime{100}), testing::ElementsAre(20, 25, 30));
}

TEST(JitterBuffer, WithoutCapacityKeepsNothing) {
  JitterBuffer<int> buffer(0, 100);
  EXPECT_FALSE(buffer.push(UnixTime{5}, 5, UnixTime{0}));
  EXPECT_TRUE(buffer.empty());
}

}  // namespace
}  // namespace clasp
