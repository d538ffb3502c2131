#include "bridge/mqtt/mqtt_plan.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "dial/dial_testing.hpp"

namespace clasp::bridge::mqtt {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<std::string> no_file(const std::string& path) { return Error{ErrorCode::invalid_argument, "no file " + path, {}}; }

class MqttPlanTest : public testing::Test {
 protected:
  // "" or what is wrong, by a row or by the whole.
  std::string apply(std::vector<std::string> arguments) {
    const options::OptionSet rows(plan.rows(no_file));
    const auto positional = rows.apply_arguments(arguments);
    if (!positional) return positional.error().message;
    const auto checked = plan.check();
    return checked ? "" : checked.error().message;
  }
  MqttPlan plan;
};

TEST_F(MqttPlanTest, HearsEverythingOfALocalBrokerByDefault) {
  EXPECT_EQ(apply({}), "");
  EXPECT_EQ(plan.url(), "mqtt://localhost:1883");
  EXPECT_EQ(plan.ns().prefix(), "/mqtt");
  EXPECT_THAT(plan.config().filters, ElementsAre("#"));
  EXPECT_EQ(plan.config().name, "mqtt-bridge");
}

TEST_F(MqttPlanTest, ABrokerIsAnUrlOrHostAndPort) {
  struct Row {
    std::vector<std::string> arguments;
    std::string url;
  };
  const Row rows[] = {
      {{"--broker", "mqtt://broker.local"}, "mqtt://broker.local:1883"},
      {{"--broker", "broker.local:1884"}, "mqtt://broker.local:1884"},
      {{"--broker", "mqtts://broker.local"}, "mqtts://broker.local:8883"},
      {{"--url", "ws://broker.local:9001"}, "ws://broker.local:9001/mqtt"},
      {{"--broker", "wss://broker.local/path?x"}, "wss://broker.local:443/path?x"},
      {{"-H", "::1", "-p", "1885"}, "mqtt://[::1]:1885"},
      {{"--host", "h", "--tls"}, "mqtts://h:8883"},
      {{"--broker", "mqtt://h:1", "--port", "2"}, "mqtt://h:2"},
  };
  for (const Row& row : rows) {
    MqttPlan fresh;
    const options::OptionSet set(fresh.rows(no_file));
    const auto applied = set.apply_arguments(row.arguments);
    ASSERT_TRUE(applied) << applied.error().message;
    EXPECT_EQ(fresh.url(), row.url);
    const auto target = fresh.target();
    ASSERT_TRUE(target);
    EXPECT_EQ(target->tls != nullptr, row.url.starts_with("mqtts") || row.url.starts_with("wss"));
    EXPECT_EQ(target->websocket.has_value(), row.url.starts_with("ws"));
  }
}

TEST_F(MqttPlanTest, DescribesTheWholeBridge) {
  const dial::TemporaryFolder folder;
  std::ofstream{folder.file("password")} << "geheim\nrest";
  EXPECT_EQ(apply({"--broker",
                   "mqtt://desk:x@h",
                   "--password-file",
                   folder.file("password"),
                   "-c",
                   "me",
                   "--version",
                   "3.1.1",
                   "-t",
                   "a/#",
                   "--subscribe=b/+",
                   "--qos",
                   "1",
                   "--publish-qos",
                   "2",
                   "--qos-map",
                   "auto",
                   "--retain",
                   "params",
                   "--kind",
                   "retained-aware",
                   "--payload",
                   "text",
                   "--keep-alive",
                   "5s",
                   "--clean-start",
                   "false",
                   "--session-expiry",
                   "60",
                   "--will-topic",
                   "gone",
                   "--will-payload",
                   "x",
                   "--will-qos",
                   "1",
                   "--will-retain",
                   "--publish-topic",
                   "clasp/{address}",
                   "--no-local",
                   "false",
                   "--sync",
                   "--namespace",
                   "/site/mqtt"}),
            "");
  const MqttConfig config = plan.config();
  EXPECT_EQ(config.user_name, "desk");
  EXPECT_EQ(config.password, "geheim");
  EXPECT_EQ(config.client_id, "me");
  EXPECT_EQ(config.version, VersionChoice::v311);
  EXPECT_THAT(config.filters, ElementsAre("a/#", "b/+"));
  EXPECT_EQ(config.subscribe_qos, wire::Qos::at_least_once);
  EXPECT_EQ(config.publish_qos, wire::Qos::exactly_once);
  EXPECT_TRUE(config.qos_by_kind);
  EXPECT_EQ(config.retain, Retain::params);
  EXPECT_EQ(config.kind, MessageKind::retained_aware);
  EXPECT_EQ(config.payload, PayloadForm::text);
  EXPECT_EQ(config.keep_alive, std::chrono::seconds{5});
  EXPECT_FALSE(config.clean_start);
  EXPECT_EQ(config.will->topic, "gone");
  EXPECT_TRUE(config.will->retain);
  EXPECT_EQ(config.publish_topic, "clasp/{address}");
  EXPECT_FALSE(config.no_local);
  EXPECT_TRUE(config.sync_on_connect);
  EXPECT_EQ(config.ns.prefix(), "/site/mqtt");
}

TEST_F(MqttPlanTest, TheEnvironmentOfSdksIsUnderstood) {
  const options::OptionSet rows(plan.rows(no_file));
  const auto applied = rows.apply_environment([](const char* name) -> const char* {
    const std::string_view asked = name;
    return asked == "MQTT_BROKER" ? "mqtt://h:1884" : asked == "MQTT_TOPICS" ? "a/#,b" : asked == "CLASP_MQTT_PASSWORD" ? "p" : nullptr;
  });
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(plan.url(), "mqtt://h:1884");
  EXPECT_THAT(plan.config().filters, ElementsAre("a/#", "b"));
  EXPECT_EQ(plan.config().password, "p");
}

TEST_F(MqttPlanTest, RefusesWhatMakesNoSense) {
  const std::pair<std::vector<std::string>, const char*> mistakes[] = {
      {{"--broker", "http://h"}, "unknown scheme \"http\""},
      {{"--topic", "a/#/b"}, "--topic: expected a topic filter"},
      {{"--qos", "3"}, "--qos: expected a whole number from 0 to 2"},
      {{"--retain", "sometimes"}, "--retain: expected false, true or params"},
      {{"--version", "4"}, "--version: "},
      {{"--publish-topic", "a/+"}, "--publish-topic: expected a topic without + and #"},
      {{"--will-payload", "x"}, "a will needs will-topic"},
      {{"--will-topic", "#"}, "--will-topic: "},
      {{"--ca", "ca.pem"}, "without tls or mqtts:// they mean nothing"},
      {{"--insecure"}, "without tls or mqtts:// they mean nothing"},
      {{"--password-file", "/nowhere"}, "cannot read a password from /nowhere"},
      {{"--version", "3.1.1", "--password", "x"}, "MQTT 3.1.1 has none without username"},
      {{"--clean-start", "false"}, "client-id"},
      {{"--end-to-end-ack"}, "without clean-start false the broker sends nothing again"},
  };
  for (const auto& [arguments, message] : mistakes) {
    MqttPlan fresh;
    const options::OptionSet rows(fresh.rows(no_file));
    const auto applied = rows.apply_arguments(arguments);
    EXPECT_THAT(applied ? fresh.check().error().message : applied.error().message, HasSubstr(message));
  }
}

TEST_F(MqttPlanTest, ACertificateThatCannotBeReadIsNamed) {
  EXPECT_EQ(apply({"--broker", "mqtts://h", "--ca", "/nowhere/ca.pem"}), "");
  const auto target = plan.target();
  ASSERT_FALSE(target);
  EXPECT_THAT(target.error().message, HasSubstr("/nowhere/ca.pem: No such file"));
  EXPECT_EQ(target.error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace clasp::bridge::mqtt
