// The client against the real router and its real listener.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "clasp/client.hpp"
#include "client/router_testing.hpp"

namespace clasp {
namespace {

using namespace std::chrono_literals;
using client::testing::RealRouter;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Heard {
 public:
  Client::DeliveryCallback into() {
    return [this](const Delivery& delivery) {
      std::lock_guard lock(mutex_);
      deliveries_.push_back(delivery);
      changed_.notify_all();
    };
  }
  // Waits until so many have come; those that came.
  std::vector<Delivery> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, 60s, [&] { return deliveries_.size() >= count; })) << deliveries_.size() << " of " << count;
    return deliveries_;
  }
  std::vector<std::string> lines(std::size_t count) {
    std::vector<std::string> lines;
    for (const Delivery& delivery : wait_for(count)) {
      lines.push_back(fmt::format("{} {}{}", delivery.address, to_json(delivery.value), delivery.snapshot ? " snapshot" : ""));
    }
    return lines;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Delivery> deliveries_;
};

Client connect(const RealRouter& router, std::string_view scheme = "ws") {
  auto client = Client::builder(router.url(scheme)).name("test").connect();
  if (!client) throw std::runtime_error(client.error().message);
  return std::move(*client);
}

TEST(ClientAndRouter, UnderstandEachOtherOverBothTransports) {
  RealRouter router;
  Client desk = connect(router, "ws");
  Client phone = connect(router, "tcp");
  EXPECT_NE(desk.session_id(), phone.session_id());

  const auto first = desk.set_confirmed("/lights/1", 0.5);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->revision, 1U);
  Heard heard;
  const auto subscription = phone.subscribe("/lights/**", heard.into());
  ASSERT_TRUE(subscription);
  ASSERT_TRUE(phone.ping()) << "SUBSCRIBE has been handled";
  EXPECT_THAT(heard.lines(1), ElementsAre("/lights/1 0.5 snapshot"));
  ASSERT_TRUE(desk.set("/lights/2", "on"));
  ASSERT_TRUE(desk.emit("/lights/go", 7));
  ASSERT_TRUE(desk.set("/sound/1", 1));
  ASSERT_TRUE(desk.set("/lights/1", 0.75));
  EXPECT_THAT(heard.lines(4), ElementsAre("/lights/1 0.5 snapshot", "/lights/2 \"on\"", "/lights/go 7", "/lights/1 0.75"));
  EXPECT_EQ(*phone.get("/lights/2"), Value("on"));
  EXPECT_EQ(*phone.get("/sound/1"), Value(1));
  EXPECT_EQ(phone.get_fresh("/lights/1")->writer, desk.session_id());
}

TEST(ClientAndRouter, SayAtOnceThatThereIsNoSuchParam) {
  RealRouter router;
  Client client = connect(router);
  const auto started = std::chrono::steady_clock::now();
  EXPECT_EQ(client.get("/missing").error().code, ErrorCode::not_found);
  EXPECT_LT(std::chrono::steady_clock::now() - started, 2s) << "that was the timeout";
}

TEST(ClientAndRouter, RefuseLockedAndOutdatedWrites) {
  RealRouter router;
  Client owner = connect(router);
  Client other = connect(router);
  ASSERT_TRUE(owner.set_confirmed("/a", 1, {.lock = true, .lifetime = {}, .expected_revision = {}}));
  const auto locked = other.set_confirmed("/a", 2);
  ASSERT_FALSE(locked);
  EXPECT_EQ(static_cast<int>(locked.error().code) / 100, 4);
  EXPECT_EQ(locked.error().address, "/a");
  EXPECT_EQ(other.last_error()->code, locked.error().code);
  const auto outdated = owner.set_confirmed("/a", 3, {.lifetime = {}, .expected_revision = 9});
  ASSERT_FALSE(outdated);
  EXPECT_EQ(outdated.error().code, ErrorCode::revision_conflict);
  EXPECT_EQ(owner.set_confirmed("/a", 3, {.lifetime = {}, .expected_revision = 1})->revision, 2U);
  ASSERT_TRUE(owner.set_unlocked("/a", 4));
  ASSERT_TRUE(owner.ping());
  EXPECT_TRUE(other.set_confirmed("/a", 5));
}

TEST(ClientAndRouter, ExecuteBundlesAtOnceAndAtTheirTime) {
  RealRouter router;
  Client client = connect(router);
  ASSERT_TRUE(client.bundle_confirmed(Batch().set("/a", 1).set("/b", 2)));
  EXPECT_EQ(*client.get_fresh("/b")->value.integer(), 2);
  const auto executed = client.bundle_confirmed(Batch().set("/a", 3), client.time() + 60'000);
  ASSERT_TRUE(executed) << executed.error().message;
  EXPECT_EQ(executed->revision, 2U);
}

TEST(ClientAndRouter, CarryGesturesStreamsAndTimelines) {
  RealRouter router;
  Client sender = connect(router);
  Client receiver = connect(router);
  Heard heard;
  const auto subscription = receiver.subscribe("/**", heard.into());
  ASSERT_TRUE(receiver.ping());
  ASSERT_TRUE(sender.gesture("/touch", 4, Phase::start, 1));
  ASSERT_TRUE(sender.gesture("/touch", 4, Phase::end, 2));
  ASSERT_TRUE(sender.stream_samples("/wave", {1.5, 2.5}, 48'000));
  const Timeline fade{.keyframes = {{.time_us = 0, .value = 0.0, .bezier = {}}, {.time_us = 1'000, .value = 1.0, .bezier = {}}},
                      .start_time_us = {},
                      .duration_us = {}};
  ASSERT_TRUE(sender.timeline("/fade", fade));
  const std::vector<Delivery> deliveries = heard.wait_for(4);
  EXPECT_EQ(deliveries[0].phase, Phase::start);
  EXPECT_EQ(deliveries[1].phase, Phase::end);
  EXPECT_EQ(deliveries[1].gesture_id, 4U);
  EXPECT_THAT(deliveries[2].samples, ElementsAre(1.5, 2.5));
  EXPECT_EQ(deliveries[2].rate_hz, 48'000U);
  EXPECT_EQ(deliveries[3].signal, Signal::timeline);
  EXPECT_EQ(*parse_timeline(deliveries[3].value), fade);
}

TEST(ClientAndRouter, KnowAnnouncedSignals) {
  RealRouter router;
  Client desk = connect(router);
  Client other = connect(router);
  ASSERT_TRUE(desk.announce(
      "/desk", {{.address = "/desk/1", .type = Signal::param, .datatype = "f64", .access = "rw", .unit = {}, .range = {}, .description = {}}}));
  ASSERT_TRUE(desk.ping());
  const auto signals = other.query("/desk/**");
  ASSERT_TRUE(signals) << signals.error().message;
  ASSERT_EQ(signals->size(), 1U);
  EXPECT_EQ(signals->front().datatype, "f64");
  EXPECT_EQ(other.signals("/desk/*").size(), 1U);
}

TEST(ClientAndRouter, AgreeOnTheTime) {
  RealRouter router;
  Client client = connect(router);
  ASSERT_TRUE(client.sync());
  const auto wall =
      static_cast<std::int64_t>(std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
  EXPECT_NEAR(static_cast<double>(client.time()), static_cast<double>(wall), 500'000.0);
  EXPECT_GT(client.clock().quality, 0.0);
}

TEST(ClientAndRouter, LeaveTheSnapshotOutIfAsked) {
  RealRouter router;
  Client writer = connect(router);
  ASSERT_TRUE(writer.set_confirmed("/a", 1));
  Client normal = connect(router);
  ASSERT_TRUE(normal.ping());
  EXPECT_EQ(normal.cached("/a"), Value(1));
  auto brief = Client::builder(router.url()).snapshot(false).connect();
  ASSERT_TRUE(brief);
  ASSERT_TRUE(brief->ping());
  EXPECT_EQ(brief->cached("/a"), std::nullopt);
  EXPECT_EQ(*brief->get("/a"), Value(1));
}

TEST(ClientAndRouter, LoseNothingInAFlood) {
  RealRouter router;
  Client sender = connect(router);
  Client receiver = connect(router);
  std::atomic<std::int64_t> last = -1;
  std::atomic<int> disorder = 0;
  std::atomic<int> count = 0;
  const auto subscription = receiver.subscribe("/event", Client::ValueCallback([&](const Value& value, std::string_view) {
                                                 const std::int64_t number = *value.integer();
                                                 if (number != last.exchange(number) + 1) ++disorder;
                                                 ++count;
                                               }));
  ASSERT_TRUE(receiver.ping());
  constexpr int events = 20'000;
  for (int i = 0; i < events; ++i) {
    while (!sender.emit("/event", i)) std::this_thread::yield();
  }
  ASSERT_TRUE(sender.ping(10s));
  ASSERT_TRUE(receiver.ping(10s));
  const auto end = std::chrono::steady_clock::now() + 60s;
  while (count < events && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_EQ(count, events);
  EXPECT_EQ(disorder, 0);
}

}  // namespace
}  // namespace clasp
