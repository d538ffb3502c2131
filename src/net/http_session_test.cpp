// Answers that come later, in pieces, or never: on real sockets, with a handler that does what the test says.
#include "net/http_session.hpp"

#include <gmock/gmock.h>

#include "net/net_testing.hpp"

namespace clasp::net {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::StartsWith;

std::string get(std::string_view path, std::string_view version = "1.1") { return fmt::format("GET {} HTTP/{}\r\nHost: h\r\n\r\n", path, version); }

class HttpSessionTest : public LoopTest, public HttpHandler {
 protected:
  struct Peer final : HttpPeer {
    explicit Peer(HttpSessionTest& in) : test(in) {}
    void on_sent(std::size_t bytes) override { test.sent += bytes; }
    void on_end() override { test.told.emplace_back("end"); }
    void on_closed() override { test.told.emplace_back("closed"); }
    HttpSessionTest& test;
  };

  HttpSessionTest() { handler = this; }

  // "/now/..." is answered at once with its path, everything else by the test.
  void handle(const HttpRequest& request, HttpResponder& given) override {
    requests.push_back(request.method + " " + request.target);
    if (!given.peer()) given.peer() = std::make_unique<Peer>(*this);
    responder = &given;
    if (request.path().starts_with("/now")) given.answer(text_response(200, request.target));
  }

  std::vector<std::string> requests;
  std::vector<std::string> told;
  std::size_t sent = 0;
  HttpResponder* responder = nullptr;
};

TEST_F(HttpSessionTest, AnAnswerGivenLaterKeepsTheOrderOfPipelinedRequests) {
  start();
  TestClient client = connect();
  client.send(get("/now/1") + get("/later") + get("/now/2"));
  ASSERT_TRUE(until_received(client, "/now/1"));
  ASSERT_TRUE(until([&] { return requests.size() == 2; }));
  client.send(get("/now/3"));
  for (int i = 0; i < 5; ++i) loop->turn(Micros{1'000});
  EXPECT_THAT(requests, ElementsAre("GET /now/1", "GET /later")) << "the next ones wait";
  responder->answer(text_response(200, "/later"));
  ASSERT_TRUE(until_received(client, "/now/3"));
  EXPECT_LT(client.received.find("/later"), client.received.find("/now/2"));
  EXPECT_LT(client.received.find("/now/2"), client.received.find("/now/3"));
}

TEST_F(HttpSessionTest, AStreamedBodyIsChunkedAndTheConnectionGoesOn) {
  start();
  TestClient client = connect();
  client.send(get("/stream") + get("/now"));
  ASSERT_TRUE(until([&] { return requests.size() == 1; }));
  responder->begin({.status = 200, .fields = {{"Content-Type", "text/x"}}, .body = {}}, Flow::finite);
  EXPECT_EQ(responder->send("hello"), 10U) << "with its framing";
  EXPECT_EQ(responder->send(""), 0U);
  ASSERT_TRUE(until_received(client, "hello"));
  responder->send(std::string(20, 'x'));
  responder->finish();
  ASSERT_TRUE(until_received(client, "/now"));
  EXPECT_THAT(client.received, StartsWith("HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"
                                          "5\r\nhello\r\n14\r\nxxxxxxxxxxxxxxxxxxxx\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n"));
  EXPECT_GT(sent, 30U);
  EXPECT_FALSE(client.ended);
}

TEST_F(HttpSessionTest, TowardsHttp10AStreamedBodyEndsWithTheConnection) {
  start();
  TestClient client = connect();
  client.send(get("/stream", "1.0"));
  ASSERT_TRUE(until([&] { return requests.size() == 1; }));
  responder->begin({.status = 200, .fields = {}, .body = {}}, Flow::finite);
  EXPECT_EQ(responder->send("hello"), 5U);
  responder->finish();
  ASSERT_TRUE(until_ended(client));
  EXPECT_EQ(client.received, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello");
  EXPECT_THAT(told, ElementsAre("closed"));
}

TEST_F(HttpSessionTest, TheHeadOfAStreamHasNoBody) {
  start();
  TestClient client = connect();
  client.send("HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n" + get("/now"));
  ASSERT_TRUE(until([&] { return requests.size() == 1; }));
  responder->begin({.status = 200, .fields = {}, .body = {}}, Flow::finite);
  EXPECT_EQ(responder->send("hello"), 0U);
  responder->finish();
  ASSERT_TRUE(until_received(client, "/now"));
  EXPECT_THAT(client.received, StartsWith("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\nHTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpSessionTest, WhoTakesNothingOfAFiniteBodyIsCutOff) {
  start({.setup_max = Micros{50'000}});
  TestClient client = connect();
  client.send(get("/stream"));
  ASSERT_TRUE(until([&] { return requests.size() == 1; }));
  responder->begin({.status = 200, .fields = {}, .body = {}}, Flow::finite);
  const std::string piece(65'536, 'x');
  for (int i = 0; i < 400; ++i) responder->send(piece);  // more than the kernel takes
  ASSERT_TRUE(until([&] { return !told.empty(); })) << "the client never reads";
  EXPECT_THAT(told, ElementsAre("closed"));
  EXPECT_EQ(loop->stats().setups_timed_out, 1U);
}

TEST_F(HttpSessionTest, WhoReadsSlowlyGetsAllOfTheLastAnswer) {
  start({.setup_max = Micros{60'000'000}, .linger_max = Micros{20'000}});
  TestClient client = connect();
  client.send(get("/later", "1.0"));
  ASSERT_TRUE(until([&] { return requests.size() == 1; }));
  responder->answer(text_response(200, std::string(16'000'000, 'x') + "end"));
  for (int i = 0; i < 50; ++i) loop->turn(Micros{2'000});  // more than the time that closing gives
  EXPECT_EQ(loop->stats().lingers_timed_out, 0U);
  ASSERT_TRUE(until_ended(client));
  EXPECT_THAT(client.received, EndsWith("xend"));
}

TEST_F(HttpSessionTest, AnEndlessBodyMayBeSilentAndAnAnswerMayTakeItsTime) {
  start({.setup_max = Micros{30'000}});
  TestClient stream = connect();
  stream.send(get("/stream"));
  ASSERT_TRUE(until([&] { return requests.size() == 1; }));
  HttpResponder& endless = *responder;
  endless.begin({.status = 200, .fields = {}, .body = {}}, Flow::endless);
  TestClient waiting = connect();
  waiting.send(get("/later"));
  ASSERT_TRUE(until([&] { return requests.size() == 2; }));
  HttpResponder& late = *responder;
  TestClient witness = connect();
  ASSERT_TRUE(until_ended(witness)) << "silent connections end after the limit";
  EXPECT_THAT(told, testing::IsEmpty());
  endless.send("still here");
  late.answer(text_response(200, "at last"));
  EXPECT_TRUE(until_received(stream, "still here"));
  EXPECT_TRUE(until_received(waiting, "at last"));
  ASSERT_TRUE(until_ended(waiting)) << "from here on it is the client's turn again";
  EXPECT_FALSE(stream.ended);
}

TEST_F(HttpSessionTest, TheEndOfThePeerIsToldOnceAndTheAnswerStillGiven) {
  start();
  TestClient client = connect();
  client.send(get("/later"));
  ASSERT_TRUE(until([&] { return requests.size() == 1; }));
  client.end();
  ASSERT_TRUE(until([&] { return !told.empty(); }));
  for (int i = 0; i < 5; ++i) loop->turn(Micros{1'000});
  EXPECT_THAT(told, ElementsAre("end"));
  responder->answer(text_response(200, "at last"));
  ASSERT_TRUE(until_ended(client));
  EXPECT_THAT(client.received, EndsWith("Connection: close\r\n\r\nat last"));
  EXPECT_THAT(told, ElementsAre("end", "closed"));
}

TEST_F(HttpSessionTest, WhatIsOwedIsStillGivenWhenTheServerEnds) {
  start();
  TestClient client = connect();
  client.send(get("/later"));
  ASSERT_TRUE(until([&] { return requests.size() == 1; }));
  loop->shut_down_streams();
  responder->answer(text_response(503, "stopping"));
  ASSERT_TRUE(until_ended(client));
  EXPECT_THAT(client.received, EndsWith("Connection: close\r\n\r\nstopping"));
}

TEST_F(HttpSessionTest, APeerThatVanishesIsToldOnce) {
  start();
  TestClient client = connect();
  client.send(get("/stream"));
  ASSERT_TRUE(until([&] { return requests.size() == 1; }));
  responder->begin({.status = 200, .fields = {}, .body = {}}, Flow::endless);
  client.reset();
  ASSERT_TRUE(until([&] { return loop->streams() == 0; }));
  EXPECT_THAT(told, ElementsAre("closed"));
}

TEST_F(HttpSessionTest, AConnectionThatIsUpgradedLeavesItsHandler) {
  start();
  TestClient client = connect();
  client.send(get("/now") + upgrade_request());
  ASSERT_TRUE(until_received(client, "101 Switching Protocols"));
  EXPECT_THAT(told, ElementsAre("closed"));
  EXPECT_EQ(engine.links.size(), 1U);
}

TEST_F(HttpSessionTest, OnlyOneReadOfWhatComesMeanwhileIsKept) {
  start();
  TestClient client = connect();
  client.send(get("/later"));
  ASSERT_TRUE(until([&] { return requests.size() == 1; }));
  const std::string flood = get("/now");
  std::size_t taken = 0;
  ASSERT_TRUE(until([&] {
    std::size_t more = 0;
    for (int i = 0; i < 200; ++i) more += client.send(flood);
    taken += more;
    return more == 0;
  })) << "the kernel holds the rest back";
  EXPECT_EQ(requests.size(), 1U);
  EXPECT_LE(loop->stats().bytes_in, 2 * 65'536U);
  responder->answer(text_response(200, "at last"));
  const std::size_t whole = taken / flood.size();
  EXPECT_TRUE(until([&] { return requests.size() >= whole; }, {&client})) << "all were kept for later";
}

}  // namespace
}  // namespace clasp::net
