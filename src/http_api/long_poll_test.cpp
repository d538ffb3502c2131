// What has changed since a position, as soon as something has.
#include <nlohmann/json.hpp>

#include "http_api/http_api_testing.hpp"

namespace clasp::http_api {
namespace {

using router::Peer;
using testing::HasSubstr;
using testing::StartsWith;

class LongPollTest : public HttpApiTest {
 protected:
  std::string tail(router::Seq seq) { return fmt::format(R"("revision":{},"position":"{}")", seq, api().position_text(seq)); }
};

TEST_F(LongPollTest, WithoutAPositionItIsTheState) {
  Peer& desk = connect("desk");
  desk.set("/a", 1);
  desk.set("/b", 1);
  EXPECT_EQ(ask("GET /v1/poll/a"), R"(200 {"changes":[{"address":"/a","value":1,"revision":1}],"events":[],)" + tail(2) + "}");
  EXPECT_EQ(ask("GET /v1/poll?pattern=/nothing"), R"(200 {"changes":[],"events":[],)" + tail(2) + "}");
}

TEST_F(LongPollTest, WhatHasHappenedSinceIsToldAtOnceParamsOnce) {
  Peer& desk = connect("desk");
  desk.set("/a", 1);
  desk.set("/a", 2);
  desk.publish("/go", 7);
  desk.set("/a", 3);
  for (const std::string& since : {std::string("1"), api().position_text(1)}) {
    EXPECT_EQ(ask("GET /v1/poll/**?since=" + since),
              R"(200 {"changes":[{"address":"/a","value":3,"revision":3}],"events":[{"address":"/go","value":7}],)" + tail(4) + "}");
  }
}

TEST_F(LongPollTest, ElseItWaitsAndABundleComesWhole) {
  Peer& desk = connect("desk");
  desk.set("/a", 1);
  EXPECT_EQ(ask("GET /v1/poll/**?since=1"), "");
  const EncodedValue two(2);
  desk.bundle({Message{Set{.address = "/a", .value = two.view()}}, Message{Set{.address = "/b", .value = two.view()}}});
  turn();
  EXPECT_EQ(connection().answered(),
            R"(200 {"changes":[{"address":"/a","value":2,"revision":2},{"address":"/b","value":2,"revision":1}],"events":[],)" + tail(3) + "}");
  desk.set("/a", 3);
  EXPECT_THAT(ask("GET /v1/poll/**?since=" + connection().field("X-Clasp-Position")), HasSubstr(R"("value":3)"))
      << "nothing falls between two questions";
}

TEST_F(LongPollTest, AfterItsTimeItSaysThatThereWasNothing) {
  Peer& desk = connect("desk");
  EXPECT_EQ(ask("GET /v1/poll/a?since=0&timeout=2.5"), "");
  pass(2s);
  desk.set("/other", 1);
  turn();
  EXPECT_EQ(connection().answered(), "");
  pass(1s);
  EXPECT_EQ(connection().answered(), "204 ");
  EXPECT_EQ(connection().field("X-Clasp-Position"), position()) << "the next question need not look at what was nothing to this one";
  EXPECT_THAT(ask("GET /v1/state/other"), StartsWith("200 "));
  pass(31s);
  EXPECT_EQ(api().counters().polls_timed_out, 1U);
}

TEST_F(LongPollTest, TheDeadlineOfOneQuestionIsNotThatOfTheNext) {
  Peer& desk = connect("desk");
  EXPECT_EQ(ask("GET /v1/poll/a?since=0&timeout=2"), "");
  pass(1s);
  desk.set("/a", 1);
  turn();
  EXPECT_THAT(connection().answered(), StartsWith("200 "));
  EXPECT_EQ(ask("GET /v1/poll/a?since=1&timeout=10"), "");
  pass(5s);
  EXPECT_EQ(connection().answered(), "");
}

TEST_F(LongPollTest, APositionThatIsGoneIsAnsweredWithTheStateAndSaysSo) {
  configure({.commit_log_bytes_max = 65'536});
  Peer& desk = connect("desk");
  for (int i = 0; i < 2'000; ++i) desk.set("/a", std::string(100, 'x'));
  desk.set("/a", 1);
  EXPECT_EQ(ask("GET /v1/poll/a?since=1"),
            R"(200 {"changes":[{"address":"/a","value":1,"revision":2001}],"events":[],)" + tail(2'001) + R"(,"reset":true})");
  EXPECT_THAT(ask("GET /v1/poll/a?since=0123456789abcdef-5"), HasSubstr(R"("reset":true)"));
  EXPECT_THAT(ask("GET /v1/poll/a?since=999999"), HasSubstr(R"("reset":true)"));
}

TEST_F(LongPollTest, MoreThanOneAnswerHoldsComesInSeveral) {
  Peer& desk = connect("desk");
  for (int i = 0; i < 300; ++i) desk.set(fmt::format("/a/{:03}", i), std::string(1'000, 'x'));
  std::size_t changes = 0;
  std::string since = "0";
  int answers = 0;
  for (bool more = true; more && answers < 10; ++answers) {
    ASSERT_THAT(ask("GET /v1/poll/a/**?since=" + since), StartsWith("200 "));
    ASSERT_LT(connection().text.size(), 200'000U);
    const auto document = nlohmann::json::parse(connection().text);
    changes += document.at("changes").size();
    since = document.at("position");
    more = document.contains("more");
  }
  EXPECT_EQ(changes, 300U);
  EXPECT_EQ(answers, 3);
  EXPECT_EQ(since, position());
}

TEST_F(LongPollTest, AStateThatIsTooLargeForOneAnswerIsReferredToTheSnapshot) {
  Peer& desk = connect("desk");
  for (int i = 0; i < 300; ++i) desk.set(fmt::format("/a/{:03}", i), std::string(1'000, 'x'));
  EXPECT_THAT(ask("GET /v1/poll/a/**"),
              StartsWith(R"(413 {"error":"too much for one answer: read /v1/snapshot, then poll since its X-Clasp-Position")"));
  EXPECT_THAT(ask("GET /v1/poll/a/**?since=0123456789abcdef-5"), StartsWith("410 "));
  ask("GET /v1/snapshot?limit=1");
  const std::string since = connection().field("X-Clasp-Position");
  desk.set("/a/000", 1);
  EXPECT_THAT(ask("GET /v1/poll/a/**?since=" + since), StartsWith(R"(200 {"changes":[{"address":"/a/000","value":1,"revision":2}])"));
}

TEST_F(LongPollTest, WhoLeavesWhileWaitingIsForgotten) {
  const std::size_t before = router().gauges().sessions;
  Connection& left = another();
  EXPECT_EQ(left.ask("GET /v1/poll/a?since=0"), "");
  Connection& half = another();
  EXPECT_EQ(half.ask("GET /v1/poll/a?since=0"), "");
  EXPECT_EQ(router().gauges().sessions, before + 2);
  left.leave();
  half.end();
  EXPECT_EQ(router().gauges().sessions, before);
  Peer& desk = connect("desk");
  desk.set("/a", 1);
  turn();
  pass(61s);
  EXPECT_EQ(left.answered(), "");
}

TEST_F(LongPollTest, ARouterThatEndsSaysSo) {
  EXPECT_EQ(ask("GET /v1/poll/a?since=0"), "");
  router().close_all({router::CloseCode::going_away, "the router is stopping"}, world().now());
  turn();
  EXPECT_EQ(connection().answered(), R"(503 {"error":"the router is stopping","code":501})");
}

}  // namespace
}  // namespace clasp::http_api
