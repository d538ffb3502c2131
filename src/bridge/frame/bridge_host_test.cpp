#include "bridge/frame/bridge_host.hpp"

#include <thread>

#include "bridge/local/local_link.hpp"
#include "io/io_loop.hpp"
#include "options/apply.hpp"
#include "router/router_fixture.hpp"

namespace clasp::bridge {
namespace {

using router::RouterTest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A bridge whose device is the test.
class DeskBridge final : public Bridge, private RouterLinkListener {
 public:
  DeskBridge(RouterLink& router, std::string ns, std::vector<std::string>& shown) : router_(router), ns_(std::move(ns)), shown_(shown) {}
  Result<void> start() override {
    running_ = true;
    const std::vector<std::string> patterns{ns_ + "/**"};
    router_.open({.name = "desk", .ns = ns_, .protocol = "desk", .device = {}}, patterns, false, *this);
    return {};
  }
  void stop() override {
    if (std::exchange(running_, false)) router_.close();
  }
  BridgeReport report() const override {
    return {.endpoint = "desk 7",
            .state = running_ ? BridgeState::running : BridgeState::stopped,
            .received = 3,
            .counters = {{"nothing", 0}, {"messages", 3}},
            .peers = {{.name = "desk\n7", .received = 3, .sent = 1}}};
  }
  std::string peer_name(PeerTag peer) const override { return fmt::format("desk number {}", static_cast<unsigned>(peer)); }
  void write(std::string_view address, const Value& value) {
    const EncodedValue encoded(value);
    router_.set(address, encoded.view(), PeerTag{1});
  }

 private:
  void link_up() override {}
  void link_down(std::string_view) override {}
  void delivered(const LinkDelivery& delivery) override {
    if (!delivery.own) shown_.push_back(fmt::format("{} {}", delivery.address, router::describe_value(*delivery.value)));
  }
  void refused(const Error&) override {}

  RouterLink& router_;
  std::string ns_;
  std::vector<std::string>& shown_;
  bool running_ = false;
};

class DeskPlan final : public BridgePlan {
 public:
  DeskPlan() : BridgePlan("desk", "/desk") {}
  std::string_view address_row() const override { return "port"; }
  Result<void> check() const override {
    if (port == 13) return Error{ErrorCode::invalid_argument, "port: 13 is no desk", {}};
    return {};
  }
  std::unique_ptr<Bridge> make(const BridgeContext& context) const override {
    auto bridge = std::make_unique<DeskBridge>(context.router, ns().prefix(), shown);
    running = bridge.get();
    return bridge;
  }
  std::uint16_t port = 7;
  mutable std::vector<std::string> shown;
  mutable DeskBridge* running = nullptr;

 private:
  std::vector<options::Option> own_rows() override {
    return {{.name = "port", .value = "N", .help = "Of the desk.", .apply = options::apply_count(port, 1, 99)}};
  }
};

class BridgeHostTest : public RouterTest {
 protected:
  void apply(std::string_view row, std::string_view text) {
    const options::OptionSet rows(plan_.rows([](const std::string&) -> Result<std::string> { return std::string("desk:/c <-> /d"); }));
    const auto applied = rows.apply_one(row, text, "here");
    ASSERT_TRUE(applied) << applied.error().message;
  }
  Result<std::unique_ptr<BridgeHost>> make(const mapping::MappingSource& before = {}) {
    local_.emplace(router(), [this] { return world().now(); }, 1);
    return BridgeHost::make(plan_, before, {.loop = loop_, .router = *local_, .log = [](std::string_view) {}});
  }
  DeskPlan plan_;
  io::IoLoop loop_;
  std::optional<LocalRouterLink> local_;
};

TEST_F(BridgeHostTest, PutsThePlansMappingsBehindThoseOfTheRouter) {
  apply("map", "desk:/a <-> /b");
  apply("map", "some.map");
  mapping::MappingSource shared;
  ASSERT_TRUE(mapping::read_mapping("desk:/e <-> /f", "show.toml", shared));
  ASSERT_TRUE(mapping::read_mapping("osc:/g <-> /h", "show.toml", shared));
  auto host = make(shared);
  ASSERT_TRUE(host) << host.error().message;
  ASSERT_TRUE((*host)->start());
  for (const char* name : {"/desk/a", "/desk/c", "/desk/e", "/desk/g"}) plan_.running->write(name, 1);
  for (const char* address : {"/b", "/d", "/f", "/desk/g"}) EXPECT_TRUE(router().find(address)) << address;
  EXPECT_FALSE(router().find("/h"));
}

TEST_F(BridgeHostTest, AnswersWhoeverAsksHowItIs) {
  auto host = make();
  ASSERT_TRUE((*host)->start());
  router::Peer& asker = connect("asker");
  asker.subscribe(std::string(report_address));
  asker.forget();
  asker.publish(ask_address, Value());
  loop_.run_tasks();
  loop_.turn(Micros{0});
  world().turn();
  const auto heard = asker.received();
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_THAT(heard[0], HasSubstr("desk-bridge")) << heard[0];
  EXPECT_THAT(heard[0], HasSubstr("running"));
  EXPECT_THAT(plan_.shown, ElementsAre()) << "the question is none of the device's business";
  asker.publish(ask_address, Value());
  EXPECT_THAT(asker.received(), ElementsAre()) << "at most ten answers a second";
  plan_.running->write("/desk/a", 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  asker.publish(ask_address, Value());
  loop_.turn(Micros{0});
  world().turn();
  const auto again = asker.received();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_THAT(again[0], HasSubstr("/desk/a")) << "who is asked remembers which device writes what";
  EXPECT_THAT(again[0], HasSubstr("desk number 1"));
}

TEST_F(BridgeHostTest, StopsAsOftenAsItIsTold) {
  auto host = make();
  ASSERT_TRUE((*host)->start());
  (*host)->stop();
  (*host)->stop();
  EXPECT_EQ((*host)->report().state, BridgeState::stopped);
  router::Peer& desk = connect("other");
  desk.set("/desk/a", 1);
  EXPECT_THAT(plan_.shown, ElementsAre());
}

TEST_F(BridgeHostTest, RefusesWhatThePlanOrAMappingForbids) {
  plan_.port = 13;
  EXPECT_EQ(make().error().message, "port: 13 is no desk");
  plan_.port = 7;
  mapping::MappingSource source;
  ASSERT_TRUE(mapping::read_mappings(R"([{"from":"/a","to":"/b","surface":{"pickup":true}}])", "bad.json", source));
  const auto refused = make(source);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("bad.json: mapping 1: /surface/pickup"));
}

}  // namespace
}  // namespace clasp::bridge
