#include "bench/figures.hpp"

#include <gmock/gmock.h>

#include "bench/session.hpp"
#include "core/codec.hpp"

namespace clasp::bench {
namespace {

using testing::HasSubstr;

TEST(Figures, AreNearestRanksAndMiddles) {
  std::vector<double> samples{5, 1, 4, 2, 3};
  EXPECT_EQ(quantile(samples, 0.5), 3);
  EXPECT_EQ(quantile(samples, 0.99), 5);
  EXPECT_EQ(quantile(samples, 0), 1);
  EXPECT_EQ(median({4, 1, 3, 2}), 2.5);
}

TEST(Figures, CompareRoundByRoundWithTheRelay) {
  Figures figures;
  for (const double value : {10.0, 40.0, 30.0}) figures.add("hop", "p50", "µs", "router ws", value);
  for (const double value : {10.0, 20.0, 10.0}) figures.add("hop", "p50", "µs", "relay", value);
  EXPECT_THAT(figures.table(), HasSubstr("| hop | p50 | router ws | 30.00 µs | 10.00 – 40.00 | 2.00 |  |"));
}

Bytes delivered(ByteBuffer& out, std::int64_t number, std::uint64_t revision) {
  const EncodedValue value{Value(number)};
  out.clear();
  EXPECT_TRUE(append_frame(out, Set{.address = "/a", .value = value.view(), .revision = revision, .ttl = {}}));
  return out.view();
}

TEST(Hearing, AcceptsWhatTheCounterSays) {
  Counting counting(Protocol::tcp, "/a");
  Hearing hearing(Protocol::tcp, "/a");
  for (int i = 0; i < 3; ++i) hearing.frame(counting.next());
  EXPECT_EQ(hearing.count(), 3u);
  EXPECT_EQ(hearing.wrong(), 0u);
}

TEST(Hearing, NoticesAMessageThatWasConflatedDoubledOrCarriesAnotherRevision) {
  struct Row {
    std::int64_t number;
    std::uint64_t revision;
  };
  for (const Row second : {Row{3, 43}, Row{1, 41}, Row{2, 43}}) {
    ByteBuffer out;
    Hearing hearing(Protocol::tcp, "/a");
    hearing.frame(delivered(out, 1, 41));
    hearing.frame(delivered(out, second.number, second.revision));
    EXPECT_EQ(hearing.wrong(), 1u) << second.number << " at revision " << second.revision;
  }
}

}  // namespace
}  // namespace clasp::bench
