// Over real sockets on the loopback interface. Every wait ends as soon as what is waited for has happened, and after a minute in any case.
#include "bridge/osc/osc_socket.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/multicast.hpp>
#include <boost/asio/ip/udp.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bridge/osc/osc_test_bytes.hpp"
#include "bridge/osc/osc_transport_testing.hpp"
#include "io/io_loop.hpp"

namespace clasp::bridge::osc {
namespace {

using namespace std::chrono_literals;
using namespace test;
namespace asio = boost::asio;
using asio::ip::udp;
using testing::AllOf;
using testing::HasSubstr;
using testing::SizeIs;

// A program that speaks OSC, with a socket of its own on the same loop.
class Device {
 public:
  Device(asio::io_context& loop, const asio::ip::address& address) : socket_(loop, udp::endpoint(address, 0)) { receive(); }
  Device(asio::io_context& loop, const char* address) : Device(loop, asio::ip::make_address(address)) {}

  void send(std::string_view packet, std::uint16_t port) {
    socket_.send_to(asio::buffer(packet.data(), packet.size()), udp::endpoint(socket_.local_endpoint().address(), port));
  }
  void send(std::string_view packet, const udp::endpoint& to) { socket_.send_to(asio::buffer(packet.data(), packet.size()), to); }
  udp::socket& socket() { return socket_; }
  std::uint16_t port() const { return socket_.local_endpoint().port(); }

  std::vector<std::string> received;
  std::uint16_t last_sender_port = 0;

 private:
  void receive() {
    socket_.async_receive_from(asio::buffer(buffer_), from_, [this](const boost::system::error_code& error, std::size_t bytes) {
      if (error) return;
      received.emplace_back(buffer_.data(), bytes);
      last_sender_port = from_.port();
      receive();
    });
  }

  udp::socket socket_;
  udp::endpoint from_;
  std::array<char, 65'536> buffer_{};
};

class OscSocketTest : public testing::Test {
 protected:
  struct Part {
    Part(io::IoLoop& loop, OscConfig config, OscSocketConfig socket_config)
        : socket(loop, std::move(socket_config), log), bridge(link, std::move(config), socket, log) {
      bridge.start();
    }
    Lines log;
    RecordingLink link;
    OscSocket socket;
    OscBridge bridge;
  };

  std::unique_ptr<Part> part(OscSocketConfig socket_config, OscConfig config = {}) {
    auto made = std::make_unique<Part>(io_, std::move(config), std::move(socket_config));
    const Result<void> started = made->socket.start(made->bridge);
    EXPECT_TRUE(started) << (started ? "" : started.error().message);
    return made;
  }
  static std::uint16_t port(const Part& part) { return part.socket.local_endpoint().port; }

  bool wait_for(const std::function<bool()>& happened) {
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (!happened() && std::chrono::steady_clock::now() < end) {
      io_.turn(Micros{1'000});
      loop_.poll();
    }
    return happened();
  }

  io::IoLoop io_;            // the bridge's
  asio::io_context loop_;    // the devices'
};

TEST_F(OscSocketTest, ADatagramBecomesASetAndTheAnswerComesFromTheSamePort) {
  const auto osc = part({.bind = "127.0.0.1:0"});
  Device device(loop_, "127.0.0.1");
  device.send(int_message("/ok", 1), port(*osc));
  ASSERT_TRUE(wait_for([&] { return !osc->link.lines.empty(); }));
  EXPECT_EQ(osc->link.lines[0], "/osc/ok 1");
  deliver(osc->link, "/osc/c", 0.5);
  ASSERT_TRUE(wait_for([&] { return !device.received.empty(); }));
  EXPECT_EQ(to_hex(as_bytes(device.received[0])), "2f630000 2c660000 3f000000");
  EXPECT_EQ(device.last_sender_port, port(*osc));
}

TEST_F(OscSocketTest, ADualStackSocketHearsAndAnswersBothFamilies) {
  const auto osc = part({.bind = "[::]:0"});
  Device four(loop_, "127.0.0.1");
  four.send(int_message("/four", 4), port(*osc));
  std::optional<Device> six;
  try {
    six.emplace(loop_, "::1");
  } catch (const boost::system::system_error&) {
    GTEST_SKIP() << "this machine has no IPv6";
  }
  six->send(int_message("/six", 6), port(*osc));
  ASSERT_TRUE(wait_for([&] { return osc->link.lines.size() == 2; }));
  EXPECT_THAT(osc->link.lines, testing::UnorderedElementsAre("/osc/four 4", "/osc/six 6"));
  deliver(osc->link, "/osc/c", true);
  EXPECT_TRUE(wait_for([&] { return !four.received.empty() && !six->received.empty(); }));
}

TEST_F(OscSocketTest, TargetsAreFoundByNameAndByNumber) {
  Device named(loop_, "127.0.0.1");
  Device numbered(loop_, "127.0.0.1");
  const auto osc =
      part({.bind = "127.0.0.1:0",
            .targets = {"localhost:" + std::to_string(named.port()), "127.0.0.1:" + std::to_string(numbered.port()), "no-such-host.invalid:9000"}});
  deliver(osc->link, "/osc/at/once", 1);
  ASSERT_TRUE(wait_for([&] { return !numbered.received.empty(); })) << "numbers need no look-up";
  ASSERT_TRUE(wait_for([&] {
    deliver(osc->link, "/osc/c", 1);
    return !named.received.empty();
  }));
  ASSERT_TRUE(wait_for([&] { return osc->socket.counters().resolve_errors == 1; }));
  EXPECT_THAT(osc->log.all, testing::Contains(HasSubstr("cannot find target no-such-host.invalid")));
}

TEST_F(OscSocketTest, StoppingFreesThePortBeforeItReturns) {
  auto osc = part({.bind = "127.0.0.1:0"});
  const std::string same = "127.0.0.1:" + std::to_string(port(*osc));
  osc->socket.stop();
  EXPECT_FALSE(osc->socket.send(as_bytes("x"), Endpoint::ipv4({127, 0, 0, 1}, 9)));
  const auto again = part({.bind = same});
  Device device(loop_, "127.0.0.1");
  device.send(int_message("/ok", 1), port(*again));
  EXPECT_TRUE(wait_for([&] { return !again->link.lines.empty(); }));
  EXPECT_TRUE(osc->link.lines.empty());
}

TEST_F(OscSocketTest, ABridgeMayBeStoppedByWhatItDoesAndDestroyedWithHandlersOnTheWay) {
  auto osc = part({.bind = "127.0.0.1:0", .targets = {"localhost:9"}});
  Device device(loop_, "127.0.0.1");
  osc->link.on_set = [&osc] { osc->socket.stop(); };
  device.send(int_message("/a", 1), port(*osc));
  device.send(int_message("/b", 2), port(*osc));
  ASSERT_TRUE(wait_for([&] { return !osc->link.lines.empty(); }));
  EXPECT_THAT(osc->link.lines, SizeIs(1));
  osc.reset();
  io_.turn(Micros{0});
}

TEST_F(OscSocketTest, APortInUseIsNamedTogetherWithTheReason) {
  const auto first = part({.bind = "127.0.0.1:0"});
  const std::string bind = "127.0.0.1:" + std::to_string(port(*first));
  Part second(io_, {}, {.bind = bind});
  const Result<void> started = second.socket.start(second.bridge);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::connection_failed);
  EXPECT_THAT(started.error().message, AllOf(HasSubstr(bind), HasSubstr("in use")));
}

TEST_F(OscSocketTest, ConfigurationsThatMeanNothingAreRefused) {
  const OscSocketConfig configs[] = {
      {.bind = "nonsense"},
      {.bind = "127.0.0.1:99999"},
      {.bind = "::1:9000"},
      {.bind = "127.0.0.1:0", .targets = {"nowhere"}},
      {.bind = "127.0.0.1:0", .targets = {":9000"}},
      {.bind = "127.0.0.1:0", .targets = {"localhost:0"}},
      {.bind = "127.0.0.1:0", .multicast_group = "127.0.0.1"},
      {.bind = "127.0.0.1:0", .multicast_group = "many"},
  };
  for (const OscSocketConfig& config : configs) {
    Part part(io_, {}, config);
    const Result<void> started = part.socket.start(part.bridge);
    ASSERT_FALSE(started) << config.bind << " " << config.multicast_group;
    EXPECT_THAT(started.error().message, HasSubstr("osc: "));
    EXPECT_EQ(part.bridge.counters().received, 0U);
  }
}

TEST_F(OscSocketTest, HearsAMulticastGroup) {
  const auto osc = part({.bind = "0.0.0.0:0", .multicast_group = "239.255.77.1"});
  Device device(loop_, "127.0.0.1");
  device.socket().set_option(asio::ip::multicast::outbound_interface(asio::ip::address_v4::loopback()));
  boost::system::error_code joined;  // the bridge joined on the default interface; the datagram leaves through loopback, so join there as well
  Device witness(loop_, "0.0.0.0");
  witness.socket().set_option(asio::ip::multicast::join_group(asio::ip::make_address_v4("239.255.77.1"), asio::ip::address_v4::loopback()), joined);
  if (joined) GTEST_SKIP() << "no multicast on loopback: " << joined.message();
  const udp::endpoint group(asio::ip::make_address("239.255.77.1"), port(*osc));
  device.send(int_message("/group", 1), group);
  EXPECT_TRUE(wait_for([&] { return !osc->link.lines.empty(); }));
}

TEST_F(OscSocketTest, ABurstIsReadWhole) {
  const auto osc = part({.bind = "127.0.0.1:0"});
  Device device(loop_, "127.0.0.1");
  for (std::uint32_t i = 0; i < 150; ++i) device.send(int_message("/burst", i), port(*osc));  // more than one turn reads
  EXPECT_TRUE(wait_for([&] { return osc->link.lines.size() == 150; })) << osc->link.lines.size();
  EXPECT_EQ(osc->link.lines.back(), "/osc/burst 149");
}

TEST_F(OscSocketTest, ADeadlineWakesTheBridge) {
  OscConfig config;
  config.rate_hz_max = 20;
  const auto osc = part({.bind = "127.0.0.1:0"}, std::move(config));
  Device device(loop_, "127.0.0.1");
  device.send(int_message("/h", 1), port(*osc));
  ASSERT_TRUE(wait_for([&] { return !osc->link.lines.empty(); }));
  for (int i = 1; i <= 3; ++i) deliver(osc->link, "/osc/c", i);
  ASSERT_TRUE(wait_for([&] { return device.received.size() == 2; }));
  EXPECT_EQ(device.received[0], int_message("/c", 1));
  EXPECT_EQ(device.received[1], int_message("/c", 3));
}

}  // namespace
}  // namespace clasp::bridge::osc
