#include "router/writers.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace clasp::router {
namespace {

constexpr std::string_view session_text = "0123abcd-4567-4def-8901-23456789abcd";

std::string text(const Writers& writers, WriterId writer) {
  std::array<char, Writers::uuid_text_bytes> buffer;
  return std::string(writers.text(writer, buffer.data()));
}

TEST(Writers, GiveEqualTextsOneIdAndForgetItWithTheLastReference) {
  Writers writers;
  const WriterId rule = writers.intern("rule:dim");
  EXPECT_EQ(writers.intern("rule:dim"), rule);
  EXPECT_NE(writers.intern("restore"), rule);
  EXPECT_EQ(writers.size(), 2U);
  EXPECT_EQ(text(writers, rule), "rule:dim");
  EXPECT_EQ(writers.text_bytes(rule), 8U);

  writers.release(rule);
  EXPECT_EQ(text(writers, rule), "rule:dim");
  writers.release(rule);
  writers.forget_unused();
  EXPECT_EQ(writers.size(), 1U);
  EXPECT_EQ(writers.intern("another"), rule);  // the id is free again
  EXPECT_EQ(text(writers, rule), "another");
}

TEST(Writers, KnowNobodyAsIdZeroThatNeedsNoCounting) {
  Writers writers;
  EXPECT_EQ(writers.intern(""), WriterId{0});
  writers.retain(WriterId{0});
  writers.release(WriterId{0});
  writers.release(WriterId{0});
  EXPECT_EQ(text(writers, WriterId{0}), "");
  EXPECT_EQ(writers.text_bytes(WriterId{0}), 0U);
  EXPECT_EQ(writers.size(), 0U);
}

TEST(Writers, KeepATextAliveForEveryRetain) {
  Writers writers;
  const WriterId writer = writers.intern("midi:stage");
  writers.retain(writer);
  writers.release(writer);
  writers.forget_unused();
  EXPECT_EQ(text(writers, writer), "midi:stage");
  writers.release(writer);
  writers.forget_unused();
  EXPECT_EQ(writers.size(), 0U);
}

TEST(Writers, ShowSessionIdsAsTheirTextWhereverTheyCameFrom) {
  Writers writers(7);
  Uuid uuid;
  ASSERT_TRUE(parse_uuid(session_text, uuid));
  const WriterId writer = writers.intern(uuid);
  EXPECT_EQ(text(writers, writer), session_text);
  EXPECT_EQ(writers.text_bytes(writer), session_text.size());
  EXPECT_EQ(writers.intern(session_text), writer);
  writers.release(writer);
  writers.release(writer);
  writers.forget_unused();
  EXPECT_EQ(writers.size(), 0U);
}

TEST(Writers, KeepTheTextOfAReleasedWriterUntilTheEndOfTheTurn) {
  Writers writers;
  const WriterId rule = writers.intern("rule:flash");
  writers.release(rule);
  EXPECT_NE(writers.intern("rule:other"), rule);
  EXPECT_EQ(text(writers, rule), "rule:flash");
  EXPECT_EQ(writers.intern("rule:flash"), rule);  // in use again
  writers.forget_unused();
  EXPECT_EQ(text(writers, rule), "rule:flash");
  writers.release(rule);
  writers.retain(rule);
  writers.release(rule);
  writers.forget_unused();
  EXPECT_EQ(writers.size(), 1U);
  writers.forget_unused();
}

TEST(Writers, GiveBackTextsThatOnlyResembleASessionIdAsTheyWere) {
  Writers writers;
  const std::string upper = "0123ABCD-4567-4DEF-8901-23456789ABCD";
  const std::string broken = "0123abcd-4567-4def-8901-23456789abcg";
  EXPECT_EQ(text(writers, writers.intern(upper)), upper);
  EXPECT_EQ(text(writers, writers.intern(broken)), broken);
}

TEST(WritersDeathTest, ReleasingMoreThanWasTakenIsABug) {
  Writers writers;
  const WriterId writer = writers.intern("x");
  writers.release(writer);
  EXPECT_DEATH(writers.release(writer), "count");
  writers.forget_unused();
  EXPECT_DEATH(writers.release(writer), "used");
}

}  // namespace
}  // namespace clasp::router
