#include "bridge/local/local_link.hpp"

#include "router/router_fixture.hpp"

namespace clasp::bridge {
namespace {

using router::RouterTest;
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
  std::vector<std::string> lines;
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

}  // namespace
}  // namespace clasp::bridge
