// The whole way through a real router and real sockets: what a client sees from its first byte on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/codec.hpp"
#include "net/length_framer.hpp"
#include "net/net_testing.hpp"
#include "net/router_engine.hpp"

namespace clasp::net {
namespace {

class SteadyRandom final : public router::Random {
 public:
  std::uint64_t next() override { return state_ = state_ * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U; }

 private:
  std::uint64_t state_ = 1;
};

std::string frame_of(const Message& message, Qos qos = Qos::confirm) {
  ByteBuffer out;
  EXPECT_TRUE(append_frame(out, message, qos));
  return std::string{as_text(out.view())};
}
std::string hello(std::string_view name) { return frame_of({Hello{.features = feature::all_signals, .name = name}}); }
std::string set(std::string_view address, double value) {
  const EncodedValue encoded{Value{value}};
  return frame_of({Set{.address = address, .value = encoded.view()}});
}
std::string subscribe(std::string_view pattern) { return frame_of({Subscribe{.id = 1, .pattern = pattern}}); }

// The CLASP frames a WebSocket client was sent, and its close.
struct Seen {
  std::vector<std::string> names;
  std::map<std::string, double> values;  // the newest of each address
  std::optional<std::uint16_t> close_code;
  std::string close_text;
  std::size_t count(std::string_view name) const { return static_cast<std::size_t>(std::ranges::count(names, name)); }
};
Seen seen_by(const TestClient& client) {
  Seen seen;
  std::string bytes = behind_head(client.received);
  std::span<std::byte> input{reinterpret_cast<std::byte*>(bytes.data()), bytes.size()};
  WebSocketFramer framer{Role::client};
  Decoder decoder;
  while (const std::optional<Piece> piece = framer.next(input)) {
    if (piece->kind == PieceKind::close) {
      seen.close_code = piece->code;
      seen.close_text = as_text(piece->payload);
    }
    if (piece->kind != PieceKind::frame) continue;
    const Decoded<Frame> frame = decode_frame(piece->payload);
    const Decoded<Message> message = decoder.decode(frame.value().payload);
    seen.names.emplace_back(find_message_info(type_of(message.value()))->name);
    if (const Set* set = std::get_if<Set>(&message->body)) seen.values[std::string{set->address}] = set->value.as_number().value_or(-1);
  }
  EXPECT_FALSE(framer.fault());
  return seen;
}

class RouterLinkTest : public testing::Test {
 protected:
  void start(LoopOptions options = {}, router::Config config = {}) {
    loop = std::make_unique<EventLoop>(options);
    router = std::make_unique<router::Router>(std::move(config), router::Hooks{.random = &random}, io::read_clocks());
    engine = std::make_unique<RouterEngine>(*router);
    loop->attach(*engine);
    Result<std::unique_ptr<Listener>> opened = Listener::open(*loop, {"127.0.0.1", 0}, Protocols::clasp(*engine, http));
    ASSERT_TRUE(opened) << opened.error().message;
    listener = *std::move(opened);
  }
  TestClient web(std::string_view first_message, int receive_bytes = 0) {
    TestClient client{listener->port(), false, receive_bytes};
    client.send(upgrade_request() + masked(Opcode::binary, first_message));
    return client;
  }
  bool until(const std::function<bool()>& condition, std::vector<TestClient*> clients) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (true) {
      for (TestClient* client : clients) client->read();
      if (condition()) return true;
      if (std::chrono::steady_clock::now() > give_up) return false;
      loop->turn(Micros{1'000});
    }
  }
  bool until_seen(TestClient& client, std::string_view name, std::size_t times = 1) {
    return until([&] { return seen_by(client).count(name) >= times; }, {&client});
  }

  SteadyRandom random;
  ProbeHandler http;
  std::unique_ptr<EventLoop> loop;
  std::unique_ptr<router::Router> router;
  std::unique_ptr<RouterEngine> engine;
  std::unique_ptr<Listener> listener;
};

TEST_F(RouterLinkTest, HelloIsAnsweredWithWelcomeAndASnapshotEvenIfEmpty) {
  start();
  TestClient client = web(hello("desk"));
  ASSERT_TRUE(until_seen(client, "SNAPSHOT"));
  EXPECT_EQ(seen_by(client).names, (std::vector<std::string>{"WELCOME", "SNAPSHOT"}));
}

TEST_F(RouterLinkTest, ASetReachesASubscriberOnAnotherFraming) {
  start();
  TestClient desk = web(hello("desk"));
  ASSERT_TRUE(until_seen(desk, "SNAPSHOT"));
  desk.send(masked(Opcode::binary, subscribe("/lights/**")));
  TestClient arduino{listener->port()};
  arduino.send(length_prefixed(hello("arduino")));
  arduino.send(length_prefixed(set("/lights/1", 0.5)) + length_prefixed(set("/lights/2", 1.0)));
  EXPECT_TRUE(until_seen(desk, "SET", 2));
  // WELCOME, SNAPSHOT and two ACKs, each behind its length.
  EXPECT_TRUE(until(
      [&] {
        LengthFramer framer;
        std::string bytes = arduino.received;
        std::span<std::byte> input{reinterpret_cast<std::byte*>(bytes.data()), bytes.size()};
        std::size_t frames = 0;
        while (framer.next(input)) ++frames;
        return frames == 4;
      },
      {&arduino}));
}

TEST_F(RouterLinkTest, GarbageAndAWrongFirstMessageAreClosedWithAReason) {
  start();
  TestClient garbage = web("not a frame");
  TestClient wrong = web(set("/a", 1));
  TestClient text = web(hello("other"));
  ASSERT_TRUE(until([&] { return garbage.ended && wrong.ended; }, {&garbage, &wrong}));
  for (const TestClient* client : {&garbage, &wrong}) {
    const Seen seen = seen_by(*client);
    ASSERT_TRUE(seen.close_code);
    EXPECT_TRUE(*seen.close_code == 1002 || *seen.close_code == 1008) << *seen.close_code;
    EXPECT_FALSE(seen.close_text.empty());
    EXPECT_EQ(seen.count("WELCOME"), 0U);
  }
  EXPECT_TRUE(until_seen(text, "WELCOME")) << "nobody else waits";
}

TEST_F(RouterLinkTest, SilenceBeforeHelloEndsAndFreesTheLink) {
  start({.setup_max = Micros{100'000}}, {.handshake_timeout = router::milliseconds{50}});
  TestClient client{listener->port()};
  client.send(upgrade_request());
  ASSERT_TRUE(until([&] { return client.ended; }, {&client}));
  const Seen seen = seen_by(client);
  EXPECT_EQ(seen.close_code, 1008);
  client.close();
  EXPECT_TRUE(until([&] { return loop->streams() == 0 && router->gauges().links == 0; }, {}));
}

TEST_F(RouterLinkTest, ASlowSubscriberHoldsNothingUpAndConvergesWhenItReads) {
  start();
  TestClient slow = web(hello("slow"), 16'384);
  ASSERT_TRUE(until_seen(slow, "SNAPSHOT"));
  slow.send(masked(Opcode::binary, subscribe("/**")));
  TestClient fast = web(hello("fast"));
  ASSERT_TRUE(until_seen(fast, "SNAPSHOT"));
  constexpr int sets = 200'000;
  int sent = 0;
  std::string pending;
  const bool done = until(
      [&] {
        for (; pending.size() < 200'000 && sent < sets; ++sent) pending += masked(Opcode::binary, set("/f/" + std::to_string(sent % 100), sent));
        pending.erase(0, fast.send(pending));
        fast.received.clear();
        return pending.empty() && sent == sets && router->stats().commits == sets;
      },
      {&fast});
  ASSERT_TRUE(done) << "the writer was held up at " << router->stats().commits;
  EXPECT_LE(loop->blocks().bytes_in_use(), 400'000U) << "what a slow link has not taken stays with the engine, as marks";
  EXPECT_EQ(router->stats().congestions, 1U);
  const auto converged = [&] {
    const Seen seen = seen_by(slow);
    for (int i = 0; i < 100; ++i) {
      const auto at = seen.values.find("/f/" + std::to_string(i));
      if (at == seen.values.end() || at->second != sets - 100 + i) return false;
    }
    return true;
  };
  std::size_t looked_at = 0;  // parsing megabytes again for every few bytes would take long
  EXPECT_TRUE(until(
      [&] { return router->gauges().outbox_bytes == 0 && std::exchange(looked_at, slow.received.size()) != slow.received.size() && converged(); },
      {&slow}));
}

TEST_F(RouterLinkTest, ClosingEverybodyLeavesNothingBehind) {
  start();
  std::vector<TestClient> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(web(hello("c")));
  std::vector<TestClient*> all;
  for (TestClient& client : clients) all.push_back(&client);
  ASSERT_TRUE(until([&] { return router->gauges().sessions == 10; }, all));
  loop->defer([&] { router->close_all({router::CloseCode::going_away, "the router is stopping"}, loop->now()); });
  ASSERT_TRUE(until([&] { return std::ranges::all_of(clients, &TestClient::ended); }, all));
  for (TestClient& client : clients) {
    EXPECT_EQ(seen_by(client).close_code, 1001);
    client.close();
  }
  EXPECT_TRUE(until([&] { return loop->streams() == 0; }, {}));
  EXPECT_EQ(router->gauges().links, 0U);
}

// A turn reads 64 KiB of a link, and frames are less than what is read: with a budget of 64 KiB no flood ever filled it (contract 17).
TEST(RouterAndLoop, AFloodFillsTheRoutersBudgetWithinOneReadOfTheLoop) {
  EXPECT_LE(router::Config{}.turn_input_bytes, LoopOptions{}.read_bytes_max / 2);
}

}  // namespace
}  // namespace clasp::net
