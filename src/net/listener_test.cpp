#include "net/listener.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>

#include <chrono>
#include <string>

#include "net/net_testing.hpp"
#include "net/port_owner.hpp"

namespace clasp::net {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

const std::string frame{"\x53\x00\x00\x01\x41", 5};

using ListenerTest = LoopTest;

TEST(ListenAddress, IsParsedInItsUsualForms) {
  const std::pair<std::string_view, ListenAddress> rows[] = {
      {"127.0.0.1:7330", {"127.0.0.1", 7330}}, {":7330", {"", 7330}}, {"[::]:7330", {"::", 7330}}, {"[fe80::1%eth0]:1", {"fe80::1%eth0", 1}},
      {"localhost:0", {"localhost", 0}},       {"7330", {"", 7330}},
  };
  for (const auto& [text, address] : rows) {
    const Result<ListenAddress> parsed = parse_listen_address(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, address) << text;
  }
  for (const std::string_view bad : {"", "host", "host:", "host:70000", "host:-1", "::1:7330", "[::1", "[::1]7330", "h:7330x"}) {
    EXPECT_FALSE(parse_listen_address(bad)) << bad;
  }
}

TEST_F(ListenerTest, IsReachedByIpv4AndIpv6) {
  start();
  TestClient four = connect(false);
  TestClient six = connect(true);
  four.send(length_prefixed(frame));
  six.send(length_prefixed(frame));
  EXPECT_TRUE(until([&] { return engine.links.size() == 2; }));
}

TEST_F(ListenerTest, RecognisesWhatEachConnectionSpeaks) {
  start();
  engine.on_frame = [](FakeEngine::Link& link, std::string_view text) { link.reply(text); };
  TestClient web = connect();
  web.send(upgrade_request() + masked(Opcode::binary, frame));
  EXPECT_TRUE(until_received(web, unmasked(Opcode::binary, frame)));
  EXPECT_THAT(web.received, StartsWith("HTTP/1.1 101 Switching Protocols\r\n"));
  EXPECT_THAT(web.received, HasSubstr("Sec-WebSocket-Protocol: clasp\r\n"));

  TestClient tcp = connect();
  tcp.send(length_prefixed(frame));
  EXPECT_TRUE(until_received(tcp, length_prefixed(frame)));

  TestClient bare = connect();
  bare.send(frame + frame);
  EXPECT_TRUE(until_received(bare, frame + frame));

  TestClient plain = connect();
  plain.send("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(until_received(plain, "\r\n\r\nok\n"));

  TestClient late = connect();  // an empty line is left of a request before
  late.send("\r\nGET /healthz HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(until_received(late, "\r\n\r\nok\n"));
}

TEST_F(ListenerTest, ClosesAndCountsWhatItDoesNotSpeak) {
  start();
  for (const std::string_view greeting : {"\x16\x03\x01\x02\x00", "\x10\x0e", "\xff\xff\xff"}) {
    TestClient client = connect();
    client.send(greeting);
    EXPECT_TRUE(until_ended(client));
    EXPECT_EQ(client.received, "");
  }
  EXPECT_EQ(loop->stats().protocol_unavailable, 2U);
  EXPECT_EQ(loop->stats().protocol_unknown, 1U);
  EXPECT_THAT(log, ElementsAre(HasSubstr("TLS is not part of this build"), HasSubstr("MQTT is not part"), HasSubstr("0xff")));
}

TEST_F(ListenerTest, APortProbeIsNoTrouble) {
  start();
  connect().close();
  connect().reset();
  TestClient client = connect();
  client.send(length_prefixed(frame));
  EXPECT_TRUE(until([&] { return engine.links.size() == 1 && loop->streams() == 1; }));
}

// Field case: bytes that arrive together with the request.
TEST_F(ListenerTest, FramesInTheSegmentOfTheUpgradeAreHandled) {
  start();
  TestClient client = connect();
  client.send(upgrade_request() + masked(Opcode::binary, frame) + masked(Opcode::ping, "hi"));
  EXPECT_TRUE(until_received(client, unmasked(Opcode::pong, "hi")));
  EXPECT_THAT(engine.only().frames, ElementsAre(frame));
}

TEST_F(ListenerTest, PipelinedRequestsAreAnsweredInOrder) {
  start();
  TestClient client = connect();
  client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\nHEAD /b HTTP/1.1\r\nHost: h\r\n\r\nGET /c HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET /d");
  ASSERT_TRUE(until_ended(client));
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\nConnection: ";
  EXPECT_EQ(client.received, answer + "keep-alive\r\n\r\nok\n" + answer + "keep-alive\r\n\r\n" + answer + "close\r\n\r\nok\n");
  EXPECT_EQ(loop->stats().http_requests, 3U);
}

TEST_F(ListenerTest, ABodySharesASegmentWithTheNextRequest) {
  start();
  TestClient client = connect();
  client.send("PUT /w HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbod");
  for (int i = 0; i < 5; ++i) loop->turn(Micros{1'000});
  client.send("yGET /v1/health HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(until([&] { return loop->stats().http_requests == 2; }));
}

TEST_F(ListenerTest, ARequestHeadMayComeByteByByte) {
  start();
  TestClient client = connect();
  for (const char byte : upgrade_request()) {
    client.send({&byte, 1});
    loop->turn(Micros{1'000});
  }
  EXPECT_TRUE(until_received(client, "101 Switching Protocols"));
}

TEST_F(ListenerTest, AClientThatDoesNotReadItsAnswersIsNotReadEither) {
  start();
  std::string requests;
  for (int i = 0; i < 1'000; ++i) requests += "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  TestClient client = connect();
  std::size_t sent = 0;
  for (int i = 0; i < 2'000; ++i) {
    sent += client.send(requests);
    loop->turn(Micros{0});
  }
  EXPECT_LE(loop->blocks().bytes_in_use(), 200'000U) << "answers pile up";
  const std::uint64_t answered = loop->stats().http_requests;
  EXPECT_LT(answered, sent / 27);
  EXPECT_TRUE(until([&] { return loop->stats().http_requests > answered + 1'000; }, {&client})) << "reading again did not wake it";
}

TEST_F(ListenerTest, BadHttpIsAnsweredAndClosed) {
  start();
  const std::pair<std::string, std::string_view> rows[] = {
      {"GARBAGE\r\n\r\n", "HTTP/1.1 400 "},
      {"GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n", "HTTP/1.1 431 "},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n", "HTTP/1.1 413 "},
      {"POST / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "HTTP/1.1 405 "},
  };
  for (const auto& [request, answer] : rows) {
    TestClient client = connect();
    client.send(request);
    EXPECT_TRUE(until_ended(client)) << answer;
    EXPECT_THAT(client.received, StartsWith(std::string{answer}));
    EXPECT_FALSE(client.reset_by_peer);
  }
  EXPECT_EQ(engine.links.size(), 0U);
}

TEST_F(ListenerTest, SilenceBeforeTheFirstFrameEndsAfterTheLimit) {
  start({.setup_max = Micros{40'000}});
  TestClient silent = connect();
  TestClient half_head = connect();
  half_head.send("GET / HTTP/1.1\r\nHost:");
  TestClient upgraded = connect();
  upgraded.send(upgrade_request());
  TestClient half_frame = connect();
  half_frame.send(std::string{"\0\0\0\x05\x53", 5});
  EXPECT_TRUE(
      until([&] { return silent.ended && half_head.ended && upgraded.ended && half_frame.ended; }, {&silent, &half_head, &upgraded, &half_frame}));
  EXPECT_EQ(silent.received, "");
  EXPECT_THAT(half_head.received, StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(behind_head(upgraded.received), HasSubstr(std::string{"\x03\xf0", 2} + "no HELLO in time"));
  EXPECT_EQ(loop->stats().setups_timed_out, 4U);
  for (const auto& [id, link] : engine.links) EXPECT_TRUE(link.closed);
}

TEST_F(ListenerTest, ALinkThatHasSpokenHasNoSuchLimit) {
  start({.setup_max = Micros{20'000}});
  TestClient client = connect();
  client.send(length_prefixed(frame));
  ASSERT_TRUE(until([&] { return engine.links.size() == 1 && engine.only().frames.size() == 1; }));
  TestClient witness = connect();
  ASSERT_TRUE(until_ended(witness));
  EXPECT_FALSE(engine.only().closed);
  client.send(length_prefixed(frame));
  EXPECT_TRUE(until([&] { return engine.only().frames.size() == 2; }));
}

TEST_F(ListenerTest, TheEnginesLimitCountsFromTheAccept) {
  start();
  TestClient client = connect();
  ASSERT_TRUE(until([&] { return loop->streams() == 1; }));
  const SteadyTime accepted = loop->now().steady;
  for (int i = 0; i < 5; ++i) loop->turn(Micros{2'000});
  client.send(length_prefixed(frame));
  ASSERT_TRUE(until([&] { return engine.links.size() == 1; }));
  EXPECT_LE(engine.only().opened, accepted);
}

// Raises the soft limit of descriptors for a test, as far as the system allows.
class Descriptors {
 public:
  Descriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit wanted = before_;
    wanted.rlim_cur = wanted.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &wanted);
  }
  ~Descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  std::size_t available() const { return before_.rlim_max; }
  void limit_to(std::size_t descriptors) {
    rlimit wanted = before_;
    wanted.rlim_cur = descriptors;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &wanted), 0);
  }

 private:
  rlimit before_{};
};

TEST_F(ListenerTest, AThousandHalfOpenConnectionsDelayNobody) {
  Descriptors descriptors;
  const std::size_t crowd = std::min<std::size_t>(1'000, (descriptors.available() - 100) / 2);
  start();
  engine.on_frame = [](FakeEngine::Link& link, std::string_view text) { link.reply(text); };
  const std::string request = upgrade_request("X-Padding: " + std::string(200, 'x') + "\r\n");
  std::vector<TestClient> slow;
  for (std::size_t i = 0; i < crowd; ++i) {
    slow.push_back(connect());
    loop->turn(Micros{0});
  }
  ASSERT_TRUE(until([&] { return loop->streams() == crowd; }));
  for (std::size_t round = 0; round < 20; ++round) {
    for (TestClient& client : slow) client.send(request.substr(round, 1));
    const auto began = std::chrono::steady_clock::now();
    TestClient fresh = connect();
    fresh.send(upgrade_request() + masked(Opcode::binary, frame));
    ASSERT_TRUE(until_received(fresh, unmasked(Opcode::binary, frame)));
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds{1});
    ASSERT_TRUE(until([&] { return loop->streams() >= crowd; }));
  }
  EXPECT_EQ(engine.links.size(), 20U);
  EXPECT_EQ(loop->blocks().bytes_in_use(), 0U);
}

// Knows its links by nothing, so that only what a connection costs is measured.
class NullEngine final : public LinkEngine {
 public:
  void advance(const Now&) override {}
  bool end_turn(const Now&) override { return false; }
  std::optional<SteadyTime> next_deadline() const override { return std::nullopt; }
  router::LinkId open_link(router::Sink&, const Now&) override { return {}; }
  void receive(router::LinkId, Bytes, const Now&) override { ++frames; }
  void activity(router::LinkId, const Now&) override {}
  void sent(router::LinkId, std::size_t, const Now&) override {}
  void closed(router::LinkId, const Now&) override {}

  std::size_t frames = 0;
};

TEST(IdleLink, CostsLessThanAKilobyte) {
  if (::mallinfo2().uordblks == 0) GTEST_SKIP() << "the allocator does not count";
  Descriptors descriptors;
  const std::size_t crowd = std::min<std::size_t>(2'000, (descriptors.available() - 100) / 2);
  EventLoop loop;
  NullEngine engine;
  ProbeHandler http;
  const Result<std::unique_ptr<Listener>> listener = Listener::open(loop, {"127.0.0.1", 0}, Protocols::clasp(engine, http));
  ASSERT_TRUE(listener);
  std::vector<TestClient> clients;
  clients.reserve(crowd);
  const auto connect_until = [&](std::size_t count) {
    while (clients.size() < count) {
      clients.emplace_back((*listener)->port());
      clients.back().send(upgrade_request() + masked(Opcode::binary, std::string(40, 'x')));
      loop.turn(Micros{0});
    }
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (engine.frames < count && std::chrono::steady_clock::now() < give_up) loop.turn(Micros{1'000});
    ASSERT_EQ(engine.frames, count);
  };
  connect_until(crowd / 10);  // what is allocated once is not what a link costs
  const std::size_t before = ::mallinfo2().uordblks;
  connect_until(crowd);
  const std::size_t each = (::mallinfo2().uordblks - before) / (crowd - crowd / 10);
  RecordProperty("bytes", static_cast<int>(each));
  EXPECT_LE(each, 1'024U);
}

TEST_F(ListenerTest, WhoSpeaksAtOnceKeepsItsPlaceWhenDescriptorsRunOutAndTheRestWaitsOutside) {
  start({.setup_grace = Micros{60'000'000}});
  engine.on_frame = [](FakeEngine::Link& link, std::string_view text) { link.reply(text); };
  Descriptors descriptors;
  std::vector<TestClient> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(connect());
    clients.back().send(length_prefixed(frame));
  }
  const int highest = ::dup(0);
  ASSERT_GE(highest, 0);
  ::close(highest);
  descriptors.limit_to(static_cast<std::size_t>(highest) + 5);  // room for five of the twenty
  ASSERT_TRUE(until([&] { return loop->stats().accepts_failed >= 3; }));
  EXPECT_EQ(loop->stats().evicted, 0U);
  EXPECT_EQ(engine.links.size(), 5U);
  descriptors.limit_to(static_cast<std::size_t>(highest) + 30);
  EXPECT_TRUE(until([&] { return engine.links.size() == 20; })) << "each comes in as soon as there is room";
}

TEST_F(ListenerTest, RunningOutOfDescriptorsCostsTheSilentTheirPlaceAndNobodyElse) {
  start({.setup_grace = Micros{50'000}});
  engine.on_frame = [](FakeEngine::Link& link, std::string_view text) { link.reply(text); };
  TestClient speaking = connect();
  speaking.send(length_prefixed(frame));
  ASSERT_TRUE(until([&] { return engine.links.size() == 1; }));
  Descriptors descriptors;
  std::vector<TestClient> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(connect());
  const int highest = ::dup(0);
  ASSERT_GE(highest, 0);
  ::close(highest);
  descriptors.limit_to(static_cast<std::size_t>(highest) + 5);  // room for five of the twenty
  ASSERT_TRUE(until([&] { return loop->stats().accepts_failed >= 2; }));
  EXPECT_TRUE(until([&] { return loop->stats().evicted >= 1; }));
  speaking.send(length_prefixed(frame));
  EXPECT_TRUE(until([&] { return engine.links.at(1).frames.size() == 2; })) << "who was connected goes on";
  clients.back().send(length_prefixed(frame));
  EXPECT_TRUE(until_received(clients.back(), frame)) << "the last in the row gets its turn";
  ASSERT_FALSE(log.empty());
  EXPECT_THAT(log.front(), HasSubstr("cannot accept connections on port"));
  EXPECT_LE(log.size(), 4U) << "at most one line a second";
}

TEST_F(ListenerTest, APortInUseIsNamedWithItsOwner) {
  start();
  const Result<std::unique_ptr<Listener>> second = Listener::open(*loop, {"127.0.0.1", listener->port()}, Protocols::clasp(engine, http));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::connection_failed);
  EXPECT_THAT(second.error().message, HasSubstr(fmt::format("127.0.0.1:{}", listener->port())));
  EXPECT_THAT(second.error().message, HasSubstr("in use"));
  EXPECT_THAT(second.error().message, HasSubstr("by this process"));
  EXPECT_FALSE(Listener::open(*loop, {"no.such.host.invalid", 0}, Protocols::clasp(engine, http)));
}

TEST_F(ListenerTest, AfterCloseNobodyIsAcceptedAndConnectionsGoOn) {
  start();
  TestClient client = connect();
  client.send(length_prefixed(frame));
  ASSERT_TRUE(until([&] { return engine.links.size() == 1; }));
  listener->close();
  TestClient late = connect();
  EXPECT_TRUE(until_ended(late));
  client.send(length_prefixed(frame));
  EXPECT_TRUE(until([&] { return engine.only().frames.size() == 2; }));
}

TEST_F(ListenerTest, ShuttingDownEndsWhatTheEngineDoesNotKnow) {
  start();
  TestClient silent = connect();
  TestClient idle_http = connect();
  idle_http.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  TestClient link = connect();
  link.send(length_prefixed(frame));
  ASSERT_TRUE(until([&] { return engine.links.size() == 1 && loop->stats().http_requests == 1 && loop->streams() == 3; }));
  loop->shut_down_streams();
  EXPECT_TRUE(until([&] { return silent.ended && idle_http.ended; }, {&silent, &idle_http}));
  EXPECT_FALSE(engine.only().closed) << "links are the engine's to close";
}

}  // namespace
}  // namespace clasp::net
