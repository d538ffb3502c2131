#include "router/commit_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace clasp::router {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

ByteBuffer no_frames;

Delivery change(std::string_view address, std::string_view text = "") {
  Delivery input(no_frames);
  input.address = address;
  input.value = ValueView{ValueTag::string, as_bytes(text)};  // to the log a value is bytes
  return input;
}

std::vector<Seq> seqs_back(const CommitLog& log) {
  std::vector<Seq> seqs;
  log.walk_back([&](const Commit& commit) { return seqs.push_back(commit.seq), true; });
  return seqs;
}
std::vector<Seq> seqs_from(const CommitLog& log, Seq from) {
  std::vector<Seq> seqs;
  log.walk_from(from, [&](const Commit& commit) { return seqs.push_back(commit.seq), true; });
  return seqs;
}

TEST(CommitLog, IsEmptyBeforeTheFirstCommitWhichHasSeqOne) {
  CommitLog log(65'536);
  EXPECT_EQ(log.last_seq(), 0U);
  EXPECT_EQ(log.first_seq(), 1U);
  EXPECT_EQ(log.memory_bytes(), 0U);
  EXPECT_THAT(seqs_back(log), IsEmpty());
  EXPECT_THAT(seqs_from(log, 1), IsEmpty());
  EXPECT_EQ(log.append(change("/a")), 1U);
  EXPECT_EQ(log.append(change("/a")), 2U);
  EXPECT_EQ(log.first_seq(), 1U);
  EXPECT_EQ(log.last_seq(), 2U);
}

TEST(CommitLog, GivesBackEveryFieldOfASet) {
  CommitLog log(65'536);
  const std::string text = "on";
  Delivery input = change("/lights/1/dim", text);
  input.revision = 0x1'0000'0007;
  input.ttl = Ttl{Ttl::Mode::absolute, 30};
  input.provenance = {.writer = WriterId{3}, .session = SessionId{0x1'0000'0009}, .origin = 4, .peer = 5, .hops = 6, .cause = 0x1'0000'0001};
  input.time = {1'700'000'000'000'000};
  input.bundle = 99;
  log.append(input);

  int seen = 0;
  log.walk_back([&](const Commit& commit) {
    ++seen;
    EXPECT_EQ(commit.seq, 1U);
    EXPECT_EQ(commit.kind, CommitKind::set);
    EXPECT_EQ(commit.address, "/lights/1/dim");
    EXPECT_TRUE(commit.value && same_value(*commit.value, *input.value));
    EXPECT_EQ(commit.revision, 0x1'0000'0007U);
    EXPECT_EQ(commit.signal, SignalType::param);
    EXPECT_EQ(commit.ttl, (Ttl{Ttl::Mode::absolute, 30}));
    EXPECT_EQ(commit.writer, "");
    EXPECT_EQ(commit.provenance.writer, WriterId{3});
    EXPECT_EQ(commit.provenance.session, SessionId{0x1'0000'0009});
    EXPECT_EQ(commit.provenance.origin, 4U);
    EXPECT_EQ(commit.provenance.peer, 5U);
    EXPECT_EQ(commit.provenance.hops, 6U);
    EXPECT_EQ(commit.provenance.cause, 0x1'0000'0001U);
    EXPECT_EQ(commit.time.us, 1'700'000'000'000'000U);
    EXPECT_EQ(commit.bundle, 99U);
    EXPECT_FALSE(commit.id || commit.rate || commit.samples || commit.timestamp);
    return true;
  });
  EXPECT_EQ(seen, 1);
}

TEST(CommitLog, GivesBackEveryFieldOfAPublish) {
  CommitLog log(65'536);
  const std::string samples(24, 's');
  Delivery input(no_frames);
  input.kind = CommitKind::publish;
  input.address = "/pads/1";
  input.signal = SignalType::gesture;
  input.phase = GesturePhase::cancel;
  input.id = 0;
  input.rate = 48'000;
  input.samples = as_bytes(samples);
  input.timestamp = UnixTime{5};
  log.append(input);

  int seen = 0;
  log.walk_from(1, [&](const Commit& commit) {
    ++seen;
    EXPECT_EQ(commit.kind, CommitKind::publish);
    EXPECT_EQ(commit.signal, SignalType::gesture);
    EXPECT_EQ(commit.phase, GesturePhase::cancel);
    EXPECT_FALSE(commit.value);
    EXPECT_FALSE(commit.ttl);
    EXPECT_EQ(commit.id, 0U);
    EXPECT_EQ(commit.rate, 48'000U);
    EXPECT_TRUE(commit.samples && same_bytes(*commit.samples, as_bytes(samples)));
    EXPECT_EQ(commit.timestamp, UnixTime{5});
    return true;
  });
  EXPECT_EQ(seen, 1);
}

TEST(CommitLog, WalksBothWaysFromAnywhereAndStopsWhenTold) {
  CommitLog log(65'536);
  for (int i = 0; i < 5; ++i) log.append(change("/a"));
  EXPECT_THAT(seqs_back(log), ElementsAre(5, 4, 3, 2, 1));
  EXPECT_THAT(seqs_from(log, 0), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(seqs_from(log, 4), ElementsAre(4, 5));
  EXPECT_THAT(seqs_from(log, 6), IsEmpty());

  int calls = 0;
  log.walk_back([&](const Commit&) { return ++calls < 2; });
  log.walk_from(1, [&](const Commit&) { return ++calls < 5; });
  EXPECT_EQ(calls, 5);
}

TEST(CommitLog, ForgetsTheOldestAndStaysWithinItsBytes) {
  constexpr std::size_t bytes_max = 65'536;
  CommitLog log(bytes_max);
  for (Seq seq = 1; seq <= 20'000; ++seq) {
    const std::string text = std::to_string(seq);
    log.append(change("/a/" + text, text));
    ASSERT_LE(log.memory_bytes(), bytes_max);
  }
  EXPECT_GT(log.first_seq(), 18'700U);
  EXPECT_LT(log.first_seq(), 19'200U);  // it keeps about as much as fits
  Seq expected = log.first_seq();
  log.walk_from(0, [&](const Commit& commit) {
    EXPECT_EQ(commit.seq, expected);
    EXPECT_EQ(commit.address, "/a/" + std::to_string(expected));
    EXPECT_EQ(as_text(commit.value->data), std::to_string(expected));
    ++expected;
    return true;
  });
  EXPECT_EQ(expected, 20'001U);
  log.walk_back([&](const Commit& commit) {
    EXPECT_EQ(commit.seq, --expected);
    return true;
  });
  EXPECT_EQ(expected, log.first_seq());
}

TEST(CommitLog, KeepsARecordThatIsLargerThanASegment) {
  CommitLog log(262'144);
  const std::string large(140'000, 'x');
  log.append(change("/small", "before"));
  log.append(change("/large", large));
  log.append(change("/small", "after"));
  EXPECT_LE(log.memory_bytes(), 262'144U);
  EXPECT_EQ(log.first_seq(), 1U);
  std::vector<std::size_t> sizes;
  log.walk_from(1, [&](const Commit& commit) { return sizes.push_back(commit.value->data.size()), true; });
  EXPECT_THAT(sizes, ElementsAre(6, 140'000, 5));
}

TEST(CommitLog, KeepsTheNewestEvenIfItAloneIsLargerThanTheLog) {
  CommitLog log(8'192);
  log.append(change("/a", "x"));
  const std::string large(50'000, 'y');
  log.append(change("/b", large));
  EXPECT_THAT(seqs_back(log), ElementsAre(2));
  EXPECT_EQ(log.first_seq(), 2U);
  log.append(change("/c", "z"));
  EXPECT_EQ(log.last_seq(), 3U);
  EXPECT_THAT(seqs_back(log), ElementsAre(3));
  EXPECT_LE(log.memory_bytes(), 8'192U);
}

}  // namespace
}  // namespace clasp::router
