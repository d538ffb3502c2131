// The WebSocket bridge against a real router in the same process; peers write down what they get.
#include "bridge/websocket/hub.hpp"

#include <gmock/gmock.h>

#include <limits>

#include "bridge/local/local_link.hpp"
#include "core/base64.hpp"
#include "core/json.hpp"
#include "router/router_fixture.hpp"

namespace clasp::bridge::websocket {
namespace {

using router::RouterTest;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using namespace std::chrono_literals;

class FakeChannel final : public Channel {
 public:
  void send_text(std::string_view text) override { sent.emplace_back(text); }
  void send_binary(Bytes message) override { sent.push_back("b" + base64_encode(message)); }
  void ping() override { ++pings; }
  std::size_t bytes_waiting() const override { return waiting; }
  void close(std::uint16_t code, std::string_view reason) override { sent.push_back(fmt::format("closed {}: {}", code, reason)); }
  std::vector<std::string> take() { return std::exchange(sent, {}); }

  std::vector<std::string> sent;
  std::size_t waiting = 0;
  int pings = 0;
  PeerTag tag{};
};

class HubTest : public RouterTest {
 protected:
  void begin(HubConfig with = {}) {
    config = std::move(with);
    link.emplace(router(), [this] { return world().now(); }, 1);
    hub.emplace(*link, config,
                HubOutside{.clock = [this] { return world().now(); }, .log = [this](std::string_view line) { log.emplace_back(line); }});
    hub->start();
    world().turn();
  }
  void TearDown() override {
    if (hub) hub->stop();
  }
  FakeChannel& peer() {
    FakeChannel& channel = *channels.emplace_back(std::make_unique<FakeChannel>());
    channel.tag = hub->opened(channel);
    return channel;
  }
  void say(FakeChannel& channel, std::string_view text) {
    hub->on_text(channel.tag, text);
    world().turn();
  }
  std::vector<std::string> answer(FakeChannel& channel, std::string_view text) {
    channel.take();
    say(channel, text);
    return channel.take();
  }
  std::string held(std::string_view address) {
    const auto param = router().find(address);
    return param ? router::describe_value(param->value) : "nothing";
  }

  HubConfig config;
  std::optional<LocalRouterLink> link;
  std::optional<Hub> hub;
  std::vector<std::unique_ptr<FakeChannel>> channels;
  std::vector<std::string> log;
};

// ---- without "type" ----

TEST_F(HubTest, PlainJsonIsASetAtItsAddress) {
  begin();
  FakeChannel& a = peer();
  FakeChannel& b = peer();
  struct Row {
    std::string_view text, address, value;
  };
  for (const Row& row : {Row{R"({"address":"/any/where","value":1})", "/any/where", "1"},
                         {R"({"address":"/d","data":[1,2]})", "/d", "[1,2]"},
                         {R"({"address":"/e","x":1})", "/e", R"({"address":"/e","x":1})"},
                         {"5", "/ws/message", "5"},
                         {R"({"value":2.0})", "/ws/message", "2.0"},
                         {R"([1,{"a":null}])", "/ws/message", R"([1,{"a":null}])"},
                         {"hello", "/ws/text", R"("hello")"},
                         {"", "/ws/text", R"("")"},
                         {R"({"address":5,"value":9223372036854775807})", "/ws/message", "9223372036854775807"},
                         {R"({"type":"unknown","address":"/f","value":3})", "/f", "3"},
                         {R"({"type":7})", "/ws/message", R"({"type":7})"},
                         {R"({"address":"/b","value":{"$bytes":"AQI="}})", "/b", R"({"$bytes":"AQI="})"}}) {
    say(a, row.text);
    EXPECT_EQ(held(row.address), row.value) << row.text;
  }
  hub->on_binary(a.tag, as_bytes("\x01\xff"));
  EXPECT_EQ(held("/ws/binary"), R"({"$bytes":"Af8="})");
  EXPECT_THAT(a.take(), IsEmpty()) << "nothing comes back to where it came from";
  const auto heard = b.take();
  EXPECT_EQ(heard.front(), R"({"address":"/ws/message","value":5})") << "those outside of the namespace are not broadcast";
  EXPECT_EQ(heard.back(), R"({"address":"/ws/binary","value":[1,255]})");
}

TEST_F(HubTest, WhoNeverSendsATypeHearsTheNamespace) {
  begin();
  FakeChannel& a = peer();
  router::Peer& desk = connect("desk");
  desk.set("/ws/x", std::numeric_limits<double>::infinity());
  desk.publish("/ws/go", "now");
  desk.set("/other", 1);
  EXPECT_THAT(a.take(), ElementsAre(R"({"address":"/ws/x","value":null})", R"({"address":"/ws/go","value":"now"})"));
}

TEST_F(HubTest, LateComersGetTheStateIfSoWanted) {
  HubConfig sync;
  sync.sync_on_connect = true;
  begin(sync);
  connect("desk").set("/ws/x", 1);
  EXPECT_THAT(peer().take(), ElementsAre(R"({"address":"/ws/x","value":1})"));
}

TEST_F(HubTest, RawIsTheValueAlone) {
  HubConfig raw;
  raw.format = Format::raw;
  begin(raw);
  FakeChannel& a = peer();
  router::Peer& desk = connect("desk");
  desk.set("/ws/t", "text"), desk.set("/ws/n", 1.0), desk.set("/ws/b", Blob{std::byte{1}});
  EXPECT_THAT(a.take(), ElementsAre("text", "1.0", "bAQ=="));
  say(a, R"({"type":"get","address":"/ws/t"})");
  EXPECT_EQ(held("/ws/t"), R"({"type":"get","address":"/ws/t"})") << "the typed protocol is JSON";
}

TEST_F(HubTest, MsgpackIsNativeFrames) {
  HubConfig native;
  native.format = Format::msgpack;
  begin(native);
  FakeChannel& a = peer();
  FakeChannel& b = peer();
  const EncodedValue seven(7);
  ByteBuffer frame;
  append_frame(frame, Set{.address = "/ws/x", .value = seven.view()});
  hub->on_binary(a.tag, frame.view());
  EXPECT_EQ(held("/ws/x"), "7");
  ASSERT_EQ(b.sent.size(), 1U);
  const auto bytes = base64_decode(std::string_view(b.take().front()).substr(1));
  Decoder decoder;
  const auto back = decoder.decode(decode_frame(*bytes)->payload);
  EXPECT_EQ(std::get<Set>(back->body).address, "/ws/x");
  EXPECT_EQ(std::get<Set>(back->body).revision, 1U);
  frame.clear();
  append_frame(frame, Publish{.address = "/ws/go", .signal = SignalType::event, .value = seven.view()}, Qos::confirm);
  hub->on_binary(a.tag, frame.view());
  EXPECT_EQ(b.take().size(), 1U) << "an event reaches the others";
  EXPECT_THAT(a.take(), IsEmpty());
  hub->on_binary(a.tag, as_bytes("no frame"));
  EXPECT_EQ(held("/ws/binary"), R"({"$bytes":"bm8gZnJhbWU="})");
  say(a, R"({"address":"/t","value":1})");
  EXPECT_EQ(held("/t"), "1");
  say(a, R"({"address":"/t"})");
  EXPECT_EQ(held("/ws/text"), R"("{\"address\":\"/t\"}")");
}

// ---- with "type" ----

TEST_F(HubTest, TypedRequestsAreAnswered) {
  begin();
  FakeChannel& a = peer();
  EXPECT_THAT(answer(a, R"({"type":"set","address":"/x","value":9007199254740993})"), IsEmpty());
  EXPECT_THAT(answer(a, R"({"type":"set","address":"/x","value":2,"id":"s1"})"), ElementsAre(R"({"type":"ack","id":"s1","revision":2})"));
  EXPECT_THAT(answer(a, R"({"type":"get","address":"/x"})"), ElementsAre(R"({"type":"value","address":"/x","value":2,"revision":2})"));
  EXPECT_THAT(answer(a, R"({"type":"get","address":"/x","id":7})"), ElementsAre(R"({"type":"value","address":"/x","value":2,"revision":2,"id":7})"));
  EXPECT_THAT(answer(a, R"({"type":"get","address":"/none","id":8})"),
              ElementsAre(HasSubstr(R"("code":201,"request_type":"get","id":8,"address":"/none")")));
  EXPECT_THAT(answer(a, R"({"type":"ping","id":[1]})"), ElementsAre(R"({"type":"pong","id":[1]})"));
  EXPECT_THAT(answer(a, R"({"type":"emit","address":"/e","payload":1,"id":9})"), ElementsAre(R"({"type":"ack","id":9})"));
  EXPECT_THAT(answer(a, R"({"type":"unsubscribe","pattern":"/x","id":1})"), ElementsAre(HasSubstr("no such subscription")));
}

TEST_F(HubTest, WhatIsWrongIsSaid) {
  begin();
  FakeChannel& a = peer();
  say(a, R"({"type":"ping"})");
  for (const auto& [text, what] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"{", R"("message":"invalid JSON at byte)"},
           {R"({"type":"set","value":1})", R"("set\" needs an \"address\"")"},
           {R"({"type":"set","address":"/x"})", R"(needs a \"value\")"},
           {R"({"type":"set","address":"bad","value":1})", R"("request_type":"set")"},
           {R"({"type":"set","address":"/x","value":1,"ttl":0})", "whole number of seconds"},
           {R"({"type":"get"})", "needs an"},
           {R"({"type":"subscribe"})", "needs a"},
           {R"({"type":"subscribe","pattern":"x"})", R"("code":202)"},
           {R"({"type":"subscribe","pattern":"/x","types":["y"]})", "types"},
           {R"({"type":"bundle"})", "messages"},
           {R"({"type":"bundle","messages":[{"type":"get"}]})", "message 0"},
           {R"({"type":"nonsense","id":1})", "there is no request of the type nonsense"},
           {R"({"type":"set","address":"/x","value":{"$bytes":"?"}})", "base64"}}) {
    EXPECT_THAT(answer(a, text), ElementsAre(testing::AllOf(HasSubstr(R"({"type":"error")"), HasSubstr(what)))) << text;
  }
  const std::string large(65'530, 'x');
  EXPECT_THAT(answer(a, fmt::format(R"({{"type":"set","address":"/x","value":"{}"}})", large)), ElementsAre(HasSubstr(R"("type":"error")")));
  EXPECT_EQ(held("/x"), "nothing");
}

// Field case C27.
TEST_F(HubTest, DeepOrEndlessJsonIsAnErrorForEverybody) {
  begin();
  FakeChannel& a = peer();
  EXPECT_THAT(answer(a, std::string(10'000, '[')), ElementsAre(HasSubstr("nested deeper")));
  EXPECT_THAT(answer(a, std::string(500'000, '[') + std::string(500'000, ']')), ElementsAre(HasSubstr("nested deeper")));
  std::string many = "[0";
  for (int i = 0; i < 200'000; ++i) many += ",0";
  EXPECT_THAT(answer(a, many + "]"), ElementsAre(HasSubstr("more values")));
  EXPECT_EQ(hub->counters().invalid_json, 3U);
}

TEST_F(HubTest, SubscribersGetTheStateAndWhatFollowsAndNothingElse) {
  begin();
  router::Peer& desk = connect("desk");
  desk.set("/lights/1", 10);
  FakeChannel& a = peer();
  FakeChannel& other = peer();
  EXPECT_THAT(answer(a, R"({"type":"subscribe","pattern":"/lights/**","id":1})"),
              UnorderedElementsAre(R"({"type":"value","address":"/lights/1","value":10,"revision":1})", R"({"type":"ack","id":1})"));
  desk.set("/ws/x", 1);
  desk.set("/lights/1", 11);
  desk.publish("/lights/flash", 1);
  desk.publish("/lights/level", 0.5, SignalType::stream);
  desk.gesture("/lights/g", 3, GesturePhase::start, 1);
  EXPECT_THAT(a.take(),
              ElementsAre(R"({"type":"value","address":"/lights/1","value":11,"revision":2})",
                          R"({"type":"event","address":"/lights/flash","value":1})", R"({"type":"stream","address":"/lights/level","value":0.5})",
                          R"({"type":"gesture","address":"/lights/g","value":1,"phase":"start","id":3})"));
  EXPECT_THAT(other.take(), ElementsAre(R"({"address":"/ws/x","value":1})")) << "the one without types hears the namespace as ever";
  say(other, R"({"type":"subscribe","pattern":"/lights/*","types":["param"]})");
  EXPECT_THAT(other.take(), ElementsAre(R"({"type":"value","address":"/lights/1","value":11,"revision":2})"));
  EXPECT_THAT(a.take(), IsEmpty());
  say(other, R"({"type":"set","address":"/lights/1","value":12})");
  say(other, R"({"type":"emit","address":"/lights/flash","value":2})");
  EXPECT_THAT(other.take(), ElementsAre(R"({"type":"value","address":"/lights/1","value":12,"revision":3})"))
      << "its own SET, so that it knows the order";
  EXPECT_THAT(a.take(), ElementsAre(R"({"type":"value","address":"/lights/1","value":12,"revision":3})",
                                    R"({"type":"event","address":"/lights/flash","value":2})"));
  EXPECT_THAT(answer(a, R"({"type":"unsubscribe","pattern":"/lights/**","id":2})"), ElementsAre(R"({"type":"ack","id":2})"));
  desk.set("/lights/1", 13);
  EXPECT_THAT(a.take(), IsEmpty());
}

TEST_F(HubTest, SnapshotsAreWhole) {
  begin();
  router::Peer& desk = connect("desk");
  for (int i = 0; i < 3; ++i) desk.set(fmt::format("/s/{}", i), i);
  desk.set("/ws/a", 5);
  FakeChannel& a = peer();
  for (const int round : {1, 2}) {
    const auto said = answer(a, R"({"type":"snapshot","prefix":"/s","id":"x"})");
    ASSERT_EQ(said.size(), 1U) << round;
    const auto frame = parse_json(said.front());
    ASSERT_TRUE(frame);
    EXPECT_EQ(*frame->find("id")->string(), "x");
    EXPECT_EQ(frame->find("state")->map()->size(), 3U);
    EXPECT_EQ(*frame->find("state")->find("/s/2")->integer(), 2);
    hub->advance(world().now().steady);
  }
  EXPECT_EQ(hub->audience().patterns(), 1U) << "nothing is subscribed to for longer than it takes";
  EXPECT_THAT(answer(a, R"({"type":"snapshot","pattern":"/ws/*"})"), ElementsAre(R"({"type":"snapshot","state":{"/ws/a":5}})"));
  EXPECT_THAT(answer(a, R"({"type":"snapshot","pattern":"/nothing"})"), ElementsAre(R"({"type":"snapshot","state":{}})"));
  EXPECT_THAT(answer(a, R"({"type":"snapshot"})").front(), HasSubstr("/s/1"));
  const std::string big(60'000, 'x');
  for (int i = 0; i < 20; ++i) desk.set(fmt::format("/big/{}", i), big);
  EXPECT_THAT(answer(a, R"({"type":"snapshot","pattern":"/big/*"})"), ElementsAre(HasSubstr("ask for a part")));
}

TEST_F(HubTest, BundlesAreAtomicAndMayHaveATime) {
  begin();
  FakeChannel& a = peer();
  EXPECT_THAT(answer(a, R"({"type":"bundle","id":1,"messages":[{"type":"set","address":"/a","value":1},{"type":"emit","address":"/e","value":2}]})"),
              ElementsAre(R"({"type":"ack","id":1,"revision":1})"));
  EXPECT_THAT(answer(a, R"({"type":"bundle","id":2,"messages":[{"type":"set","address":"/a","value":2},{"type":"set","address":"bad","value":2}]})"),
              ElementsAre(HasSubstr("error")));
  EXPECT_EQ(held("/a"), "1");
  const std::uint64_t later = world().now().unix_time.us + 1'000'000;
  EXPECT_THAT(answer(a, fmt::format(R"({{"type":"bundle","id":3,"timestamp":{},"messages":[{{"type":"set","address":"/a","value":3}}]}})", later)),
              ElementsAre(R"({"type":"ack","id":3})"));
  EXPECT_EQ(held("/a"), "1");
  advance(1100ms);
  EXPECT_EQ(held("/a"), "3");
}

TEST_F(HubTest, ParamsMayExpire) {
  begin();
  FakeChannel& a = peer();
  say(a, R"({"type":"set","address":"/x","value":1,"ttl":2})");
  EXPECT_EQ(held("/x"), "1");
  advance(5s);
  EXPECT_EQ(held("/x"), "nothing");
}

// ---- bounds ----

TEST_F(HubTest, ASlowPeerIsConflatedThenCutOff) {
  begin();
  FakeChannel& slow = peer();
  FakeChannel& fast = peer();
  router::Peer& desk = connect("desk");
  slow.waiting = 1 << 20;
  for (int i = 0; i < 5'000; ++i) {
    desk.set("/ws/fader", i);
    advance(40us);
  }
  EXPECT_EQ(fast.take().size(), 5'000U);
  slow.waiting = 0;
  hub->on_sent(slow.tag);
  EXPECT_LT(slow.sent.size(), 5'000U);
  EXPECT_EQ(slow.take().back(), R"({"address":"/ws/fader","value":4999})");
  slow.waiting = 1 << 20;
  for (int i = 0; i < 1'001; ++i) desk.publish("/ws/e", i);
  EXPECT_THAT(slow.take(), IsEmpty()) << "not inside a delivery";
  hub->advance(world().now().steady);
  EXPECT_THAT(slow.take(), ElementsAre("closed 1013: too slow: too many messages wait"));
  EXPECT_EQ(fast.take().size(), 1'001U);
  EXPECT_EQ(hub->peers(), 1U);
}

TEST_F(HubTest, WhoDoesNotAnswerAPingIsClosed) {
  begin();
  FakeChannel& dead = peer();
  FakeChannel& alive = peer();
  EXPECT_EQ(dead.pings, 1);
  hub->on_pong(dead.tag), hub->on_pong(alive.tag);
  advance(30s);
  hub->advance(world().now().steady);
  EXPECT_EQ(dead.pings, 2);
  hub->on_pong(alive.tag);
  advance(30s);
  hub->advance(world().now().steady);
  EXPECT_THAT(dead.take(), ElementsAre(HasSubstr("closed 1008: the last ping")));
  EXPECT_THAT(alive.take(), IsEmpty());
  EXPECT_EQ(alive.pings, 3);
}

TEST_F(HubTest, SubscriptionsAndCallsAreBounded) {
  HubConfig small;
  small.subscriptions_per_client_max = 1;
  begin(small);
  FakeChannel& a = peer();
  say(a, R"({"type":"subscribe","pattern":"/a"})");
  EXPECT_THAT(answer(a, R"({"type":"subscribe","pattern":"/b"})"), ElementsAre(HasSubstr("1 subscriptions already")));
}

TEST_F(HubTest, StoppingTellsEverybody) {
  begin();
  FakeChannel& a = peer();
  hub->stop();
  EXPECT_THAT(a.take(), ElementsAre("closed 1001: the bridge is stopping"));
  hub->closed(a.tag);
}

}  // namespace
}  // namespace clasp::bridge::websocket
