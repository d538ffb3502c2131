// The remote link over real loopback sockets, against a small router in the same process.
#include "bridge/remote/remote_link.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/fake_router_testing.hpp"

namespace clasp::bridge {
namespace {

using namespace std::chrono_literals;
using client::testing::FakeRouter;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class Device final : public RouterLinkListener {
 public:
  void link_up() override { lines.emplace_back("up"); }
  void link_down(std::string_view reason) override { lines.push_back(fmt::format("down: {}", reason)); }
  void delivered(const LinkDelivery& delivery) override {
    std::string line = fmt::format("{} {}", delivery.is_set ? "SET" : signal_name(delivery.signal), delivery.address);
    if (delivery.value) line += " " + to_json(to_value(*delivery.value));
    if (delivery.snapshot) line += " snapshot";
    if (delivery.own) line += fmt::format(" own {}", static_cast<std::uint32_t>(delivery.peer));
    lines.push_back(line);
    if (on_delivery) on_delivery();
  }
  void refused(const Error& error) override { lines.push_back(fmt::format("refused {} {}", static_cast<int>(error.code), error.address)); }

  void answered(LinkTicket ticket, const LinkAnswer& answer) override {
    std::string line = fmt::format("answer {}", static_cast<std::uint64_t>(ticket));
    line += answer.error != nullptr ? fmt::format(" error {}", static_cast<int>(answer.error->code)) : fmt::format(" revision {}", answer.revision);
    if (answer.value) line += " " + to_json(to_value(*answer.value));
    lines.push_back(line);
  }

  void caught_up(const std::string& pattern) override { lines.push_back("caught up with " + pattern); }

  std::vector<std::string> lines;
  std::function<void()> on_delivery;
};

class RemoteLinkTest : public ::testing::Test {
 protected:
  RemoteLinkConfig config(const FakeRouter& router) {
    auto endpoint = client::parse_url(router.url());
    RemoteLinkConfig config{.endpoint = *endpoint, .token = {}};
    config.backoff.first = Micros{10'000};
    return config;
  }
  void open(const FakeRouter& router, bool snapshot = false) { open(config(router), snapshot); }
  void open(RemoteLinkConfig config, bool snapshot = false) {
    link_.emplace(loop_, std::move(config));
    const std::vector<std::string> patterns{"/osc/**", "/mapped/*"};
    link_->open({.name = "osc-bridge", .ns = "/osc", .protocol = "osc", .device = "mixer"}, patterns, snapshot, device_);
  }
  template <typename Condition>
  bool run_until(Condition&& condition) {
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (!condition() && std::chrono::steady_clock::now() < end) {
      loop_.restart();
      loop_.run_one_for(20ms);
    }
    return condition();
  }
  bool heard(std::string_view line) {
    return run_until([&] { return std::ranges::find(device_.lines, line) != device_.lines.end(); });
  }
  void set(std::string_view address, const Value& value, std::uint32_t peer) {
    const EncodedValue encoded(value);
    link_->set(address, encoded.view(), PeerTag{peer});
  }
  void emit(std::string_view address) {
    link_->publish({.address = address, .signal = SignalType::event, .value = {}, .samples = {}, .timestamp = {}, .id = {}, .rate = {}},
                   PeerTag::none);
  }
  void bundle(std::vector<std::string> addresses, std::uint32_t peer) {
    const EncodedValue one(Value(1));
    std::vector<Message> messages;
    for (const std::string& address : addresses) messages.push_back({Set{.address = address, .value = one.view(), .revision = {}, .ttl = {}}});
    messages.push_back(
        {Publish{.address = "/osc/e", .signal = SignalType::event, .value = {}, .samples = {}, .timestamp = {}, .id = {}, .rate = {}}});
    link_->bundle(messages, std::nullopt, PeerTag{peer});
  }

  boost::asio::io_context loop_{1};
  Device device_;
  std::optional<RemoteRouterLink> link_;
};

TEST_F(RemoteLinkTest, IntroducesTheBridge) {
  FakeRouter router;
  open(router);
  ASSERT_TRUE(heard("up"));
  ASSERT_EQ(router.wait_for("SUBSCRIBE 2"), "SUBSCRIBE 2 /mapped/*");
  std::vector<std::string> lines = router.received();
  std::erase(lines, "SYNC");
  EXPECT_THAT(lines, ElementsAre("GET / HTTP/1.1", "HELLO osc-bridge features=e1 token= snapshot=\"none\" resume={}", "ANNOUNCE /osc /osc/**", "SUBSCRIBE 1 /osc/**",
                                 "SUBSCRIBE 2 /mapped/*"));
}

TEST_F(RemoteLinkTest, KnowsItsOwnWritesAndTheirPeer) {
  FakeRouter router;
  open(router);
  ASSERT_TRUE(heard("up"));
  set("/osc/fader", 0.5, 7);
  ASSERT_TRUE(heard("SET /osc/fader 0.5 own 7"));
  router.say_set("/osc/fader", 0.75, 9);
  ASSERT_TRUE(heard("SET /osc/fader 0.75"));
  bundle({"/osc/a", "/osc/b"}, 8);
  ASSERT_TRUE(heard("SET /osc/b 1 own 8"));
  EXPECT_THAT(device_.lines, ElementsAre("up", "SET /osc/fader 0.5 own 7", "SET /osc/fader 0.75", "SET /osc/a 1 own 8", "SET /osc/b 1 own 8"));
}

TEST_F(RemoteLinkTest, DeliversEventsAndLetsTheBridgeWriteInsideItsCallbacks) {
  FakeRouter router;
  open(router);
  ASSERT_TRUE(heard("up"));
  device_.on_delivery = [this] {
    device_.on_delivery = nullptr;
    set("/osc/answer", 1, 3);
  };
  router.say({Publish{.address = "/osc/go", .signal = SignalType::event, .value = {}, .samples = {}, .timestamp = {}, .id = {}, .rate = {}}});
  ASSERT_TRUE(heard("SET /osc/answer 1 own 3"));
  EXPECT_THAT(device_.lines, ElementsAre("up", "event /osc/go", "SET /osc/answer 1 own 3"));
}

TEST_F(RemoteLinkTest, DeliversStateThatIsThereOnlyIfAsked) {
  for (const bool asked : {false, true}) {
    FakeRouter router;
    {
      Device other;
      RemoteRouterLink writer(loop_, config(router));
      writer.open({.name = "w", .ns = "/w", .protocol = "osc", .device = {}}, {}, false, other);
      ASSERT_TRUE(run_until([&] { return !other.lines.empty(); }));
      const EncodedValue two(Value(2));
      writer.set("/osc/old", two.view(), PeerTag::none);
      ASSERT_TRUE(run_until([&] { return router.count("SET") == 1; }));
    }
    device_.lines.clear();
    open(router, asked);
    ASSERT_TRUE(heard("up"));
    ASSERT_TRUE(run_until([&] { return router.count("SUBSCRIBE 2") == 1; }));
    router.say_set("/osc/end", 1, 1);
    ASSERT_TRUE(heard("SET /osc/end 1"));
    EXPECT_EQ(std::ranges::count(device_.lines, "SET /osc/old 2 snapshot"), asked ? 1 : 0);
    link_.reset();
  }
}

TEST_F(RemoteLinkTest, ReportsRefusedWrites) {
  FakeRouter router;
  open(router);
  ASSERT_TRUE(heard("up"));
  router.refuse_sets(401);
  set("/osc/locked", 1, 1);
  EXPECT_TRUE(heard("refused 401 /osc/locked"));
}

TEST_F(RemoteLinkTest, KeepsTheNewestSetsWhileTheRouterIsAwayAndCountsDroppedEvents) {
  std::uint16_t port = 0;
  {
    FakeRouter router;
    port = router.port();
    open(router);
    ASSERT_TRUE(heard("up"));
  }
  ASSERT_TRUE(run_until([&] { return device_.lines.size() >= 3; })) << "down, and an attempt that failed";
  EXPECT_THAT(device_.lines, Contains(StartsWith("down: ")));
  set("/osc/a", 1, 1);
  set("/osc/a", 2, 1);
  emit("/osc/e");
  bundle({"/osc/b"}, 1);
  EXPECT_EQ(link_->stats().offline_params, 2U);
  EXPECT_EQ(link_->stats().publishes_dropped, 2U);

  FakeRouter again(client::Transport::websocket, port);
  ASSERT_TRUE(run_until([&] { return again.count("SET /osc/b") == 1; }));
  EXPECT_THAT(again.received(), Contains("SET /osc/a 2"));
  EXPECT_EQ(again.count("SET /osc/a"), 1U);
  EXPECT_EQ(again.count("SUBSCRIBE"), 2U);
  EXPECT_EQ(again.count("ANNOUNCE"), 1U);
  EXPECT_EQ(link_->stats().reconnects, 1U);
}

TEST_F(RemoteLinkTest, KnowsItsOwnWritesThatHadToWaitForTheRouter) {
  std::uint16_t port = 0;
  {
    FakeRouter gone;
    port = gone.port();
  }
  RemoteLinkConfig patient{.endpoint = *client::parse_url(fmt::format("ws://127.0.0.1:{}", port)), .token = {}};
  patient.backoff.first = Micros{10'000};
  open(patient);
  for (int i = 0; i < 1'000; ++i) set(fmt::format("/osc/{}", i), i, 7);
  set("/osc/0", 5, 9);
  FakeRouter router(client::Transport::websocket, port);
  ASSERT_TRUE(heard("SET /osc/999 999 own 7"));
  ASSERT_TRUE(heard("SET /osc/0 5 own 9")) << "the newest, and whose it is";
  for (const std::string& line : device_.lines) EXPECT_TRUE(!line.starts_with("SET") || line.contains(" own ")) << line;
}

TEST_F(RemoteLinkTest, WaitsForARouterThatIsNotThereYet) {
  std::uint16_t port = 0;
  {
    FakeRouter gone;
    port = gone.port();
    link_.emplace(loop_, config(gone));
  }
  const std::vector<std::string> patterns{"/osc/**"};
  link_->open({.name = "osc-bridge", .ns = "/osc", .protocol = "osc", .device = {}}, patterns, false, device_);
  ASSERT_TRUE(run_until([&] { return !device_.lines.empty(); }));
  EXPECT_THAT(device_.lines.front(), StartsWith("down: "));
  FakeRouter router(client::Transport::websocket, port);
  EXPECT_TRUE(heard("up"));
}

TEST_F(RemoteLinkTest, StopsTryingWithATokenTheRouterRefuses) {
  FakeRouter router;
  router.refuse_hello(302);
  open(router);
  ASSERT_TRUE(heard("refused 302 "));
  const auto end = std::chrono::steady_clock::now() + 200ms;  // twenty times the first delay
  run_until([&] { return std::chrono::steady_clock::now() > end; });
  EXPECT_EQ(router.count("HELLO"), 1U);
}

TEST_F(RemoteLinkTest, SendsWhatItHasAndSaysGoodbyeWhenClosed) {
  FakeRouter router;
  open(router);
  ASSERT_TRUE(heard("up"));
  for (int i = 0; i < 1'000; ++i) set(fmt::format("/osc/{}", i), i, 1);
  link_->close();
  link_->close();
  device_.lines.clear();
  ASSERT_TRUE(run_until([&] { return router.count("websocket close") == 1; }));
  EXPECT_EQ(router.count("SET /osc/"), 1'000U);
  EXPECT_THAT(device_.lines, IsEmpty()) << "no call of the listener afterwards";
}

TEST_F(RemoteLinkTest, MayBeClosedInsideACallback) {
  FakeRouter router;
  open(router);
  ASSERT_TRUE(heard("up"));
  device_.on_delivery = [this] { link_->close(); };
  router.say_set("/osc/a", 1, 1);
  router.say_set("/osc/b", 1, 1);
  ASSERT_TRUE(run_until([&] { return router.count("websocket close") == 1; }));
  EXPECT_THAT(device_.lines, ElementsAre("up", "SET /osc/a 1"));
}

TEST_F(RemoteLinkTest, AnswersCallsAndStillKnowsItsOwnWrites) {
  FakeRouter router;
  open(router);
  const EncodedValue one(Value(1));
  const Set set{.address = "/osc/a", .value = one.view(), .revision = {}, .ttl = {}};
  link_->write({set}, PeerTag{4}, LinkTicket{1});
  EXPECT_TRUE(heard("answer 1 error 901")) << "not connected yet: nobody waits for later";
  ASSERT_TRUE(heard("up"));
  link_->write({set}, PeerTag{4}, LinkTicket{2});
  ASSERT_TRUE(heard("answer 2 revision 1"));
  EXPECT_THAT(device_.lines, Contains("SET /osc/a 1 own 4"));
  link_->write({Publish{.address = "/osc/e", .signal = SignalType::event, .value = one.view(), .samples = {}, .timestamp = {}, .id = {}, .rate = {}}}, PeerTag{4},
               LinkTicket{3});
  ASSERT_TRUE(heard("answer 3 revision 0"));
  link_->get("/osc/a", LinkTicket{4});
  ASSERT_TRUE(heard("answer 4 revision 1 1"));
  link_->get("/osc/none", LinkTicket{5});
  ASSERT_TRUE(run_until([&] { return std::ranges::any_of(device_.lines, [](const auto& line) { return line.starts_with("answer 5 error"); }); }));
  router.refuse_sets(401);
  link_->write({set}, PeerTag{4}, LinkTicket{6});
  ASSERT_TRUE(heard("answer 6 error 401"));
  EXPECT_EQ(std::ranges::count_if(device_.lines, [](const auto& line) { return line.starts_with("refused"); }), 0) << "told once, as the answer";
}

TEST_F(RemoteLinkTest, SaysWhenAPatternHasCaughtUp) {
  FakeRouter router;
  open(router, true);
  ASSERT_TRUE(heard("caught up with /osc/**"));
  link_->subscribe("/more/**");
  ASSERT_TRUE(heard("caught up with /more/**"));
  router.drop_all();
  ASSERT_TRUE(run_until([&] { return std::ranges::count(device_.lines, "caught up with /more/**") == 2; })) << "once more with each connection";
}

TEST_F(RemoteLinkTest, SubscribesToMoreAndToLess) {
  FakeRouter router;
  open(router);
  ASSERT_TRUE(heard("up"));
  link_->subscribe("/more/**");
  link_->subscribe("/more/**");
  ASSERT_TRUE(run_until([&] { return router.count("SUBSCRIBE 3 /more/**") == 1; }));
  link_->unsubscribe("/more/**");
  link_->unsubscribe("/more/**");
  ASSERT_TRUE(run_until([&] { return router.count("UNSUBSCRIBE") == 1; }));
  set("/osc/a", 1, 7);
  ASSERT_TRUE(heard("SET /osc/a 1 own 7"));
  EXPECT_EQ(router.count("SUBSCRIBE"), 3U);
  EXPECT_EQ(router.count("UNSUBSCRIBE"), 1U);
}

}  // namespace
}  // namespace clasp::bridge
