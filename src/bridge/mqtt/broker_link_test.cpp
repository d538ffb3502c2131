// The connection, with real sockets, against brokers that follow a script.
#include "bridge/mqtt/broker_link.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <mutex>

#include "bridge/mqtt/mqtt_testing.hpp"
#include "dial/dial_testing.hpp"
#include "io/io_loop.hpp"

namespace clasp::bridge::mqtt {
namespace {

using namespace std::chrono_literals;
using namespace test;
using dial::ScriptServer;
using dial::ServerEnd;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

// The broker's side of one connection. 3.1.1, as everything here that does not say otherwise.
class BrokerEnd {
 public:
  explicit BrokerEnd(ServerEnd& end, Version version = Version::v311) : end_(end), version_(version) {}

  // The next packet in words; "" at the end.
  std::string read() {
    const std::string first = end_.read_exactly(2);  // the packets here are shorter than 128 bytes, or skipped
    if (first.size() < 2) return {};
    std::string packet = first;
    std::size_t length = static_cast<unsigned char>(first[1]) & 0x7fU;
    for (unsigned shift = 7; (static_cast<unsigned char>(packet.back()) & 0x80U) != 0; shift += 7) {
      packet += end_.read_exactly(1);
      length |= (static_cast<std::size_t>(packet.back()) & 0x7fU) << shift;
    }
    packet += end_.read_exactly(length);
    return describe(as_bytes(packet), version_);
  }
  void accept(bool session_present = false) {
    write([&](ByteBuffer& out) { wire::append_connack(out, version_, {.session_present = session_present}); });
  }
  void refuse(Reason reason) {
    write([&](ByteBuffer& out) { wire::append_connack(out, version_, {.reason = reason}); });
  }
  void publish(std::string_view topic, std::string_view payload) {
    write([&](ByteBuffer& out) { wire::append_publish(out, version_, {.topic = topic, .payload = as_bytes(payload)}); });
  }
  template <typename Append>
  void write(Append append) {
    ByteBuffer out;
    append(out);
    end_.write(as_text(out.view()));
  }

 private:
  ServerEnd& end_;
  Version version_;
};

constexpr Micros never{3'600'000'000};

class BrokerLinkTest : public testing::Test {
 protected:
  ~BrokerLinkTest() override { stop(); }

  bool until(const std::function<bool()>& happened) {
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (!happened() && std::chrono::steady_clock::now() < end) loop.turn(20'000us);
    return happened();
  }
  void turn_for(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) loop.turn(5'000us);
  }
  // Soon is at once, slow is never: so the number of attempts says which it was.
  void begin(std::uint16_t port, MqttConfig config = version_3(), Micros soon = 1ms) {
    const RedialConfig redial{.soon = {.first = soon, .factor = 1, .stable_after = never}, .slow = {.first = never, .factor = 1, .cap = never}};
    bridge = std::make_unique<MqttBridge>(router, std::move(config), "clasp-test", MqttBridge::Outside{.clock = io::steady_now, .log = log_line()});
    broker = std::make_unique<BrokerLink>(loop, dial::Target{.host = "127.0.0.1", .port = port, .tls = nullptr, .websocket = {}}, *bridge, log_line(),
                                          redial);
    broker->start();
    bridge->start();
  }
  void stop() {
    if (bridge && router.listener != nullptr) bridge->stop();
    broker.reset();
  }
  std::function<void(std::string_view)> log_line() {
    return [this](std::string_view line) { log.emplace_back(line); };
  }
  bool is_connected() const { return broker->state() == BrokerLink::State::connected; }
  void deliver(std::string_view address, const Value& value, bool is_set = true) {
    const EncodedValue encoded(value);
    router.listener->delivered(
        {.is_set = is_set, .address = address, .signal = is_set ? SignalType::param : SignalType::event, .value = encoded.view()});
  }

  io::IoLoop loop;
  RecordingLink router;
  std::vector<std::string> log;
  std::unique_ptr<MqttBridge> bridge;
  std::unique_ptr<BrokerLink> broker;
};

TEST_F(BrokerLinkTest, CarriesMessagesBothWaysAndSaysGoodbye) {
  std::vector<std::string> heard;
  {
    ScriptServer server([&heard](ServerEnd& socket) {
      BrokerEnd end(socket);
      heard.push_back(end.read());
      end.accept();
      heard.push_back(end.read());
      end.publish("a", "1");
      for (std::string line = end.read(); !line.empty(); line = end.read()) heard.push_back(line);
    });
    begin(server.port());
    ASSERT_TRUE(until([this] { return !router.lines.empty(); }));
    EXPECT_THAT(log, ElementsAre(fmt::format("mqtt-bridge: connected to 127.0.0.1:{} as \"clasp-test\" (MQTT 3.1.1)", server.port())));
    deliver("/mqtt/b", Value(2));
    turn_for(10ms);
    stop();
  }
  EXPECT_THAT(router.lines, ElementsAre("SET /mqtt/a 1"));
  EXPECT_THAT(heard, ElementsAre("CONNECT 4 clasp-test", "SUBSCRIBE #1 # q0", "PUBLISH b 2 q0", "DISCONNECT 0x00"));
}

TEST_F(BrokerLinkTest, ComesBackAndSubscribesAgain) {
  std::atomic<int> lives = 0;
  ScriptServer server([&lives](ServerEnd& socket) {
    BrokerEnd end(socket);
    end.read();
    end.accept();
    if (!end.read().starts_with("SUBSCRIBE")) return;
    end.publish("life", std::to_string(++lives));
    if (lives == 3) end.read();
  });
  begin(server.port());
  EXPECT_TRUE(until([this] { return router.lines.size() == 3; }));
  EXPECT_THAT(router.lines, ElementsAre("SET /mqtt/life 1", "SET /mqtt/life 2", "SET /mqtt/life 3"));
  EXPECT_THAT(log, Contains(HasSubstr("closed the connection; next attempt in 0.0 s")));
}

TEST_F(BrokerLinkTest, ABrokerThatRefusesIsNotAskedAgainSoon) {
  ScriptServer server([](ServerEnd& socket) {
    BrokerEnd end(socket);
    end.read();
    end.refuse(Reason::bad_user_name_or_password);
  });
  begin(server.port());
  ASSERT_TRUE(until([this] { return broker->state() == BrokerLink::State::waiting; }));
  turn_for(100ms);
  EXPECT_EQ(broker->attempts(), 1U);
  EXPECT_THAT(log, ElementsAre(HasSubstr("refused the connection: bad user name or password (code 4); next attempt in ")));
  EXPECT_THAT(broker->describe(), HasSubstr("not connected: 127.0.0.1:"));
}

TEST_F(BrokerLinkTest, TwoBridgesWithOneIdAreNoStorm) {
  ScriptServer server([](ServerEnd& socket) {  // as a broker of MQTT 5 treats the first when the second comes
    BrokerEnd end(socket, Version::v5);
    end.read();
    end.accept();
    end.read();
    end.write([](ByteBuffer& out) { wire::append_disconnect(out, Reason::session_taken_over, ""); });
  });
  begin(server.port(), {});
  ASSERT_TRUE(until([this] { return broker->state() == BrokerLink::State::waiting; }));
  turn_for(100ms);
  EXPECT_EQ(broker->attempts(), 1U);
  EXPECT_THAT(log, Contains(HasSubstr("another client took over the id \"clasp-test\"; next attempt in")));
}

TEST_F(BrokerLinkTest, ABrokerThatAcceptsAndHangsUpIsToldOfOnce) {
  ScriptServer server([](ServerEnd& socket) {  // 3.1.1 has no word for it
    BrokerEnd end(socket);
    end.read();
    end.accept();
    end.read();
  });
  begin(server.port());
  ASSERT_TRUE(until([this] { return broker->attempts() > 30; }));
  EXPECT_LE(log.size(), 5U) << fmt::format("{}", fmt::join(log, "\n"));
  EXPECT_THAT(log, Contains(HasSubstr("again and again: does another client use the id \"clasp-test\"?")));
}

TEST_F(BrokerLinkTest, AnAbsentBrokerIsTriedForEverAndCostsALine) {
  std::uint16_t port = 0;
  {
    port = ScriptServer([](ServerEnd&) {}).port();
  }
  begin(port);
  ASSERT_TRUE(until([this] { return broker->attempts() > 50; }));
  EXPECT_THAT(log, ElementsAre(HasSubstr("cannot connect: Connection refused; next attempt in")));
}

TEST_F(BrokerLinkTest, TheRouterComesFirst) {
  ScriptServer server([](ServerEnd& socket) { socket.read_some(); });
  router.up_at_once = false;
  begin(server.port());
  turn_for(50ms);
  EXPECT_EQ(broker->attempts(), 0U);
  EXPECT_EQ(broker->state(), BrokerLink::State::waiting_for_router);
  router.listener->link_up();
  EXPECT_EQ(broker->attempts(), 1U);
}

TEST_F(BrokerLinkTest, NothingIsTakenFromTheBrokerWhileTheRouterIsAway) {
  std::atomic<bool> go = false;
  ScriptServer server([&go](ServerEnd& socket) {
    BrokerEnd end(socket);
    end.read();
    end.accept();
    end.read();
    go.wait(false);
    for (int i = 0; i < 1'000; ++i) end.publish("n", std::to_string(i));
    end.read();
  });
  begin(server.port());
  ASSERT_TRUE(until([this] { return is_connected(); }));
  router.listener->link_down("restart");
  go = true;
  go.notify_all();
  turn_for(50ms);
  EXPECT_TRUE(router.lines.empty());
  router.listener->link_up();
  EXPECT_TRUE(until([this] { return router.lines.size() == 1'000; })) << router.lines.size();
  EXPECT_EQ(router.lines.back(), "SET /mqtt/n 999");
}

TEST_F(BrokerLinkTest, ASlowBrokerGetsTheNewestOfEachParam) {
  std::atomic<bool> go = false;
  std::mutex mutex;
  std::vector<std::string> last(2);
  std::atomic<std::size_t> received = 0;
  ScriptServer server([&](ServerEnd& socket) {
    BrokerEnd end(socket);
    end.read();
    end.accept();
    end.read();
    go.wait(false);
    for (std::string line = end.read(); !line.empty(); line = end.read()) {
      const std::lock_guard lock{mutex};
      last[line.starts_with("PUBLISH a ") ? 0 : 1] = line;
      ++received;
    }
  });
  MqttConfig config = version_3();
  config.limits.waiting_events_max = 10;
  begin(server.port(), config);
  ASSERT_TRUE(until([this] { return is_connected(); }));
  const std::string ballast(1'000, 'x');
  constexpr int count = 30'000;  // more than all buffers between here and there hold
  for (int i = 0; i < count; ++i) {
    deliver("/mqtt/a", Value(fmt::format("{} {}", i, ballast)));
    deliver("/mqtt/b", Value(fmt::format("{} {}", i, ballast)));
    if (i % 100 == 0) loop.turn(0us);
  }
  EXPECT_LE(bridge->client().waiting().size(), 2U);
  EXPECT_GT(bridge->client().waiting().counters().replaced, 0U);
  go = true;
  go.notify_all();
  const std::string newest = fmt::format(" {} x", count - 1);
  EXPECT_TRUE(until([&] {
    const std::lock_guard lock{mutex};
    return last[0].find(newest) != std::string::npos && last[1].find(newest) != std::string::npos;
  }));
  EXPECT_LT(received, 2U * count);
}

TEST_F(BrokerLinkTest, WhatIsNoMqttIsLeftWithAReason) {
  ScriptServer web([](ServerEnd& socket) {
    socket.read_some();
    socket.write("HTTP/1.1 400 Bad Request\r\n\r\n");
    socket.read_some();
  });
  begin(web.port(), version_3(), never);
  ASSERT_TRUE(until([this] { return !log.empty(); }));
  EXPECT_THAT(log[0], HasSubstr("what answers there does not speak MQTT"));
}

TEST_F(BrokerLinkTest, APacketLargerThanAllowedIsLeftWithAReason) {
  ScriptServer server([](ServerEnd& socket) {
    BrokerEnd end(socket);
    end.read();
    end.accept();
    end.read();
    socket.write(std::string("\x30\xff\xff\xff\x7f", 5));
    end.read();
  });
  begin(server.port(), version_3(), never);
  ASSERT_TRUE(until([this] { return log.size() == 2; }));
  EXPECT_THAT(log[1], HasSubstr("a packet larger than allowed"));
}

}  // namespace
}  // namespace clasp::bridge::mqtt
