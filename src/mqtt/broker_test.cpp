#include "mqtt/broker_fixture.hpp"

namespace clasp::mqtt {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr Qos q1 = Qos::at_least_once;
constexpr Qos q2 = Qos::exactly_once;

TEST_F(BrokerTest, AnswersConnectAndHearsOfMessages) {
  TestClient& a = client(Version::v311).connect("a");
  EXPECT_THAT(a.told(), ElementsAre("CONNACK 00 00"));
  EXPECT_TRUE(a.wire.was_established);
  a.subscribe("lights/#", q1);
  EXPECT_THAT(a.told(), ElementsAre("SUBACK 00 01 01"));
  a.publish("lights/1", "0.5", q1, true, 9);
  EXPECT_THAT(a.told(), ElementsAre("lights/1 q1 #1: 0.5", "PUBACK 00 09"));
  EXPECT_EQ(router().find("/lights/1")->value.as_number(), 0.5);
}

TEST_F(BrokerTest, TheSubackComesBeforeWhatIsRetained) {
  client().connect("p").publish("a", "1", Qos::at_most_once, true);
  TestClient& late = client().connect("late");
  late.told();
  late.subscribe("#", q1);
  EXPECT_THAT(late.told(), ElementsAre("SUBACK 00 01 00", "a retained: 1"));
}

TEST_F(BrokerTest, AParamOfSomebodyElseIsWorthMoreThanTheNote) {
  client().connect("p").publish("a", "1.0", q2, true);
  EXPECT_EQ(broker().retained_notes().size(), 1U);
  TestClient& before = client().connect("before");
  before.subscribe("a", q2);
  EXPECT_EQ(before.told().back(), "a retained q2 #1: 1.0");
  connect("desk").set("/a", 2.0);
  TestClient& after = client().connect("after");
  after.subscribe("a", q2);
  EXPECT_EQ(after.told().back(), "a retained q1 #1: 2");
}

// A transform may make another value of what was published: then that one counts, also towards MQTT.
class Halving final : public router::Transform {
 public:
  router::Transformed transform(std::string_view, SignalType, const ValueView& value, const Now&) override { return Value(*value.as_number() / 2); }
};

TEST_F(BrokerTest, WhatATransformMadeIsWhatSubscribersGet) {
  Halving halving;
  configure({}, {.transform = &halving});
  TestClient& a = client().connect("a");
  a.subscribe("x");
  a.told();
  a.publish("x", "3.0");
  EXPECT_THAT(a.told(), ElementsAre("x: 1.5"));
}

TEST_F(BrokerTest, ASlowConnectionGetsTheNewestOfEachParamAtQos0AndEveryEvent) {
  TestClient& slow = client().connect("slow");
  slow.subscribe("#");
  slow.told();
  slow.wire.waiting = limits.link_bytes_max;
  router::Peer& desk = connect("desk");
  for (int i = 0; i < 5; ++i) {
    desk.set("/a", i);
    desk.publish("/e", i);
    desk.set("/b", i);
  }
  EXPECT_THAT(slow.told(), IsEmpty());
  slow.drain();
  EXPECT_THAT(slow.told(), ElementsAre("a: 4", "e: 0", "b: 4", "e: 1", "e: 2", "e: 3", "e: 4"));
  EXPECT_EQ(broker().stats().conflated, 8U);
  desk.set("/a", 9);
  EXPECT_THAT(slow.told(), ElementsAre("a: 9"));
}

TEST_F(BrokerTest, ASlowConnectionGetsEverythingAtQos1) {
  TestClient& slow = client().connect("slow");
  slow.subscribe("#", q1);
  slow.told();
  slow.wire.waiting = limits.link_bytes_max;
  router::Peer& desk = connect("desk");
  for (int i = 0; i < 4; ++i) desk.set("/a", i);
  slow.drain();
  EXPECT_THAT(slow.told(), ElementsAre("a q1 #1: 0", "a q1 #2: 1", "a q1 #3: 2", "a q1 #4: 3"));
}

TEST_F(BrokerTest, WhatIsNotAcknowledgedHoldsTheWindowButNotQos0) {
  limits.in_flight_max = 2;
  TestClient& a = client().connect("a");
  a.subscribe("one/#", q1);
  a.subscribe("none/#");
  a.told();
  TestClient& p = client().connect("p");
  for (const char* payload : {"1", "2", "3", "4"}) p.publish("one/x", payload, q1);
  p.publish("none/x", "0");
  EXPECT_THAT(a.told(), ElementsAre("one/x q1 #1: 1", "one/x q1 #2: 2", "none/x: 0"));
  a.acknowledge(PacketType::puback, 2);
  EXPECT_THAT(a.told(), ElementsAre("one/x q1 #3: 3"));
  a.acknowledge(PacketType::puback, 2);  // again: means nothing
  a.acknowledge(PacketType::puback, 77);
  EXPECT_THAT(a.told(), IsEmpty());
  a.acknowledge(PacketType::puback, 1);
  EXPECT_THAT(a.told(), ElementsAre("one/x q1 #4: 4"));
}

TEST_F(BrokerTest, PacketIdentifiersGoRoundWithoutMeetingOneInUse) {
  limits.in_flight_max = 8;
  TestClient& a = client().connect("a");
  a.subscribe("x", q1);
  a.told();
  TestClient& p = client().connect("p");
  p.publish("x", "first", q1);
  EXPECT_THAT(a.told(), ElementsAre("x q1 #1: first"));
  for (int i = 0; i < 70'000; ++i) {
    p.publish("x", "", q1);
    const std::vector<std::string> told = a.told();
    if (told.empty()) {  // as far as the oldest reaches
      ASSERT_GE(i, 30'000);
      break;
    }
    std::uint16_t id = 0;
    ASSERT_EQ(std::sscanf(told[0].c_str(), "x q1 #%hu", &id), 1);
    ASSERT_NE(id, 1);
    a.acknowledge(PacketType::puback, id);
  }
  a.acknowledge(PacketType::puback, 1);
  for (int i = 0; i < 70'000; ++i) {
    for (const std::string& line : a.told()) {
      std::uint16_t id = 0;
      ASSERT_EQ(std::sscanf(line.c_str(), "x q1 #%hu", &id), 1) << line;
      a.acknowledge(PacketType::puback, id);
    }
    p.publish("x", "", q1);
    ASSERT_THAT(a.wire.bytes, SizeIs(::testing::Gt(0U))) << i;
  }
}

TEST_F(BrokerTest, ASubscriberThatNeverAcknowledgesEndsAtItsBound) {
  limits.queue_bytes_max = 20'000;
  limits.in_flight_max = 4;
  TestClient& stubborn = client().connect("stubborn", {.clean = false, .will = {}, .expiry = 100});
  stubborn.subscribe("x", q1);
  stubborn.told();
  TestClient& p = client().connect("p");
  TestClient& other = client().connect("other");
  other.subscribe("x");
  for (int i = 0; i < 300; ++i) p.publish("x", "0123456789", q1);
  EXPECT_TRUE(stubborn.wire.closed);
  EXPECT_EQ(stubborn.told().back(), "DISCONNECT 97");
  EXPECT_EQ(broker().stats().sessions_overflowed, 1U);
  EXPECT_THAT(log_lines, ElementsAre(AllOf(HasSubstr("stubborn"), HasSubstr("none may be dropped"))));
  EXPECT_THAT(other.told(), SizeIs(302)) << "others are not concerned";
  TestClient& back = client().connect("stubborn", {.clean = false, .will = {}, .expiry = 100});
  EXPECT_EQ(back.told().front(), "CONNACK 00 00") << "no session present: it knows that it missed something";
}

TEST_F(BrokerTest, TheLargestQueueGoesWhenAllTogetherAreTooLarge) {
  limits.queues_bytes_max = 100'000;
  for (const char* id : {"few", "many"}) {
    TestClient& away = client().connect(id, {.clean = false, .will = {}, .expiry = 100});
    away.subscribe(id, q1);
    away.lose();
  }
  TestClient& p = client().connect("p");
  for (int i = 0; i < 200; ++i) p.publish("few", "x", q1);
  for (int i = 0; i < 900; ++i) p.publish("many", "x", q1);
  EXPECT_EQ(broker().stats().sessions_overflowed, 1U);
  EXPECT_EQ(client().connect("few", {.clean = false, .will = {}, .expiry = 100}).told().front(), "CONNACK 01 00");
}

TEST_F(BrokerTest, QoS2IsHandedOnOnceHoweverOftenItComes) {
  TestClient& a = client(Version::v311).connect("a");
  a.subscribe("x", q2);
  TestClient& p = client(Version::v311).connect("p");
  p.told();
  for (int i = 0; i < 3; ++i) p.publish("x", "hi", q2, false, 7);
  p.acknowledge(PacketType::pubrel, 7);
  p.acknowledge(PacketType::pubrel, 7);
  EXPECT_THAT(p.told(), ElementsAre("PUBREC 00 07", "PUBREC 00 07", "PUBREC 00 07", "PUBCOMP 00 07", "PUBCOMP 00 07"));
  EXPECT_EQ(a.told().back(), "x q2 #1: hi");
  EXPECT_EQ(router().last_seq(), 1U);
  a.acknowledge(PacketType::pubrec, 1);
  a.acknowledge(PacketType::pubrec, 1);
  EXPECT_THAT(a.told(), ElementsAre("PUBREL 00 01", "PUBREL 00 01"));
  a.acknowledge(PacketType::pubcomp, 1);
  EXPECT_THAT(a.told(), IsEmpty());
}

TEST_F(BrokerTest, KeepAliveIsOneAndAHalfTimes) {
  TestClient& watch = client().connect("watch");
  watch.subscribe("w");
  TestClient& a = client().connect("a", {.clean = true, .keep_alive = 2, .will = "w"});
  watch.told();
  pass(Micros{2'900'000});
  a.send([] {
    ByteBuffer ping;
    ping.u8(0xc0), ping.u8(0);
    return ping;
  }());
  pass(Micros{2'900'000});
  EXPECT_FALSE(a.wire.closed);
  pass(Micros{200'000});
  EXPECT_TRUE(a.wire.closed);
  EXPECT_EQ(a.told().back(), "DISCONNECT 8d");
  EXPECT_THAT(watch.told(), ElementsAre("w: gone"));
}

TEST_F(BrokerTest, Rule17AFloodIsReadLaterForASubscriberThatMoves) {
  TestClient& slow = client().connect("slow");
  slow.subscribe("x", q1);
  TestClient& p = client().connect("p");
  const std::string payload(1'000, 'x');
  const auto flood = [&] {
    for (int i = 0; i < 60 && p.wire.reading; ++i) p.publish("x", payload, q1);
    world().turn();
  };
  pass(Micros{200'000});
  for (int i = 0; i < 20; ++i) flood();  // 512 in flight, the rest waits: 600 kB
  EXPECT_TRUE(p.wire.reading) << "for one that does not move nobody waits";
  std::uint16_t id = 0;
  for (int i = 0; i < 40; ++i) slow.acknowledge(PacketType::puback, ++id);
  flood();
  EXPECT_FALSE(p.wire.reading);
  while (id < 700) slow.acknowledge(PacketType::puback, ++id);
  world().turn();
  EXPECT_TRUE(p.wire.reading);
}

TEST_F(BrokerTest, UnreadAnswersStopTheReading) {
  TestClient& a = client().connect("a");
  a.wire.stalled = true;
  for (int i = 0; i < 100'000 && a.wire.reading; ++i) a.publish("x", "", q1);
  EXPECT_FALSE(a.wire.reading);
  EXPECT_LE(a.wire.waiting, limits.replies_bytes_max + 100);
  a.drain();
  EXPECT_TRUE(a.wire.reading);
}

TEST_F(BrokerTest, ASnapshotToASlowConnectionComesInPieces) {
  TestClient& p = client().connect("p");
  for (int i = 0; i < 5'000; ++i) p.publish(fmt::format("t/{}", i), std::string(100, 'x'), q1, true);
  TestClient& slow = client().connect("slow");
  slow.told();
  slow.wire.stalled = true;
  slow.subscribe("#", q1);
  std::size_t got = 0;
  for (int rounds = 0; rounds < 1'000 && got < 5'001; ++rounds) {
    EXPECT_LE(slow.wire.waiting, 2 * limits.link_bytes_max);
    for (const std::string& line : slow.told()) {
      ++got;
      std::uint16_t id = 0;
      const std::size_t at = line.find("q1 #");
      if (at != std::string::npos && std::sscanf(line.c_str() + at, "q1 #%hu", &id) == 1) slow.acknowledge(PacketType::puback, id);
    }
    slow.drain();
    router().end_turn(world().now());
  }
  EXPECT_EQ(got, 5'001U);
}

class TokenGate final : public router::Gate {
 public:
  router::Authentication authenticate(router::Ticket, const Hello& hello) override {
    if (hello.token == "good") return router::Granted{router::open_grants(), {}};
    return router::Denied{hello.token == "old" ? ErrorCode::token_expired : ErrorCode::unauthorized, "no"};
  }
};

TEST_F(BrokerTest, ThePasswordIsTheToken) {
  TokenGate tokens;
  gate = &tokens;
  const auto answer = [this](Version version, std::string_view password) {
    ByteBuffer body;
    const auto add = [&body](std::string_view content) {
      body.u16(static_cast<std::uint16_t>(content.size()));
      body.append(as_bytes(content));
    };
    add("MQTT");
    body.u8(static_cast<std::uint8_t>(version)), body.u8(0xc2), body.u16(0);
    if (version == Version::v5) body.u8(0);
    add("a"), add("anybody"), add(password);
    ByteBuffer out;
    out.u8(0x10);
    append_variable_integer(out, static_cast<std::uint32_t>(body.size()));
    out.append(body.view());
    TestClient& one = client(version);
    one.send(out);
    return one.told().front();
  };
  EXPECT_EQ(answer(Version::v311, "bad"), "CONNACK 00 04");
  EXPECT_EQ(answer(Version::v311, "old"), "CONNACK 00 05");
  EXPECT_EQ(answer(Version::v5, "bad"), "CONNACK 00 86");
  EXPECT_EQ(answer(Version::v5, "old"), "CONNACK 00 87");
  EXPECT_EQ(answer(Version::v5, "good"), "CONNACK 00 00");
  EXPECT_EQ(client().connect("x").told().front(), "CONNACK 00 86") << "no password at all";
}

TEST_F(BrokerTest, RetainedNotesHaveABudget) {
  limits.retained_notes_bytes_max = 2'000;
  TestClient& p = client().connect("p");
  p.told();
  p.publish("a", std::string(1'000, ' ') + "1", q1, true);
  p.publish("b", std::string(1'000, ' ') + "1", q1, true);
  EXPECT_THAT(p.told(), ElementsAre("PUBACK 00 01", "PUBACK 00 01 97"));
  connect("desk").set("/a", 2);  // the first note is void now
  p.publish("b", std::string(1'000, ' ') + "1", q1, true);
  EXPECT_THAT(p.told(), ElementsAre("PUBACK 00 01"));
}

// MQTT 5, 4.8.2: a message of a shared subscription whose member's session ends goes to another member.
TEST_F(BrokerTest, WhatAMemberOfAGroupHasNotGotGoesToAnotherWhenItsSessionEnds) {
  TestClient& lost = client().connect("lost", {.receive_maximum = 2, .expiry = 60});
  lost.subscribe("$share/g/a/#", q2);
  TestClient& p = client().connect("p");
  for (const char* payload : {"1", "2", "3", "4"}) p.publish("a/x", payload, q1);
  p.publish("a/x", "5", q2, false, 7);
  EXPECT_THAT(lost.told(), ElementsAre("CONNACK 00 00", "SUBACK 00 01 00", "a/x q1 #1: 1", "a/x q1 #2: 2"));
  lost.acknowledge(PacketType::puback, 1);
  EXPECT_THAT(lost.told(), ElementsAre("a/x q1 #3: 3"));
  TestClient& heir = client().connect("heir");
  heir.subscribe("$share/g/a/#", q1);
  heir.told();
  lost.lose();
  EXPECT_THAT(heir.told(), IsEmpty()) << "it may come back";
  pass(Micros{60'000'000});
  EXPECT_THAT(heir.told(), ElementsAre("a/x q1 #1: 2", "a/x q1 #2: 3", "a/x q1 #3: 4", "a/x q1 #4: 5"));
  EXPECT_EQ(broker().stats().handed_on, 4U);
}

TEST_F(BrokerTest, AQoS2MessageThatMayHaveArrivedGoesToNobodyElse) {
  TestClient& lost = client().connect("lost");
  lost.subscribe("$share/g/a", q2);
  TestClient& p = client().connect("p");
  p.publish("a", "1", q2, false, 7);
  p.acknowledge(PacketType::pubrel, 7);
  EXPECT_EQ(lost.told().back(), "a q2 #1: 1");
  TestClient& heir = client().connect("heir");
  heir.subscribe("$share/g/a", q2);
  heir.told();
  lost.lose();
  EXPECT_THAT(heir.told(), IsEmpty());
}

TEST_F(BrokerTest, WhatIsTooMuchForOneMemberIsNotHandedOn) {
  limits.queue_bytes_max = 4'000;
  TestClient& full = client().connect("full", {.receive_maximum = 1});
  full.subscribe("$share/g/a", q1);
  TestClient& p = client().connect("p");
  TestClient& other = client().connect("other", {.expiry = 60});
  for (int i = 0; i < 20 && !full.wire.closed; ++i) p.publish("a", std::string(400, 'x'), q1);
  ASSERT_TRUE(full.wire.closed);
  other.subscribe("$share/g/a", q1);
  EXPECT_EQ(broker().stats().handed_on, 0U);
  EXPECT_EQ(broker().sessions(), 2U);
}

TEST_F(BrokerTest, AWillThatCouldNeverBePublishedIsRefusedAtOnce) {
  for (const std::string& topic : {std::string("a/#"), std::string("$SYS/x"), std::string("$share/g/x"), std::string(1'024, 'x')}) {
    EXPECT_EQ(client().connect("w", {.will = topic}).told().front(), "CONNACK 00 90") << topic.substr(0, 20);
    EXPECT_EQ(client(Version::v311).connect("w", {.will = topic}).told().front(), "CONNACK 00 03") << topic.substr(0, 20);
  }
  EXPECT_EQ(client().connect("w", {.will = std::string(1'023, 'x')}).told().front(), "CONNACK 00 00");
}

// An expiry of 0: for those who are there and keep up.
TEST_F(BrokerTest, AMessageThatExpiresAtOnceReachesThoseWhoAreThere) {
  const auto publish = [](std::string_view topic, bool retain) {
    ByteBuffer out;
    append_publish(out, Version::v5, {.topic = topic, .payload = as_bytes("1"), .id = PacketId{1}, .qos = q1, .retain = retain, .forwarded = {}, .message_expiry = 0, .subscription_identifiers = {}});
    return out;
  };
  TestClient& there = client().connect("there");
  there.subscribe("#", q1);
  TestClient& away = client().connect("away", {.expiry = 60});
  away.subscribe("#", q1);
  away.lose();
  TestClient& p = client().connect("p");
  there.told();
  p.send(publish("a", false));
  p.send(publish("b", true));
  EXPECT_THAT(there.told(), ElementsAre("a q1 #1: 1", "b q1 #2: 1"));
  pass(Micros{1});
  EXPECT_THAT(client().connect("away", {.clean = false, .expiry = 60}).told(), ElementsAre("CONNACK 01 00"));
  TestClient& late = client().connect("late");
  late.subscribe("#", q1);
  EXPECT_THAT(late.told(), ElementsAre("CONNACK 00 00", "SUBACK 00 01 00"));
}

TEST_F(BrokerTest, AConnectThatCannotBeReadIsAnsweredWhereTheVersionHasAWordForIt) {
  const auto answer = [this](std::string_view packet) {
    ByteBuffer out;
    out.append(as_bytes(packet));
    TestClient& one = client();
    one.send(out);
    EXPECT_TRUE(one.wire.closed);
    return one.told();
  };
  using namespace std::string_view_literals;
  EXPECT_THAT(answer("\x10\x11\0\4MQTT\5\2\0\x3c\3\x21\0\0\0\1a"sv), ElementsAre("CONNACK 00 82")) << "a Receive Maximum of 0";
  EXPECT_THAT(answer("\x10\x0f\0\4MQTT\5\3\0\x3c\0\0\2c1"sv), ElementsAre("CONNACK 00 81")) << "the reserved flag";
  EXPECT_THAT(answer("\x10\x0e\0\4MQTT\5\2\0\x3c\0\0\2c"sv), ElementsAre("CONNACK 00 81")) << "cut";
  EXPECT_THAT(answer("\x10\x0e\0\4MQTT\4\3\0\x3c\0\2c1"sv), IsEmpty()) << "3.1.1 has no word for it";
  EXPECT_THAT(answer("\x10\x0f\0\4MQTT\7\2\0\x3c\0\0\2c1"sv), ElementsAre("CONNACK 00 01"));
  EXPECT_THAT(answer("\xc0\0"sv), IsEmpty()) << "no CONNECT at all";
}

TEST_F(BrokerTest, SubscriptionsComeAndGoInAnyOrder) {
  TestClient& a = client().connect("a");
  for (int i = 0; i < 200; ++i) a.subscribe(fmt::format("x/{}/#", i * 7 % 200));
  EXPECT_EQ(router().gauges().subscriptions, 200U);
  for (int i = 0; i < 200; i += 2) a.unsubscribe(fmt::format("x/{}/#", i));
  EXPECT_EQ(router().gauges().subscriptions, 100U);
  for (int i = 0; i < 50; ++i) a.subscribe(fmt::format("y/{}", i));
  a.told();
  a.unsubscribe("x/0/#");
  EXPECT_THAT(a.told(), ElementsAre("UNSUBACK 00 01 00")) << "without properties, whose length is 0";
  TestClient& p = client().connect("p");
  for (int i = 0; i < 4; ++i) p.publish(fmt::format("x/{}/z", i), "1");
  p.publish("y/49", "1");
  EXPECT_THAT(a.told(), ElementsAre("x/1/z: 1", "x/3/z: 1", "y/49: 1"));
}

TEST_F(BrokerTest, NothingIsLeftOfAClientThatLeaves) {
  const auto before = router().gauges();
  for (int i = 0; i < 100; ++i) {
    TestClient& a = client().connect(fmt::format("{}", i), {.clean = true, .will = "w"});
    a.subscribe("#", q1);
    a.subscribe("$share/g/x", q1);
    a.publish("x", "1", q1);
    a.lose();
  }
  EXPECT_EQ(broker().sessions(), 0U);
  EXPECT_EQ(broker().groups().size(), 0U);
  EXPECT_EQ(router().gauges().sessions, before.sessions);
  EXPECT_EQ(router().gauges().subscriptions, before.subscriptions);
}

}  // namespace
}  // namespace clasp::mqtt
