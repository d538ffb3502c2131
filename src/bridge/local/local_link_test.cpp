#include "bridge/local/local_link.hpp"

#include <algorithm>

#include "router/router_fixture.hpp"

namespace clasp::bridge {
namespace {

using router::Durability;
using router::RouterTest;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Recorder final : public RouterLinkListener {
 public:
  void link_up() override { lines.emplace_back("up"); }
  void link_down(std::string_view reason) override { lines.push_back(fmt::format("down: {}", reason)); }
  void delivered(const LinkDelivery& delivery) override {
    lines.push_back(fmt::format("{} {}{}{}", delivery.address, delivery.value ? router::describe_value(*delivery.value) : "-", delivery.snapshot ? " snapshot" : "",
                                delivery.own ? fmt::format(" own by {}", static_cast<std::uint32_t>(delivery.peer)) : ""));
  }
  void refused(const Error& error) override { lines.push_back(fmt::format("refused: {}", error.message)); }
  void answered(LinkTicket ticket, const LinkAnswer& answer) override {
    lines.push_back(fmt::format("answer {}: {}{}", static_cast<std::uint64_t>(ticket),
                                answer.error != nullptr ? answer.error->message : fmt::format("revision {}", answer.revision),
                                answer.value ? " " + router::describe_value(*answer.value) : ""));
  }
  void caught_up(const std::string& pattern) override {
    if (tells_catching_up) lines.push_back("caught up with " + pattern);
  }
  std::vector<std::string> lines;
  bool tells_catching_up = false;
};

class LocalLink : public RouterTest {
 protected:
  Recorder recorder;
  const std::vector<std::string> patterns{"/osc/**"};
  const BridgeIdentity identity{.name = "osc-bridge", .ns = "/osc", .protocol = "osc"};
  const EncodedValue one{1};
};

TEST_F(LocalLink, DeliversOthersChangesAndTellsItsOwnByPeer) {
  LocalRouterLink link(router(), [this] { return world().now(); }, 1);
  link.open(identity, patterns, false, recorder);
  router::Peer& desk = connect("desk");
  desk.set("/osc/a", 1);
  link.set("/osc/b", one.view(), PeerTag{7});
  link.publish({.address = "/osc/e", .signal = SignalType::event, .value = one.view()}, PeerTag{7});
  desk.publish("/osc/e", 2);
  EXPECT_THAT(recorder.lines, ElementsAre("up", "/osc/a 1", "/osc/b 1 own by 7", "/osc/e 2"));
  EXPECT_TRUE(router().find("/osc/b"));
}

TEST_F(LocalLink, BringsTheStateOnlyIfAsked) {
  router::Peer& desk = connect("desk");
  desk.set("/osc/a", 1);
  LocalRouterLink quiet(router(), [this] { return world().now(); }, 1);
  quiet.open(identity, patterns, false, recorder);
  EXPECT_THAT(recorder.lines, ElementsAre("up"));
  Recorder other;
  LocalRouterLink level(router(), [this] { return world().now(); }, 2);
  level.open(identity, patterns, true, other);
  EXPECT_THAT(other.lines, ElementsAre("/osc/a 1 snapshot", "up"));
}

TEST_F(LocalLink, PassesRefusalsOnAndIsSilentAfterClose) {
  LocalRouterLink link(router(), [this] { return world().now(); }, 1);
  link.open(identity, patterns, false, recorder);
  link.set("bad", one.view(), PeerTag::none);
  EXPECT_THAT(recorder.lines, ElementsAre("up", HasSubstr("refused: invalid address")));
  recorder.lines.clear();
  link.close();
  connect("desk").set("/osc/a", 1);
  link.set("/osc/b", one.view(), PeerTag::none);
  EXPECT_THAT(recorder.lines, IsEmpty());
  EXPECT_FALSE(router().find("/osc/b"));
}

TEST_F(LocalLink, TellsWhenTheRouterStops) {
  LocalRouterLink link(router(), [this] { return world().now(); }, 1);
  link.open(identity, patterns, false, recorder);
  router().close_all({router::CloseCode::going_away, "the router is stopping"}, world().now());
  EXPECT_THAT(recorder.lines, ElementsAre("up", "down: the router is stopping"));
}

// Each of these ends the session of a client (beside it, to show that it does).
TEST_F(LocalLink, StaysForAsLongAsTheRouterDoesHoweverSlowEverythingIs) {
  configure({.session_timeout = 2s, .ping_interval = 500ms, .pings_missed_max = 1, .durability = Durability::sync, .window_bytes = 1, .window_bytes_congested = 1,
             .congested_bytes = 1, .congested_age = 1ms, .undroppable_bytes_max = 2'000, .stall_max = 2s, .outboxes_bytes_max = 10'000, .replies_bytes_max = 1'000});
  LocalRouterLink link(router(), [this] { return world().now(); }, 1);
  link.open(identity, patterns, true, recorder);

  router::Peer& unread = connect("unread");  // more events than may wait
  unread.subscribe("/osc/**");
  unread.stall();
  router::Peer& desk = connect("desk");
  for (int i = 0; i < 200; ++i) {
    desk.publish("/osc/event", std::string(100, 'x'));
    desk.set("/osc/param", i);
    desk.set(fmt::format("/osc/{}", i), std::string(100, 'x'));
    link.write({Set{.address = "/osc/own", .value = one.view()}}, PeerTag{1}, LinkTicket{1});  // answered when it is on the disk: never
    link.get("/osc/param", LinkTicket{2});
  }
  EXPECT_THAT(unread.sink.close_text, HasSubstr("too slow"));
  world().advance(10s);  // nobody says anything
  EXPECT_THAT(desk.sink.close_text, HasSubstr("pings were not answered"));
  world().stand_still(60s);
  world().advance(5s);

  EXPECT_THAT(recorder.lines, testing::Not(testing::Contains(HasSubstr("down"))));
  EXPECT_EQ(std::ranges::count_if(recorder.lines, [](const auto& line) { return line.starts_with("/osc/event"); }), 200);
  recorder.lines.clear();
  connect("desk again").set("/osc/a", 1);
  EXPECT_THAT(recorder.lines, ElementsAre("/osc/a 1"));
}

TEST_F(LocalLink, AnswersCallsWithTheRouterSayingYesOrNo) {
  LocalRouterLink link(router(), [this] { return world().now(); }, 1);
  link.open(identity, {}, false, recorder);
  recorder.lines.clear();
  link.write({Set{.address = "/osc/a", .value = one.view()}}, PeerTag{1}, LinkTicket{10});
  link.write({Set{.address = "/osc/a", .value = one.view(), .revision = 7}}, PeerTag{1}, LinkTicket{11});
  link.write({Publish{.address = "/osc/e", .signal = SignalType::event, .value = one.view()}}, PeerTag{1}, LinkTicket{12});
  link.write({Publish{.address = "bad", .signal = SignalType::event, .value = one.view()}}, PeerTag{1}, LinkTicket{13});
  link.write({Bundle{.timestamp = {}, .messages = {{Set{.address = "/osc/a", .value = one.view()}}, {Set{.address = "/osc/b", .value = one.view()}}}}}, PeerTag{1},
             LinkTicket{14});
  link.get("/osc/a", LinkTicket{15});
  link.get("/osc/none", LinkTicket{16});
  link.get("/osc/*", LinkTicket{17});
  EXPECT_THAT(recorder.lines, ElementsAre("answer 10: revision 1", HasSubstr("answer 11: "), "answer 12: revision 0", HasSubstr("answer 13: invalid address"),
                                          "answer 14: revision 1", "answer 15: revision 2 1", HasSubstr("answer 16: no param"), HasSubstr("answer 17: invalid address")));
  EXPECT_THAT(recorder.lines[1], testing::Not(HasSubstr("revision 2")));
}

TEST_F(LocalLink, ABundleWithATimeIsAnsweredWhenItWaitsAndRefusedAtOnceIfItMust) {
  LocalRouterLink link(router(), [this] { return world().now(); }, 1);
  link.open(identity, {}, false, recorder);
  recorder.lines.clear();
  const UnixTime later{world().now().unix_time.us + 1'000'000};
  link.write({Bundle{.timestamp = later, .messages = {{Set{.address = "/osc/a", .value = one.view()}}}}}, PeerTag{1}, LinkTicket{1});
  link.write({Bundle{.timestamp = later, .messages = {{Set{.address = "bad", .value = one.view()}}}}}, PeerTag{1}, LinkTicket{2});
  EXPECT_THAT(recorder.lines, ElementsAre("answer 1: revision 0", HasSubstr("answer 2: invalid address")));
  EXPECT_FALSE(router().find("/osc/a"));
}

TEST_F(LocalLink, FurtherPatternsBringTheirStateAndThenTheirChanges) {
  router::Peer& desk = connect("desk");
  desk.set("/lights/1", 1);
  LocalRouterLink link(router(), [this] { return world().now(); }, 1);
  link.open(identity, patterns, true, recorder);
  link.subscribe("/lights/**");
  link.subscribe("/lights/**");
  desk.set("/lights/2", 2);
  link.unsubscribe("/lights/**");
  link.unsubscribe("/never");
  desk.set("/lights/3", 3);
  EXPECT_THAT(recorder.lines, ElementsAre("up", "/lights/1 1 snapshot", "/lights/2 2"));
}

TEST_F(LocalLink, SaysWhenAPatternHasCaughtUp) {
  router::Peer& desk = connect("desk");
  for (int i = 0; i < 2'000; ++i) desk.set(fmt::format("/lights/{}", i), i);
  LocalRouterLink link(router(), [this] { return world().now(); }, 1);
  link.open(identity, patterns, true, recorder);
  recorder.tells_catching_up = true;
  link.subscribe("/lights/**");
  link.subscribe("/nothing");
  world().turn();
  EXPECT_EQ(std::ranges::count_if(recorder.lines, [](const auto& line) { return line.ends_with("snapshot"); }), 2'000);
  EXPECT_THAT(recorder.lines, testing::Contains("caught up with /nothing"));
  EXPECT_LT(std::ranges::find(recorder.lines, "/lights/1999 1999 snapshot"), std::ranges::find(recorder.lines, "caught up with /lights/**"));
  EXPECT_NE(std::ranges::find(recorder.lines, "caught up with /lights/**"), recorder.lines.end());
}

TEST_F(LocalLink, WhatNobodyAskedForIsNoAnswer) {
  LocalRouterLink link(router(), [this] { return world().now(); }, 1);
  link.open(identity, patterns, false, recorder);
  recorder.lines.clear();
  link.subscribe("no slash");
  link.set("bad", one.view(), PeerTag::none);
  link.write({Set{.address = "/osc/a", .value = one.view()}}, PeerTag{3}, LinkTicket::none);
  EXPECT_THAT(recorder.lines, ElementsAre(HasSubstr("refused: "), HasSubstr("refused: invalid address"), "/osc/a 1 own by 3"));
  link.close();
  link.write({Set{.address = "/osc/a", .value = one.view()}}, PeerTag{3}, LinkTicket{5});
  EXPECT_EQ(recorder.lines.size(), 3U) << "no call after close()";
}

}  // namespace
}  // namespace clasp::bridge
