// The client against a real router in the same process; its server is a transport that writes down what it gets.
#include "bridge/socketio/socket_client.hpp"

#include <gmock/gmock.h>

#include "bridge/local/local_link.hpp"
#include "core/base64.hpp"
#include "router/router_fixture.hpp"

namespace clasp::bridge::socketio {
namespace {

using router::RouterTest;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;

class FakeTransport final : public EngineTransport {
 public:
  void send_text(std::string_view packet) override { sent.emplace_back(packet); }
  void send_binary(Bytes message) override { sent.push_back("b" + base64_encode(message)); }
  bool has_room() override { return room; }
  std::vector<std::string> take() { return std::exchange(sent, {}); }
  std::vector<std::string> sent;
  bool room = true;
};

class SocketClientTest : public RouterTest {
 protected:
  void begin(ClientConfig with = {}) {
    config = std::move(with);
    link.emplace(router(), [this] { return world().now(); }, 1);
    client.emplace(*link, config,
                   ClientOutside{.clock = [this] { return world().now(); },
                                 .log = [this](std::string_view line) { log.emplace_back(line); },
                                 .give_up = [this](std::string_view why) { given_up.emplace_back(why); }});
    client->start();
    world().turn();
  }
  void TearDown() override {
    if (client) client->stop();
  }
  SteadyTime now() { return world().now().steady; }
  void open() {
    client->engine().begin(transport, now());
    EXPECT_EQ(client->engine().take_text(R"(0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000})", now()),
              std::nullopt);
  }
  void join() {
    open();
    say(R"(40{"sid":"x"})");
    transport.take();
  }
  void say(std::string_view packet) { EXPECT_EQ(client->engine().take_text(packet, now()), std::nullopt); }
  std::string held(std::string_view address) {
    const auto param = router().find(address);
    return param ? router::describe_value(param->value) : "nothing";
  }

  ClientConfig config;
  std::optional<LocalRouterLink> link;
  std::optional<SocketClient> client;
  FakeTransport transport;
  std::vector<std::string> log;
  std::vector<std::string> given_up;
};

TEST_F(SocketClientTest, ConnectsItsNamespacesWithItsAuth) {
  ClientConfig two;
  two.namespaces = {"/", "/admin", "/"};
  two.auth = Map{{"token", "t"}};
  begin(two);
  open();
  EXPECT_THAT(transport.take(), ElementsAre(R"(40{"token":"t"})", R"(40/admin,{"token":"t"})"));
  say(R"(40{"sid":"x"})");
  EXPECT_EQ(client->connected(), 1U);
  say("2");
  EXPECT_THAT(transport.take(), ElementsAre("3"));
}

TEST_F(SocketClientTest, EventsGoBothWaysAndNotBack) {
  begin();
  join();
  router::Peer& desk = connect("desk");
  say(R"(42["fader",0.5])");
  EXPECT_EQ(held("/socketio/fader"), "0.5");
  EXPECT_THAT(transport.take(), IsEmpty());
  desk.set("/socketio/fader", 1);
  desk.publish("/socketio/go", Blob{std::byte{7}});
  EXPECT_THAT(transport.take(), ElementsAre(R"(42["fader",1])", R"(451-["go",{"_placeholder":true,"num":0}])", "bBw=="));
  say(R"(451-["b",{"_placeholder":true,"num":0}])");
  EXPECT_EQ(client->engine().take_binary(as_bytes("\x01")), std::nullopt);
  EXPECT_EQ(held("/socketio/b"), R"({"$bytes":"AQ=="})");
}

TEST_F(SocketClientTest, AcknowledgesOnceTheRouterHasTakenIt) {
  begin();
  join();
  say(R"(427["x",1])");
  EXPECT_THAT(transport.take(), ElementsAre(R"(437[{"ok":true}])"));
  say(R"(428["",1])");
  EXPECT_THAT(transport.take(), ElementsAre(HasSubstr("438[{\"ok\":")));
  say(fmt::format(R"(429["big","{}"])", std::string(70'000, 'x')));
  EXPECT_THAT(transport.take(), ElementsAre(HasSubstr(R"(439[{"ok":false)")));
}

TEST_F(SocketClientTest, AsksForAnswersAndPublishesThem) {
  ClientConfig asking;
  asking.emit_acks = true;
  begin(asking);
  join();
  router::Peer& desk = connect("desk");
  desk.subscribe("/socketio/**");
  desk.publish("/socketio/go", 1);
  EXPECT_THAT(transport.take(), ElementsAre(R"(421["go",1])"));
  say(R"(431["done",2])");
  say(R"(431["again"])");
  EXPECT_THAT(desk.received(), ElementsAre(HasSubstr(R"(/socketio/go/ack ["done",2])")));
  desk.publish("/socketio/go", 2);
  advance(11s);
  EXPECT_EQ(client->advance(now()), std::nullopt);
  EXPECT_EQ(client->counters().acks_missing, 1U);
}

TEST_F(SocketClientTest, NamespacesAreSegments) {
  ClientConfig two;
  two.namespaces = {"/", "/admin"};
  begin(two);
  join();
  say(R"(40/admin,{"sid":"y"})");
  say(R"(42/admin,["x",1])");
  EXPECT_EQ(held("/socketio/admin/x"), "1");
  connect("desk").set("/socketio/admin/x", 2);
  connect("desk").set("/socketio/x", 3);
  EXPECT_THAT(transport.take(), ElementsAre(R"(42/admin,["x",2])", R"(42["x",3])"));
}

TEST_F(SocketClientTest, WhatIsRefusedIsTriedAgainAndSaid) {
  begin();
  open();
  transport.take();
  say(R"(44{"message":"unauthorized","data":{"code":300}})");
  EXPECT_EQ(client->trouble(), "the server refuses /: unauthorized");
  EXPECT_THAT(log, ElementsAre(HasSubstr("unauthorized")));
  connect("desk").set("/socketio/x", 1);
  EXPECT_THAT(transport.take(), IsEmpty());
  EXPECT_EQ(client->counters().events_missed, 1U);
  advance(5s);
  EXPECT_EQ(client->advance(now()), std::nullopt);
  EXPECT_THAT(transport.take(), ElementsAre("40"));
  say(R"(40{"sid":"x"})");
  EXPECT_EQ(client->trouble(), "");
}

TEST_F(SocketClientTest, WhoIsThrownOutStaysOutUnlessToldOtherwise) {
  begin();
  join();
  say("41");
  EXPECT_THAT(given_up, ElementsAre("the server has disconnected /"));
  EXPECT_FALSE(client->wants_connection());
}

TEST_F(SocketClientTest, AServerThatComesLaterGetsTheStateIfSoWanted) {
  ClientConfig sync;
  sync.sync_on_connect = true;
  begin(sync);
  connect("desk").set("/socketio/x", 1);
  open();
  transport.take();
  say(R"(40{"sid":"x"})");
  EXPECT_THAT(transport.take(), ElementsAre(R"(42["x",1])"));
  client->engine().end("lost");
  EXPECT_EQ(client->connected(), 0U);
  connect("desk").set("/socketio/x", 2);
  join();
  EXPECT_THAT(transport.take(), IsEmpty());
}

TEST_F(SocketClientTest, ASlowServerIsConflated) {
  begin();
  join();
  transport.room = false;
  router::Peer& desk = connect("desk");
  for (int i = 0; i < 1'000; ++i) {
    desk.set("/socketio/x", i);
    advance(1ms);
  }
  transport.room = true;
  client->engine().writable();
  EXPECT_LT(transport.sent.size(), 200U);
  EXPECT_EQ(transport.take().back(), R"(42["x",999])");
}

TEST_F(SocketClientTest, KnowsWhenItsServerMakesNoSenseOrIsGone) {
  begin();
  for (const char* terms :
       {"x", "2", "0", "0{}", R"(0{"sid":"","pingInterval":1,"pingTimeout":1})", R"(0{"sid":"x","pingInterval":0,"pingTimeout":1})", "0["}) {
    client->engine().begin(transport, now());
    EXPECT_NE(client->engine().take_text(terms, now()), std::nullopt) << terms;
    client->engine().end("test");
  }
  client->engine().begin(transport, now());
  advance(46s);
  EXPECT_THAT(client->advance(now()), testing::Optional(HasSubstr("terms did not come")));
  join();
  advance(44s);
  EXPECT_EQ(client->advance(now()), std::nullopt);
  advance(2s);
  EXPECT_THAT(client->advance(now()), testing::Optional(HasSubstr("no ping")));
  join();
  EXPECT_THAT(client->engine().take_text("5", now()), testing::Optional(HasSubstr("no server sends")));
  EXPECT_THAT(client->engine().take_text("1", now()), testing::Optional(HasSubstr("closed the session")));
  say("42{");
  EXPECT_EQ(given_up.size(), 1U);
}

}  // namespace
}  // namespace clasp::bridge::socketio
