// The public client over real loopback sockets, against a small router in the same process.
#include "clasp/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>

#include "client/fake_router_testing.hpp"

namespace clasp {
namespace {

using namespace std::chrono_literals;
using client::Transport;
using client::testing::FakeRouter;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What callbacks have told, to wait for.
class Log {
 public:
  void add(std::string line) {
    std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
    changed_.notify_all();  // with the mutex: who waits may destroy this next
  }
  bool wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 60s, [&] { return lines_.size() >= count; });
  }
  bool wait_for(const std::string& line) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 60s, [&] { return std::ranges::find(lines_, line) != lines_.end(); });
  }
  std::vector<std::string> lines() {
    std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

Client connect(const FakeRouter& router) {
  auto client = Client::builder(router.url()).name("test").clock_sync(false).connect();
  if (!client) throw std::runtime_error(client.error().message);
  return std::move(*client);
}

Client::ValueCallback into(Log& log) {
  return [&log](const Value& value, std::string_view address) { log.add(fmt::format("{} {}", address, to_json(value))); };
}

class ClientOver : public ::testing::TestWithParam<Transport> {};
INSTANTIATE_TEST_SUITE_P(Transports, ClientOver, ::testing::Values(Transport::websocket, Transport::tcp),
                         [](const auto& row) { return row.param == Transport::tcp ? "Tcp" : "WebSocket"; });

TEST_P(ClientOver, WritesReadsAndHears) {
  FakeRouter router(GetParam());
  Client client = connect(router);
  EXPECT_TRUE(client.is_connected());
  EXPECT_EQ(client.session_id(), "session-1");
  EXPECT_EQ(client.server_name(), "fake");
  EXPECT_THAT(client.server_features(), ElementsAre("param", "event", "stream", "gesture", "timeline"));

  Log log;
  const auto subscription = client.subscribe("/a/**", into(log));
  ASSERT_TRUE(subscription);
  ASSERT_TRUE(client.set("/a/b", 0.5));
  ASSERT_TRUE(client.set("/other", 1));
  const auto confirmed = client.set_confirmed("/a/b", "text");
  ASSERT_TRUE(confirmed);
  EXPECT_EQ(confirmed->revision, 2U);
  EXPECT_EQ(confirmed->address, "/a/b");
  ASSERT_TRUE(log.wait_for(2));
  EXPECT_THAT(log.lines(), ElementsAre("/a/b 0.5", "/a/b \"text\""));

  EXPECT_EQ(*client.get("/a/b"), Value("text"));
  EXPECT_EQ(router.count("GET /a/b"), 0U) << "the subscription keeps the cache current";
  EXPECT_EQ(*client.get("/other"), Value(1));
  EXPECT_EQ(router.count("GET /other"), 1U);
  const auto fresh = client.get_fresh("/a/b");
  ASSERT_TRUE(fresh);
  EXPECT_EQ(fresh->revision, 2U);
  EXPECT_EQ(fresh->writer, "w");
  EXPECT_EQ(router.count("GET /a/b"), 1U);
  EXPECT_EQ(client.get("/missing").error().code, ErrorCode::not_found);
  EXPECT_EQ(client.cached("/a/b"), Value("text"));
  EXPECT_EQ(client.cached("/missing"), std::nullopt);
}

TEST_P(ClientOver, ConfirmsBundlesAndMeasuresTime) {
  FakeRouter router(GetParam());
  Client client = connect(router);
  const auto confirmed = client.bundle_confirmed(Batch().set("/a", 1).set("/b", 2).emit("/go"));
  ASSERT_TRUE(confirmed);
  EXPECT_EQ(confirmed->revision, 1U);
  EXPECT_EQ(router.wait_for("BUNDLE"), "BUNDLE [SET /a 1] [SET /b 2] [PUBLISH event /go null]");
  EXPECT_GT(client.ping()->count(), 0);
  const auto clock = client.sync();
  ASSERT_TRUE(clock);
  EXPECT_GE(clock->samples, 1U);
  const auto signals = client.query("/lights/*");
  ASSERT_TRUE(signals);
  EXPECT_EQ(signals->front().address, "/lights/*");
  EXPECT_EQ(signals->front().access, "rw");
  EXPECT_EQ(client.signals().size(), 1U);
}

TEST_P(ClientOver, CloseSendsEverythingAndSaysGoodbye) {
  FakeRouter router(GetParam());
  Client client = connect(router);
  for (int i = 0; i < 5'000; ++i) ASSERT_TRUE(client.set(fmt::format("/bulk/{}", i), i));
  client.close();
  EXPECT_FALSE(client.is_connected());
  EXPECT_EQ(client.set("/a", 1).error().code, ErrorCode::not_connected);
  EXPECT_EQ(client.get("/a").error().code, ErrorCode::not_connected);
  client.close();
  EXPECT_NE(router.wait_for(GetParam() == Transport::tcp ? "EOF" : "websocket close 1000"), "");
  EXPECT_EQ(router.count("SET /bulk/"), 5'000U);
}

TEST_P(ClientOver, ComesBackWithItsSubscriptions) {
  Log log;
  FakeRouter router(GetParam());
  auto client = Client::builder(router.url())
                    .clock_sync(false)
                    .reconnect_interval(10ms)
                    .on_connect([&log] { log.add("connected"); })
                    .on_disconnect([&log](std::string_view) { log.add("disconnected"); })
                    .on_reconnect([&log](std::uint32_t attempt) { log.add(fmt::format("attempt {}", attempt)); })
                    .connect();
  ASSERT_TRUE(client);
  Log heard;
  const auto subscription =
      client->subscribe("/a", into(heard), {.types = {Signal::param}, .max_rate_hz = 50, .epsilon = {}, .history = {}, .window = {}});
  ASSERT_TRUE(subscription);
  ASSERT_NE(router.wait_for("SUBSCRIBE 1"), "");
  router.forget();
  router.drop_all();
  EXPECT_EQ(router.wait_for("SUBSCRIBE 1"), "SUBSCRIBE 1 /a types=01 max_rate=50");
  EXPECT_TRUE(log.wait_for(4));
  EXPECT_THAT(log.lines(), ElementsAre("connected", "disconnected", "attempt 1", "connected"));
  router.say_set("/a", 7, 1);
  EXPECT_TRUE(heard.wait_for("/a 7"));
  EXPECT_EQ(client->session_id(), "session-2");
  EXPECT_EQ(client->stats().reconnects, 1U);
}

// ---- connecting ----

TEST(Client, FailsAtOnceWithTheCodeAndTextOfTheRouter) {
  FakeRouter router;
  router.refuse_hello(300);
  const auto client = Client::builder(router.url()).connect();
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, ErrorCode::unauthorized);
  EXPECT_EQ(client.error().message, "no entry");
}

TEST(Client, FailsWhenNobodyAnswers) {
  FakeRouter router;
  router.be_silent(true);
  const auto client = Client::builder(router.url()).connect_timeout(50ms).connect();
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, ErrorCode::timeout);
}

TEST(Client, FailsWhenNobodyListens) {
  std::uint16_t port = 0;
  {
    FakeRouter gone;
    port = gone.port();
  }
  const auto client = Client::builder(fmt::format("ws://127.0.0.1:{}", port)).connect();
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, ErrorCode::connection_failed);
  EXPECT_THAT(client.error().message, HasSubstr("cannot reach 127.0.0.1"));
  EXPECT_EQ(Client::builder("wss://host").connect().error().code, ErrorCode::invalid_argument);
}

TEST(Client, FailsWhenTheOtherSideIsNoWebSocketServer) {
  FakeRouter router(Transport::tcp);  // takes the upgrade request for a length prefix of 1.2 GB
  const auto client = Client::builder(fmt::format("ws://127.0.0.1:{}", router.port())).connect_timeout(100ms).connect();
  ASSERT_FALSE(client);
}

TEST(Client, ConnectsInTheBackground) {
  FakeRouter router;
  auto later = Client::builder(router.url()).connect_async();
  auto client = later.get();
  ASSERT_TRUE(client) << client.error().message;
  EXPECT_TRUE(client->is_connected());
}

TEST(Client, AsksForThePathOfTheUrlAndAnswersWebSocketPings) {
  FakeRouter router;
  auto client = Client::builder(router.url() + "/clasp?room=1").snapshot(false).token("t").connect();
  ASSERT_TRUE(client);
  EXPECT_EQ(router.wait_for("GET"), "GET /clasp?room=1 HTTP/1.1");
  EXPECT_EQ(router.wait_for("HELLO"), "HELLO CLASP C++ Client features=f9 token=t snapshot=\"none\" resume={}");
  router.ping_websocket();
  EXPECT_EQ(router.wait_for("websocket pong"), "websocket pong hi");
}

// ---- calls ----

TEST(Client, RefusesWhatCannotBeSent) {
  FakeRouter router;
  Client client = connect(router);
  EXPECT_EQ(client.set("no/slash", 1).error().code, ErrorCode::invalid_address);
  EXPECT_EQ(client.emit("/a/*").error().code, ErrorCode::invalid_address);
  EXPECT_EQ(client.set("/a", std::string(70'000, 'x')).error().code, ErrorCode::invalid_value);
  EXPECT_EQ(client.set_with_ttl("/a", 1, Lifetime::sliding(-1s)).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(client.bundle(Batch().set("/a", 1).set("bad", 1)).error().code, ErrorCode::invalid_address);
  EXPECT_EQ(client.subscribe("/a//b", Client::ValueCallback([](const Value&, std::string_view) {})).error().code, ErrorCode::pattern_error);
}

TEST(Client, SendsEveryKindOfMessage) {
  FakeRouter router;
  Client client = connect(router);
  ASSERT_TRUE(client.set_locked("/lock", 1));
  ASSERT_TRUE(client.set_unlocked("/unlock", 1));
  ASSERT_TRUE(client.set_with_ttl("/ttl/1", 1, Lifetime::sliding(60s)));
  ASSERT_TRUE(client.set_with_ttl("/ttl/2", 1, Lifetime::absolute(60s)));
  ASSERT_TRUE(client.set_with_ttl("/ttl/3", 1, Lifetime::never()));
  ASSERT_TRUE(client.set("/expected", 1, {.lifetime = {}, .expected_revision = 4}));
  ASSERT_TRUE(client.emit("/event", 1));
  ASSERT_TRUE(client.stream("/stream", 1.5));
  ASSERT_TRUE(client.stream_samples("/samples", {1, 2, 3}, 48'000));
  ASSERT_TRUE(client.gesture("/touch", 7, Phase::move, 1));
  ASSERT_TRUE(client.timeline("/fade", {.keyframes = {{.time_us = 0, .value = 0.0, .bezier = {}}}, .start_time_us = {}, .duration_us = {}}));
  ASSERT_TRUE(client.bundle_at(Batch().set("/b", 1), 5));
  ASSERT_TRUE(client.announce("/desk", {{.address = "/desk/go", .datatype = "f32", .access = "r", .unit = "%", .range = {}, .description = "go"}}));
  ASSERT_TRUE(client.replay({.pattern = "/**", .from_us = {}, .to_us = {}, .limit = 3, .types = {}}));
  ASSERT_NE(router.wait_for("REPLAY"), "");
  std::vector<std::string> lines = router.received();
  lines.erase(lines.begin(), lines.begin() + 2);
  EXPECT_THAT(lines,
              ElementsAre("SET /lock 1 lock", "SET /unlock 1 unlock", "SET /ttl/1 1 ttl=60", "SET /ttl/2 1 ttl=2147483708", "SET /ttl/3 1 ttl=0",
                          "SET /expected 1 rev=4", "PUBLISH event /event 1", "PUBLISH stream /stream 1.5", "PUBLISH stream /samples",
                          "PUBLISH gesture /touch 1", HasSubstr("PUBLISH timeline /fade {\"keyframes\":[{\"time\":0"), "BUNDLE at=5 [SET /b 1]",
                          "ANNOUNCE /desk /desk/go", "REPLAY"));
}

TEST(Client, ShowsAllThereIsToKnowAboutADelivery) {
  FakeRouter router;
  Client client = connect(router);
  std::mutex mutex;
  std::vector<Delivery> deliveries;
  Log log;
  const auto subscription = client.subscribe("/**", Client::DeliveryCallback([&](const Delivery& delivery) {
                                               {
                                                 std::lock_guard lock(mutex);
                                                 deliveries.push_back(delivery);
                                               }
                                               log.add(delivery.address);
                                             }));
  ASSERT_TRUE(subscription);
  const EncodedValue one(Value(1));
  ByteBuffer samples;
  samples.u64(std::bit_cast<std::uint64_t>(2.5));
  router.say({Publish{.address = "/touch",
                      .signal = SignalType::gesture,
                      .phase = GesturePhase::end,
                      .value = one.view(),
                      .samples = {},
                      .timestamp = UnixTime{9},
                      .id = 4,
                      .rate = {}}});
  router.say(
      {Publish{.address = "/wave", .signal = SignalType::stream, .value = {}, .samples = samples.view(), .timestamp = {}, .id = {}, .rate = 48'000}});
  router.say({Snapshot{{{.address = "/p", .value = one.view(), .revision = 3, .writer = "w", .timestamp = UnixTime{8}}}}});
  ASSERT_TRUE(log.wait_for(3));
  std::lock_guard lock(mutex);
  EXPECT_EQ(deliveries[0].kind, DeliveryKind::publish);
  EXPECT_EQ(deliveries[0].signal, Signal::gesture);
  EXPECT_EQ(deliveries[0].phase, Phase::end);
  EXPECT_EQ(deliveries[0].gesture_id, 4U);
  EXPECT_EQ(deliveries[0].timestamp_us, 9U);
  EXPECT_THAT(deliveries[1].samples, ElementsAre(2.5));
  EXPECT_EQ(deliveries[1].rate_hz, 48'000U);
  EXPECT_TRUE(deliveries[1].value.is_null());
  EXPECT_EQ(deliveries[2].kind, DeliveryKind::set);
  EXPECT_TRUE(deliveries[2].snapshot);
  EXPECT_EQ(deliveries[2].revision, 3U);
  EXPECT_EQ(deliveries[2].writer, "w");
  EXPECT_EQ(deliveries[2].timestamp_us, 8U);
}

TEST(Client, ReportsRefusalsNobodyWaitsFor) {
  FakeRouter router;
  Client client = connect(router);
  Log log;
  client.on_error([&log](const Error& error) { log.add(fmt::format("{} {}", static_cast<int>(error.code), error.address)); });
  router.refuse_sets(401);
  ASSERT_TRUE(client.set("/a", 1));
  EXPECT_TRUE(log.wait_for("401 /a"));
  EXPECT_EQ(client.last_error()->code, ErrorCode::lock_held);
  EXPECT_EQ(client.set_confirmed("/b", 1).error().code, ErrorCode::lock_held);
  client.clear_error();
  EXPECT_FALSE(client.last_error());
  EXPECT_EQ(log.lines().size(), 1U) << "what a call returned is not reported as well";
}

TEST(Client, LosesNothingSilentlyWhenTheRouterStopsReading) {
  FakeRouter router;
  auto client = Client::builder(router.url()).clock_sync(false).outgoing_bytes_max(65'536).connect();
  ASSERT_TRUE(client);
  router.stop_reading(true);
  const std::string text(1'000, 'x');
  std::size_t accepted = 0;
  while (client->set("/a", text)) {
    ASSERT_LT(++accepted, 100'000U) << "nothing bounds the buffer";
  }
  EXPECT_GE(client->stats().overloaded_calls, 1U);
  router.stop_reading(false);
  while (!client->set("/end", 1)) std::this_thread::yield();
  ASSERT_NE(router.wait_for("SET /end"), "");
  EXPECT_EQ(router.count("SET /a"), accepted);
}

// ---- callbacks ----

TEST(Client, MayBeUsedInsideItsCallbacks) {
  FakeRouter router;
  Client client = connect(router);
  Log log;
  std::optional<Subscription> second;
  const auto first =
      client.subscribe("/a", Client::ValueCallback([&](const Value&, std::string_view) {
                         log.add(fmt::format("waiting: {}", static_cast<int>(client.get_fresh("/a").error().code)));
                         second = std::move(*client.subscribe("/b", into(log)));
                         ASSERT_TRUE(client.set("/b", 2));
                         client.get_async("/a", {}, [&](Result<Param> param) { log.add(fmt::format("later: {}", to_json(param->value))); });
                       }));
  ASSERT_TRUE(client.set("/a", 1));
  ASSERT_TRUE(log.wait_for(3));
  EXPECT_THAT(log.lines(), ::testing::UnorderedElementsAre("waiting: 903", "later: 1", "/b 2"));
}

TEST(Client, ContainsExceptionsOfCallbacks) {
  FakeRouter router;
  Client client = connect(router);
  Log log;
  client.on_error([&log](const Error& error) {
    log.add(error.message);
    throw std::runtime_error("again");
  });
  const auto bad = client.subscribe("/a", Client::ValueCallback([](const Value&, std::string_view) { throw std::runtime_error("boom"); }));
  const auto good = client.subscribe("/a", into(log));
  ASSERT_TRUE(client.set("/a", 1));
  ASSERT_TRUE(log.wait_for(2));
  EXPECT_THAT(log.lines(), ElementsAre("/a 1", "a callback threw in the callback of subscription 1: boom"));
  ASSERT_TRUE(client.ping());
  EXPECT_GE(client.stats().callback_exceptions, 1U);
}

TEST(Client, DoesNotCallAfterUnsubscribing) {
  FakeRouter router;
  Client client = connect(router);
  Log log;
  {
    const auto subscription = client.subscribe("/a", into(log));
    ASSERT_TRUE(client.set_confirmed("/a", 1));
    ASSERT_TRUE(log.wait_for(1));
  }
  ASSERT_TRUE(client.set_confirmed("/a", 2));
  EXPECT_EQ(log.lines().size(), 1U);
  EXPECT_NE(router.wait_for("UNSUBSCRIBE 1"), "");

  auto kept = client.subscribe("/b", into(log));
  const std::uint32_t id = kept->release();
  ASSERT_TRUE(client.set("/b", 1));
  ASSERT_TRUE(log.wait_for("/b 1"));
  client.unsubscribe(id);
  EXPECT_NE(router.wait_for("UNSUBSCRIBE 2"), "");
}

TEST(Client, WaitsForARunningCallbackWhenUnsubscribing) {
  FakeRouter router;
  Client client = connect(router);
  Log log;
  std::atomic<bool> finish = false;
  std::atomic<bool> finished = false;
  auto subscription = client.subscribe("/a", Client::ValueCallback([&](const Value&, std::string_view) {
                                         log.add("in");
                                         while (!finish) std::this_thread::yield();
                                         finished = true;
                                       }));
  ASSERT_TRUE(client.set("/a", 1));
  ASSERT_TRUE(log.wait_for("in"));
  std::thread releaser([&] { finish = true; });
  subscription->unsubscribe();
  EXPECT_TRUE(finished);
  releaser.join();
}

TEST(Client, RunsCallbacksInOrderOnTheExecutorItIsGiven) {
  FakeRouter router;
  std::mutex mutex;
  std::vector<std::function<void()>> tasks;
  Log posted;
  auto client = Client::builder(router.url())
                    .clock_sync(false)
                    .executor([&](std::function<void()> task) {
                      {
                        std::lock_guard lock(mutex);
                        tasks.push_back(std::move(task));
                      }
                      posted.add("task");
                    })
                    .connect();
  ASSERT_TRUE(client);
  Log log;
  const auto subscription = client->subscribe("/a", into(log));
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(client->set_confirmed("/a", i));
  ASSERT_TRUE(posted.wait_for(1));
  EXPECT_TRUE(log.lines().empty()) << "nothing runs before the executor lets it";
  EXPECT_EQ(posted.lines().size(), 1U) << "one task at a time";
  for (std::size_t ran = 0; log.lines().size() < 100; ++ran) {
    ASSERT_TRUE(posted.wait_for(ran + 1));
    std::function<void()> task;
    {
      std::lock_guard lock(mutex);
      task = tasks[ran];
    }
    task();
  }
  ASSERT_EQ(log.lines().size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(log.lines()[static_cast<std::size_t>(i)], fmt::format("/a {}", i));
  client->close();
  for (const auto& task : tasks) task();
  EXPECT_EQ(log.lines().size(), 100U);
}

TEST(Client, MayBeClosedInsideACallbackAndByManyThreads) {
  FakeRouter router;
  Client client = connect(router);
  Log log;
  const auto subscription = client.subscribe("/a", Client::ValueCallback([&](const Value& value, std::string_view) {
                                               client.close();
                                               client.close();
                                               log.add(to_json(value));
                                             }));
  ASSERT_TRUE(client.set("/a", 1));
  ASSERT_TRUE(log.wait_for(1));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { client.close(); });
  for (std::thread& thread : threads) thread.join();
  router.say_set("/a", 2, 2);
  EXPECT_THAT(log.lines(), ElementsAre("1"));
}

TEST(Client, MayBeDestroyedInsideItsOwnCallback) {
  FakeRouter router;
  Log log;
  auto client = std::make_unique<Client>(connect(router));
  client
      ->subscribe("/a", Client::ValueCallback([&](const Value&, std::string_view) {
                    client.reset();
                    log.add("gone");
                  }))
      ->release();
  ASSERT_TRUE(client->set("/a", 1));
  ASSERT_TRUE(log.wait_for("gone"));
  EXPECT_NE(router.wait_for("websocket close"), "");
}

TEST(Client, FailsWaitingCallsWhenItIsClosed) {
  FakeRouter router;
  Client client = connect(router);
  router.be_silent(true);
  std::thread closer([&] {
    router.wait_for("GET /a confirm");
    client.close();
  });
  EXPECT_EQ(client.get("/a").error().code, ErrorCode::not_connected);
  closer.join();
}

TEST(Client, MayBeUsedByManyThreadsAtOnce) {
  FakeRouter router;
  Client client = connect(router);
  std::atomic<int> heard = 0;
  const auto subscription = client.subscribe("/t/**", Client::ValueCallback([&](const Value&, std::string_view) { ++heard; }));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&client, t] {
      for (int i = 0; i < 100; ++i) {
        const std::string address = fmt::format("/t/{}/{}", t, i % 10);
        if (!client.set_confirmed(address, i) || !client.get(address) || !client.stream("/s", i)) std::abort();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(client.ping());
  client.close();
  EXPECT_EQ(heard, 400);
}

}  // namespace
}  // namespace clasp
