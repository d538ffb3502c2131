#include "bridge/http/client_bridge.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "bridge/http/rule_line.hpp"
#include "core/json.hpp"
#include "http_client/retry.hpp"
#include "http_client/signature.hpp"

namespace clasp::bridge::http {
namespace {

using http_client::CallId;
using http_client::HttpAnswer;
using http_client::HttpCall;
using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class FakeFetcher final : public http_client::HttpFetcher {
 public:
  struct Open {
    CallId id;
    HttpCall call;
    Done done;
  };
  CallId start(HttpCall call, Done done) override {
    open.push_back({CallId{++last}, std::move(call), std::move(done)});
    return open.back().id;
  }
  void cancel(CallId id) override {
    std::erase_if(open, [id](const Open& each) { return each.id == id; });
  }

  std::deque<Open> open;
  std::uint64_t last = 0;
};

class RecordingLink final : public RouterLink {
 public:
  void open(const BridgeIdentity&, std::span<const std::string> with, bool, RouterLinkListener& heard_by) override {
    patterns.assign(with.begin(), with.end());
    listener = &heard_by;
    listener->link_up();
  }
  void close() override { listener = nullptr; }
  void set(std::string_view address, const ValueView& value, PeerTag) override {
    lines.push_back(std::string(address) + " " + to_json(to_value(value)));
  }
  void publish(const Publish&, PeerTag) override {}
  void bundle(std::span<const Message>, std::optional<UnixTime>, PeerTag) override {}

  RouterLinkListener* listener = nullptr;
  std::vector<std::string> patterns;
  std::vector<std::string> lines;
};

// A bridge in a world where servers answer what the test says, and time passes when it says so.
class ClientBridgeTest : public ::testing::Test {
 protected:
  void poll(std::string_view line) { config.polls.push_back(*parse_poll(line, config.ns, "")); }
  void send(std::string_view line) { config.targets.push_back(*parse_send(line, "")); }
  void webhook(std::string_view line) { config.targets.push_back(*parse_webhook(line)); }
  HttpClientBridge& bridge() {
    if (!bridge_) {
      bridge_ = std::make_unique<HttpClientBridge>(link, fetcher, config,
                                                   HttpClientBridge::Outside{.clock = [this] { return now; },
                                                                             .random = [] { return std::uint64_t{1} << 63; },
                                                                             .log = [this](std::string_view line) { log.emplace_back(line); }});
      bridge_->start();
      bridge_->advance(now);
    }
    return *bridge_;
  }
  void pass(Micros time) {
    now.steady = now.steady + time;
    now.unix_time.us += static_cast<std::uint64_t>(time.count());
    bridge().advance(now);
  }
  void deliver(std::string_view address, const Value& value, std::uint64_t revision = 1, bool own = false) {
    const EncodedValue encoded(value);
    LinkDelivery delivery;
    delivery.address = address;
    delivery.value = encoded.view();
    delivery.revision = revision;
    delivery.own = own;
    bridge();
    link.listener->delivered(delivery);
    bridge().advance(now);
  }
  void emit(std::string_view address, SignalType signal = SignalType::event, GesturePhase phase = GesturePhase::start) {
    LinkDelivery delivery;
    delivery.is_set = false;
    delivery.address = address;
    delivery.signal = signal;
    delivery.phase = phase;
    bridge();
    link.listener->delivered(delivery);
    bridge().advance(now);
  }
  // The oldest request, as a line; "" if none is open.
  std::string asked() {
    bridge();
    if (fetcher.open.empty()) return "";
    const HttpCall& call = fetcher.open.front().call;
    return call.method + " " + call.url + (call.body.empty() ? "" : " " + call.body);
  }
  std::string field(std::string_view name) {
    for (const auto& each : fetcher.open.front().call.fields) {
      if (each.name == name) return each.value;
    }
    return "";
  }
  void answer(unsigned status, std::string body = "", std::vector<HttpField> fields = {}) {
    end(HttpAnswer{.status = status, .fields = std::move(fields), .body = std::move(body)});
  }
  void no_answer(ErrorCode code = ErrorCode::connection_failed) { end(Error{code, "nobody there", {}}); }
  void end(Result<HttpAnswer> result) {
    ASSERT_FALSE(fetcher.open.empty());
    const auto open = std::move(fetcher.open.front());
    fetcher.open.pop_front();
    open.done(std::move(result));
    bridge().advance(now);
  }
  std::vector<std::string> written() { return std::exchange(link.lines, {}); }
  const HttpBridgeCounters& counted() { return bridge().counters(); }

  Now now{.steady = {1'000'000'000}, .unix_time = {1'700'000'000'000'000}, .received = {}};
  HttpClientModeConfig config = [] {
    HttpClientModeConfig with;
    with.ns = *NamespaceMap::parse("/http");
    return with;
  }();
  FakeFetcher fetcher;
  RecordingLink link;
  std::vector<std::string> log;

 private:
  std::unique_ptr<HttpClientBridge> bridge_;
};

// ---- polls ----

TEST_F(ClientBridgeTest, APollWritesWhatItPicksAndOnlyWhatChanges) {
  poll("http://plug/s every=2s watts=$.meter.w on=/relay/0");
  EXPECT_EQ(asked(), "GET http://plug/s");
  answer(200, R"({"meter":{"w":12.5},"relay":[true]})");
  EXPECT_THAT(written(), ElementsAre("/http/watts 12.5", "/http/on true"));
  EXPECT_EQ(asked(), "");
  pass(2s);
  EXPECT_EQ(asked(), "GET http://plug/s");
  answer(200, R"({"meter":{"w":13},"relay":[true]})");
  EXPECT_THAT(written(), ElementsAre("/http/watts 13"));
  EXPECT_EQ(counted().values_unchanged, 1U);
}

TEST_F(ClientBridgeTest, WithoutPicksAnAnswerHasTheReferencesForm) {
  poll("http://other/api/signals");
  bridge();
  answer(200, R"({"count":2,"signals":[{"address":"/a","value":1},{"address":"/b/c","value":"x"},{"address":"/*","value":2},{"value":3}]})");
  EXPECT_THAT(written(), ElementsAre("/http/a 1", R"(/http/b/c "x")"));
  EXPECT_EQ(counted().values_unusable, 2U);
  pass(5s);
  answer(200, R"({"address":"/a","value":5})");
  EXPECT_THAT(written(), ElementsAre("/http/a 5"));
}

TEST_F(ClientBridgeTest, APollTellsTheServerWhatItHasAlready) {
  poll("http://s/ every=1s x=/v");
  bridge();
  EXPECT_EQ(field("If-None-Match"), "");
  answer(200, R"({"v":1})", {{"etag", "\"abc\""}, {"Last-Modified", "Sun, 29 Nov 2026 10:00:00 GMT"}});
  pass(1s);
  EXPECT_EQ(field("If-None-Match"), "\"abc\"");
  EXPECT_EQ(field("If-Modified-Since"), "Sun, 29 Nov 2026 10:00:00 GMT");
  answer(304);
  EXPECT_THAT(written(), ElementsAre("/http/x 1"));
  EXPECT_EQ(counted().polls_not_modified, 1U);
  pass(1s);
  EXPECT_EQ(field("If-None-Match"), "\"abc\"");
}

TEST_F(ClientBridgeTest, AfterTheRouterWasAwayEverythingIsWrittenAgain) {
  poll("http://s/ every=1s x=/v");
  bridge();
  answer(200, R"({"v":1})", {{"ETag", "\"abc\""}});
  written();
  link.listener->link_down("gone");
  link.listener->link_up();
  pass(1s);
  EXPECT_EQ(field("If-None-Match"), "");
  answer(200, R"({"v":1})");
  EXPECT_THAT(written(), ElementsAre("/http/x 1"));
}

TEST_F(ClientBridgeTest, WithoutARouterNothingIsPolled) {
  poll("http://plug/status every=1s watts=$.watts");
  bridge();
  answer(200, R"({"watts":1})");
  link.listener->link_down("gone");
  pass(10s);
  EXPECT_EQ(asked(), "") << "nobody wants to know";
  EXPECT_EQ(bridge().next_deadline(), std::nullopt);
}

TEST_F(ClientBridgeTest, APollThatFailsIsTriedLessAndLessOften) {
  poll("http://s/ every=1s x=/v");
  bridge();
  Micros expected = 1s;
  for (int i = 0; i < 12; ++i) {
    no_answer();
    EXPECT_EQ(*bridge().next_deadline() - now.steady, std::min<Micros>(expected, limits::poll_backoff_max)) << i;
    expected *= 2;
    pass(*bridge().next_deadline() - now.steady);
    EXPECT_EQ(asked(), "GET http://s/");
  }
  answer(200, R"({"v":1})");
  EXPECT_EQ(*bridge().next_deadline() - now.steady, Micros{1s});
  EXPECT_EQ(counted().polls_failed, 12U);
}

TEST_F(ClientBridgeTest, APollWaitsAsLongAsItIsAskedTo) {
  poll("http://s/ every=1s x=/v");
  bridge();
  answer(429, "", {{"Retry-After", "30"}});
  EXPECT_EQ(*bridge().next_deadline() - now.steady, Micros{30s});
  pass(30s);
  answer(503, "", {{"Retry-After", "Tue, 14 Nov 2023 22:14:10 GMT"}});  // 20 s ahead: it is 22:13:50 in this world
  EXPECT_EQ(*bridge().next_deadline() - now.steady, Micros{20s});
  pass(20s);
  answer(503, "", {{"Retry-After", "999999999"}});
  EXPECT_EQ(*bridge().next_deadline() - now.steady, http_client::retry_after_max);
}

TEST_F(ClientBridgeTest, OfAFailingServerOneLineASecondIsLogged) {
  poll("http://me:pw@s/a?key=secret every=50ms x=/v");
  bridge();
  for (int i = 0; i < 5; ++i) {
    answer(200, "<html>");
    pass(50ms * (1 << i));
  }
  EXPECT_THAT(log, ElementsAre("http: cannot poll http://s/a: what it answers is no JSON"));
  pass(1s);
  answer(404);
  EXPECT_THAT(log.back(), AllOf(HasSubstr("answered 404"), HasSubstr("4 more like this")));
}

TEST_F(ClientBridgeTest, WhatIsNotThereIsNamed) {
  poll("http://s/ every=1s x=$.a.b y=/0 z=");
  bridge();
  answer(200, "[7]");
  EXPECT_THAT(written(), ElementsAre("/http/y 7", "/http/z [7]"));
  EXPECT_THAT(log, ElementsAre("http: http://s/ has nothing at $.a.b, for /http/x"));
}

TEST_F(ClientBridgeTest, AnAnswerOfMoreValuesThanTheBoundIsCut) {
  poll("http://s/");
  std::string body = R"({"signals":[)";
  for (int i = 0; i < 10'100; ++i) body += (i > 0 ? "," : "") + std::string(R"({"address":"/)") + std::to_string(i) + R"(","value":1})";
  bridge();
  answer(200, body + "]}");
  EXPECT_THAT(written(), SizeIs(limits::poll_values_max));
  EXPECT_EQ(counted().values_unusable, 100U);
}

// ---- targets ----

TEST_F(ClientBridgeTest, AParamIsPutAndAnEventPostedAsTheReferenceDoes) {
  send("/http/** http://dev{address}");
  deliver("/http/lamp/on", Value(true));
  EXPECT_EQ(asked(), "PUT http://dev/http/lamp/on true");
  EXPECT_EQ(field("Content-Type"), "application/json");
  answer(200);
  emit("/http/go");
  EXPECT_EQ(asked(), "POST http://dev/http/go");
  answer(204);
  deliver("/other", Value(1));
  deliver("/http/mine", Value(1), 1, true);
  EXPECT_EQ(asked(), "");
  EXPECT_THAT(link.patterns, ElementsAre("/http/**"));
  EXPECT_EQ(counted().sent, 2U);
}

TEST_F(ClientBridgeTest, AWebhookIsSignedAndSaysWhatHappened) {
  webhook("/alarm/** http://hook/a secret=key");
  deliver("/alarm/1", Value("fire"), 7, true);
  EXPECT_EQ(asked(),
            R"(POST http://hook/a {"address":"/alarm/1","value":"fire","signal":"param","revision":7,"time":"2023-11-14T22:13:20.000000Z"})");
  EXPECT_EQ(field("X-Clasp-Signature"), "sha256=" + http_client::hmac_sha256_hex("key", fetcher.open.front().call.body));
  EXPECT_EQ(field("X-Clasp-Delivery"), "1");
}

TEST_F(ClientBridgeTest, OneRequestAtATimeAndOfAParamTheNewestWaits) {
  send("/http/** http://dev/{name} body=wrapped");
  deliver("/http/a", Value(1));
  deliver("/http/b", Value(1));
  for (int i = 2; i < 100; ++i) deliver("/http/a", Value(i));
  EXPECT_THAT(fetcher.open, SizeIs(1));
  EXPECT_EQ(asked(), R"(PUT http://dev/a {"value":1})");
  answer(200);
  EXPECT_EQ(asked(), R"(PUT http://dev/b {"value":1})");
  answer(200);
  EXPECT_EQ(asked(), R"(PUT http://dev/a {"value":99})");
  answer(200);
  EXPECT_EQ(asked(), "");
  EXPECT_EQ(counted().replaced, 97U);
}

TEST_F(ClientBridgeTest, EventsAreAllSentInOrder) {
  send("/http/** http://dev/{name}");
  for (const char* name : {"/http/a", "/http/b", "/http/a"}) emit(name);
  for (const char* expected : {"POST http://dev/a", "POST http://dev/b", "POST http://dev/a"}) {
    EXPECT_EQ(asked(), expected);
    answer(200);
  }
}

TEST_F(ClientBridgeTest, AParamAndAStreamOfOneAddressDoNotReplaceEachOther) {
  send("/http/** http://dev/{name}/{signal}");
  emit("/http/x");
  deliver("/http/a", Value(1));
  emit("/http/a", SignalType::stream);
  answer(200);
  EXPECT_EQ(asked(), "PUT http://dev/a/param 1");
  answer(200);
  EXPECT_EQ(asked(), "POST http://dev/a/stream");
}

TEST_F(ClientBridgeTest, AMoveBehindTheEndOfAGestureDoesNotOvertakeIt) {
  webhook("/http/** http://dev/");
  emit("/http/x");
  for (const GesturePhase phase :
       {GesturePhase::start, GesturePhase::move, GesturePhase::move, GesturePhase::end, GesturePhase::start, GesturePhase::move})
    emit("/http/g", SignalType::gesture, phase);
  answer(200);
  for (const char* expected : {"start", "move", "end", "start", "move"}) {
    EXPECT_THAT(asked(), HasSubstr(std::string(R"("phase":")") + expected));
    answer(200);
  }
  EXPECT_EQ(asked(), "");
}

TEST_F(ClientBridgeTest, AServerInTroubleIsAskedAgainThreeTimes) {
  webhook("/** http://hook/");
  emit("/go");
  for (const Micros wait : {Micros{250'000}, Micros{500'000}, Micros{1'000'000}}) {
    answer(500);
    EXPECT_EQ(asked(), "");
    EXPECT_EQ(*bridge().next_deadline() - now.steady, wait);
    pass(wait);
    EXPECT_EQ(field("X-Clasp-Delivery"), "1");
  }
  answer(500);
  pass(1min);
  EXPECT_EQ(asked(), "");
  EXPECT_EQ(counted().failed, 1U);
  EXPECT_EQ(counted().retries, 3U);
  EXPECT_THAT(log.back(), HasSubstr("http: http://hook/: answered 500"));
}

TEST_F(ClientBridgeTest, WhatIsRefusedIsNotRepeated) {
  webhook("/** http://hook/");
  emit("/a");
  emit("/b");
  answer(403);
  EXPECT_THAT(asked(), HasSubstr("/b"));
  EXPECT_EQ(counted().failed, 1U);
  no_answer(ErrorCode::refused);  // a redirect to somewhere else
  EXPECT_EQ(asked(), "");
  EXPECT_EQ(counted().failed, 2U);
}

TEST_F(ClientBridgeTest, OfAServerThatIsGoneTheNewestParamsWait) {
  webhook("/** http://hook/ retries=1");
  deliver("/a", Value(1));
  deliver("/b", Value(1));
  emit("/go");
  for (int i = 0; i < 20; ++i) {
    no_answer();
    if (i == 3) deliver("/a", Value(2));
    pass(30s);
  }
  EXPECT_EQ(counted().failed + counted().expired, 1U);  // the event is given up
  std::vector<std::string> arrived;
  while (!asked().empty()) {
    arrived.push_back(asked().substr(0, asked().find(",\"signal")));
    answer(200);
    pass(30s);
  }
  EXPECT_THAT(arrived,
              ::testing::UnorderedElementsAre(R"(POST http://hook/ {"address":"/a","value":2)", R"(POST http://hook/ {"address":"/b","value":1)"));
}

TEST_F(ClientBridgeTest, ANewerValueIsSentInsteadOfARepetition) {
  send("/** http://dev{address}");
  deliver("/a", Value(1));
  answer(503);
  deliver("/a", Value(2));
  pass(250ms);
  EXPECT_EQ(asked(), "PUT http://dev/a 2");
}

TEST_F(ClientBridgeTest, AFullQueueLosesItsOldestAndSaysSo) {
  webhook("/** http://hook/ queue=3");
  for (int i = 0; i < 10; ++i) emit("/e" + std::to_string(i));
  EXPECT_EQ(bridge().waiting(), 4U);  // one is under way
  EXPECT_EQ(counted().dropped, 6U);
  EXPECT_THAT(log, ElementsAre("http: http://hook/: more than 3 requests wait, the oldest is given up"));
  answer(200);
  EXPECT_THAT(asked(), HasSubstr("/e7"));
}

TEST_F(ClientBridgeTest, AnEventThatWaitedTooLongIsNotSent) {
  webhook("/** http://hook/");
  emit("/a");
  emit("/b");
  deliver("/c", Value(1));
  pass(61s);
  answer(200);
  EXPECT_THAT(asked(), HasSubstr("/c"));
  EXPECT_EQ(counted().expired, 1U);
}

TEST_F(ClientBridgeTest, ARateIsKept) {
  send("/** http://dev{address} rate=10");
  deliver("/a", Value(1));
  answer(200);
  deliver("/b", Value(1));
  EXPECT_EQ(asked(), "");
  EXPECT_EQ(*bridge().next_deadline() - now.steady, Micros{100'000});
  pass(100ms);
  EXPECT_EQ(asked(), "PUT http://dev/b 1");
}

TEST_F(ClientBridgeTest, ASlowTargetHoldsUpNoOther) {
  send("/** http://slow{address}");
  send("/** http://quick{address}");
  deliver("/a", Value(1));
  deliver("/b", Value(1));
  ASSERT_THAT(fetcher.open, SizeIs(2));
  const auto quick = std::move(fetcher.open.back());
  fetcher.open.pop_back();
  quick.done(HttpAnswer{.status = 200, .fields = {}, .body = {}});
  bridge().advance(now);
  EXPECT_EQ(fetcher.open.back().call.url, "http://quick/b");
}

TEST_F(ClientBridgeTest, AnAddressThatWouldLeaveThePathIsNotSent) {
  send("/** http://dev/api{address}");
  deliver("/x/../../admin", Value(1));
  deliver("/b", Value(1));
  EXPECT_EQ(asked(), "PUT http://dev/api/b 1");
  EXPECT_EQ(counted().unsendable, 1U);
}

TEST_F(ClientBridgeTest, AfterStopNothingIsAsked) {
  poll("http://s/");
  send("/** http://dev{address}");
  deliver("/a", Value(1));
  bridge().stop();
  EXPECT_THAT(fetcher.open, IsEmpty());
  EXPECT_FALSE(bridge().next_deadline());
}

}  // namespace
}  // namespace clasp::bridge::http
