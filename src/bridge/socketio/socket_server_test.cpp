// The server against a real router in the same process; clients are Engine.IO sessions on WebSockets that write down what they get.
#include "bridge/socketio/socket_server.hpp"

#include <gmock/gmock.h>

#include "bridge/local/local_link.hpp"
#include "bridge/socketio/engine_testing.hpp"
#include "router/router_fixture.hpp"

namespace clasp::bridge::socketio {
namespace {

using router::RouterTest;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;

class SocketServerTest : public RouterTest {
 protected:
  struct Client {
    std::unique_ptr<EngineSession> session;
    FakeWire wire;
    std::vector<std::string> take() { return wire.take(); }
  };

  void begin(ServerConfig with = {}) {
    config = std::move(with);
    link.emplace(router(), [this] { return world().now(); }, 1);
    server.emplace(*link, config,
                   ServerOutside{.clock = [this] { return world().now(); },
                                 .make_sid = [this] { return fmt::format("s{}", ++sids); },
                                 .log = [this](std::string_view line) { log.emplace_back(line); }});
    server->start();
  }
  void TearDown() override {
    if (server) server->stop();
  }
  Client& open(std::string token = {}) {
    Client& client = *clients.emplace_back(std::make_unique<Client>());
    client.session = std::make_unique<EngineSession>(fmt::format("e{}", clients.size()), config.engine, true, *server, world().now().steady);
    server->opened(*client.session, std::move(token));
    client.session->start_on(client.wire);
    client.take();
    return client;
  }
  // A client in a namespace.
  Client& join(std::string_view nsp = "/", std::string_view auth = "") {
    Client& client = open();
    say(client, fmt::format("0{}{}", nsp == "/" ? "" : fmt::format("{},", nsp), auth));
    EXPECT_THAT(client.take(), ElementsAre(HasSubstr("\"sid\":\"s")));
    return client;
  }
  void say(Client& client, std::string_view packet) { client.session->wire_text(client.wire, fmt::format("4{}", packet), world().now().steady); }
  void say_bytes(Client& client, std::string_view bytes) { client.session->wire_binary(client.wire, as_bytes(bytes)); }
  std::string held(std::string_view address) {
    const auto param = router().find(address);
    return param ? router::describe_value(param->value) : "nothing";
  }

  ServerConfig config;
  std::optional<LocalRouterLink> link;
  std::optional<SocketServer> server;
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<std::string> log;
  int sids = 0;
};

TEST_F(SocketServerTest, AnEventIsAParamAndOthersHearIt) {
  begin();
  Client& a = join();
  Client& b = join();
  router::Peer& desk = connect("desk");
  desk.subscribe("/socketio/**");
  say(a, R"(2["fader",0.5])");
  EXPECT_EQ(held("/socketio/fader"), "0.5");
  EXPECT_THAT(a.take(), IsEmpty()) << "not back to where it came from";
  EXPECT_THAT(b.take(), ElementsAre(R"(42["fader",0.5])"));
  desk.set("/socketio/fader", 1);
  EXPECT_THAT(a.take(), ElementsAre(R"(42["fader",1])"));
  EXPECT_THAT(b.take(), ElementsAre(R"(42["fader",1])"));
  say(a, R"(2["several",1,"two",null])");
  say(a, R"(2["none"])");
  say(a, R"(2["a b*/c","\u0000"])");
  EXPECT_EQ(held("/socketio/several"), R"([1,"two",null])");
  EXPECT_EQ(held("/socketio/none"), "[]");
  EXPECT_EQ(held("/socketio/a b%2A/c"), R"("\u0000")");
  EXPECT_THAT(b.take(), ElementsAre(R"(42["several",[1,"two",null]])", R"(42["none",[]])", R"(42["c","\u0000"])"));
}

TEST_F(SocketServerTest, NamesOfEventsAreTheLastSegmentOrTheWholeTail) {
  ServerConfig whole;
  whole.names.last_segment = false;
  begin(whole);
  Client& a = join();
  connect("desk").set("/socketio/mixer/1%2F2", 7);
  EXPECT_THAT(a.take(), ElementsAre(R"(42["mixer/1/2",7])"));
  connect("desk").set("/socketio/connect", 7);
  EXPECT_THAT(a.take(), IsEmpty()) << "clients would take it for theirs";
  EXPECT_THAT(log, ElementsAre(HasSubstr("reserved")));
}

TEST_F(SocketServerTest, AnAcknowledgementComesWhenTheRouterHasTakenItOrNot) {
  begin();
  Client& a = join();
  say(a, R"(27["fader",0.5])");
  EXPECT_THAT(a.take(), ElementsAre(R"(437[{"ok":true}])"));
  say(a, fmt::format(R"(28["big","{}"])", std::string(65'600, 'x')));
  EXPECT_THAT(a.take(), ElementsAre(HasSubstr(R"(438[{"ok":false,"error":"the value is too large)")));
  say(a, fmt::format(R"(29["{}",1])", std::string(1'100, 'n')));
  EXPECT_THAT(a.take(), ElementsAre(HasSubstr("makes no address")));
  router::Peer& desk = connect("desk");
  const EncodedValue one(1);
  desk.set(Set{.address = "/socketio/fader", .value = one.view(), .lock = true});
  a.take();
  say(a, R"(210["fader",0.5])");
  EXPECT_THAT(a.take(), ElementsAre(HasSubstr(R"("code":401)")));
  EXPECT_EQ(server->counters().refused, 3U);
}

TEST_F(SocketServerTest, EventsByKindAreEventsAndStillReachTheOtherSockets) {
  ServerConfig events;
  events.names.kinds.push_back({*Pattern::parse("/socketio/go"), SignalType::event});
  begin(events);
  Client& a = join();
  Client& b = join();
  router::Peer& desk = connect("desk");
  desk.subscribe("/socketio/**");
  say(b, R"(2["clasp:subscribe",{"pattern":"/socketio/**"}])");
  say(a, R"(21["go",{"x":1}])");
  EXPECT_THAT(desk.received(), ElementsAre(HasSubstr("/socketio/go")));
  EXPECT_EQ(held("/socketio/go"), "nothing");
  EXPECT_THAT(a.take(), ElementsAre(R"(431[{"ok":true}])"));
  EXPECT_THAT(b.take(), ElementsAre(R"(42["clasp:event",{"address":"/socketio/go","value":{"x":1}}])", R"(42["go",{"x":1}])"));
}

// Field case C29.
TEST_F(SocketServerTest, BinaryIsBytesInBothDirections) {
  begin();
  Client& a = join();
  Client& b = join();
  say(a, R"(51-["b",{"num":0,"_placeholder":true}])");
  say_bytes(a, "\x01\x02\xff");
  EXPECT_EQ(held("/socketio/b"), R"({"$bytes":"AQL/"})");
  EXPECT_THAT(b.take(), ElementsAre(R"(451-["b",{"_placeholder":true,"num":0}])", "bAQL/"));
  say(a, R"(52-["b",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}])");
  say_bytes(a, "\xaa");
  say_bytes(a, "\xbb");
  EXPECT_EQ(held("/socketio/b"), R"([{"$bytes":"uw=="},{"$bytes":"qg=="}])");
  say(a, R"(212["x"])");
  EXPECT_THAT(a.take(), ElementsAre(R"(4312[{"ok":true}])"));
}

TEST_F(SocketServerTest, NamespacesAreSegmentsAndApart) {
  ServerConfig two;
  two.namespaces = {"/admin", "/quiet"};
  begin(two);
  Client& user = join();
  Client& admin = join("/admin");
  say(admin, R"(2/admin,["x",1])");
  EXPECT_EQ(held("/socketio/admin/x"), "1");
  connect("desk").set("/socketio/admin/x", 2);
  connect("desk").set("/socketio/quiet/x", 3);
  EXPECT_THAT(admin.take(), ElementsAre(R"(42/admin,["x",2])"));
  EXPECT_THAT(user.take(), IsEmpty()) << "a configured namespace is not the main one's, even with nobody in it";
  say(user, "0/other,");
  EXPECT_THAT(user.take(), ElementsAre(R"(44/other,{"message":"Invalid namespace","data":{"code":404}})"));
  say(user, "0/admin,");
  EXPECT_THAT(user.take(), ElementsAre(HasSubstr("40/admin,{\"sid\":")));
  connect("desk").set("/socketio/admin/x", 4);
  EXPECT_THAT(user.take(), ElementsAre(R"(42/admin,["x",4])"));
  say(user, "1/admin,");
  say(user, R"(21["y",1])");
  EXPECT_THAT(user.take(), ElementsAre(R"(431[{"ok":true}])")) << "leaving one keeps the others";
  EXPECT_EQ(server->sockets(), 2U);
}

TEST_F(SocketServerTest, OnlyWhoBringsTheTokenComesIn) {
  ServerConfig closed;
  closed.token = "secret";
  begin(closed);
  Client& stranger = open();
  say(stranger, R"(0{"token":"guess"})");
  EXPECT_THAT(stranger.take(), ElementsAre(R"(44{"message":"unauthorized","data":{"code":300}})"));
  say(stranger, R"(0{"token":"secret"})");
  EXPECT_THAT(stranger.take(), ElementsAre(HasSubstr("40{\"sid\"")));
  Client& by_query = open("secret");
  say(by_query, "0");
  EXPECT_THAT(by_query.take(), ElementsAre(HasSubstr("40{\"sid\"")));
  EXPECT_EQ(server->counters().connects_refused, 1U);
}

TEST_F(SocketServerTest, RoomsAreJoinedByClientsAndAddressedByTheRouter) {
  begin();
  Client& a = join();
  Client& b = join();
  router::Peer& desk = connect("desk");
  say(a, R"(21["clasp:join",{"room":"stage left"}])");
  EXPECT_THAT(a.take(), ElementsAre(R"(431[{"ok":true}])"));
  desk.set("/socketio/room/stage left/cue", 5);
  EXPECT_THAT(a.take(), ElementsAre(R"(42["cue",5])"));
  EXPECT_THAT(b.take(), IsEmpty());
  desk.set("/socketio/room/s2/whisper", 1);
  EXPECT_THAT(b.take(), ElementsAre(R"(42["whisper",1])")) << "each socket is in a room of its own";
  EXPECT_THAT(a.take(), IsEmpty());
  EXPECT_EQ(server->rooms(), 1U);
  say(b, R"(2["room/stage left/cue",6])");
  EXPECT_THAT(a.take(), ElementsAre(R"(42["cue",6])"));
  say(a, R"(22["clasp:leave","stage left"])");
  a.take();
  desk.set("/socketio/room/stage left/cue", 7);
  EXPECT_THAT(a.take(), IsEmpty());
  EXPECT_EQ(server->rooms(), 0U);
  say(a, R"(23["clasp:join",{"room":""}])");
  EXPECT_THAT(a.take(), ElementsAre(HasSubstr(R"("ok":false)")));
}

TEST_F(SocketServerTest, CommandsActOnTheRoutersOwnAddresses) {
  begin();
  router::Peer& desk = connect("desk");
  desk.set("/lights/1", 10);
  Client& a = join();
  say(a, R"(21["clasp:set",{"address":"/lights/2","value":9007199254740993}])");
  say(a, R"(22["clasp:get",{"address":"/lights/1"}])");
  say(a, R"(23["clasp:get","/lights/none"])");
  say(a, R"(24["clasp:emit",{"address":"/cue","payload":"go"}])");
  say(a, R"(25["clasp:set",{"address":"no slash","value":1}])");
  say(a, R"(26["clasp:set",{"address":"/x"}])");
  say(a, R"(27["clasp:nonsense"])");
  EXPECT_THAT(a.take(), ElementsAre(R"(431[{"ok":true,"address":"/lights/2","revision":1}])",
                                    R"(432[{"address":"/lights/1","value":10,"revision":1}])", HasSubstr(R"(433[{"ok":false)"), R"(434[{"ok":true}])",
                                    HasSubstr("must start with"), HasSubstr("clasp:set takes"), HasSubstr("there is no clasp:nonsense")));
  EXPECT_EQ(held("/lights/2"), "9007199254740993");
}

TEST_F(SocketServerTest, WhoSubscribesGetsTheStateAndWhatFollows) {
  begin();
  router::Peer& desk = connect("desk");
  desk.set("/lights/1", 10);
  Client& a = join();
  say(a, R"(21["clasp:subscribe",{"pattern":"/lights/*"}])");
  world().turn();
  EXPECT_THAT(a.take(), ElementsAre(R"(42["clasp:update",{"address":"/lights/1","value":10,"revision":1}])", R"(431[{"ok":true}])"));
  desk.set("/lights/1", 11);
  desk.publish("/lights/flash", 1);
  EXPECT_THAT(a.take(), ElementsAre(R"(42["clasp:update",{"address":"/lights/1","value":11,"revision":2}])",
                                    R"(42["clasp:event",{"address":"/lights/flash","value":1}])"));
  say(a, R"(2["clasp:set",{"address":"/lights/1","value":12}])");
  EXPECT_THAT(a.take(), ElementsAre(R"(42["clasp:update",{"address":"/lights/1","value":12,"revision":3}])"))
      << "so that a writer knows the order (contract 4)";
  Client& late = join();
  say(late, R"(21["clasp:subscribe",{"pattern":"/lights/*","types":["param"]}])");
  world().turn();
  EXPECT_THAT(late.take(), ElementsAre(R"(42["clasp:update",{"address":"/lights/1","value":12,"revision":3}])", R"(431[{"ok":true}])"));
  EXPECT_THAT(a.take(), IsEmpty()) << "nobody is told twice";
  desk.publish("/lights/flash", 2);
  EXPECT_THAT(late.take(), IsEmpty()) << "params only";
  a.take();
  say(a, R"(22["clasp:unsubscribe",{"pattern":"/lights/*"}])");
  say(a, R"(23["clasp:unsubscribe",{"pattern":"/lights/*"}])");
  EXPECT_THAT(a.take(), ElementsAre(R"(432[{"ok":true}])", HasSubstr("no such subscription")));
  desk.set("/lights/1", 13);
  EXPECT_THAT(a.take(), IsEmpty());
  EXPECT_EQ(late.take().size(), 1U);
  say(late, R"(24["clasp:subscribe",{"pattern":"lights"}])");
  say(late, R"(25["clasp:subscribe",{"pattern":"/a","types":["params"]}])");
  EXPECT_THAT(late.take(), ElementsAre(HasSubstr(R"("code":202)"), HasSubstr("types")));
}

TEST_F(SocketServerTest, WhoComesLaterGetsTheStateOfItsNamespaceAndRoomsIfSoWanted) {
  ServerConfig sync;
  sync.sync_on_connect = true;
  begin(sync);
  router::Peer& desk = connect("desk");
  desk.set("/socketio/fader", 1), desk.set("/socketio/admin/x", 2), desk.set("/socketio/room/r/y", 3);
  Client& admin = open();
  say(admin, "0/admin,");
  EXPECT_THAT(admin.take(), ElementsAre(HasSubstr("40/admin,"), R"(42/admin,["x",2])"));
  Client& user = open();
  say(user, "0");
  EXPECT_THAT(user.take(), ElementsAre(HasSubstr("40{"), R"(42["fader",1])"));
  say(user, R"(21["clasp:join",{"room":"r"}])");
  EXPECT_THAT(user.take(), ElementsAre(R"(431[{"ok":true}])", R"(42["y",3])"));
}

TEST_F(SocketServerTest, RoomsMayComeWithTheAuth) {
  ServerConfig rooms;
  rooms.rooms_from_auth = true;
  begin(rooms);
  Client& a = join("/", R"({"rooms":["r1",5,"r2"]})");
  connect("desk").set("/socketio/room/r2/x", 1);
  EXPECT_THAT(a.take(), ElementsAre(R"(42["x",1])"));
  EXPECT_EQ(server->rooms(), 2U);
}

TEST_F(SocketServerTest, OnlyTheEventsThatAreWantedAreReceived) {
  ServerConfig few;
  few.names.events = {"fader"};
  begin(few);
  Client& a = join();
  say(a, R"(21["fader",1])");
  say(a, R"(22["other",1])");
  EXPECT_THAT(a.take(), ElementsAre(R"(431[{"ok":true}])", HasSubstr("not received here")));
  EXPECT_EQ(held("/socketio/other"), "nothing");
  EXPECT_EQ(server->counters().events_ignored, 1U);
}

TEST_F(SocketServerTest, EventsOfTheRouterMayAskForAnAnswer) {
  ServerConfig asking;
  asking.emit_acks = true;
  begin(asking);
  Client& a = join();
  router::Peer& desk = connect("desk");
  desk.subscribe("/socketio/**");
  desk.publish("/socketio/go", 1);
  EXPECT_THAT(a.take(), ElementsAre(R"(421["go",1])"));
  say(a, "31[]");
  say(a, "31[]");
  say(a, R"(399["x"])");
  EXPECT_THAT(desk.received(), ElementsAre(HasSubstr("/socketio/go/ack null"))) << "C29: no arguments, and once";
  EXPECT_EQ(server->counters().acks_unknown, 2U);
  desk.publish("/socketio/go", 2);
  EXPECT_THAT(a.take(), ElementsAre(R"(422["go",2])"));
  ASSERT_TRUE(server->next_deadline());
  advance(10s);
  server->advance(world().now().steady);
  EXPECT_EQ(server->counters().acks_missing, 1U);
  EXPECT_FALSE(server->next_deadline());
}

TEST_F(SocketServerTest, WhoBreaksTheProtocolIsClosedAndNobodyElse) {
  begin();
  Client& b = join();
  for (const char* packet : {R"(2["x"])", "2", R"(2["connect"])", "9", R"(3[])", "0/a,[]"}) {
    Client& a = open();
    say(a, packet);
    EXPECT_THAT(a.take().back(), "closed: parse error") << packet;
    EXPECT_FALSE(a.session->is_open());
  }
  say(b, R"(21["x"])");
  EXPECT_THAT(b.take(), ElementsAre(R"(431[{"ok":true}])"));
  EXPECT_EQ(server->sockets(), 1U);
}

TEST_F(SocketServerTest, ASecondConnectTakesThePlaceOfTheFirst) {
  begin();
  Client& a = join();
  say(a, R"(21["clasp:join","r"])");
  a.take();
  say(a, "0");
  EXPECT_THAT(a.take(), ElementsAre(HasSubstr("40{\"sid\"")));
  EXPECT_EQ(server->sockets(), 1U);
  EXPECT_EQ(server->rooms(), 0U);
  connect("desk").set("/socketio/x", 1);
  EXPECT_THAT(a.take(), ElementsAre(R"(42["x",1])")) << "once";
}

TEST_F(SocketServerTest, WhoConnectsToNoNamespaceIsClosed) {
  begin();
  Client& a = open();
  Client& b = join();
  ASSERT_TRUE(server->next_deadline());
  advance(45s);
  server->advance(world().now().steady);
  EXPECT_FALSE(a.session->is_open());
  EXPECT_TRUE(b.session->is_open());
}

TEST_F(SocketServerTest, ASlowClientIsConflatedThenCutOffAndOthersNotice) {
  begin();
  Client& slow = join();
  Client& fast = join();
  router::Peer& desk = connect("desk");
  slow.wire.waiting = 1 << 20;
  for (int i = 0; i < 5'000; ++i) {
    desk.set("/socketio/fader", i);
    advance(40us);
  }
  EXPECT_EQ(fast.take().size(), 5'000U);
  EXPECT_LT(slow.session->bytes_waiting(), 500'000U);
  slow.wire.waiting = 0;
  slow.session->wire_sent(slow.wire);
  EXPECT_EQ(slow.take().back(), R"(42["fader",4999])");
  slow.wire.waiting = 1 << 20;
  const std::string big(60'000, 'x');
  for (int i = 0; i < 100; ++i) desk.publish("/socketio/e", big);
  EXPECT_EQ(fast.take().size(), 100U);
  EXPECT_TRUE(slow.session->is_open()) << "not inside a delivery";
  slow.session->advance(world().now().steady);
  EXPECT_FALSE(slow.session->is_open());
  EXPECT_EQ(server->counters().closed_slow, 1U);
  EXPECT_EQ(server->sockets(), 1U);
}

TEST_F(SocketServerTest, HasBounds) {
  ServerConfig small;
  small.namespaces_per_client_max = 2;
  small.rooms_per_socket_max = 1;
  small.subscriptions_per_socket_max = 1;
  begin(small);
  Client& a = join();
  say(a, "0/a,"), say(a, "0/b,");
  EXPECT_THAT(a.take().back(), HasSubstr("more than 2 namespaces"));
  say(a, R"(21["clasp:join","r"])"), say(a, R"(22["clasp:join","r"])"), say(a, R"(23["clasp:join","q"])");
  EXPECT_THAT(a.take().back(), HasSubstr("in 1 rooms already"));
  say(a, R"(24["clasp:subscribe","/a"])"), say(a, R"(25["clasp:subscribe","/b"])");
  EXPECT_THAT(a.take().back(), HasSubstr("1 subscriptions already"));
}

TEST_F(SocketServerTest, StoppingTellsEverybody) {
  begin();
  Client& a = join("/admin");
  server->stop();
  EXPECT_THAT(a.take(), ElementsAre("41/admin,", "1", "closed: the bridge is stopping"));
  EXPECT_EQ(server->sockets(), 0U);
}

}  // namespace
}  // namespace clasp::bridge::socketio
