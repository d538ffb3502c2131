// --durability sync: a PUBACK or PUBREC says what an ACK says (contract 25 and 34), and what it can't say any more it says otherwise.
#include "mqtt/broker_fixture.hpp"

namespace clasp::mqtt {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Qos q0 = Qos::at_most_once;
constexpr Qos q1 = Qos::at_least_once;
constexpr Qos q2 = Qos::exactly_once;

class MqttDurability : public BrokerTest {
 protected:
  MqttDurability() { configure({.durability = router::Durability::sync}); }
  TestClient& welcome(const std::string& id, Version version = Version::v5, const Asks& asks = {}) {
    TestClient& made = client(version).connect(id, asks);
    made.told();
    return made;
  }
  void disk_has(router::Seq seq) {
    router().durable(seq, world().now());
    broker().end_turn(world().now());
  }
  void disk_fails() {
    router().set_journal_fault("the disk is full", world().now());
    broker().end_turn(world().now());
  }
  void disk_works_again() { router().set_journal_fault(std::nullopt, world().now()); }
};

TEST_F(MqttDurability, NothingIsAcknowledgedBeforeItIsOnTheDiskAndThenInOrder) {
  TestClient& p = welcome("p");
  TestClient& reader = welcome("reader");
  reader.subscribe("#");
  reader.told();
  p.publish("state", "1", q1, true, 1);
  p.publish("event", "2", q2, false, 2);
  p.publish("fire", "3", q0);
  p.publish("state", "", q1, true, 3);
  EXPECT_THAT(p.told(), IsEmpty());
  EXPECT_THAT(reader.told(), ElementsAre("state: 1", "event: 2", "fire: 3", "state: ")) << "others don't wait (contract 27)";
  disk_has(1);
  EXPECT_THAT(p.told(), ElementsAre("PUBACK 00 01"));
  disk_has(3);
  EXPECT_THAT(p.told(), ElementsAre("PUBREC 00 02"));
  p.acknowledge(PacketType::pubrel, 2);
  EXPECT_THAT(p.told(), ElementsAre("PUBCOMP 00 02"));
  disk_has(4);
  EXPECT_THAT(p.told(), ElementsAre("PUBACK 00 03"));
  p.publish("fire", "3", q0);
  disk_has(5);
  EXPECT_THAT(p.told(), IsEmpty());
}

TEST_F(MqttDurability, ARetainedMessageKeepsItsPayloadAlthoughNobodyHasConfirmedItYet) {
  TestClient& p = welcome("p");
  p.publish("a", "1.0", q2, true);
  TestClient& late = welcome("late");
  late.subscribe("a", q2);
  EXPECT_EQ(late.told().back(), "a retained q2 #1: 1.0") << "1.0 as it was published, not 1 as the value is written";
}

TEST_F(MqttDurability, ARefusalIsToldInItsPlace) {
  connect("desk").set(Set{.address = "/locked", .value = EncodedValue(Value(1)).view(), .lock = true});
  TestClient& p = welcome("p");
  p.publish("a", "1", q1, true, 1);
  p.publish("locked", "1", q1, true, 2);
  EXPECT_THAT(p.told(), IsEmpty()) << "PUBACKs leave in the order of the PUBLISHes";
  disk_has(router().last_seq());
  EXPECT_THAT(p.told(), ElementsAre("PUBACK 00 01", "PUBACK 00 02 83"));
}

TEST_F(MqttDurability, AQos2MessageThatComesAgainWaitsAsWell) {
  TestClient& first = welcome("p", Version::v5, {.clean = false, .expiry = 60});
  first.publish("e", "1", q2, false, 7);
  first.lose();
  TestClient& again = welcome("p", Version::v5, {.clean = false, .expiry = 60});
  again.publish("e", "1", q2, false, 7);
  EXPECT_THAT(again.told(), IsEmpty());
  EXPECT_EQ(router().last_seq(), 1U) << "it was handed on once";
  disk_has(1);
  EXPECT_THAT(again.told(), ElementsAre("PUBREC 00 07"));
}

TEST_F(MqttDurability, ADiskThatFailsIsToldInTheWordsOfMqtt5) {
  TestClient& p = welcome("p");
  p.publish("a", "1", q1, true, 1);
  p.publish("b", "1", q2, true, 2);
  disk_fails();
  EXPECT_THAT(p.told(), ElementsAre("PUBACK 00 01 83", "PUBREC 00 02 83"));
  p.publish("c", "1", q1, true, 3);
  EXPECT_FALSE(router().find("/c"));
  broker().end_turn(world().now());
  EXPECT_THAT(p.told(), ElementsAre("PUBACK 00 03 83"));
  EXPECT_FALSE(p.wire.closed);
  disk_works_again();
  p.publish("b", "2", q2, true, 2);
  disk_has(router().last_seq());
  EXPECT_THAT(p.told(), ElementsAre("PUBREC 00 02")) << "the identifier is free again: this is another message";
  EXPECT_EQ(router().find("/b")->value.as_number(), 2);
}

TEST_F(MqttDurability, ADiskThatFailsClosesA311ConnectionWhichSendsAgain) {
  TestClient& p = welcome("p", Version::v311, {.clean = false});
  p.publish("a", "1", q1, true, 1);
  p.publish("b", "1", q2, true, 2);
  disk_fails();
  EXPECT_TRUE(p.wire.closed);
  EXPECT_THAT(p.told(), IsEmpty()) << "nothing is acknowledged";
  TestClient& early = client(Version::v311).connect("p", {.clean = false});
  EXPECT_THAT(early.told(), ElementsAre("CONNACK 01 00")) << "the session goes on";
  early.publish("b", "1", q2, true, 2);
  broker().end_turn(world().now());
  EXPECT_TRUE(early.wire.closed);
  EXPECT_THAT(early.told(), IsEmpty());
  disk_works_again();
  TestClient& later = welcome("p", Version::v311, {.clean = false});
  later.publish("b", "1", q2, true, 2);
  disk_has(router().last_seq());
  EXPECT_THAT(later.told(), ElementsAre("PUBREC 00 02"));
  EXPECT_EQ(router().find("/b")->revision, 2U) << "published once more, not taken for one that had been handed on";
}

TEST_F(MqttDurability, WhoSendsOnWithoutWaitingIsNotReadFurther) {
  limits.unconfirmed_max = 4;
  TestClient& old = welcome("old", Version::v311);
  for (std::uint16_t id = 1; id <= 4; ++id) old.publish("e", "1", q1, false, id);
  EXPECT_FALSE(old.wire.reading);
  disk_has(3);
  EXPECT_TRUE(old.wire.reading);
  EXPECT_EQ(old.told().size(), 3U);
}

TEST_F(MqttDurability, AnMqtt5ClientThatSendsMoreThanReceiveMaximumIsToldSo) {
  limits.receive_maximum = 2;
  TestClient& p = welcome("p");
  for (std::uint16_t id = 1; id <= 3; ++id) p.publish("e", "1", q1, false, id);
  EXPECT_THAT(p.told(), ElementsAre(::testing::StartsWith("DISCONNECT 93")));
  EXPECT_TRUE(p.wire.closed);
}

}  // namespace
}  // namespace clasp::mqtt
