// Connecting, losing and regaining the router, subscriptions and the cache, as transcripts.
#include "client/client_session.hpp"

#include <array>

#include "client/session_testing.hpp"

namespace clasp::client {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::SessionTest;
using Phase = ClientSession::Phase;

// ---- handshake ----

TEST_F(SessionTest, GreetsAndIsConnectedAfterWelcome) {
  start(config());
  EXPECT_THAT(sent(), ElementsAre("HELLO desk features=f8 token="));
  EXPECT_FALSE(session().is_active());
  welcome("abc");
  EXPECT_THAT(told(), ElementsAre("connected"));
  EXPECT_TRUE(session().is_active());
  EXPECT_EQ(session().session_text(), "abc");
  EXPECT_EQ(session().server_name(), "stage");
  EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(SessionTest, AsksForNoSnapshotInTheBlockOfHello) {
  SessionConfig config = this->config();
  config.snapshot = false;
  config.token = "cpsk_1";
  start(config);
  EXPECT_THAT(sent(), ElementsAre("HELLO desk features=f9 token=cpsk_1 snapshot=\"none\""));
}

TEST_F(SessionTest, AcceptsTheWelcomeWithoutTokenOfTheEmbeddedRouter) {
  start(config());
  const std::string payload(
      "\x02\x01\xf8\0\0\0\0\0\0\0\0\0\x08"
      "embedded\0\x0aMiniRouter",
      33);
  ByteBuffer frame;
  frame.u8(0x53);
  frame.u8(0x01);
  frame.u16(static_cast<std::uint16_t>(payload.size()));
  frame.append(as_bytes(payload));
  session().receive(frame.view(), now());
  EXPECT_TRUE(session().is_active());
  EXPECT_EQ(session().session_text(), "embedded");
}

TEST_F(SessionTest, FailsAtOnceWhenTheRouterRefusesTheToken) {
  for (const std::uint16_t code : std::array<std::uint16_t, 4>{300, 302, 500, 503}) {
    start(config());
    router_refuses(code, std::nullopt);
    EXPECT_THAT(told(), ElementsAre(fmt::format("gave up: {} no", code)));
    EXPECT_FALSE(session().link_wanted());
    EXPECT_EQ(static_cast<int>(session().last_error()->code), code);
    pass(1h);
    EXPECT_THAT(told(), IsEmpty()) << "nothing is retried";
  }
}

TEST_F(SessionTest, FailsWhenNoWelcomeComesInTime) {
  start(config());
  pass(9'999ms);
  EXPECT_THAT(told(), IsEmpty());
  pass(1ms);
  EXPECT_THAT(told(), ElementsAre("gave up: 502 no WELCOME within 10000 ms"));
  EXPECT_FALSE(session().link_wanted());
}

TEST_F(SessionTest, FailsWhenTheLinkDoesNotComeUp) {
  start(config());
  session().link_lost("cannot reach", now());
  EXPECT_THAT(told(), ElementsAre("gave up: 900 connection closed before WELCOME: cannot reach"));
}

TEST_F(SessionTest, IgnoresOtherMessagesBeforeWelcome) {
  start(config());
  router_sets("/a", 1, 1);
  router_says({Ping{}});
  EXPECT_THAT(told(), IsEmpty());
  welcome();
  EXPECT_THAT(told(), ElementsAre("connected"));
}

TEST_F(SessionTest, ReportsGarbageAtMostOnceASecondAndGoesOn) {
  connect();
  const std::string garbage = "no frame at all";
  for (int i = 0; i < 100; ++i) session().receive(as_bytes(garbage), now());
  EXPECT_THAT(told(), ElementsAre("error 100 "));
  EXPECT_EQ(session().stats().undecodable_frames, 100U);
  pass(1s);
  session().receive(as_bytes(garbage), now());
  EXPECT_THAT(told(), ElementsAre("error 100 "));
  EXPECT_TRUE(session().is_active());
}

// ---- losing and regaining ----

TEST_F(SessionTest, TriesAgainOnTheScheduleOfTheReference) {
  connect();
  session().link_lost("gone", now());
  EXPECT_THAT(told(), ElementsAre("disconnected: gone"));
  std::uint32_t attempt = 1;
  for (const auto delay : {5'000ms, 7'500ms, 11'250ms, 16'875ms, 25'312ms, 30'000ms, 30'000ms}) {
    EXPECT_EQ(session().phase(), Phase::waiting);
    pass(delay - 1ms);
    EXPECT_THAT(told(), IsEmpty());
    pass(2ms);
    EXPECT_THAT(told(), ElementsAre(fmt::format("reconnecting {}", attempt++)));
    EXPECT_TRUE(session().link_wanted());
    session().link_lost("refused", now());
    EXPECT_THAT(told(), ElementsAre("error 900 "));
  }
  pass(30s);
  session().link_opened(now());
  welcome("s2");
  EXPECT_THAT(told(), ElementsAre(fmt::format("reconnecting {}", attempt), "connected"));
  EXPECT_EQ(session().session_text(), "s2");
  EXPECT_EQ(session().stats().reconnects, 1U);

  session().link_lost("gone again", now());
  told();
  pass(5s);
  EXPECT_THAT(told(), ElementsAre("reconnecting 1")) << "success starts the schedule anew";
}

TEST_F(SessionTest, GivesUpAfterTheAttemptsItWasGiven) {
  SessionConfig config = this->config();
  config.backoff.attempts_max = 2;
  connect(config);
  session().link_lost("gone", now());
  told();
  for (int i = 0; i < 2; ++i) {
    pass(10s);
    session().link_lost("refused", now());
  }
  EXPECT_THAT(told(), ElementsAre("reconnecting 1", "error 900 ", "reconnecting 2", "error 900 ", "gave up: 900 max reconnect attempts (2) reached"));
}

TEST_F(SessionTest, DoesNotTryAgainWithATokenThatHasExpired) {
  connect();
  session().link_lost("gone", now());
  pass(5s);
  session().link_opened(now());
  told();
  router_refuses(302, std::nullopt);
  EXPECT_THAT(told(), ElementsAre("gave up: 302 no"));
  pass(1h);
  EXPECT_FALSE(session().link_wanted());
}

TEST_F(SessionTest, TriesAgainAfterARefusalThatIsNotAboutTheToken) {
  connect();
  session().link_lost("gone", now());
  pass(5s);
  session().link_opened(now());
  told();
  router_refuses(503, std::nullopt);
  EXPECT_THAT(told(), ElementsAre("error 503 "));
  EXPECT_EQ(session().phase(), Phase::waiting);
  EXPECT_FALSE(session().link_wanted()) << "the driver has to close the link meanwhile";
}

TEST_F(SessionTest, StaysAwayIfReconnectingIsOff) {
  SessionConfig config = this->config();
  config.reconnect = false;
  connect(config);
  session().link_lost("gone", now());
  EXPECT_THAT(told(), ElementsAre("disconnected: gone"));
  pass(1h);
  EXPECT_FALSE(session().link_wanted());
  EXPECT_EQ(set("/a", 1).error().code, ErrorCode::not_connected);
}

TEST_F(SessionTest, BringsBackAnnouncementsAndSubscriptionsWithTheirOptions) {
  connect();
  ASSERT_TRUE(session().announce({.ns = "/desk", .signals = {{.address = "/desk/go", .datatype = {}, .access = {}, .meta = {}}}, .meta = {}}, now()));
  subscribe("/a/**", TypeMask::of(SignalType::event), {.max_rate = 30, .epsilon = 0.5, .history = {}, .window = {}});
  subscribe("/b");
  const std::uint32_t gone = subscribe("/c");
  session().unsubscribe(gone, now());
  EXPECT_THAT(sent(), ElementsAre("ANNOUNCE /desk /desk/go", "SUBSCRIBE 1 /a/** types=02 max_rate=30 epsilon=0.5", "SUBSCRIBE 2 /b", "SUBSCRIBE 3 /c",
                                  "UNSUBSCRIBE 3"));
  session().link_lost("gone", now());
  pass(5s);
  session().link_opened(now());
  welcome("s2");
  EXPECT_THAT(sent(), ElementsAre("HELLO desk features=f8 token=", "ANNOUNCE /desk /desk/go", "SUBSCRIBE 1 /a/** types=02 max_rate=30 epsilon=0.5",
                                  "SUBSCRIBE 2 /b"));
}

TEST_F(SessionTest, SendsSubscriptionsMadeBeforeTheFirstConnection) {
  start(config());
  sent();
  subscribe("/a");
  EXPECT_THAT(sent(), IsEmpty());
  welcome();
  EXPECT_THAT(sent(), ElementsAre("SUBSCRIBE 1 /a"));
}

TEST_F(SessionTest, FailsEverythingThatWaitsWhenTheConnectionIsLost) {
  connect();
  ASSERT_TRUE(get("/a", 1));
  ASSERT_TRUE(set_confirmed("/b", 1, 2));
  ASSERT_TRUE(session().query("/**", Ticket{3}, in(5s), now()));
  ASSERT_TRUE(session().ping(Ticket{4}, in(5s), now()));
  ASSERT_TRUE(bundle({"/c"}, std::nullopt, 5));
  session().link_lost("gone", now());
  EXPECT_THAT(told(), ElementsAre("#1 failed 901 ", "#2 failed 901 ", "#3 failed 901 ", "#4 failed 901 ", "#5 failed 901 ", "disconnected: gone"));
}

TEST_F(SessionTest, RefusesCallsWhileDisconnectedAndCountsLostPublishes) {
  connect();
  session().link_lost("gone", now());
  EXPECT_EQ(set("/a", 1).error().code, ErrorCode::not_connected);
  EXPECT_EQ(emit("/a", 1).error().code, ErrorCode::not_connected);
  EXPECT_EQ(get("/a", 1).error().code, ErrorCode::not_connected);
  EXPECT_EQ(session().stats().publishes_dropped, 1U);
}

TEST_F(SessionTest, KeepsTheNewestSetOfEachAddressWhileDisconnected) {
  SessionConfig config = this->config();
  config.offline_params_max = 2;
  connect(config);
  ASSERT_TRUE(set("/unsent", 0));  // accepted, but the link breaks before it leaves
  ASSERT_TRUE(emit("/event", 0));
  session().link_lost("gone", now());
  EXPECT_EQ(session().stats().frames_lost, 1U);
  ASSERT_TRUE(set("/a", 1));
  ASSERT_TRUE(set("/a", 2));
  EXPECT_EQ(set("/b", 1).error().code, ErrorCode::overloaded);
  pass(5s);
  session().link_opened(now());
  sent();
  ASSERT_TRUE(set("/unsent", 3)) << "also between HELLO and WELCOME";
  welcome();
  EXPECT_THAT(sent(), ElementsAre("SET /a 2", "SET /unsent 3"));
}

TEST_F(SessionTest, ClosesWithWhatWasAcceptedStillToSend) {
  connect();
  ASSERT_TRUE(set("/a", 1));
  ASSERT_TRUE(get("/b", 1));
  session().close(now());
  EXPECT_THAT(told(), ElementsAre("#1 failed 901 "));
  EXPECT_FALSE(session().link_wanted());
  EXPECT_THAT(sent(), ElementsAre("SET /a 1", "GET /b confirm"));
  EXPECT_EQ(set("/a", 2).error().message, "the client is closed");
  session().close(now());
  EXPECT_THAT(told(), IsEmpty());
}

// ---- liveness and time ----

TEST_F(SessionTest, AnswersPing) {
  connect();
  router_says({Ping{}});
  EXPECT_THAT(sent(), ElementsAre("PONG"));
}

TEST_F(SessionTest, ProbesASilentRouterAndLeavesIt) {
  connect();
  pass(30s);  // WELCOME was heard in this interval
  EXPECT_THAT(sent(), IsEmpty());
  pass(30s);
  EXPECT_THAT(sent(), ElementsAre("PING"));
  router_says({Pong{}});
  pass(30s);
  EXPECT_THAT(sent(), IsEmpty());
  pass(30s);
  pass(30s);
  EXPECT_THAT(sent(), ElementsAre("PING", "PING"));
  pass(30s);
  EXPECT_THAT(told(), ElementsAre("disconnected: the router has gone silent"));
  EXPECT_FALSE(session().link_wanted());
}

TEST_F(SessionTest, FollowsTheClockOfTheRouter) {
  SessionConfig config = this->config();
  config.clock_sync = true;
  start(config);
  pass(2ms);
  const std::int64_t ahead = 7'000'000;
  const auto router_time = [&] { return now().unix_time.us + static_cast<std::uint64_t>(ahead); };
  welcome("s1", router_time() - 1'000);
  EXPECT_EQ(session().clock().offset_us(), ahead) << "WELCOME, half the round trip ago";
  sent();

  int exchanges = 0;
  for (int i = 0; i < 10; ++i) {
    const std::uint64_t t1 = now().unix_time.us;
    pass(0us);
    const std::vector<std::string> lines = sent();
    exchanges += static_cast<int>(lines.size());
    if (!lines.empty()) {
      pass(500us);
      const std::uint64_t t2 = router_time();
      pass(500us);
      router_says({Sync{.t1 = t1, .t2 = t2, .t3 = t2}});
    }
    pass(50ms);
    exchanges += static_cast<int>(sent().size());
  }
  EXPECT_EQ(exchanges, 5) << "a burst of five at the start";
  EXPECT_NEAR(static_cast<double>(session().clock().offset_us()), static_cast<double>(ahead), 30'000.0);
  EXPECT_GT(session().clock().quality(), 0.5);
  pass(30s);
  EXPECT_THAT(sent(), ElementsAre("SYNC"));
}

TEST_F(SessionTest, DiscardsClockSamplesThatTookTooLong) {
  ClockKeeper keeper;
  keeper.begin({0});
  for (std::uint64_t i = 0; i < 4; ++i) EXPECT_TRUE(keeper.add(i * 10'000, i * 10'000 + 500, i * 10'000 + 500, i * 10'000 + 1'000, {0}));
  EXPECT_EQ(keeper.filter().offset_us(), 0);
  EXPECT_FALSE(keeper.add(100'000, 100'500, 100'500, 150'000, {0})) << "50 ms instead of 1 ms";
  EXPECT_FALSE(keeper.add(100'000, 100'500, 300'500, 150'000, {0})) << "negative round trip";
  EXPECT_EQ(keeper.filter().offset_us(), 0);
}

// ---- subscriptions ----

TEST_F(SessionTest, DeliversEachItemOnceToEverySubscriptionThatWantsIt) {
  connect();
  const std::uint32_t all = subscribe("/**");
  const std::uint32_t tree = subscribe("/a/**");
  const std::uint32_t events = subscribe("/a/*", TypeMask::of(SignalType::event));
  ASSERT_EQ(events, 3U);
  router_sets("/a", 1, 1);
  router_sets("/a/b", 2, 1);
  router_sets("/ab", 3, 1);
  router_says({Publish{.address = "/a/b", .signal = SignalType::event, .value = {}, .samples = {}, .timestamp = {}, .id = {}, .rate = {}}});
  EXPECT_THAT(told(), ElementsAre("SET /a 1 rev=1 -> 1,2", "SET /a/b 2 rev=1 -> 1,2", "SET /ab 3 rev=1 -> 1", "event /a/b -> 1,2,3"));
  session().unsubscribe(all, now());
  session().unsubscribe(tree, now());
  router_sets("/a/b", 3, 2);
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(SessionTest, MatchesAlikeWithManySubscriptions) {
  connect();
  for (int i = 0; i < 40; ++i) subscribe(fmt::format("/s{}/*", i));
  const std::uint32_t all = subscribe("/**");
  for (int round = 0; round < 3; ++round) {
    router_sets("/s7/x", round, static_cast<std::uint64_t>(round) + 1);
    EXPECT_THAT(told(), ElementsAre(fmt::format("SET /s7/x {} rev={} -> 8,{}", round, round + 1, all)));
  }
  session().unsubscribe(8, now());
  router_sets("/s7/x", 9, 9);
  EXPECT_THAT(told(), ElementsAre(fmt::format("SET /s7/x 9 rev=9 -> {}", all)));
}

TEST_F(SessionTest, OpensReceivedBundles) {
  connect();
  subscribe("/**");
  const EncodedValue one(Value(1));
  router_says({Bundle{
      .timestamp = {},
      .messages = {
          {Set{.address = "/a", .value = one.view(), .revision = 4, .ttl = {}}},
          {Publish{.address = "/b", .signal = SignalType::stream, .value = one.view(), .samples = {}, .timestamp = {}, .id = {}, .rate = {}}}}}});
  EXPECT_THAT(told(), ElementsAre("SET /a 1 rev=4 -> 1", "stream /b 1 -> 1"));
}

TEST_F(SessionTest, RefusesPatternsThatCanMatchNothing) {
  connect();
  EXPECT_EQ(session().subscribe("a/b", TypeMask::all(), {}, now()).error().code, ErrorCode::pattern_error);
  EXPECT_EQ(session().subscribe("/a//b", TypeMask::all(), {}, now()).error().code, ErrorCode::pattern_error);
  EXPECT_THAT(sent(), IsEmpty());
}

TEST_F(SessionTest, GivesTheSnapshotOfANewSubscriptionToThatOneOnly) {
  connect();
  subscribe("/a/**");
  router_shows("/a/x", 1, 5);
  EXPECT_THAT(told(), ElementsAre("SET* /a/x 1 rev=5 -> 1"));
  subscribe("/**");
  router_shows("/a/x", 1, 5);
  EXPECT_THAT(told(), ElementsAre("SET* /a/x 1 rev=5 -> 2"));
  router_shows("/a/x", 1, 5);
  EXPECT_THAT(told(), IsEmpty());
  router_shows("/a/x", 2, 6);
  EXPECT_THAT(told(), ElementsAre("SET* /a/x 2 rev=6 -> 1,2")) << "a newer revision is news to everybody";
}

TEST_F(SessionTest, ForgetsRevisionsWhenTheRouterWelcomesItAgain) {
  connect();
  subscribe("/a");
  router_sets("/a", 1, 50);
  session().link_lost("gone", now());
  pass(5s);
  session().link_opened(now());
  welcome();
  told();
  router_shows("/a", 2, 3);  // a router that was restarted begins again (contract 30)
  EXPECT_THAT(told(), ElementsAre("SET* /a 2 rev=3 -> 1"));
  EXPECT_EQ(to_value(session().cache().find("/a")->view()), Value(2));
  router_shows("/a", 2, 3);
  EXPECT_THAT(told(), IsEmpty()) << "the snapshot of the repeated SUBSCRIBE says nothing new";
}

// ---- cache and get ----

TEST_F(SessionTest, TakesTheCacheOnlyIfASubscriptionKeepsItCurrent) {
  connect();
  router_shows("/a", 1, 1);  // the snapshot after WELCOME
  ASSERT_TRUE(get("/a", 1));
  EXPECT_THAT(told(), IsEmpty());
  EXPECT_THAT(sent(), ElementsAre("GET /a confirm"));
  router_shows("/a", 2, 2);
  EXPECT_THAT(told(), ElementsAre("#1 ok /a 2 rev=2"));

  subscribe("/*", TypeMask::all(), {.max_rate = 5, .epsilon = {}, .history = {}, .window = {}});
  router_shows("/a", 2, 2);
  ASSERT_TRUE(get("/a", 2)) << "a thinned subscription does not see every change";
  EXPECT_THAT(sent(), ElementsAre("SUBSCRIBE 1 /* max_rate=5", "GET /a confirm"));
  router_shows("/a", 2, 2);
  told();

  subscribe("/*");
  ASSERT_TRUE(get("/a", 3)) << "the new subscription has not had its snapshot yet";
  EXPECT_THAT(sent(), ElementsAre("SUBSCRIBE 2 /*", "GET /a confirm"));
  router_shows("/a", 3, 3);
  told();
  ASSERT_TRUE(get("/a", 4));
  EXPECT_THAT(told(), ElementsAre("#4 ok /a 3 rev=3"));
  EXPECT_THAT(sent(), IsEmpty());
  ASSERT_TRUE(get("/a", 5, Micros{0}, true)) << "fresh means fresh";
  EXPECT_THAT(sent(), ElementsAre("GET /a confirm"));
}

TEST_F(SessionTest, TakesTheCacheIfItIsYoungEnough) {
  connect();
  router_shows("/a", 1, 1);
  pass(2s);
  ASSERT_TRUE(get("/a", 1, 3s));
  EXPECT_THAT(told(), ElementsAre("#1 ok /a 1 rev=1"));
  ASSERT_TRUE(get("/a", 2, 1s));
  EXPECT_THAT(sent(), ElementsAre("GET /a confirm"));
  session().link_lost("gone", now());
  told();
  ASSERT_TRUE(get("/a", 3, 3s));
  EXPECT_THAT(told(), ElementsAre("#3 ok /a 1 rev=1 stale"));
}

TEST_F(SessionTest, DoesNotLetHistoryTurnTheCacheBack) {
  connect();
  subscribe("/a");
  router_sets("/a", 5, 5);
  router_sets("/a", 3, 3);
  EXPECT_THAT(told(), ElementsAre("SET /a 5 rev=5 -> 1", "SET /a 3 rev=3 -> 1"));
  EXPECT_EQ(session().cache().find("/a")->revision, 5U);
}

TEST_F(SessionTest, BoundsTheCache) {
  SessionConfig config = this->config();
  config.cache_entries_max = 3;
  connect(config);
  subscribe("/**");
  for (int i = 0; i < 10; ++i) router_sets(fmt::format("/{}", i), i, 1);
  EXPECT_EQ(told().size(), 10U);
  EXPECT_EQ(session().cache().size(), 3U);
  EXPECT_EQ(session().cache().refused(), 7U);
}

// ---- the outgoing buffer ----

TEST_F(SessionTest, RefusesCallsWhenTheOutgoingBufferIsFull) {
  SessionConfig config = this->config();
  config.output_bytes_max = 100;
  connect(config);
  int accepted = 0;
  while (set("/address", 1)) ++accepted;
  EXPECT_EQ(set("/address", 1).error().code, ErrorCode::overloaded);
  EXPECT_EQ(session().subscribe("/x", TypeMask::all(), {}, now()).error().code, ErrorCode::overloaded);
  EXPECT_GE(accepted, 3);

  ByteBuffer out;
  session().take_output(out);
  EXPECT_EQ(set("/address", 1).error().code, ErrorCode::overloaded) << "bytes on their way count too";
  session().sent(out.size());
  EXPECT_TRUE(set("/address", 1));
}

TEST_F(SessionTest, RefusesWhatDoesNotFitAFrame) {
  connect();
  const auto refused = set("/a", Value(std::string(65'534, 'x')));
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_value);
  EXPECT_THAT(refused.error().message, HasSubstr("65535"));
  EXPECT_THAT(sent(), IsEmpty());
}

}  // namespace
}  // namespace clasp::client
