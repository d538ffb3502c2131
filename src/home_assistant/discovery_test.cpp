#include "home_assistant/discovery.hpp"

#include "router/router_fixture.hpp"

namespace clasp::home_assistant {
namespace {

using router::RouterTest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DiscoveryTest : public RouterTest {
 protected:
  void begin(DiscoveryConfig config = {}) { discovery_.emplace(router(), std::move(config), world().now()); }
  void announce(router::Peer& peer, std::string_view address, std::string_view datatype, std::string_view access = "rw") {
    peer.send(Message{Announce{.ns = "/desk", .signals = {{.address = address, .type = SignalType::param, .datatype = datatype, .access = access, .meta = {}}}, .meta = {}}},
              Qos::confirm);
  }
  void settle() {
    discovery_->end_turn(world().now());
    advance(Micros{300'000});
    discovery_->advance(world().now());
    world().turn();
  }
  std::string held(std::string_view address) {
    const auto param = router().find(address);
    return param ? router::describe_value(param->value) : "nothing";
  }
  std::optional<Discovery> discovery_;
};

constexpr std::string_view config_of_a = "/homeassistant/number/clasp/desk_a/config";

TEST_F(DiscoveryTest, AnAnnouncedSignalBecomesARetainedDiscoveryMessage) {
  begin();
  announce(connect("desk"), "/desk/a", "f32");
  settle();
  EXPECT_THAT(held(config_of_a), HasSubstr("desk/a"));
  EXPECT_EQ(held("/clasp/status/device/desk"), "\"online\"");
  EXPECT_EQ(held("/clasp/status/router"), "\"online\"");
}

TEST_F(DiscoveryTest, ADeviceThatIsGoneIsUnavailableUntilItComesBack) {
  begin();
  router::Peer& desk = connect("desk");
  announce(desk, "/desk/a", "f32");
  settle();
  desk.leave();
  settle();
  EXPECT_EQ(held("/clasp/status/device/desk"), "\"offline\"");
  EXPECT_THAT(held(config_of_a), HasSubstr("desk/a")) << "the entity stays";
  announce(connect("desk"), "/desk/a", "f32");
  settle();
  EXPECT_EQ(held("/clasp/status/device/desk"), "\"online\"");
}

TEST_F(DiscoveryTest, WhatTheRouterForgetsHomeAssistantForgets) {
  router::Config config;
  config.signal_ttl = std::chrono::seconds{60};
  configure(config);
  begin();
  router::Peer& watcher = connect("broker");
  watcher.subscribe("/homeassistant/**");
  router::Peer& desk = connect("desk");
  announce(desk, "/desk/a", "f32");
  settle();
  desk.leave();
  watcher.forget();
  advance(std::chrono::seconds{61});
  settle();
  EXPECT_EQ(held(config_of_a), "nothing");
  EXPECT_THAT(watcher.received(), testing::Contains(HasSubstr(std::string(config_of_a))));
  EXPECT_EQ(discovery_->entities(), 0u);
}

TEST_F(DiscoveryTest, WritesOnlyWhatHasChanged) {
  begin();
  router::Peer& desk = connect("desk");
  announce(desk, "/desk/a", "f32");
  settle();
  router::Peer& watcher = connect("watcher");
  watcher.subscribe("/**");
  watcher.forget();
  announce(desk, "/desk/a", "f32");
  settle();
  EXPECT_THAT(watcher.received(), IsEmpty());
  announce(desk, "/desk/b", "bool", "r");
  settle();
  const auto heard = watcher.received();
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_THAT(heard[0], HasSubstr("/homeassistant/binary_sensor/clasp/desk_b/config"));
}

TEST_F(DiscoveryTest, OnlyWhatMqttClientsSee) {
  begin({.prefix = "ha", .router_id = "stage", .names = *bridge::NamespaceMap::parse("/mqtt")});
  router::Peer& desk = connect("desk");
  announce(desk, "/desk/a", "f32");
  announce(desk, "/mqtt/lamp/dim", "f32");
  settle();
  EXPECT_THAT(held("/mqtt/ha/number/stage/mqtt_lamp_dim/config"), HasSubstr("lamp/dim"));
  EXPECT_EQ(held("/mqtt/clasp/status/router"), "\"online\"");
  EXPECT_EQ(discovery_->entities(), 3u);
}

}  // namespace
}  // namespace clasp::home_assistant
