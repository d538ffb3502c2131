// A link that is lost, and a session that goes on or does not, as transcripts.
#include "client/session_testing.hpp"
#include "core/resume.hpp"

namespace clasp::client {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class Resuming : public testing::SessionTest {
 protected:
  SessionConfig resuming() const {
    SessionConfig config = this->config();
    config.resume = true;
    return config;
  }
  void welcome_with(const resume::Offer& offer, std::string_view session = "s1") {
    const EncodedValue value(resume::to_value(offer));
    router_says(
        {Welcome{.features = feature::all_signals | feature::extended, .session = session, .name = "stage", .block = {{resume::key, value.view()}}}});
  }
  void connect_resumable() { connect_resumable(resuming()); }
  void connect_resumable(SessionConfig config) {
    start(std::move(config));
    sent();
    welcome_with({.secret = secret_, .epoch = 5, .window_ms = 60'000});
    sent();
    told();
  }
  void lose() {
    session().link_lost("gone", now());
    told();
  }
  // `frames`: how many of the client's the router has.
  void come_back(std::uint64_t frames) {
    open_again();
    sent();
    welcome_with({.secret = secret_, .epoch = 5, .window_ms = 60'000, .resumed = true, .frames = frames});
  }
  void open_again() {
    pass(10s);
    session().link_opened(now());
    told();
  }

  resume::Secret secret_{std::byte{0xab}};
};

TEST_F(Resuming, AsksInHello) {
  start(resuming());
  EXPECT_THAT(sent(), ElementsAre("HELLO desk features=f9 token= resume={}"));
}

TEST_F(Resuming, WhoDoesNotReconnectDoesNotAsk) {
  SessionConfig config = resuming();
  config.reconnect = false;
  start(config);
  EXPECT_THAT(sent(), ElementsAre("HELLO desk features=f8 token="));
}

TEST_F(Resuming, ClaimsWhatItHadAndSaysHowMuchHasCome) {
  connect_resumable();
  router_sets("/a", 1, 1);
  router_says({Ping{}});
  lose();
  open_again();
  EXPECT_THAT(sent(), ElementsAre("HELLO desk features=f9 token= resume={\"session\":\"s1\",\"secret\":\"ab000000000000000000000000000000\","
                                  "\"epoch\":\"0000000000000005\",\"frames\":2}"));
}

TEST_F(Resuming, ASessionThatGoesOnNeedsNothingAgain) {
  connect_resumable();
  subscribe("/a/**");
  router_sets("/a/1", 1, 7);
  sent();
  lose();
  come_back(1);
  EXPECT_THAT(told(), ElementsAre("connected", "resumed"));
  EXPECT_THAT(sent(), IsEmpty()) << "no SUBSCRIBE, no GET about what was shown";
  EXPECT_EQ(session().session_text(), "s1");
  EXPECT_FALSE(session().cache().is_stale(*session().cache().find("/a/1")));
  ASSERT_TRUE(get("/a/1", 1));
  EXPECT_THAT(told(), Contains("#1 ok /a/1 1 rev=7"));
  EXPECT_EQ(session().stats().resumed, 1U);
}

TEST_F(Resuming, WhatDidNotArriveIsSentAgainAndNothingElse) {
  connect_resumable();
  ASSERT_TRUE(emit("/e", 1));
  ASSERT_TRUE(emit("/e", 2));
  sent();
  ASSERT_TRUE(emit("/e", 3));  // not even given to the link
  lose();
  come_back(1);
  EXPECT_THAT(sent(), ElementsAre("PUBLISH event /e 2", "PUBLISH event /e 3"));
  lose();  // again, before anything has arrived
  come_back(1);
  EXPECT_THAT(sent(), ElementsAre("PUBLISH event /e 2", "PUBLISH event /e 3"));
  EXPECT_EQ(session().stats().frames_lost, 0U);
}

TEST_F(Resuming, ACallInProgressIsAnsweredAfterwards) {
  connect_resumable();
  ASSERT_TRUE(set_confirmed("/a", 1, 1));
  sent();
  session().link_lost("gone", now());
  EXPECT_THAT(told(), ElementsAre("disconnected: gone")) << "it has not failed";
  session().advance(now());
  pass(4s);
  EXPECT_THAT(told(), IsEmpty());
  pass(2s);  // its own deadline is another matter
  EXPECT_THAT(told(), Contains("#1 failed 904 /a"));
}

TEST_F(Resuming, AnAnswerThatComesWithTheNewLinkCompletesTheCall) {
  SessionConfig config = resuming();
  config.backoff.first = 1s;
  connect_resumable(config);
  ASSERT_TRUE(set_confirmed("/a", 1, 1));
  ASSERT_TRUE(set_confirmed("/b", 1, 2));
  sent();
  lose();
  pass(2s);
  session().link_opened(now());
  sent();
  told();
  welcome_with({.secret = secret_, .epoch = 5, .resumed = true, .frames = 1});
  EXPECT_THAT(sent(), ElementsAre("SET /b 1"));
  router_acks("/a", 3);
  router_acks("/b", 1);
  EXPECT_THAT(told(), ElementsAre("connected", "resumed", "#1 ok /a rev=3", "#2 ok /b rev=1"));
}

TEST_F(Resuming, ASessionThatIsOverBeginsAnewAndSaysWhy) {
  connect_resumable();
  subscribe("/a/**");
  router_sets("/a/1", 1, 7);
  ASSERT_TRUE(set_confirmed("/b", 1, 1));
  sent();
  lose();
  pass(1s);
  session().advance(now());
  open_again();
  sent();
  told();
  ASSERT_TRUE(session().cache().find("/a/1"));
  welcome_with({.secret = secret_, .epoch = 6, .resumed = false, .why = "restarted"}, "s2");
  EXPECT_THAT(told(), ElementsAre("connected", "not resumed: restarted"));
  EXPECT_THAT(sent(), ElementsAre("SUBSCRIBE 1 /a/**", "PING"));
  EXPECT_TRUE(session().cache().is_stale(*session().cache().find("/a/1")));
  EXPECT_EQ(session().session_text(), "s2");
  lose();
  open_again();
  EXPECT_THAT(sent(), ElementsAre(HasSubstr("\"session\":\"s2\"")));
}

TEST_F(Resuming, CallsFailOnceItIsKnownThatTheSessionIsOver) {
  SessionConfig config = resuming();
  config.backoff.first = 1s;
  connect_resumable(config);
  ASSERT_TRUE(set_confirmed("/b", 1, 1));
  lose();
  pass(2s);
  session().link_opened(now());
  told();
  sent();
  welcome("s2");
  EXPECT_THAT(told(), ElementsAre("#1 failed 901 ", "connected", "not resumed: the router offers none"));
}

TEST_F(Resuming, WhatWasAskedForMeanwhileIsAskedForThen) {
  connect_resumable();
  const std::uint32_t first = subscribe("/a");
  sent();
  lose();
  subscribe("/b");
  session().unsubscribe(first, now());
  ASSERT_TRUE(session().announce({.ns = "/desk", .signals = {{.address = "/desk/x"}}}, now()));
  come_back(1);
  EXPECT_THAT(sent(), ElementsAre("SUBSCRIBE 2 /b", "UNSUBSCRIBE 1", "ANNOUNCE /desk /desk/x"));
  router_acks("/desk", std::nullopt);
  lose();
  come_back(4);
  EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(Resuming, AttemptsThatFailDoNotEndIt) {
  connect_resumable();
  ASSERT_TRUE(emit("/e", 1));
  lose();
  for (int i = 0; i < 3; ++i) {
    pass(30s);
    session().link_opened(now());
    session().link_lost("refused", now());
  }
  pass(30s);
  session().link_opened(now());
  sent();
  welcome_with({.secret = secret_, .epoch = 5, .resumed = true});
  EXPECT_THAT(sent(), ElementsAre("PUBLISH event /e 1"));
}

TEST_F(Resuming, TheRouterIsToldHowMuchHasCome) {
  connect_resumable();
  for (int i = 0; i < 300; ++i) router_sets("/a", i, static_cast<std::uint64_t>(i) + 1);
  ByteBuffer out;
  session().take_output(out);
  std::vector<std::uint64_t> marks;
  for (Bytes rest = out.view(); !rest.empty();) {
    const auto frame = decode_frame(rest);
    ASSERT_TRUE(frame);
    const auto mark = resume::find_mark(frame->payload);
    ASSERT_TRUE(mark);
    marks.push_back(mark->frames);
    rest = rest.subspan(frame->header.frame_bytes());
  }
  EXPECT_THAT(marks, ElementsAre(128U, 256U));
}

TEST_F(Resuming, WhatTheRouterHasIsNotKept) {
  SessionConfig config = resuming();
  config.output_bytes_max = 2'000;
  connect_resumable(config);
  for (std::uint64_t i = 0; i < 1'000; ++i) {
    ASSERT_TRUE(emit("/e", static_cast<std::int64_t>(i)));
    sent();
    if (i % 20 != 0) continue;
    ByteBuffer mark;
    resume::append_mark(mark, {.frames = i});
    session().receive(mark.view(), now());
  }
  EXPECT_THAT(told(), IsEmpty()) << "nobody hears of it";
  lose();
  come_back(990);
  EXPECT_THAT(sent(), SizeIs(10));
  EXPECT_EQ(session().stats().frames_lost, 0U);
}

TEST_F(Resuming, WhatIsTooMuchToKeepIsCountedAsLost) {
  SessionConfig config = resuming();
  config.output_bytes_max = 2'000;
  connect_resumable(config);
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_TRUE(emit("/e", i));
    sent();
  }
  lose();
  come_back(100);
  const auto again = sent();
  EXPECT_EQ(again.back(), "PUBLISH event /e 999");
  EXPECT_EQ(session().stats().frames_lost, 900 - again.size());
}

TEST_F(Resuming, ClosingSaysThatItWillNotComeBack) {
  connect_resumable();
  session().close(now());
  ByteBuffer out;
  session().take_output(out);
  const auto frame = decode_frame(out.view());
  ASSERT_TRUE(frame);
  EXPECT_EQ(resume::find_mark(frame->payload), (resume::Mark{.frames = 0, .leaving = true}));
}

TEST_F(Resuming, AnOfferThatMakesNoSenseIsNone) {
  start(resuming());
  const EncodedValue odd(Value(Map{{"resumed", Value("perhaps")}}));
  router_says({Welcome{.features = feature::extended, .session = "s1", .name = "stage", .block = {{resume::key, odd.view()}}}});
  EXPECT_TRUE(session().is_active());
  sent();
  ASSERT_TRUE(emit("/e", 1));
  sent();
  lose();
  open_again();
  EXPECT_THAT(sent(), ElementsAre("HELLO desk features=f9 token= resume={}"));
}

}  // namespace
}  // namespace clasp::client
