// The protocol: what goes over the wire, and when.
#include "bridge/mqtt/mqtt_client.hpp"

#include <gmock/gmock.h>

#include "bridge/mqtt/mqtt_testing.hpp"

namespace clasp::bridge::mqtt {
namespace {

using namespace std::chrono_literals;
using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using wire::PacketType;

class MqttClientTest : public MqttBridgeTest {};

TEST_F(MqttClientTest, ConnectsAndSubscribesToAllFilters) {
  MqttConfig config;
  config.filters = {"a/#", "b/+"};
  config.subscribe_qos = Qos::at_least_once;
  config.user_name = "desk";
  config.password = "secret";
  begin(config);
  connect();
  EXPECT_THAT(sent(), ElementsAre("CONNECT 5 clasp-test as desk"));
  accept();
  EXPECT_THAT(sent(), ElementsAre("SUBSCRIBE #1 a/# q1 no-local b/+ q1 no-local"));
}

TEST_F(MqttClientTest, SharedFiltersAreAskedForWithoutNoLocal) {
  MqttConfig config;
  config.filters = {"a/#", "$share/g/b/#"};
  begin(config);
  connect();
  sent();
  accept();
  EXPECT_THAT(sent(), ElementsAre("SUBSCRIBE #1 a/# q0 no-local", "SUBSCRIBE #2 $share/g/b/# q0"));
  deliver("/mqtt/b/x", Value(1));
  message("b/x", "1");
  EXPECT_THAT(link.take(), IsEmpty()) << "so it has to be known again";
}

TEST_F(MqttClientTest, SpeaksTheOldVersionWithABrokerThatKnowsNoOther) {
  begin();
  connect();
  sent();
  ByteBuffer refusal;  // in the form of 3.1.1
  wire::append_connack(refusal, Version::v311, {.reason = Reason::unsupported_protocol_version});
  tell(refusal);
  ASSERT_TRUE(connection.ended);
  drop();
  connect();
  EXPECT_THAT(sent(), ElementsAre("CONNECT 4 clasp-test"));
  accept();
  EXPECT_THAT(sent(), ElementsAre("SUBSCRIBE #1 # q0"));
  drop();
  connect();
  drop();
  connect();
  EXPECT_THAT(sent(), testing::Contains("CONNECT 4 clasp-test")) << "a version that was accepted is not doubted any more";
}

TEST_F(MqttClientTest, ABrokerThatHangsUpOrSaysNothingIsAskedInTheOtherVersion) {
  begin();
  connect();
  drop();
  connect();
  EXPECT_EQ(client().version(), Version::v311);
  sent();
  wait(11s);
  ASSERT_TRUE(connection.ended);
  EXPECT_THAT(connection.ended->text, HasSubstr("did not answer CONNECT"));
  EXPECT_EQ(client().version(), Version::v5);
}

TEST_F(MqttClientTest, SubscribesAgainWhenTheBrokerHasForgottenTheSession) {  // field case C21
  MqttConfig config = version_3();
  config.clean_start = false;
  begin(config);
  come_up();
  drop();
  connect();
  accept(false);
  EXPECT_THAT(sent(), ElementsAre("CONNECT 4 clasp-test resume", "SUBSCRIBE #2 # q0"));
  drop();
  connect();
  sent();
  ByteBuffer both;  // in one segment
  wire::append_connack(both, Version::v311, {.session_present = true});
  wire::append_publish(both, Version::v311, {.topic = "a/b", .payload = as_bytes("1"), .id = PacketId{9}, .qos = Qos::at_least_once});
  tell(both);
  EXPECT_THAT(sent(), ElementsAre("PUBACK #9"));
  EXPECT_THAT(link.take(), ElementsAre("SET /mqtt/a/b 1"));
}

TEST_F(MqttClientTest, ASessionOfAnEarlierProcessMayHaveOtherFilters) {
  MqttConfig config;
  config.clean_start = false;
  begin(config);
  connect();
  accept(true);
  EXPECT_THAT(sent(), ElementsAre("CONNECT 5 clasp-test resume", "SUBSCRIBE #1 # q0 no-local"));
}

TEST_F(MqttClientTest, RefusalsAreToldInWordsAndMakeItSlow) {
  begin();
  connect();
  refuse(Reason::not_authorized);
  ASSERT_TRUE(connection.ended);
  EXPECT_EQ(connection.ended->text, "refused the connection: not authorized (0x87)");
  EXPECT_EQ(connection.ended->retry, Ending::Retry::slow);
  drop();
  connect();
  refuse(Reason::server_unavailable);
  EXPECT_EQ(connection.ended->retry, Ending::Retry::soon);
  drop();

  begin(version_3());
  connect();
  refuse(Reason::bad_user_name_or_password);
  EXPECT_EQ(connection.ended->text, "refused the connection: bad user name or password (code 4)");
  EXPECT_EQ(connection.ended->retry, Ending::Retry::slow);
}

TEST_F(MqttClientTest, AnIdTakenOverIsNotTakenBackAtOnce) {
  begin();
  come_up();
  tell_with([](ByteBuffer& out, Version) { wire::append_disconnect(out, Reason::session_taken_over, ""); });
  ASSERT_TRUE(connection.ended);
  EXPECT_EQ(connection.ended->text, "another client took over the id \"clasp-test\"");
  EXPECT_EQ(connection.ended->retry, Ending::Retry::slow);
}

TEST_F(MqttClientTest, ARefusedFilterIsTold) {
  MqttConfig config;
  config.filters = {"open/#", "secret/#"};
  begin(config);
  come_up();
  const std::vector<Reason> reasons{Reason::success, Reason::not_authorized};
  tell_with([&](ByteBuffer& out, Version version) { wire::append_suback(out, version, PacketId{1}, reasons); });
  EXPECT_THAT(log, testing::Contains(HasSubstr("refuses to subscribe to secret/#: not authorized (0x87)")));
  EXPECT_EQ(client().counters().filters_refused, 1U);
  EXPECT_FALSE(connection.ended) << "the others still work";
}

TEST_F(MqttClientTest, PingsThoughItKeepsReceiving) {  // field case C16, mirrored
  MqttConfig config;
  config.keep_alive = 5s;
  begin(config);
  come_up();
  int pings = 0;
  for (int i = 0; i < 200; ++i) {  // 20 s
    wait(100ms);
    message("a", "1");
    for (const std::string& line : sent()) pings += line == "PINGREQ" ? 1 : 0;
  }
  EXPECT_GE(pings, 4);
  EXPECT_FALSE(connection.ended);
}

TEST_F(MqttClientTest, ABrokerThatDoesNotAnswerPingsIsLost) {
  MqttConfig config;
  config.keep_alive = 20s;
  begin(config);
  come_up();
  wait(16s);
  EXPECT_THAT(sent(), ElementsAre("PINGREQ"));
  tell_with([](ByteBuffer& out, Version) { wire::append_pingresp(out); });
  wait(16s);
  EXPECT_THAT(sent(), ElementsAre("PINGREQ"));
  wait(25s);
  ASSERT_TRUE(connection.ended);
  EXPECT_THAT(connection.ended->text, HasSubstr("does not answer pings"));
}

TEST_F(MqttClientTest, WhileInputIsHeldBackSilenceMeansNothing) {
  begin();
  come_up();
  link.listener->link_down("restart");
  wait(300s);
  EXPECT_FALSE(connection.ended);
  EXPECT_THAT(sent(), testing::Contains("PINGREQ")) << "but the broker still hears from us";
}

TEST_F(MqttClientTest, TheBrokersKeepAliveCounts) {
  begin();
  connect();
  accept(false, {.server_keep_alive = 4});
  sent();
  wait(3'100ms);
  EXPECT_THAT(sent(), ElementsAre("PINGREQ"));
}

// ---- QoS ----

TEST_F(MqttClientTest, ReceivedMessagesAreAcknowledgedOnceTheRouterHasThem) {
  begin();
  come_up();
  std::vector<std::string> before;
  link.on_write = [&] { before = sent(); };
  message("a", "1", {.id = PacketId{7}, .qos = Qos::at_least_once});
  EXPECT_THAT(link.take(), ElementsAre("SET /mqtt/a 1"));
  EXPECT_THAT(before, IsEmpty());
  EXPECT_THAT(sent(), ElementsAre("PUBACK #7"));
}

TEST_F(MqttClientTest, Qos2IsWrittenOnceHoweverOftenItComes) {
  begin();
  come_up();
  message("a", "1", {.id = PacketId{7}, .qos = Qos::exactly_once});
  message("a", "1", {.id = PacketId{7}, .qos = Qos::exactly_once, .duplicate = true});
  EXPECT_THAT(sent(), ElementsAre("PUBREC #7", "PUBREC #7"));
  drop();
  come_up(true);
  message("a", "1", {.id = PacketId{7}, .qos = Qos::exactly_once, .duplicate = true});
  acknowledge(PacketType::pubrel, 7);
  EXPECT_THAT(sent(), ElementsAre("PUBREC #7", "PUBCOMP #7"));
  EXPECT_THAT(link.take(), ElementsAre("SET /mqtt/a 1"));
  message("a", "2", {.id = PacketId{7}, .qos = Qos::exactly_once});
  EXPECT_THAT(link.take(), ElementsAre("SET /mqtt/a 2"));
}

TEST_F(MqttClientTest, Qos2ThatWasNotAcknowledgedIsTakenAgain) {
  MqttConfig config;
  config.end_to_end_ack = true;
  begin(config);
  come_up();
  message("a", "1", {.id = PacketId{7}, .qos = Qos::exactly_once});
  drop();
  come_up(true);
  message("a", "1", {.id = PacketId{7}, .qos = Qos::exactly_once, .duplicate = true});
  EXPECT_THAT(sent(), IsEmpty());
  EXPECT_EQ(link.tickets.size(), 2U);
  link.listener->answered(link.tickets[1], {});
  EXPECT_THAT(sent(), ElementsAre("PUBREC #7"));
}

TEST_F(MqttClientTest, Qos2IsSentInFourSteps) {
  MqttConfig config;
  config.publish_qos = Qos::exactly_once;
  begin(config);
  come_up();
  deliver("/mqtt/a", Value(1));
  EXPECT_THAT(sent(), ElementsAre("PUBLISH a 1 q2 #2"));
  acknowledge(PacketType::pubrec, 2);
  EXPECT_THAT(sent(), ElementsAre("PUBREL #2"));
  drop();
  come_up();
  EXPECT_EQ(client().in_flight(), 0U) << "the broker has it";
  deliver("/mqtt/a", Value(2));
  acknowledge(PacketType::pubrec, 4);
  acknowledge(PacketType::pubcomp, 4);
  EXPECT_EQ(client().in_flight(), 0U);
}

TEST_F(MqttClientTest, WhatIsNotAcknowledgedIsSentAgain) {
  MqttConfig config;
  config.publish_qos = Qos::exactly_once;
  config.clean_start = false;
  begin(config);
  come_up();
  deliver_event("/mqtt/a", Value(1));
  deliver_event("/mqtt/b", Value(2));
  EXPECT_THAT(sent(), ElementsAre("PUBLISH a 1 q2 #2", "PUBLISH b 2 q2 #3"));
  acknowledge(PacketType::pubrec, 2);
  drop();
  connect();
  sent();
  accept(true);
  EXPECT_THAT(sent(), ElementsAre("PUBREL #2", "PUBLISH b 2 q2 #3 dup")) << "the session lives";
  drop();
  connect();
  sent();
  accept(false);
  EXPECT_THAT(sent(), ElementsAre("PUBLISH b 2 q2 #4", "SUBSCRIBE #5 # q0 no-local")) << "the session is gone: a new message";
}

TEST_F(MqttClientTest, NoMoreIsInFlightThanTheBrokerAllows) {
  MqttConfig config;
  config.publish_qos = Qos::at_least_once;
  begin(config);
  connect();
  accept(false, {.receive_maximum = 2});
  sent();
  for (int i = 0; i < 4; ++i) deliver_event("/mqtt/e", Value(i));
  EXPECT_THAT(sent(), ElementsAre("PUBLISH e 0 q1 #2", "PUBLISH e 1 q1 #3"));
  acknowledge(PacketType::puback, 3);
  EXPECT_THAT(sent(), ElementsAre("PUBLISH e 2 q1 #4"));
  acknowledge(PacketType::puback, 2, Reason::quota_exceeded);
  EXPECT_THAT(sent(), ElementsAre("PUBLISH e 3 q1 #5"));
  EXPECT_THAT(log, testing::Contains(HasSubstr("refused a message for e: quota exceeded (0x97)")));
}

TEST_F(MqttClientTest, TheBrokersLimitsAreKept) {
  MqttConfig config;
  config.publish_qos = Qos::exactly_once;
  config.retain = Retain::always;
  begin(config);
  connect();
  ByteBuffer connack;  // maximum QoS 0, no retain, 100 bytes a packet
  for (const int byte : {0x20, 0x0c, 0, 0, 9, 0x24, 0, 0x25, 0, 0x27, 0, 0, 0, 100}) connack.u8(static_cast<std::uint8_t>(byte));
  tell(connack);
  sent();
  deliver("/mqtt/a", Value(std::string(200, 'x')));
  deliver("/mqtt/b", Value(1));
  EXPECT_THAT(sent(), ElementsAre("PUBLISH b 1 q0"));
  EXPECT_EQ(client().counters().too_large, 1U);
}

TEST_F(MqttClientTest, ABusyConnectionMakesPublicationsWaitWhereNewerOnesReplaceThem) {
  begin();
  come_up();
  connection.room = false;
  for (int i = 0; i < 100; ++i) deliver("/mqtt/a", Value(i));
  deliver_event("/mqtt/e", Value(1));
  EXPECT_THAT(sent(), IsEmpty());
  connection.room = true;
  client().room(now);
  EXPECT_THAT(sent(), ElementsAre("PUBLISH a 99 q0", "PUBLISH e 1 q0"));
}

// ---- what brokers must not send ----

TEST_F(MqttClientTest, ABrokerThatBreaksTheProtocolIsLeftWithAReason) {
  struct Row {
    const char* title;
    std::function<void()> act;
    const char* why;
  };
  const Row rows[] = {
      {"QoS 3",
       [this] {
         tell_with([](ByteBuffer& out, Version) {
           for (const int b : {0x36, 7, 0, 1, 0x61, 0, 1, 0, 0x31}) out.u8(static_cast<std::uint8_t>(b));
         });
       },
       "QoS 3"},
      {"topic with a wildcard", [this] { message("a/+", "1"); }, "a message without a topic that is one"},
      {"second CONNACK", [this] { accept(); }, "a second CONNACK"},
      {"a client's packet", [this] { tell_with([](ByteBuffer& out, Version) { wire::append_pingreq(out); }); }, "a packet that only clients send"},
  };
  for (const Row& row : rows) {
    begin();
    come_up();
    row.act();
    ASSERT_TRUE(connection.ended) << row.title;
    EXPECT_THAT(connection.ended->text, HasSubstr(row.why)) << row.title;
    EXPECT_THAT(sent(), testing::Contains(HasSubstr("DISCONNECT 0x"))) << row.title;
    drop();
  }
}

TEST_F(MqttClientTest, SaysGoodbyeWhenItStops) {
  begin();
  come_up();
  bridge->stop();
  EXPECT_THAT(sent(), ElementsAre("DISCONNECT 0x00"));
}

}  // namespace
}  // namespace clasp::bridge::mqtt
