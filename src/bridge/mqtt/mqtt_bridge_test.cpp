// The meaning: topics and addresses, payloads and values, echo, loops, an absent broker.
#include "bridge/mqtt/mqtt_bridge.hpp"

#include <gmock/gmock.h>

#include "bridge/mqtt/mqtt_testing.hpp"

namespace clasp::bridge::mqtt {
namespace {

using namespace std::chrono_literals;
using namespace test;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// ---- from the broker ----

TEST_F(MqttBridgeTest, AnnouncesItsNamespaceAndNoSnapshot) {
  begin();
  EXPECT_EQ(link.opened, "/mqtt mqtt /mqtt/** snapshot=false");
}

TEST_F(MqttBridgeTest, MessagesBecomeParams) {
  begin();
  come_up();
  message("lights/1/dim", "0.5");
  message("sensor", " {\"t\": 21} ");
  message("note", "hello");
  message("gone", "");
  EXPECT_THAT(link.take(),
              ElementsAre("SET /mqtt/lights/1/dim 0.5", "SET /mqtt/sensor {\"t\":21}", "SET /mqtt/note \"hello\"", "SET /mqtt/gone \"\""));
}

TEST_F(MqttBridgeTest, OddTopicsComeBackAsTheyWere) {
  begin();
  come_up();
  for (const std::string_view topic : {"/leading", "a//b", "trailing/", "a*b", "100%", "$SYS/x", " ", "ä/ö"}) {
    message(topic, "1");
    const std::vector<std::string> written = link.take();
    ASSERT_EQ(written.size(), 1U) << topic;
    const std::string address = written[0].substr(4, written[0].rfind(' ') - 4);
    if (topic.starts_with('$')) continue;  // never published
    deliver(address, Value(1));
    EXPECT_THAT(sent(), ElementsAre(fmt::format("PUBLISH {} 1 q0", topic))) << address;
  }
}

TEST_F(MqttBridgeTest, RetainedAwareMakesEventsOfWhatIsNotRetained) {
  MqttConfig config;
  config.kind = MessageKind::retained_aware;
  begin(config);
  come_up();
  message("state", "1", {.retain = true});
  message("pressed", "1");
  message("state", "", {.retain = true});
  EXPECT_THAT(link.take(), ElementsAre("SET /mqtt/state 1", "PUBLISH /mqtt/pressed 1", "SET /mqtt/state null"));
}

TEST_F(MqttBridgeTest, ThePayloadFormDecides) {
  const std::string raw = "\x01\xff";
  struct Row {
    PayloadForm form;
    std::vector<std::string> written;
  };
  const Row rows[] = {
      {PayloadForm::automatic, {"SET /mqtt/n 42", "SET /mqtt/t \"plain\"", "SET /mqtt/b 2 bytes"}},
      {PayloadForm::text, {"SET /mqtt/n \"42\"", "SET /mqtt/t \"plain\"", "SET /mqtt/b 2 bytes"}},
      {PayloadForm::bytes, {"SET /mqtt/n 2 bytes", "SET /mqtt/t 5 bytes", "SET /mqtt/b 2 bytes"}},
      {PayloadForm::json, {"SET /mqtt/n 42"}},
  };
  for (const Row& row : rows) {
    MqttConfig config;
    config.payload = row.form;
    begin(config);
    come_up();
    message("n", "42");
    message("t", "plain");
    message("b", raw);
    EXPECT_EQ(link.take(), row.written);
    EXPECT_EQ(bridge->counters().not_json, row.form == PayloadForm::json ? 2U : 0U);
    drop();
  }
}

TEST_F(MqttBridgeTest, AContentTypeOfBytesIsBelieved) {
  begin();
  come_up();
  ByteBuffer properties;
  wire::append_text_property(properties, wire::PropertyId::content_type, "application/octet-stream");
  message("a", "42", {.forwarded = properties.view()});
  EXPECT_THAT(link.take(), ElementsAre("SET /mqtt/a 2 bytes"));
}

TEST_F(MqttBridgeTest, WhatFitsNoFrameOrNoAddressIsCountedAndTold) {
  begin();
  come_up();
  message("big", std::string(100'000, 'x'), {.id = PacketId{3}, .qos = Qos::at_least_once});
  message(std::string(2'000, 't'), "1");
  EXPECT_THAT(link.take(), IsEmpty());
  EXPECT_EQ(bridge->counters().value_too_large, 1U);
  EXPECT_EQ(bridge->counters().invalid_address, 1U);
  EXPECT_THAT(log, Contains(HasSubstr("100000 bytes are more than a CLASP message holds")));
  EXPECT_THAT(sent(), ElementsAre("PUBACK #3")) << "or it would come again and again";
}

TEST_F(MqttBridgeTest, WhatTheRouterRefusesIsTold) {
  begin();
  come_up();
  link.listener->refused({ErrorCode::lock_held, "locked by desk", "/mqtt/a"});
  EXPECT_THAT(log, Contains("mqtt-bridge: the router refused /mqtt/a: locked by desk"));
  EXPECT_EQ(bridge->counters().refused, 1U);
}

TEST_F(MqttBridgeTest, AMessageThatExpiresIsAValueThatDoes) {
  begin();
  come_up();
  message("a", "1", {.message_expiry = 30});
  EXPECT_THAT(link.take(), ElementsAre("SET /mqtt/a 1 for 30 s"));
}

TEST_F(MqttBridgeTest, EndToEndAMessageIsAcknowledgedWhenTheRouterHasAnswered) {
  MqttConfig config;
  config.end_to_end_ack = true;
  begin(config);
  come_up();
  message("a", "1", {.id = PacketId{7}, .qos = Qos::at_least_once});
  message("b", "2", {.id = PacketId{8}, .qos = Qos::exactly_once});
  message("c", "3", {.id = PacketId{9}, .qos = Qos::at_least_once});
  EXPECT_THAT(sent(), IsEmpty());
  ASSERT_EQ(link.tickets.size(), 3U);
  const Error locked{ErrorCode::lock_held, "locked by desk", "/mqtt/b"};
  link.listener->answered(link.tickets[1], {.error = &locked});
  EXPECT_THAT(sent(), ElementsAre("PUBREC #8"));
  EXPECT_EQ(bridge->counters().refused, 1U);
  link.listener->answered(link.tickets[0], {});
  EXPECT_THAT(sent(), ElementsAre("PUBACK #7"));
  drop();
  come_up(true);
  link.listener->answered(link.tickets[2], {});
  EXPECT_THAT(sent(), IsEmpty()) << "the connection it came with is gone: it will be sent again";
}

TEST_F(MqttBridgeTest, EndToEndWhatTheRouterDidNotAnswerIsAskedForAgain) {
  MqttConfig config;
  config.end_to_end_ack = true;
  begin(config);
  come_up();
  message("a", "1", {.id = PacketId{7}, .qos = Qos::at_least_once});
  const Error lost{ErrorCode::not_connected, "the connection is gone", {}};
  link.listener->answered(link.tickets[0], {.error = &lost});
  link.listener->link_down("restart");
  EXPECT_THAT(sent(), IsEmpty());
  EXPECT_FALSE(connection.ended);
  link.listener->link_up();
  ASSERT_TRUE(connection.ended);
  EXPECT_EQ(connection.ended->retry, Ending::Retry::soon);
}

// ---- from the router ----

TEST_F(MqttBridgeTest, ValuesArePublished) {
  begin();
  come_up();
  deliver("/mqtt/a", Value(42));
  deliver("/mqtt/b", Value(42.0));
  deliver("/mqtt/c", Value("text"));
  deliver("/mqtt/d", Value(true));
  deliver("/mqtt/e", Value(Array{Value(1), Value("x")}));
  deliver_event("/mqtt/f", Value(1));
  EXPECT_THAT(sent(), ElementsAre("PUBLISH a 42 q0", "PUBLISH b 42 q0", "PUBLISH c text q0", "PUBLISH d true q0", "PUBLISH e [1,\"x\"] q0",
                                  "PUBLISH f 1 q0"));
}

TEST_F(MqttBridgeTest, ValuesArePublishedAsItIsConfigured) {
  MqttConfig config;
  config.retain = Retain::params;
  config.publish_qos = Qos::exactly_once;
  config.qos_by_kind = true;
  config.preserve_float = true;
  config.publish_topic = "site/{address}/state";
  begin(config);
  come_up();
  deliver("/mqtt/a", Value(42.0));
  deliver_event("/mqtt/b", Value(1));
  deliver("/mqtt/c", Value(1), {.is_set = false, .signal = SignalType::stream});
  deliver("/mqtt/a", Value());
  EXPECT_THAT(sent(), ElementsAre("PUBLISH site/a/state 42.0 q1 #2 retain", "PUBLISH site/b/state 1 q1 #3", "PUBLISH site/c/state 1 q0",
                                  "PUBLISH site/a/state  q1 #4 retain"));
}

TEST_F(MqttBridgeTest, ARateThinsValuesAndTheNewestIsLast) {
  MqttConfig config;
  config.rate_hz_max = 10;
  begin(config);
  come_up();
  for (int i = 0; i < 5; ++i) deliver("/mqtt/a", Value(i));
  deliver("/mqtt/b", Value(9));
  for (int i = 0; i < 2; ++i) deliver_event("/mqtt/e", Value(i));
  EXPECT_THAT(sent(), ElementsAre("PUBLISH a 0 q0", "PUBLISH b 9 q0", "PUBLISH e 0 q0", "PUBLISH e 1 q0")) << "events are not thinned";
  wait(99ms);
  EXPECT_THAT(sent(), IsEmpty());
  wait(2ms);
  EXPECT_THAT(sent(), ElementsAre("PUBLISH a 4 q0"));
  EXPECT_EQ(bridge->counters().thinned, 3U);
}

TEST_F(MqttBridgeTest, TopicsNobodyMayPublishToAreCountedAndTold) {
  begin();
  come_up();
  deliver("/mqtt/a+b", Value(1));
  deliver("/mqtt/a#", Value(1));
  deliver("/mqtt/$SYS/x", Value(1));
  deliver("/other/a", Value(1));
  EXPECT_THAT(sent(), IsEmpty());
  EXPECT_EQ(bridge->counters().not_a_topic, 3U);
  EXPECT_EQ(bridge->counters().outside_namespace, 1U);
  EXPECT_THAT(log, Contains(HasSubstr("no topic a client may publish to: a+b")));
}

TEST_F(MqttBridgeTest, WhatCameFromTheBrokerDoesNotGoBack) {
  begin();
  come_up();
  deliver("/mqtt/a", Value(1), {.own = true});
  EXPECT_THAT(sent(), IsEmpty());
}

// ---- echo and loops ----

TEST_F(MqttBridgeTest, KnowsItsOwnPublicationsAgain) {  // field case C22
  begin(version_3());
  come_up();
  message("t/x", "1");
  EXPECT_THAT(link.take(), ElementsAre("SET /mqtt/t/x 1"));
  deliver("/mqtt/t/x", Value(2));
  EXPECT_THAT(sent(), ElementsAre("PUBLISH t/x 2 q0"));
  message("t/x", "2");
  EXPECT_THAT(link.take(), IsEmpty());
  EXPECT_EQ(bridge->counters().own_returned, 1U);
  message("t/x", "2");
  EXPECT_THAT(link.take(), ElementsAre("SET /mqtt/t/x 2")) << "once only: the second is somebody else's";
}

TEST_F(MqttBridgeTest, WhenTwoWriteAtTheSameMomentTheBrokersOrderCounts) {  // field case C22, (3)
  begin(version_3());
  come_up();
  deliver("/mqtt/t/x", Value(3));
  message("t/x", "4");  // reached the broker before ours
  message("t/x", "3");  // ours
  EXPECT_THAT(link.take(), ElementsAre("SET /mqtt/t/x 4", "SET /mqtt/t/x 3")) << "both sides end with 3";
}

TEST_F(MqttBridgeTest, AnOwnPublicationComesBackOnceForEachFilter) {
  MqttConfig config = version_3();
  config.filters = {"#", "t/+", "other"};
  begin(config);
  come_up();
  deliver("/mqtt/t/x", Value(1));
  message("t/x", "1");
  message("t/x", "1");
  EXPECT_THAT(link.take(), IsEmpty());
}

TEST_F(MqttBridgeTest, OwnPublicationsAreForgottenAfterAWhile) {
  begin(version_3());
  come_up();
  deliver("/mqtt/t/x", Value(1));
  wait(11s);
  message("t/x", "1");
  EXPECT_THAT(link.take(), ElementsAre("SET /mqtt/t/x 1"));
}

TEST_F(MqttBridgeTest, TheSameValueAgainAndAgainIsALoopAndEnds) {
  begin(version_3());
  come_up();
  for (int i = 0; i < 50; ++i) {
    message("t/x", "1");
    wait(2ms);
  }
  EXPECT_EQ(link.take().size(), 8U);
  EXPECT_EQ(bridge->counters().repeats_dropped, 42U);
  EXPECT_THAT(log, ElementsAre(HasSubstr("the same value comes again and again")));
  message("t/x", "2");
  EXPECT_THAT(link.take(), ElementsAre("SET /mqtt/t/x 2"));
  wait(300ms);
  message("t/x", "2");
  EXPECT_THAT(link.take(), ElementsAre("SET /mqtt/t/x 2"));
}

TEST_F(MqttBridgeTest, ADeviceMayRepeatItselfWhereBridgesSign) {
  begin();
  come_up();
  for (int i = 0; i < 50; ++i) message("alive", "1");
  EXPECT_EQ(link.take().size(), 50U);
  ByteBuffer signature;
  wire::append_user_property(signature, "clasp-origin", "clasp-other");
  for (int i = 0; i < 50; ++i) message("t/x", "1", {.forwarded = signature.view()});
  EXPECT_EQ(link.take().size(), 8U);
}

// ---- an absent broker, an absent router ----

TEST_F(MqttBridgeTest, WhatChangesWhileTheBrokerIsAbsentIsPublishedWhenItIsBack) {
  MqttConfig config;
  config.limits.waiting_events_max = 3;
  begin(config);
  come_up();
  drop();
  for (int i = 0; i < 100'000; ++i) deliver(fmt::format("/mqtt/p/{}", i % 2), Value(i));
  for (int i = 0; i < 10; ++i) deliver_event("/mqtt/e", Value(i));
  EXPECT_EQ(client().waiting().size(), 5U);
  EXPECT_EQ(client().waiting().counters().events_dropped, 7U);
  connect();
  sent();
  accept();
  EXPECT_THAT(sent(), ElementsAre("PUBLISH p/0 99998 q0", "PUBLISH p/1 99999 q0", "PUBLISH e 7 q0", "PUBLISH e 8 q0", "PUBLISH e 9 q0",
                                  "SUBSCRIBE #2 # q0 no-local"));
}

TEST_F(MqttBridgeTest, WhatTheBrokerHasRetainedIsOlderThanAValueOnItsWay) {
  MqttConfig config;
  config.publish_qos = Qos::at_least_once;
  begin(config);
  come_up();
  drop();
  deliver("/mqtt/a", Value(2));
  come_up();
  message("a", "1", {.retain = true});
  message("b", "1", {.retain = true});
  EXPECT_THAT(link.take(), ElementsAre("SET /mqtt/b 1"));
  EXPECT_EQ(bridge->counters().stale_retained, 1U);
  acknowledge(wire::PacketType::puback, 2);
  message("a", "3", {.retain = true});
  EXPECT_THAT(link.take(), ElementsAre("SET /mqtt/a 3"));
}

TEST_F(MqttBridgeTest, TellsWhoReadsWhetherTheRouterIsThere) {
  link.up_at_once = false;
  begin();
  std::vector<bool> told;
  bridge->set_changes([&](bool up) { told.push_back(up); }, [] {});
  EXPECT_FALSE(bridge->router_is_up());
  link.listener->link_up();
  link.listener->link_down("restart");
  EXPECT_THAT(told, ElementsAre(true, false));
}

}  // namespace
}  // namespace clasp::bridge::mqtt
