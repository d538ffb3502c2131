// Which answer belongs to which call, as transcripts.
#include "client/session_testing.hpp"

namespace clasp::client {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::SessionTest;

TEST_F(SessionTest, AnswersAllWhoWaitForTheSameAddress) {
  connect();
  ASSERT_TRUE(get("/a", 1));
  ASSERT_TRUE(get("/a", 2));
  ASSERT_TRUE(get("/b", 3));
  EXPECT_THAT(sent(), ElementsAre("GET /a confirm", "GET /b confirm"));
  router_shows("/a", 7, 3);
  EXPECT_THAT(told(), ElementsAre("#1 ok /a 7 rev=3", "#2 ok /a 7 rev=3"));
  router_sets("/b", 8, 1);
  EXPECT_THAT(told(), ElementsAre("#3 ok /b 8 rev=1")) << "a SET answers as well";
}

TEST_F(SessionTest, FailsGetWhenTheRouterSaysThatThereIsNoSuchParam) {
  connect();
  ASSERT_TRUE(get("/a", 1));
  ASSERT_TRUE(get("/a", 2));
  router_refuses(404, "/a");
  EXPECT_THAT(told(), ElementsAre("#1 failed 404 /a", "#2 failed 404 /a"));
  ASSERT_TRUE(get("/a", 3));
  router_refuses(301, "/a");
  EXPECT_THAT(told(), ElementsAre("#3 failed 301 /a"));
}

TEST_F(SessionTest, FailsGetInTimeWhenTheRouterSaysNothing) {
  connect();
  ASSERT_TRUE(get("/a", 1));
  pass(2s);
  ASSERT_TRUE(get("/a", 2));
  pass(3s);
  EXPECT_THAT(told(), ElementsAre("#1 failed 904 /a"));
  router_shows("/a", 1, 1);
  EXPECT_THAT(told(), ElementsAre("#2 ok /a 1 rev=1"));
  pass(1h);
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(SessionTest, MatchesAcknowledgementsInOrderAlsoAcrossPlainSets) {
  connect();
  ASSERT_TRUE(set("/a", 1));
  ASSERT_TRUE(set_confirmed("/a", 2, 1));
  ASSERT_TRUE(set_confirmed("/b", 3, 2));
  ASSERT_TRUE(set_confirmed("/a", 4, 3));
  router_acks("/a", 10);
  EXPECT_THAT(told(), IsEmpty()) << "that was the plain set";
  router_acks("/a", 11);
  router_acks("/b", 1);
  router_acks("/a", 12);
  EXPECT_THAT(told(), ElementsAre("#1 ok /a rev=11", "#2 ok /b rev=1", "#3 ok /a rev=12"));
}

TEST_F(SessionTest, FailsTheWriteThatWasRefusedAndReportsRefusalsNobodyWaitsFor) {
  connect();
  ASSERT_TRUE(set("/a", 1));
  ASSERT_TRUE(set_confirmed("/a", 2, 1));
  router_refuses(401, "/a");
  EXPECT_THAT(told(), ElementsAre("error 401 /a"));
  router_refuses(400, "/a");
  EXPECT_THAT(told(), ElementsAre("#1 failed 400 /a"));
  EXPECT_EQ(session().last_error()->code, ErrorCode::revision_conflict);
  session().clear_error();
  EXPECT_FALSE(session().last_error());
}

TEST_F(SessionTest, NoticesThatAWriteWasDroppedWhenALaterOneIsAnswered) {
  connect();
  ASSERT_TRUE(set_confirmed("/a", 1, 1));
  ASSERT_TRUE(set_confirmed("/b", 1, 2));
  router_refuses(429, std::nullopt);  // the rate limit does not say which frame it dropped
  EXPECT_THAT(told(), ElementsAre("error 429 "));
  router_acks("/b", 1);
  EXPECT_THAT(told(), ElementsAre("#1 failed 429 /a", "#2 ok /b rev=1"));
}

TEST_F(SessionTest, DoesNotStopSendersWhenTheRouterNeverAnswers) {
  SessionConfig config = this->config();
  config.pending_max = 4;
  connect(config);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(set("/a", i)) << i;
    sent();
  }
}

TEST_F(SessionTest, BoundsTheCallsThatWait) {
  SessionConfig config = this->config();
  config.pending_max = 4;
  connect(config);
  for (std::uint64_t i = 1; i <= 4; ++i) ASSERT_TRUE(get(fmt::format("/{}", i), i));
  EXPECT_EQ(get("/5", 5).error().code, ErrorCode::overloaded);
  EXPECT_EQ(set_confirmed("/5", 1, 6).error().code, ErrorCode::overloaded);
  router_refuses(404, "/1");
  EXPECT_TRUE(get("/5", 7));
}

TEST_F(SessionTest, SendsPlainSetsWithoutAskingForAnAckIfTold) {
  SessionConfig config = this->config();
  config.acknowledge = false;
  connect(config);
  ASSERT_TRUE(set("/a", 1));
  ASSERT_TRUE(set_confirmed("/a", 2, 1));
  EXPECT_THAT(sent(), ElementsAre("SET /a 1 fire", "SET /a 2"));
  router_acks("/a", 2);
  EXPECT_THAT(told(), ElementsAre("#1 ok /a rev=2"));
}

TEST_F(SessionTest, ConfirmsBundles) {
  connect();
  ASSERT_TRUE(set_confirmed("/x", 1, 1));
  ASSERT_TRUE(bundle({"/a", "/b"}, std::nullopt, 2));
  ASSERT_TRUE(set_confirmed("/y", 1, 3));
  sent();
  router_acks("/x", 1);
  router_acks(std::nullopt, 9);
  router_acks("/y", 1);
  EXPECT_THAT(told(), ElementsAre("#1 ok /x rev=1", "#2 ok rev=9", "#3 ok /y rev=1"));
  ASSERT_TRUE(bundle({"/a", "/b"}, std::nullopt, 4));
  router_refuses(403, std::nullopt);
  ASSERT_TRUE(bundle({"/a", "/b"}, std::nullopt, 5));
  router_refuses(301, "/b");
  EXPECT_THAT(told(), ElementsAre("#4 failed 403 ", "#5 failed 301 /b"));
}

TEST_F(SessionTest, ConfirmsScheduledBundlesWhenTheyAreExecuted) {
  connect();
  ASSERT_TRUE(bundle({"/late"}, UnixTime{3'000}, 1));
  ASSERT_TRUE(bundle({"/early"}, UnixTime{2'000}, 2));
  ASSERT_TRUE(bundle({"/now"}, std::nullopt, 3));
  EXPECT_THAT(sent(), ElementsAre("BUNDLE at=3000 [SET /late 1]", "BUNDLE at=2000 [SET /early 1]", "BUNDLE [SET /now 1]"));
  router_acks(std::nullopt, 3);
  router_acks(std::nullopt, 2);
  router_acks(std::nullopt, 1);
  EXPECT_THAT(told(), ElementsAre("#3 ok rev=3", "#2 ok rev=2", "#1 ok rev=1"));
}

TEST_F(SessionTest, AnswersQueriesInOrderAndRemembersTheSignals) {
  connect();
  ASSERT_TRUE(session().query("/a/**", Ticket{1}, in(5s), now()));
  ASSERT_TRUE(session().query("/b/**", Ticket{2}, in(5s), now()));
  EXPECT_EQ(session().query("nonsense", Ticket{3}, in(5s), now()).error().code, ErrorCode::pattern_error);
  const auto result = [](std::string_view address) {
    return Message{QueryResult{{{.address = address, .type = SignalType::param, .datatype = "f32", .access = {}, .meta = {}}}}};
  };
  router_says(result("/b/1"));  // the first one was given up on
  EXPECT_THAT(told(), ElementsAre("#2 ok /b/1"));
  router_says(result("/a/1"));
  EXPECT_THAT(told(), ElementsAre("#1 ok /a/1"));
  EXPECT_EQ(session().signals().find(*Pattern::parse("/**")).size(), 2U);
  ASSERT_TRUE(session().query("/c", Ticket{4}, in(5s), now()));
  router_refuses(301, "/c");
  EXPECT_THAT(told(), ElementsAre("#4 failed 301 /c"));
}

TEST_F(SessionTest, MeasuresRoundTrips) {
  connect();
  ASSERT_TRUE(session().ping(Ticket{1}, in(5s), now()));
  ASSERT_TRUE(session().sync(Ticket{2}, in(5s), now()));
  const std::uint64_t t1 = now().unix_time.us;
  EXPECT_THAT(sent(), ElementsAre("PING", "SYNC"));
  pass(3ms);
  router_says({Pong{}});
  router_says({Sync{.t1 = t1, .t2 = t1 + 1'500, .t3 = t1 + 1'500}});
  EXPECT_THAT(told(), ElementsAre("#1 ok 3000us", "#2 ok 3000us"));
  EXPECT_EQ(session().clock().offset_us(), 0);
  router_says({Pong{}});
  router_says({Sync{.t1 = 5, .t2 = {}, .t3 = {}}});
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(SessionTest, ReportsRefusedSubscriptionsWithTheirPattern) {
  connect();
  subscribe("/secret/**");
  router_refuses(301, "/secret/**");
  router_refuses(503, std::nullopt);
  EXPECT_THAT(told(), ElementsAre("error 301 /secret/**", "error 503 "));
}

}  // namespace
}  // namespace clasp::client
