#include "net/event_loop.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>
#include <thread>

#include "net/net_testing.hpp"
#include "net/stream.hpp"

namespace clasp::net {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string frame{"\x53\x00\x00\x01\x41", 5};

TEST_F(LoopTest, APostedTaskRunsInTheLoop) {
  start();
  bool ran = false;
  std::thread other{[&] { loop->post([&] { ran = true; }); }};
  other.join();
  EXPECT_TRUE(until([&] { return ran; }));
}

TEST_F(LoopTest, RunReturnsAfterStopFromAnotherThread) {
  start();
  std::thread other{[&] { loop->stop(); }};
  loop->run();
  other.join();
}

TEST_F(LoopTest, TheEngineIsCalledAtItsDeadline) {
  start();
  loop->turn(Micros{0});
  const SteadyTime at = io::read_clocks().steady + Micros{20'000};
  engine.deadline = at;
  EXPECT_TRUE(until([&] { return !engine.deadline; }));
  EXPECT_GE(engine.advanced.back(), at);
  EXPECT_LE(engine.advanced.back(), at + Micros{500'000});  // the machine may be busy; the timer itself is exact to the microsecond
}

TEST_F(LoopTest, AnEarlierDeadlineReplacesALaterOne) {
  start();
  engine.deadline = io::read_clocks().steady + Micros{60'000'000};
  loop->turn(Micros{0});
  engine.deadline = io::read_clocks().steady + Micros{5'000};
  EXPECT_TRUE(until([&] { return !engine.deadline; }));
}

TEST_F(LoopTest, AnswersOfOneTurnLeaveInOneWrite) {
  start();
  engine.on_frame = [](FakeEngine::Link& link, std::string_view text) { link.reply(text); };
  TestClient client = connect();
  std::string input;
  for (int i = 0; i < 100; ++i) input += length_prefixed(frame);
  client.send(input);
  ASSERT_TRUE(until([&] { return client.received.size() == input.size(); }, {&client}));
  EXPECT_EQ(client.received, input);
  EXPECT_EQ(engine.only().sent, engine.only().promised);
  EXPECT_EQ(engine.only().promised, input.size());
}

TEST_F(LoopTest, APausedLinkIsNotReadAndLosesNothingWhenItGoesOn) {
  start();
  std::size_t handled = 0;
  engine.on_frame = [&](FakeEngine::Link& link, std::string_view) {
    if (++handled == 3) link.sink->read(false);
  };
  TestClient client = connect();
  std::string input;
  for (int i = 0; i < 10; ++i) input += length_prefixed(frame);
  client.send(input);
  ASSERT_TRUE(until([&] { return handled == 3; }));
  for (int i = 0; i < 20; ++i) loop->turn(Micros{1'000});
  EXPECT_EQ(handled, 3U) << "read while paused";
  engine.only().sink->read(true);
  EXPECT_TRUE(until([&] { return handled == 10; })) << "frames that were read already must not wait for more bytes";
  client.send(length_prefixed(frame));
  EXPECT_TRUE(until([&] { return handled == 11; }));
}

TEST_F(LoopTest, ALinkThatIsPausedAfterEveryFrameStillGetsEverything) {
  start();
  std::size_t handled = 0;
  engine.on_frame = [&](FakeEngine::Link& link, std::string_view) {
    ++handled;
    link.sink->read(false);
    loop->defer([&link] { link.sink->read(true); });
  };
  TestClient client = connect();
  client.send(upgrade_request());
  std::string input;
  for (int i = 0; i < 200; ++i) input += masked(Opcode::binary, frame);
  client.send(input);
  EXPECT_TRUE(until([&] { return handled == 200; }));
}

TEST_F(LoopTest, OneFloodDoesNotKeepOthersWaiting) {
  start({.turn_output_bytes_max = 10'000});
  engine.on_frame = [](FakeEngine::Link& link, std::string_view text) { link.reply(text); };
  TestClient flood = connect();
  TestClient modest = connect();
  const std::string big = length_prefixed(std::string(60'000, 'x'));
  for (int i = 0; i < 20; ++i) flood.send(big);
  modest.send(length_prefixed(frame));
  EXPECT_TRUE(until_received(modest, frame));
  EXPECT_LT(engine.links.begin()->second.frames.size(), 20U) << "the flood was handled to its end first";
}

TEST_F(LoopTest, MuchOutputLeavesBeforeTheNextStreamIsReadAndLittleDoesNot) {
  start();
  std::size_t answer_bytes = 100;
  engine.on_frame = [&](FakeEngine::Link& link, std::string_view) { link.reply(std::string(answer_bytes, 'x')); };
  std::array clients{connect(), connect(), connect()};
  const auto ask = [&] {
    for (TestClient& client : clients) client.send(length_prefixed(frame));
  };
  const auto answered = [&] {
    std::size_t frames = 0;
    for (const auto& [id, link] : engine.links) frames += link.frames.size();
    return frames;
  };
  ask();
  ASSERT_TRUE(until([&] { return answered() == 3; }));

  ask();  // on loopback a sent byte has arrived
  loop->turn(Micros{0});
  EXPECT_EQ(answered(), 6U) << "one write for each turn, not for each stream";

  answer_bytes = 20'000;
  ask();
  for (std::size_t turn = 1; turn <= 3; ++turn) {
    loop->turn(Micros{0});
    EXPECT_EQ(answered(), 6 + turn);
    EXPECT_EQ(loop->blocks().bytes_in_use(), 0U) << "it was sent in the turn";
  }
}

TEST_F(LoopTest, APeerThatDoesNotReadIsWrittenToWhenItReadsAgain) {
  start();
  const std::string chunk(60'000, 'x');
  TestClient client = connect();
  client.send(length_prefixed(frame));
  ASSERT_TRUE(until([&] { return engine.links.size() == 1 && engine.only().frames.size() == 1; }));
  FakeEngine::Link& link = engine.only();
  for (int i = 0; i < 200; ++i) link.reply(chunk);
  for (int i = 0; i < 50; ++i) loop->turn(Micros{0});
  EXPECT_LT(link.sent, link.promised) << "the kernel cannot have taken 12 MB";
  ASSERT_TRUE(until([&] { return client.received.size() == link.promised; }, {&client}));
  EXPECT_EQ(link.sent, link.promised);
  EXPECT_EQ(loop->blocks().bytes_in_use(), 0U) << "an idle link holds no output memory";
}

TEST_F(LoopTest, TheTimeOfSendingIsWrittenIntoSync) {
  start();
  engine.on_frame = [](FakeEngine::Link& link, std::string_view) { link.reply(std::string{"before"} + std::string(8, '\0'), true); };
  TestClient client = connect();
  client.send(upgrade_request() + masked(Opcode::binary, frame));
  ASSERT_TRUE(until([&] { return behind_head(client.received).size() == 16; }, {&client}));
  const std::string message = behind_head(client.received).substr(2);
  EXPECT_EQ(message.substr(0, 6), "before");
  const auto stamp = load_be<std::uint64_t>(as_bytes(message).data() + 6);
  const std::uint64_t now = io::read_clocks().unix_time.us;
  EXPECT_LE(stamp, now);
  EXPECT_GT(stamp, now - 10'000'000);
}

TEST_F(LoopTest, APeerThatVanishesClosesItsLinkOnce) {
  start();
  std::vector<TestClient> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(connect());
  for (TestClient& client : clients) client.send(length_prefixed(frame));
  ASSERT_TRUE(until([&] { return engine.links.size() == 3; }));
  clients[0].close();
  clients[1].reset();
  clients[2].end();
  EXPECT_TRUE(until([&] { return loop->streams() == 1 || loop->streams() == 0; }));
  EXPECT_TRUE(until([&] {
    for (const auto& [id, link] : engine.links) {
      if (!link.closed) return false;
    }
    return true;
  }));
  EXPECT_TRUE(until_ended(clients[2]));
  EXPECT_TRUE(until([&] { return loop->streams() == 0; }));
}

TEST_F(LoopTest, AHalfClosedPeerStillGetsItsAnswers) {
  start();
  engine.on_frame = [](FakeEngine::Link& link, std::string_view text) { link.reply(text); };
  TestClient client = connect();
  client.send(length_prefixed(frame));
  client.end();
  EXPECT_TRUE(until_ended(client));
  EXPECT_EQ(client.received, length_prefixed(frame));
  EXPECT_FALSE(client.reset_by_peer);
}

TEST_F(LoopTest, ClosingSendsWhatWaitsAndTheReason) {
  start();
  engine.on_frame = [](FakeEngine::Link& link, std::string_view) {
    link.reply("last words");
    link.sink->close({.code = router::CloseCode::policy, .text = "not a HELLO"});
    link.reply("after the end");
  };
  TestClient client = connect();
  client.send(upgrade_request() + masked(Opcode::binary, frame) + masked(Opcode::binary, frame));
  ASSERT_TRUE(until_ended(client));
  const ClosePayload reason = close_payload(1008, "not a HELLO");
  EXPECT_EQ(behind_head(client.received), unmasked(Opcode::binary, "last words") + unmasked(Opcode::close, as_text(reason.view())));
  EXPECT_EQ(engine.only().frames.size(), 1U) << "a frame was handled after the end";
  EXPECT_TRUE(engine.only().closed);
  client.close();
  EXPECT_TRUE(until([&] { return loop->streams() == 0; }));
}

TEST_F(LoopTest, APeerThatDoesNotTakeTheRestIsCutOff) {
  start({.linger_max = Micros{30'000}});
  engine.on_frame = [](FakeEngine::Link& link, std::string_view) {
    for (int i = 0; i < 400; ++i) link.reply(std::string(60'000, 'x'));
    link.sink->close({.code = router::CloseCode::normal, .text = ""});
  };
  TestClient client = connect();
  client.send(length_prefixed(frame));
  EXPECT_TRUE(until([&] { return engine.links.size() == 1 && loop->streams() == 0; }));
  EXPECT_TRUE(engine.only().closed);
  EXPECT_EQ(loop->stats().lingers_timed_out, 1U);
}

TEST_F(LoopTest, APingIsAnsweredAndCountsAsActivity) {
  start();
  TestClient client = connect();
  client.send(upgrade_request() + masked(Opcode::ping, "hi") + masked(Opcode::text, "ignored") + masked(Opcode::pong, ""));
  ASSERT_TRUE(until_received(client, unmasked(Opcode::pong, "hi")));
  EXPECT_TRUE(until([&] { return engine.only().activities == 3; }));
  EXPECT_EQ(engine.only().frames.size(), 0U);
  EXPECT_EQ(loop->stats().text_ignored, 1U);
}

TEST_F(LoopTest, PingingWithoutReadingCostsBoundedMemory) {
  start();
  TestClient client = connect();
  client.send(upgrade_request());
  ASSERT_TRUE(until([&] { return engine.links.size() == 1; }));
  std::string pings;
  for (int i = 0; i < 500; ++i) pings += masked(Opcode::ping, std::string(125, 'p'));
  const bool withheld = until([&] {
    client.send(pings);
    return loop->stats().pongs_withheld > 0;
  });
  EXPECT_TRUE(withheld);
  EXPECT_LE(loop->blocks().bytes_in_use(), 16'384U);
}

TEST_F(LoopTest, TheEngineCanProbeAPeer) {
  start();
  TestClient web = connect();
  web.send(upgrade_request() + masked(Opcode::binary, frame));
  ASSERT_TRUE(until([&] { return engine.links.size() == 1; }));
  EXPECT_TRUE(engine.only().sink->ping()) << "a WebSocket peer has to answer";
  EXPECT_TRUE(until_received(web, unmasked(Opcode::ping, "")));
  TestClient tcp = connect();
  tcp.send(length_prefixed(frame));
  ASSERT_TRUE(until([&] { return engine.links.size() == 2; }));
  EXPECT_FALSE(engine.links.at(2).sink->ping()) << "a CLASP peer need not";
  EXPECT_TRUE(until_received(tcp, length_prefixed(frame)));
}

TEST_F(LoopTest, ACloseFrameIsAnsweredWithItsCode) {
  start();
  TestClient client = connect();
  client.send(upgrade_request() + masked(Opcode::close, std::string{"\x03\xe9", 2} + "bye"));
  ASSERT_TRUE(until_ended(client));
  EXPECT_EQ(behind_head(client.received), unmasked(Opcode::close, std::string{"\x03\xe9", 2}));
  EXPECT_TRUE(engine.only().closed);
}

TEST_F(LoopTest, BrokenWebSocketFramingIsAnsweredWith1002) {
  start();
  TestClient client = connect();
  client.send(upgrade_request() + std::string{"\x82\x01\x53", 3});
  ASSERT_TRUE(until_ended(client));
  EXPECT_THAT(behind_head(client.received), HasSubstr(std::string{"\x03\xea", 2} + "client frame without a mask"));
  EXPECT_TRUE(engine.only().closed);
  EXPECT_EQ(loop->stats().framing_faults, 1U);
}

TEST_F(LoopTest, BrokenTcpFramingEndsTheConnection) {
  start();
  engine.on_frame = [](FakeEngine::Link& link, std::string_view text) { link.reply(text); };
  TestClient zero = connect();
  zero.send(length_prefixed(frame) + std::string(4, '\0'));
  EXPECT_TRUE(until_ended(zero));
  EXPECT_EQ(zero.received, length_prefixed(frame)) << "what came before is answered";
  TestClient bare = connect();
  bare.send(frame + "garbage");
  EXPECT_TRUE(until_ended(bare));
  EXPECT_EQ(bare.received, frame);
  EXPECT_EQ(loop->stats().framing_faults, 2U);
}

TEST_F(LoopTest, AMessageOfAnyLegalSizeArrivesWhole) {
  start();
  engine.on_frame = [](FakeEngine::Link& link, std::string_view text) { link.reply(text); };
  TestClient client = connect();
  client.send(upgrade_request());
  std::string expected;
  for (const std::size_t size : {0UL, 125UL, 126UL, 65'535UL, 65'536UL, 65'547UL}) {
    const std::string payload(size, static_cast<char>('a' + size % 26));
    expected += unmasked(Opcode::binary, payload);
    std::string rest = masked(Opcode::binary, payload);
    ASSERT_TRUE(until(
        [&] {
          rest.erase(0, client.send(rest));
          return rest.empty() && behind_head(client.received).size() == expected.size();
        },
        {&client}))
        << size;
  }
  EXPECT_EQ(behind_head(client.received), expected);
}

}  // namespace
}  // namespace clasp::net
