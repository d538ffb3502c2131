// Over real connections on the loopback interface. Every wait ends as soon as what is waited for has happened, and after a minute in any case.
#include "bridge/osc/osc_stream.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bridge/osc/osc_test_bytes.hpp"
#include "bridge/osc/osc_transport_testing.hpp"
#include "bridge/osc/stream_framing.hpp"
#include "core/json.hpp"
#include "io/io_loop.hpp"

namespace clasp::bridge::osc {
namespace {

using namespace std::chrono_literals;
using namespace test;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

// A device with a TCP socket, or one that hears them.
class Device {
 public:
  Device() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  explicit Device(int accepted) : socket_(accepted) {}
  Device(Device&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  ~Device() { close(); }
  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }

  bool connect(std::uint16_t port) {
    const sockaddr_in to = loopback(port);
    return ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  std::uint16_t listen(std::uint16_t port = 0) {
    const int on = 1;
    ::setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in at = loopback(port);
    if (::bind(socket_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 || ::listen(socket_, 8) != 0) return 0;
    socklen_t bytes = sizeof at;
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&at), &bytes);
    return ntohs(at.sin_port);
  }
  int accept() const { return ::accept4(socket_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC); }
  void without_waiting() const { ::fcntl(socket_, F_SETFL, O_NONBLOCK); }

  void send(std::string_view bytes) const { EXPECT_EQ(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size())); }
  void send_packet(const std::string& packet, StreamFraming framing) const {
    ByteBuffer out;
    append_framed(out, as_bytes(packet), framing);
    send(as_text(out.view()));
  }
  // What has come and not been read; `ended` once the bridge has closed.
  std::string read() {
    std::array<char, 65'536> buffer;
    std::string all;
    for (;;) {
      const ssize_t n = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (n == 0) ended = true;
      if (n <= 0) return all;
      all.append(buffer.data(), static_cast<std::size_t>(n));
    }
  }
  bool ended = false;

 private:
  int socket_;
};

class OscStreamTest : public testing::Test {
 protected:
  struct Part {
    Part(io::IoLoop& loop, OscSocketConfig socket_config, OscConfig config)
        : stream(loop, std::move(socket_config), log), bridge(link, std::move(config), stream, log) {
      bridge.start();
    }
    Lines log;
    RecordingLink link;
    OscStream stream;
    OscBridge bridge;
  };

  std::unique_ptr<Part> part(OscSocketConfig config = {.bind = "127.0.0.1:0"}) {
    auto made = std::make_unique<Part>(loop_, std::move(config), OscConfig{.sender_silence_max = std::chrono::hours{100'000}});
    const Result<void> started = made->stream.start(made->bridge);
    EXPECT_TRUE(started) << (started ? "" : started.error().message);
    return made;
  }
  static std::uint16_t port(const Part& part) { return part.stream.local_endpoint().port; }
  bool wait_for(const std::function<bool()>& happened) {
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (!happened() && std::chrono::steady_clock::now() < end) loop_.turn(Micros{1'000});
    return happened();
  }

  io::IoLoop loop_;
};

TEST_F(OscStreamTest, EachPeerIsHeardAndAnsweredInItsOwnFraming) {
  const auto osc = part();
  Device one;
  Device two;
  ASSERT_TRUE(one.connect(port(*osc)) && two.connect(port(*osc)));
  one.send_packet(int_message("/one", 1), StreamFraming::length);
  two.send_packet(int_message("/two", 0xC0), StreamFraming::slip);
  ASSERT_TRUE(wait_for([&] { return osc->link.lines.size() == 2; }));
  EXPECT_THAT(osc->link.lines, testing::UnorderedElementsAre("/osc/one 1", "/osc/two 192"));

  deliver(osc->link, "/osc/c", 0.5);
  std::string at_one;
  std::string at_two;
  ASSERT_TRUE(wait_for([&] { return !(at_one += one.read()).empty() && !(at_two += two.read()).empty(); }));
  EXPECT_EQ(to_hex(as_bytes(at_one)), "0000000c 2f630000 2c660000 3f000000");
  EXPECT_EQ(to_hex(as_bytes(at_two)), "c02f6300 002c6600 003f0000 00c0");
}

TEST_F(OscStreamTest, WhoOnlyListensHearsChangesAndWhoCausedOneDoesNot) {
  const auto osc = part();
  Device writer;
  Device listener;
  ASSERT_TRUE(writer.connect(port(*osc)) && listener.connect(port(*osc)));
  writer.send_packet(int_message("/a", 1), StreamFraming::length);
  ASSERT_TRUE(wait_for([&] { return osc->link.lines.size() == 1 && osc->stream.connections() == 2; }));
  deliver(osc->link, "/osc/a", 1, osc->link.peers[0]);
  std::string heard;
  ASSERT_TRUE(wait_for([&] { return !(heard += listener.read()).empty(); }));
  EXPECT_EQ(writer.read(), "");
}

TEST_F(OscStreamTest, APeerThatIsGoneIsForgottenAndOneThatSpeaksNoOscIsDisconnected) {
  const auto osc = part();
  Device leaves;
  Device browser;
  ASSERT_TRUE(leaves.connect(port(*osc)) && browser.connect(port(*osc)));
  ASSERT_TRUE(wait_for([&] { return osc->bridge.senders().senders().size() == 2; }));
  leaves.close();
  browser.send("GET / HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(wait_for([&] { return osc->stream.connections() == 0; }));
  EXPECT_TRUE(osc->bridge.senders().senders().empty());
  EXPECT_EQ(osc->stream.counters().framing_faults, 1U);
  EXPECT_THAT(osc->log.all, Contains(HasSubstr("begins neither with a packet length nor with a SLIP packet")));
  ASSERT_TRUE(wait_for([&] { return browser.read(), browser.ended; }));
}

TEST_F(OscStreamTest, ATargetIsConnectedToAgainUntilItIsThere) {
  Device place;
  const std::uint16_t at = place.listen();
  place.close();
  const auto osc = part({.bind = "127.0.0.1:0", .targets = {"localhost:" + std::to_string(at)}});
  ASSERT_TRUE(wait_for([&] { return osc->stream.counters().connect_errors > 0; }));
  EXPECT_THAT(osc->log.all, Contains(HasSubstr("cannot reach target localhost")));
  EXPECT_EQ(osc->stream.connections(), 0U);

  Device target;
  ASSERT_EQ(target.listen(at), at);
  ASSERT_TRUE(wait_for([&] { return osc->stream.counters().connected == 1; }));
  EXPECT_THAT(osc->log.all, Contains(HasSubstr("is there again")));
  Device accepted(target.accept());
  deliver(osc->link, "/osc/c", 1);
  std::string heard;
  ASSERT_TRUE(wait_for([&] { return !(heard += accepted.read()).empty(); }));
  EXPECT_EQ(to_hex(as_bytes(heard)), "0000000c 2f630000 2c690000 00000001");
  accepted.send_packet(int_message("/from/target", 7), StreamFraming::length);
  ASSERT_TRUE(wait_for([&] { return !osc->link.lines.empty(); }));
  EXPECT_THAT(osc->link.lines, ElementsAre("/osc/from/target 7"));
}

TEST_F(OscStreamTest, APeerThatTakesNothingIsDisconnectedAndTheOthersHearEverything) {
  const auto osc = part();
  Device deaf;
  Device hears;
  ASSERT_TRUE(deaf.connect(port(*osc)) && hears.connect(port(*osc)));
  ASSERT_TRUE(wait_for([&] { return osc->stream.connections() == 2; }));
  const std::string text(20'000, 'x');
  std::size_t heard = 0;
  std::size_t sent = 0;
  ASSERT_TRUE(wait_for([&] {
    deliver(osc->link, "/osc/long", text);
    sent += 4 + 8 + 4 + 20'004;  // length, address, tags, text
    heard += hears.read().size();
    return osc->stream.connections() == 1;
  }));
  EXPECT_EQ(osc->stream.counters().overflows, 1U);
  EXPECT_TRUE(wait_for([&] { return (heard += hears.read().size()) == sent; })) << heard << " of " << sent;
}

TEST_F(OscStreamTest, StoppingFreesThePortAndMayComeFromInside) {
  auto osc = part();
  const std::string same = "127.0.0.1:" + std::to_string(port(*osc));
  Device device;
  ASSERT_TRUE(device.connect(port(*osc)));
  osc->link.on_set = [&osc] { osc->stream.stop(); };
  device.send_packet(int_message("/a", 1), StreamFraming::length);
  device.send_packet(int_message("/b", 1), StreamFraming::length);
  ASSERT_TRUE(wait_for([&] { return !osc->link.lines.empty(); }));
  EXPECT_THAT(osc->link.lines, ElementsAre("/osc/a 1"));
  const auto again = part({.bind = same});
  osc.reset();
  loop_.turn(Micros{0});
  Device other;
  EXPECT_TRUE(other.connect(port(*again)));
}

TEST_F(OscStreamTest, APortInUseIsNamedTogetherWithTheReason) {
  const auto first = part();
  Part second(loop_, {.bind = "127.0.0.1:" + std::to_string(port(*first))}, {});
  const Result<void> started = second.stream.start(second.bridge);
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message, HasSubstr("cannot listen on TCP 127.0.0.1"));
  EXPECT_THAT(started.error().message, HasSubstr("in use"));
}

}  // namespace
}  // namespace clasp::bridge::osc
