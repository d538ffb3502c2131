// A broker and a router without sockets, for tests that read as transcripts: clients whose wire is a buffer, a clock that moves only when told.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "mqtt/broker.hpp"
#include "mqtt/connection.hpp"
#include "mqtt/framer.hpp"
#include "router/router_fixture.hpp"

namespace clasp::mqtt {

class TestWire final : public Wire {
 public:
  void send(Bytes packets) override {
    EXPECT_FALSE(closed) << "sent after close";
    bytes.insert(bytes.end(), packets.begin(), packets.end());
    if (stalled) waiting += packets.size();
  }
  std::size_t waiting_bytes() const override { return waiting; }
  void set_reading(bool on) override { reading = on; }
  void close() override { closed = true; }
  void established() override { was_established = true; }

  std::vector<std::byte> bytes;
  std::size_t waiting = 0;
  bool stalled = false;
  bool reading = true;
  bool closed = false;
  bool was_established = false;
};

// What a client asks for in CONNECT.
struct Asks {
  bool clean = true;
  std::uint16_t keep_alive = 0;
  std::string will{};  // topic; its message is "gone"
  std::uint16_t receive_maximum = 0;
  std::uint32_t expiry = 0;
};

// One client. Its words are sent at once; what it was told is read with told().
class TestClient {
 public:
  TestClient(Broker& broker, router::World& world, Version version)
      : world_(world), version_(version), connection_(std::make_unique<Connection>(broker, wire)) {}

  TestClient& connect(const std::string& id, const Asks& asks = {});
  void publish(std::string_view topic, std::string_view payload, Qos qos = Qos::at_most_once, bool retain = false, std::uint16_t id = 1);
  void subscribe(std::string_view filter, Qos qos = Qos::at_most_once);
  void unsubscribe(std::string_view filter);
  void acknowledge(PacketType type, std::uint16_t id);
  void send(const ByteBuffer& packet) { connection_->on_packet(packet.view(), world_.now()); }
  void lose() { connection_->on_closed(world_.now()); }
  void drain();                     // the wire has room again
  std::vector<std::string> told();  // in words

  TestWire wire;
  Connection& connection() { return *connection_; }

 private:
  std::string describe(Bytes packet) const;

  router::World& world_;
  Version version_;
  std::unique_ptr<Connection> connection_;
};

class BrokerTest : public router::RouterTest {
 protected:
  ~BrokerTest() override { broker_.reset(); }
  Broker& broker() {
    if (!broker_) {
      broker_ = std::make_unique<Broker>(
          router(), world().random,
          BrokerOptions{.limits = limits, .names = {}, .gate = gate, .log = [this](std::string_view line) { log_lines.emplace_back(line); }});
      broker_->advance(world().now());
    }
    return *broker_;
  }
  TestClient& client(Version version = Version::v5) { return *clients_.emplace_back(std::make_unique<TestClient>(broker(), world(), version)); }
  void pass(Micros time) {
    world().advance(time);
    broker().advance(world().now());
  }

  Limits limits;
  router::Gate* gate = nullptr;
  std::vector<std::string> log_lines;

 private:
  std::unique_ptr<Broker> broker_;
  std::deque<std::unique_ptr<TestClient>> clients_;
};

}  // namespace clasp::mqtt
