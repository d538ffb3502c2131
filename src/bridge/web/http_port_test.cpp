#include "bridge/web/http_port.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include "io/io_loop.hpp"

namespace clasp::bridge::web {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// Answers when it is told to.
class Owner final : public net::HttpHandler, public net::Turns {
 public:
  void handle(const net::HttpRequest& request, net::HttpResponder& responder) override {
    asked = request.path();
    waiting = &responder;
  }
  std::optional<net::HttpResponse> refuse_upgrade(const net::HttpRequest&) override { return net::text_response(404, "no"); }
  void advance(const Now&) override { ++turns; }
  bool end_turn(const Now&) override { return false; }
  std::optional<SteadyTime> next_deadline() const override { return std::nullopt; }

  std::string asked;
  net::HttpResponder* waiting = nullptr;
  int turns = 0;
};

class BrowserSocket {
 public:
  explicit BrowserSocket(std::uint16_t port) : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected = ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  BrowserSocket(const BrowserSocket&) = delete;
  ~BrowserSocket() { ::close(descriptor_); }
  void send(std::string_view text) { EXPECT_EQ(::send(descriptor_, text.data(), text.size(), 0), static_cast<ssize_t>(text.size())); }
  std::string read() {
    std::array<char, 4'096> bytes;
    const ssize_t count = ::recv(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    return count > 0 ? std::string(bytes.data(), static_cast<std::size_t>(count)) : "";
  }
  bool connected = false;

 private:
  int descriptor_;
};

class HttpPortTest : public testing::Test {
 protected:
  template <typename Done>
  bool until(Done done) {
    const SteadyTime end = io::steady_now() + Micros{5'000'000};
    while (!done() && io::steady_now() < end) loop.turn(Micros{10'000});
    return done();
  }
  io::IoLoop loop;
  Owner owner;
  HttpPort port{loop, owner, owner, [](std::string_view) {}};
};

TEST_F(HttpPortTest, ServesFromTheOuterLoopAndSaysGoodbyeBeforeItCloses) {
  EXPECT_EQ(port.port(), 0);
  ASSERT_TRUE(port.open({"127.0.0.1", 0}));
  const std::uint16_t number = port.port();
  BrowserSocket browser(number);
  ASSERT_TRUE(browser.connected);
  browser.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(until([&] { return owner.waiting != nullptr; }));
  EXPECT_EQ(owner.asked, "/a");
  EXPECT_GT(owner.turns, 0);
  EXPECT_THAT(browser.read(), IsEmpty());

  int goodbyes = 0;
  port.close([&] {
    ++goodbyes;
    EXPECT_EQ(port.port(), 0) << "nobody new comes in meanwhile";
    owner.waiting->answer(net::text_response(200, "goodbye"));
  });
  EXPECT_THAT(browser.read(), HasSubstr("goodbye"));
  EXPECT_FALSE(BrowserSocket(number).connected);
  port.close([&] { ++goodbyes; });
  EXPECT_EQ(goodbyes, 1);
}

TEST_F(HttpPortTest, SaysWhyItCannotOpenAndMayTryAgain) {
  ASSERT_TRUE(port.open({"127.0.0.1", 0}));
  Owner late;
  HttpPort other(loop, late, late, [](std::string_view) {});
  const Result<void> taken = other.open({"127.0.0.1", port.port()});
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().message, HasSubstr("127.0.0.1"));
  const std::uint16_t number = port.port();
  port.close([] {});
  EXPECT_TRUE(other.open({"127.0.0.1", number}));
  other.close([] {});
}

TEST_F(HttpPortTest, TurnsWhenSomethingWasGivenFromOutside) {
  ASSERT_TRUE(port.open({"127.0.0.1", 0}));
  ASSERT_TRUE(until([&] { return owner.turns > 0; }));
  BrowserSocket browser(port.port());
  browser.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(until([&] { return owner.waiting != nullptr; }));
  owner.waiting->answer(net::text_response(200, "later"));
  port.turn_soon();
  std::string answer;
  EXPECT_TRUE(until([&] { return !(answer += browser.read()).empty(); }));
  EXPECT_THAT(answer, HasSubstr("later"));
  port.close([] {});
}

}  // namespace
}  // namespace clasp::bridge::web
