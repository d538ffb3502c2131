#include "bridge/socketio/engine_session.hpp"

#include <gmock/gmock.h>

#include "bridge/socketio/engine_testing.hpp"

namespace clasp::bridge::socketio {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;

class EngineSessionTest : public testing::Test, public EngineListener {
 protected:
  void on_text(EngineSession&, std::string_view text) override {
    heard.emplace_back(text);
    if (text == "close me") session.close("as asked");
  }
  void on_binary(EngineSession&, Bytes message) override { heard.push_back("b" + base64_encode(message)); }
  void on_closed(EngineSession&, std::string_view reason) override { heard.push_back(fmt::format("closed: {}", reason)); }

  void send(std::string text, std::vector<std::string> attachments = {}) {
    session.send(std::make_shared<web::OutMessage>(web::OutMessage{.text = std::move(text), .attachments = std::move(attachments)}), {}, now);
  }
  void set(std::string_view key, std::string text) {
    session.send(std::make_shared<web::OutMessage>(web::OutMessage{.text = std::move(text), .attachments = {}}), key, now);
  }
  std::string post(std::string_view body) {
    const auto refusal = session.post(body, now);
    return refusal ? fmt::format("{} {}", refusal->status, refusal->code) : "ok";
  }
  std::string poll(FakePoll& with) {
    const auto refusal = session.poll(with, now);
    if (refusal) return fmt::format("{} {}", refusal->status, refusal->code);
    return with.waits() ? "waits" : with.answer_text();
  }
  void wait(Micros time) {
    const SteadyTime end = now + time;
    while (session.next_deadline() && *session.next_deadline() <= end) {
      now = std::max(now, *session.next_deadline());
      session.advance(now);
    }
    now = end;
    session.advance(now);
  }

  std::vector<std::string> heard;
  SteadyTime now{1'000'000'000};
  EngineLimits limits{.payload_bytes_max = 1'000, .wire_bytes_max = 500};
  EngineSession session{"sid1", limits, true, *this, now};
};

TEST_F(EngineSessionTest, TellsItsTerms) {
  EXPECT_EQ(session.handshake(), R"({"sid":"sid1","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000})");
}

TEST_F(EngineSessionTest, PollsWaitForSomethingAndGetAllOfIt) {
  FakePoll first;
  EXPECT_EQ(poll(first), "waits");
  send("2[\"a\"]");
  EXPECT_EQ(first.answer_text(), "42[\"a\"]");
  send("2[\"b\"]"), send("51-[\"c\"]", {"\x01\x02"}), send("2[\"d\"]");
  FakePoll second;
  EXPECT_EQ(poll(second),
            "42[\"b\"]\x1e"
            "451-[\"c\"]\x1e"
            "bAQI=\x1e"
            "42[\"d\"]");
  EXPECT_THAT(heard, IsEmpty());
}

TEST_F(EngineSessionTest, OneAnswerHoldsNoMoreThanAPayloadButAlwaysSomething) {
  send(std::string(900, 'a')), send(std::string(2'000, 'b')), send("c"), send("d");
  for (const std::string& expected : {"4" + std::string(900, 'a'), "4" + std::string(2'000, 'b'),
                                      std::string("4c\x1e"
                                                  "4d")}) {
    FakePoll one;
    EXPECT_EQ(poll(one), expected);
  }
}

TEST_F(EngineSessionTest, PostsBringMessages) {
  EXPECT_EQ(post("40\x1e"
                 "42[\"a\"]\x1e"
                 "bAQI="),
            "ok");
  EXPECT_THAT(heard, ElementsAre("0", "2[\"a\"]", "bAQI="));
  EXPECT_EQ(post("4x\x1e"
                 "?"),
            "400 3");
  EXPECT_THAT(heard.back(), "closed: parse error");
  EXPECT_EQ(post("4x"), "400 1") << "it is gone";
}

TEST_F(EngineSessionTest, NothingIsHandledBehindAClose) {
  EXPECT_EQ(post("4close me\x1e"
                 "4later"),
            "ok");
  EXPECT_THAT(heard, ElementsAre("close me", "closed: as asked"));
}

TEST_F(EngineSessionTest, TooMuchIsRefused) {
  EXPECT_EQ(post(std::string(1'001, '4')), "413 3");
  EXPECT_THAT(heard, ElementsAre("closed: payload too large"));
}

TEST_F(EngineSessionTest, TwoPollsAtOnceEndIt) {
  FakePoll first;
  FakePoll second;
  EXPECT_EQ(poll(first), "waits");
  EXPECT_EQ(poll(second), "400 3");
  EXPECT_EQ(first.answer_text(), "1") << "the one that waits is told";
  EXPECT_TRUE(second.waits()) << "answered by whoever asked";
  EXPECT_THAT(heard, ElementsAre("closed: two polls at the same time"));
}

TEST_F(EngineSessionTest, APollThatWaitsReturnsWithThePing) {
  FakePoll waiting;
  poll(waiting);
  wait(24'999ms);
  EXPECT_TRUE(waiting.waits());
  wait(1ms);
  EXPECT_EQ(waiting.answer_text(), "2");
  EXPECT_EQ(post("3"), "ok");
  FakePoll next;
  poll(next);
  wait(25s);
  EXPECT_EQ(next.answer_text(), "2");
  EXPECT_THAT(heard, IsEmpty());
}

TEST_F(EngineSessionTest, WhoNeverPollsIsGoneAfterPingAndTimeout) {
  wait(44'999ms);
  EXPECT_THAT(heard, IsEmpty());
  wait(1ms);
  EXPECT_THAT(heard, ElementsAre("closed: ping timeout"));
  FakePoll late;
  EXPECT_EQ(poll(late), "400 1");
  EXPECT_EQ(session.next_deadline(), std::nullopt);
}

TEST_F(EngineSessionTest, APollWhoseConnectionBreaksEndsIt) {
  FakePoll waiting;
  FakePoll stranger;
  poll(waiting);
  session.poll_gone(stranger);
  EXPECT_THAT(heard, IsEmpty());
  session.poll_gone(waiting);
  EXPECT_THAT(heard, ElementsAre("closed: poll connection closed"));
  EXPECT_TRUE(waiting.waits());
}

// ---- WebSocket ----

TEST_F(EngineSessionTest, AWebSocketFromTheBeginning) {
  FakeWire wire;
  session.start_on(wire);
  EXPECT_THAT(wire.take(), ElementsAre(HasSubstr(R"(0{"sid":"sid1","upgrades":[],)")));
  session.wire_text(wire, "40", now);
  session.wire_binary(wire, as_bytes("x"));
  EXPECT_THAT(heard, ElementsAre("0", "beA=="));
  send("51-[\"c\"]", {"y"});
  EXPECT_THAT(wire.take(), ElementsAre("451-[\"c\"]", "beQ=="));
  FakePoll poll_;
  EXPECT_EQ(poll(poll_), "400 3");
  EXPECT_EQ(post("4x"), "400 3");
  wait(25s);
  EXPECT_THAT(wire.take(), ElementsAre("2"));
  session.wire_text(wire, "3", now);
  wait(25s);
  EXPECT_THAT(wire.take(), ElementsAre("2"));
  wait(20s);
  EXPECT_THAT(wire.take(), ElementsAre("1", "closed: ping timeout"));
}

TEST_F(EngineSessionTest, AWebSocketThatTakesNothingKeepsWhatItWasGiven) {
  FakeWire wire;
  session.start_on(wire);
  wire.take();
  wire.waiting = 500;
  set("/a", "a1"), set("/b", "b1"), send("e"), set("/a", "a2");
  EXPECT_THAT(wire.take(), IsEmpty());
  now = now + 200ms;
  set("/a", "a3");
  EXPECT_THAT(wire.take(), IsEmpty());
  wire.waiting = 0;
  session.wire_sent(wire);
  EXPECT_THAT(wire.take(), ElementsAre("4a3", "4b1", "4e"));
}

TEST_F(EngineSessionTest, WhoTakesNoEventsIsCutOffNotBeforeTheNextTurn) {
  FakeWire wire;
  session.start_on(wire);
  wire.waiting = 500;
  for (int i = 0; i < 50; ++i) send(std::string(100'000, 'e'));
  EXPECT_THAT(heard, IsEmpty()) << "not from inside send()";
  ASSERT_TRUE(session.next_deadline());
  session.advance(now);
  EXPECT_THAT(heard, ElementsAre(HasSubstr("closed: too slow")));
  EXPECT_THAT(wire.sent.back(), HasSubstr("closed: too slow"));
  EXPECT_LT(session.bytes_waiting(), 5'000'000U);
}

TEST_F(EngineSessionTest, EndsWithItsWebSocket) {
  FakeWire wire;
  session.start_on(wire);
  session.wire_gone(wire, "");
  EXPECT_THAT(heard, ElementsAre("closed: transport close"));
}

TEST_F(EngineSessionTest, WhatAClientMayNotSendEndsIt) {
  for (const char* packet : {"0{}", "2", "5", "x", ""}) {
    std::vector<std::string> outer;
    heard.clear();
    EngineSession other("other", limits, true, *this, now);
    FakeWire wire;
    other.start_on(wire);
    other.wire_text(wire, packet, now);
    EXPECT_THAT(heard, ElementsAre("closed: parse error")) << packet;
    EXPECT_THAT(wire.sent.back(), "closed: parse error");
  }
}

// ---- the upgrade: field case C28 ----

TEST_F(EngineSessionTest, AnUpgradeReleasesEveryPollAndLosesNothing) {
  FakePoll open;
  EXPECT_EQ(poll(open), "waits");
  FakeWire wire;
  EXPECT_TRUE(session.probe(wire, now));
  EXPECT_TRUE(open.waits());
  session.wire_text(wire, "2probe", now);
  EXPECT_THAT(wire.take(), ElementsAre("3probe"));
  EXPECT_EQ(open.answer_text(), "6");
  FakePoll another;
  EXPECT_EQ(poll(another), "6") << "not refused, not left hanging";
  send("between");
  EXPECT_EQ(post("42[\"p\"]"), "ok") << "what was on its way already";
  session.wire_text(wire, "5", now);
  EXPECT_THAT(wire.take(), ElementsAre("4between")) << "once, here";
  session.wire_text(wire, "42[\"m\",1]", now);
  EXPECT_THAT(heard, ElementsAre("2[\"p\"]", "2[\"m\",1]"));
  EXPECT_EQ(session.transport(), EngineSession::Transport::websocket);
}

TEST_F(EngineSessionTest, AnUpgradeThatEndsHalfwayLeavesPollingAsItWas) {
  FakeWire wire;
  EXPECT_TRUE(session.probe(wire, now));
  session.wire_text(wire, "2probe", now);
  send("kept");
  FakePoll during;
  EXPECT_EQ(poll(during), "6");
  session.wire_gone(wire, "");
  FakePoll after;
  EXPECT_EQ(poll(after), "4kept");
  FakeWire again;
  EXPECT_TRUE(session.probe(again, now)) << "it may be tried once more";
  wait(10s);
  EXPECT_THAT(again.take(), ElementsAre("closed: the upgrade was not finished"));
  EXPECT_THAT(heard, IsEmpty());
}

TEST_F(EngineSessionTest, AnUpgradeNeedsItsProbe) {
  FakeWire wire;
  EXPECT_TRUE(session.probe(wire, now));
  FakeWire second;
  EXPECT_FALSE(session.probe(second, now)) << "one at a time";
  session.wire_text(wire, "5", now);
  EXPECT_THAT(wire.take(), ElementsAre("closed: the upgrade was not finished"));
  EXPECT_EQ(session.transport(), EngineSession::Transport::polling);
  EXPECT_TRUE(session.probe(second, now));
  session.wire_text(second, "2probe", now);
  session.wire_text(second, "5", now);
  FakeWire third;
  EXPECT_FALSE(session.probe(third, now)) << "it has been upgraded";
}

TEST_F(EngineSessionTest, ClosingTellsThePollWhatWasLeft) {
  FakePoll waiting;
  poll(waiting);
  session.close("stop");
  EXPECT_EQ(waiting.answer_text(), "1");
  EXPECT_THAT(heard, ElementsAre("closed: stop"));
  session.close("again");
  send("nothing");
  EXPECT_EQ(heard.size(), 1U);
}

}  // namespace
}  // namespace clasp::bridge::socketio
