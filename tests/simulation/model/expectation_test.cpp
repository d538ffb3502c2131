// How the lines of a session on a slow link are used up where history, of which the oldest may be missing, meets equal live frames.
#include "expectation.hpp"

#include <gtest/gtest.h>

namespace clasp::simulation::model {
namespace {

class SlowLink : public ::testing::Test {
 protected:
  SlowLink() { rules_.memory_is_short = true; }  // slow from the first line on

  void stream(const std::string& name, const std::string& text) { add({.kind = Line::Kind::passing, .text = text_of(text), .stream = name}); }
  void event(const std::string& text) { add({.kind = Line::Kind::kept, .text = text_of(text)}); }
  void history(const std::string& text) { add({.kind = Line::Kind::past, .text = text_of(text), .answer = 1}); }  // the log holds all of it
  void cut_history(const std::string& text) { add({.kind = Line::Kind::past, .text = text_of(text), .answer = 1, .optional = true}); }
  void param(const std::string& text, std::uint64_t revision) {
    add({.kind = Line::Kind::param, .text = text_of(text), .address = "/p", .revision = revision});
  }
  void removal(const std::string& text, std::uint64_t revision) {
    add({.kind = Line::Kind::removal, .text = text_of(text), .address = "/p", .revision = revision});
  }
  void get(const std::string& address, const std::string& text) {
    add({.kind = Line::Kind::get, .text = text_of(text), .address = address, .missing_is_error = true});
  }

  std::optional<std::string> comes(const std::string& text) { return take({.kind = Frame::Kind::publish, .line = text}); }
  std::optional<std::string> set_comes(const std::string& text, std::uint64_t revision) {
    return take({.kind = Frame::Kind::set, .line = text, .address = "/p", .revision = revision});
  }

  Expectation& expected() { return expected_; }

 private:
  static Text text_of(const std::string& text) { return std::make_shared<const std::string>(text); }
  void add(Line line) { expected_.add(std::move(line), 0); }
  std::optional<std::string> take(const Frame& frame) {
    return expected_.take(frame, [](const std::string&) { return nullptr; }, [](const std::string&) { return std::string(); });
  }

  Rules rules_;
  Expectation expected_{rules_};
};

TEST_F(SlowLink, WhatIsMissingOfAHistoryIsGoneThoughAReplacedStreamStandsBeforeIt) {
  stream("s", "s 1");
  cut_history("equal");  // no longer in the log
  cut_history("past");
  event("equal");
  event("next");
  stream("s", "s 2");
  EXPECT_EQ(comes("past"), std::nullopt);
  EXPECT_EQ(comes("equal"), std::nullopt);
  EXPECT_EQ(comes("next"), std::nullopt);
  EXPECT_EQ(comes("s 2"), std::nullopt);
  EXPECT_EQ(expected().drained(), std::nullopt);
}

TEST_F(SlowLink, OfAHistoryThatHasBegunTheRestHasToCome) {
  stream("s", "s 1");
  cut_history("past 1");
  cut_history("past 2");
  cut_history("past 3");
  stream("s", "s 2");
  EXPECT_EQ(comes("past 2"), std::nullopt);
  EXPECT_NE(comes("s 2"), std::nullopt) << "past 3 was due";
}

TEST_F(SlowLink, TheMissingPartOfAHistoryDoesNotComeLater) {
  stream("s", "s 1");
  cut_history("past 1");
  cut_history("past 2");
  stream("s", "s 2");
  EXPECT_EQ(comes("past 2"), std::nullopt);
  EXPECT_NE(comes("past 1"), std::nullopt);
}

TEST_F(SlowLink, AParamThatEqualsOneOfTheHistoryMayStillBeTheLiveOne) {
  param("SET /p", 1);
  expected().shown("/p", 1);  // so it need not come any more, but may
  cut_history("past 1");
  cut_history("SET /p");
  EXPECT_EQ(set_comes("SET /p", 1), std::nullopt);
  EXPECT_EQ(comes("past 1"), std::nullopt);
  EXPECT_EQ(set_comes("SET /p", 1), std::nullopt);
  EXPECT_EQ(expected().drained(), std::nullopt);
}

TEST_F(SlowLink, ARemovalThatEqualsOneOfTheHistoryMayBeEither) {
  removal("SET /p", 2);
  expected().shown("/p", 3);
  history("SET /p");
  history("past");
  EXPECT_EQ(set_comes("SET /p", 2), std::nullopt);
  EXPECT_EQ(comes("past"), std::nullopt);
  EXPECT_EQ(expected().drained(), std::nullopt);
}

TEST_F(SlowLink, AValueMayComeAsHistoryAndThenLiveBecauseMaxRateHeldItBack) {
  history("SET /p");
  event("next");
  param("SET /p", 1);
  EXPECT_EQ(set_comes("SET /p", 1), std::nullopt);
  EXPECT_NE(set_comes("SET /p", 1), std::nullopt) << "next was due";
  EXPECT_EQ(comes("next"), std::nullopt);
  EXPECT_NE(expected().drained(), std::nullopt) << "the live one has to come as well";
}

TEST_F(SlowLink, TheAnswerToAGetIsAwaitedBehindAHistoryThatMayBeMissing) {
  cut_history("past 1");
  get("/q", "SNAPSHOT /q");
  EXPECT_TRUE(expected().awaits_get("/q"));
}

TEST_F(SlowLink, AGetThatWaitsTakesNoMoreRoomThanItsQuestion) {
  get("/q", "SNAPSHOT " + std::string(60'000, 'x'));
  EXPECT_LT(expected().kept_bytes_min(), 100U);
  EXPECT_GT(expected().kept_bytes_max(), 60'000U) << "the router may have answered before it took the link for slow";
}

TEST(LinkThatKeepsUp, TheAnswerToAGetIsAwaitedBehindAHistoryThatMayBeMissing) {
  Rules rules{.congested_age = 1'000, .congested_bytes = 1'000'000};
  Expectation expected(rules);
  const auto text_of = [](const char* text) { return std::make_shared<const std::string>(text); };
  expected.add({.kind = Line::Kind::past, .text = text_of("past 1"), .answer = 1, .optional = true}, 0);
  expected.add({.kind = Line::Kind::get, .text = text_of("SNAPSHOT /q"), .address = "/q", .missing_is_error = true}, 0);
  ASSERT_FALSE(expected.slow());
  EXPECT_TRUE(expected.awaits_get("/q"));
}

}  // namespace
}  // namespace clasp::simulation::model
