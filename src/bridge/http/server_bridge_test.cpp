#include "bridge/http/server_bridge.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "bridge/local/local_link.hpp"
#include "core/json.hpp"
#include "http_client/http_client.hpp"

namespace clasp::bridge::http {
namespace {

using http_client::HttpAnswer;
using http_client::HttpCall;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Counting final : public router::Random {
 public:
  std::uint64_t next() override { return ++last_ * 0x9e3779b97f4a7c15U; }

 private:
  std::uint64_t last_ = 0;
};

// A link whose other end is the test.
class FakeLink final : public RouterLink {
 public:
  struct Write {
    std::string text;
    PeerTag peer;
  };
  void open(const BridgeIdentity&, std::span<const std::string> with, bool snapshot, RouterLinkListener& heard_by) override {
    EXPECT_TRUE(snapshot);
    patterns.assign(with.begin(), with.end());
    listener = &heard_by;
  }
  void close() override { listener = nullptr; }
  void set(std::string_view address, const ValueView& value, PeerTag peer) override {
    writes.push_back({"SET " + std::string(address) + " " + to_json(to_value(value)), peer});
  }
  void publish(const Publish& publish, PeerTag peer) override { writes.push_back({"PUBLISH " + std::string(publish.address), peer}); }
  void bundle(std::span<const Message> messages, std::optional<UnixTime>, PeerTag peer) override {
    writes.push_back({"BUNDLE of " + std::to_string(messages.size()), peer});
  }

  void deliver(std::string_view address, const Value& value, std::uint64_t revision, PeerTag cause = PeerTag::none, bool snapshot = false) {
    const EncodedValue encoded(value);
    LinkDelivery delivery;
    delivery.address = address;
    delivery.value = encoded.view();
    delivery.revision = revision;
    delivery.snapshot = snapshot;
    delivery.own = cause != PeerTag::none;
    delivery.peer = cause;
    listener->delivered(delivery);
  }

  RouterLinkListener* listener = nullptr;
  std::vector<std::string> patterns;
  std::vector<Write> writes;
};

class ServerBridgeTest : public ::testing::Test {
 protected:
  HttpServerBridge& bridge(RouterLink& over) {
    config.listen = {{"127.0.0.1", 0}};
    config.ns = *NamespaceMap::parse("/http");
    bridge_ = std::make_unique<HttpServerBridge>(loop, over, config, [this](std::string_view line) { log.emplace_back(line); });
    const auto started = bridge_->start();
    EXPECT_TRUE(started) << (started ? "" : started.error().message);
    return *bridge_;
  }
  HttpServerBridge& bridge() {
    if (bridge_) return *bridge_;
    HttpServerBridge& made = bridge(link);
    link.listener->link_up();
    return made;
  }
  // An answer that has not come yet.
  struct Asked {
    std::optional<HttpAnswer> answer;
    std::string text() const { return answer ? std::to_string(answer->status) + " " + answer->body : ""; }
  };
  std::shared_ptr<Asked> start(const std::string& line, std::string body = "", std::vector<http_client::HttpField> fields = {}) {
    if (!client_) client_ = std::move(http_client::HttpClient::create(loop, {}).value());
    const std::size_t blank = line.find(' ');
    auto asked = std::make_shared<Asked>();
    fields.push_back({"Content-Type", "application/json"});
    client_->start({.method = line.substr(0, blank),
                    .url = "http://127.0.0.1:" + std::to_string(bridge().ports().at(0)) + line.substr(blank + 1),
                    .fields = std::move(fields),
                    .body = std::move(body),
                    .timeout = Micros{60s}},
                   [asked](Result<HttpAnswer> got) {
                     EXPECT_TRUE(got) << got.error().message;
                     if (got) asked->answer = std::move(*got);
                   });
    return asked;
  }
  std::string ask(const std::string& line, std::string body = "", std::vector<http_client::HttpField> fields = {}) {
    const auto asked = start(line, std::move(body), std::move(fields));
    EXPECT_TRUE(until([&] { return asked->answer.has_value(); })) << line;
    return asked->text();
  }
  // Asks, waits until the write has reached the link, and lets the test be the router.
  std::string ask(const std::string& line, const std::string& body, const std::function<void(const FakeLink::Write&)>& router) {
    bridge();
    const std::size_t before = link.writes.size();
    const auto asked = start(line, body);
    EXPECT_TRUE(until([&] { return link.writes.size() > before; })) << line;
    EXPECT_FALSE(asked->answer) << "answered before the router has";
    router(link.writes.back());
    EXPECT_TRUE(until([&] { return asked->answer.has_value(); })) << line;
    return asked->text();
  }
  template <typename Condition>
  bool until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (!condition() && std::chrono::steady_clock::now() < end) loop.turn(Micros{20'000});
    return condition();
  }

  std::uint64_t counted(std::string_view name) {
    for (const auto& [each, count] : bridge_->counters()) {
      if (name == each) return count;
    }
    ADD_FAILURE() << "no counter " << name;
    return 0;
  }

  io::IoLoop loop;
  FakeLink link;
  HttpServerModeConfig config;
  std::vector<std::string> log;
  std::unique_ptr<HttpServerBridge> bridge_;

 private:
  std::unique_ptr<http_client::HttpClient> client_;
};

TEST_F(ServerBridgeTest, ReadsAreAnsweredFromTheCopyWithTheRoutersRevisions) {
  bridge();
  link.deliver("/http/a", Value(1.5), 41, PeerTag::none, true);
  link.deliver("/http/b", Value("x"), 7, PeerTag::none, true);
  EXPECT_EQ(ask("GET /api/http/a"), R"(200 {"address":"/http/a","value":1.5})");
  EXPECT_THAT(ask("GET /v1/state/http/a"), HasSubstr(R"("revision":41)"));
  link.deliver("/http/a", Value(2), 42);
  EXPECT_THAT(ask("GET /v1/state/http/a"), HasSubstr(R"("value":2,"revision":42)"));
  link.deliver("/http/a", Value(3), 50);
  EXPECT_THAT(ask("GET /v1/state/http/a"), HasSubstr(R"("value":3,"revision":50)"));
  EXPECT_EQ(ask("GET /v1/snapshot/http"), R"(200 {"/http/a":3,"/http/b":"x"})");
  link.deliver("/http/a", Value(), 51);
  EXPECT_EQ(ask("GET /api/http/a"), R"(404 {"error":"Signal not found","address":"/http/a"})");
  link.deliver("/http/a", Value(4), 3);  // the router was restarted
  EXPECT_THAT(ask("GET /v1/state/http/a"), HasSubstr(R"("value":4,"revision":3)"));
  EXPECT_THAT(link.patterns, ElementsAre("/http/**"));
}

TEST_F(ServerBridgeTest, AWriteIsAnsweredWhenTheRouterHasAcceptedIt) {
  const std::string answer = ask("PUT /api/foo", "5", [this](const FakeLink::Write& write) {
    EXPECT_EQ(write.text, "SET /http/foo 5");
    link.deliver("/http/foo", Value(5), 1, write.peer);
  });
  EXPECT_EQ(answer, R"(200 {"address":"/http/foo","value":5,"status":"set"})");
  EXPECT_EQ(ask("GET /api/http/foo"), R"(200 {"address":"/http/foo","value":5})");
}

TEST_F(ServerBridgeTest, WhatTheRouterMadeOfAValueIsAnswered) {
  EXPECT_EQ(ask("PUT /v1/state/http/foo", "500", [this](const FakeLink::Write& write) { link.deliver("/http/foo", Value(100), 9, write.peer); }),
            R"(200 {"address":"/http/foo","value":100,"revision":9})");
}

TEST_F(ServerBridgeTest, ARefusalIsAnsweredWithItsReason) {
  EXPECT_EQ(ask("PUT /v1/state/http/foo", "5",
                [this](const FakeLink::Write&) { link.listener->refused({ErrorCode::lock_held, "locked by desk", "/http/foo"}); }),
            R"(409 {"error":"locked by desk","code":401,"address":"/http/foo"})");
}

TEST_F(ServerBridgeTest, TwoWritersOfOneAddressGetTheirOwnAnswers) {
  bridge();
  const auto first = start("PUT /v1/state/http/x", "1");
  ASSERT_TRUE(until([&] { return link.writes.size() == 1; }));
  const auto second = start("PUT /v1/state/http/x", "2");
  ASSERT_TRUE(until([&] { return link.writes.size() == 2; }));
  link.deliver("/http/x", Value(2), 5, link.writes[1].peer);
  ASSERT_TRUE(until([&] { return second->answer.has_value(); }));
  EXPECT_FALSE(first->answer);
  link.listener->refused({ErrorCode::forbidden, "no", "/http/x"});
  ASSERT_TRUE(until([&] { return first->answer.has_value(); }));
  EXPECT_EQ(first->answer->status, 403U);
}

TEST_F(ServerBridgeTest, WithoutTheRouterEverythingIs503ButTheBridgesOwnHealth) {
  bridge(link);
  EXPECT_EQ(ask("GET /api/signals"), R"(503 {"error":"the router cannot be reached: not connected yet","code":501})");
  EXPECT_THAT(ask("PUT /v1/state/http/a", "1"), HasSubstr("503"));
  EXPECT_THAT(ask("GET /v1/health"), HasSubstr("200"));
  EXPECT_EQ(ask("GET /readyz"), "503 the router cannot be reached\n");
  link.listener->link_up();
  EXPECT_EQ(ask("GET /api/signals"), R"(200 {"signals":[],"count":0})");
  EXPECT_EQ(ask("GET /readyz"), "200 ready\n");
}

TEST_F(ServerBridgeTest, AWriteUnderWayWhenTheLinkBreaksIsAnswered) {
  EXPECT_THAT(ask("PUT /api/foo", "5", [this](const FakeLink::Write&) { link.listener->link_down("closed"); }), HasSubstr("503"));
}

TEST_F(ServerBridgeTest, AWriteThatNobodyAnswersTimesOut) {
  config.api.write_timeout = 100ms;
  bridge();
  EXPECT_THAT(ask("PUT /v1/state/http/foo", "5"), HasSubstr("504"));
  link.deliver("/http/foo", Value(5), 1, link.writes.at(0).peer);  // nobody waits for it any more
  EXPECT_THAT(ask("GET /v1/state/http/foo"), HasSubstr("200"));
}

TEST_F(ServerBridgeTest, WhatWentAwayWhileTheLinkWasDownGoesAwayHereToo) {
  bridge();
  link.deliver("/http/stays", Value(1), 4, PeerTag::none, true);
  link.deliver("/http/goes", Value(1), 4, PeerTag::none, true);
  link.listener->link_down("closed");
  link.listener->link_up();
  link.deliver("/http/stays", Value(1), 4, PeerTag::none, true);
  EXPECT_TRUE(until([&] { return ask("GET /v1/snapshot") == R"(200 {"/http/stays":1})"; }));
}

TEST_F(ServerBridgeTest, WhatIsNotReadIsNotWritten) {
  EXPECT_EQ(
      ask("PUT /v1/state/lights/1", "5"),
      R"(403 {"error":"this bridge has nothing to do with /lights/1: it is not below /http and in no --read","code":301,"address":"/lights/1"})");
  EXPECT_THAT(ask("POST /v1/emit/httpx"), HasSubstr("403"));
  EXPECT_THAT(ask("POST /v1/bundle", R"({"operations":[{"set":["/http/a",1]},{"set":["/b",1]}]})"), HasSubstr("403"));
  EXPECT_THAT(link.writes, IsEmpty());
}

TEST_F(ServerBridgeTest, MoreMayBeRead) {
  config.reads = {*Pattern::parse("/lights/**"), *Pattern::parse("/http/**")};
  bridge();
  EXPECT_THAT(link.patterns, ElementsAre("/lights/**", "/http/**"));
  ask("PUT /v1/state/lights/1", "5", [this](const FakeLink::Write& write) { link.deliver("/lights/1", Value(5), 1, write.peer); });
  EXPECT_EQ(ask("GET /api/lights/1"), R"(200 {"address":"/lights/1","value":5})");
}

TEST_F(ServerBridgeTest, EventsGoToTheRouterAndToOurOwnListeners) {
  bridge();
  const auto listening = start("GET /v1/poll/http/**?timeout=20&since=" + [&] {
    const auto first = start("GET /v1/snapshot?limit=1");
    EXPECT_TRUE(until([&] { return first->answer.has_value(); }));
    return *first->answer->find("X-Clasp-Position");
  }());
  ASSERT_TRUE(until([&] { return counted("polls") == 1; }));
  EXPECT_THAT(ask("POST /api/go", "1"), HasSubstr("published"));
  ASSERT_TRUE(until([&] { return listening->answer.has_value(); }));
  EXPECT_THAT(listening->text(), HasSubstr(R"("address":"/http/go","value":1)"));
  EXPECT_EQ(link.writes.at(0).text, "PUBLISH /http/go");
}

TEST_F(ServerBridgeTest, IfMatchIsAskedOfTheCopy) {
  bridge();
  link.deliver("/http/a", Value(1), 7);
  EXPECT_THAT(ask("PUT /v1/state/http/a", "2", {{"If-Match", "\"6\""}}), HasSubstr("409"));
  EXPECT_THAT(link.writes, IsEmpty());
}

TEST_F(ServerBridgeTest, ALifetimeCannotBeGiven) { EXPECT_THAT(ask("PUT /v1/state/http/a?ttl=5", "2"), HasSubstr(R"(400 {"error":"ttl:)")); }

TEST_F(ServerBridgeTest, TheCopyHasABound) {
  config.params_max = 2;
  bridge();
  for (int i = 1; i <= 5; ++i) link.deliver("/http/" + std::to_string(i), Value(i), 3);
  EXPECT_EQ(ask("GET /v1/snapshot"), R"(200 {"/http/1":1,"/http/2":2})");
  link.deliver("/http/1", Value(9), 4);
  EXPECT_EQ(ask("GET /v1/snapshot"), R"(200 {"/http/1":9,"/http/2":2})");
  EXPECT_EQ(counted("not_kept"), 3U);
}

TEST_F(ServerBridgeTest, TheTokenIsAskedFor) {
  config.api.token = "t";
  EXPECT_THAT(ask("GET /api/signals"), HasSubstr("401"));
  EXPECT_THAT(ask("GET /api/signals", "", {{"Authorization", "Bearer t"}}), HasSubstr("200"));
}

TEST_F(ServerBridgeTest, ThereIsNothingButHttp) {
  EXPECT_THAT(ask("GET /other"), HasSubstr("404 {\"error\""));
  EXPECT_THAT(
      ask("GET /", "",
          {{"Connection", "Upgrade"}, {"Upgrade", "websocket"}, {"Sec-WebSocket-Version", "13"}, {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}}),
      HasSubstr("no WebSocket here"));
}

TEST_F(ServerBridgeTest, StopFreesThePort) {
  const std::uint16_t port = bridge().ports().at(0);
  bridge_->stop();
  io::IoLoop other;
  net::EventLoop free;
  EXPECT_TRUE(net::Listener::open(free, {"127.0.0.1", port}, {}));
  bridge_.reset();
}

// Both ends real, in one process.
TEST_F(ServerBridgeTest, OverALocalLinkItIsTheRoutersInterface) {
  Counting random;
  router::Router router({}, {.random = &random, .log = {}}, io::read_clocks());
  LocalRouterLink local(router, [] { return io::read_clocks(); }, 1);
  bridge(local);
  EXPECT_THAT(ask("PUT /api/foo", "5"), HasSubstr(R"("status":"set")"));
  EXPECT_EQ(router.find("/http/foo")->revision, 1U);
  EXPECT_THAT(ask("PUT /v1/state/http/foo", "6"), HasSubstr(R"("revision":2)"));
  EXPECT_THAT(ask("POST /v1/bundle", R"({"operations":[{"set":["/http/a",1]},{"set":["/http/b",2]},{"emit":["/http/c"]}]})"), HasSubstr("success"));
  EXPECT_EQ(ask("GET /v1/snapshot"), R"(200 {"/http/a":1,"/http/b":2,"/http/foo":6})");
  EXPECT_THAT(ask("DELETE /api/foo"), HasSubstr("deleted"));
  EXPECT_THAT(ask("GET /api/http/foo"), HasSubstr("404"));
  bridge_.reset();
}

}  // namespace
}  // namespace clasp::bridge::http
