// WebSockets of a handler's own, on a port that speaks nothing else, in a loop that is a guest in another one.
#include "net/message_link.hpp"

#include <gmock/gmock.h>

#include "net/nested_loop.hpp"
#include "net/net_testing.hpp"

namespace clasp::net {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class MessageLinkTest : public testing::Test, public HttpHandler {
 protected:
  struct Echo final : MessageHandler {
    Echo(MessageLinkTest& in, MessageLink& on) : test(in), link(on) {}
    void on_text(std::string_view text) override {
      if (text == "end") return link.close(4001, "as asked");
      link.send_text(text);
    }
    void on_binary(Bytes message) override { link.send_binary(message); }
    void on_pong() override { test.told.emplace_back("pong"); }
    void on_closed(std::string_view reason) override { test.told.push_back(fmt::format("closed: {}", reason)); }
    MessageLinkTest& test;
    MessageLink& link;
  };

  MessageLinkTest() {
    Result<std::unique_ptr<Listener>> opened = Listener::open(inner, {.host = "127.0.0.1", .port = 0}, Protocols::only_http(*this));
    EXPECT_TRUE(opened);
    listener = *std::move(opened);
  }

  void handle(const HttpRequest& request, HttpResponder& responder) override { responder.answer(text_response(200, request.target)); }
  std::optional<HttpResponse> refuse_upgrade(const HttpRequest& request) override {
    return request.query() == "token=right" ? std::nullopt : std::optional(text_response(401, "no token"));
  }
  Upgrade find_upgrade(const HttpRequest& request) override {
    if (request.path() != "/echo") return {};
    return {.make =
                [this](Stream& stream) {
                  auto link = std::make_unique<MessageLink>(stream, 1'000);
                  link->set_handler(std::make_unique<Echo>(*this, *link));
                  last = link.get();
                  return link;
                },
            .subprotocol = subprotocol};
  }

  bool until(const std::function<bool()>& condition) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (!condition()) {
      if (std::chrono::steady_clock::now() > give_up) return false;
      host.turn(Micros{1'000});
    }
    return true;
  }
  bool until_received(TestClient& client, std::string_view bytes) {
    return until([&] {
      client.read();
      return client.received.find(bytes) != std::string::npos;
    });
  }
  static std::string upgrade(std::string_view target) {
    return fmt::format(
        "GET {} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: clasp\r\n\r\n",
        target);
  }

  io::IoLoop host;
  EventLoop inner{{.setup_max = Micros{200'000}}};
  NestedLoop guest{host, inner};
  std::unique_ptr<Listener> listener;
  MessageLink* last = nullptr;
  std::string subprotocol;
  std::vector<std::string> told;
};

TEST_F(MessageLinkTest, AHandlerSpeaksItsOwnProtocolOnItsPath) {
  TestClient client{listener->port()};
  client.send(upgrade("/echo?token=right") + masked(Opcode::text, "caf\xc3\xa9") + masked(Opcode::binary, {"\x01\x00\x02", 3}) +
              masked(Opcode::ping, "hi"));
  ASSERT_TRUE(until_received(client, unmasked(Opcode::pong, "hi")));
  EXPECT_THAT(client.received, StartsWith("HTTP/1.1 101 Switching Protocols\r\n"));
  EXPECT_THAT(client.received, testing::Not(HasSubstr("Sec-WebSocket-Protocol"))) << "no sub-protocol was agreed on";
  EXPECT_EQ(behind_head(client.received),
            unmasked(Opcode::text, "caf\xc3\xa9") + unmasked(Opcode::binary, {"\x01\x00\x02", 3}) + unmasked(Opcode::pong, "hi"));
  client.send(masked(Opcode::text, "end"));
  ASSERT_TRUE(until_received(client, "as asked"));
  client.close();
  ASSERT_TRUE(until([&] { return !told.empty(); }));
  EXPECT_THAT(told, ElementsAre("closed: as asked"));
}

TEST_F(MessageLinkTest, ASubProtocolIsSelectedIfItIsOffered) {
  subprotocol = "clasp";
  TestClient client{listener->port()};
  client.send(upgrade("/echo?token=right"));
  ASSERT_TRUE(until_received(client, "\r\n\r\n"));
  EXPECT_THAT(client.received, HasSubstr("Sec-WebSocket-Protocol: clasp\r\n"));
  subprotocol = "other";
  TestClient another{listener->port()};
  another.send(upgrade("/echo?token=right"));
  ASSERT_TRUE(until_received(another, "\r\n\r\n"));
  EXPECT_THAT(another.received, testing::Not(HasSubstr("Sec-WebSocket-Protocol")));
}

TEST_F(MessageLinkTest, OtherPathsAndWrongTokensAreRefusedAndPlainRequestsAnswered) {
  TestClient other{listener->port()};
  other.send(upgrade("/other?token=right"));
  ASSERT_TRUE(until_received(other, "404 Not Found"));
  TestClient wrong{listener->port()};
  wrong.send(upgrade("/echo?token=wrong"));
  ASSERT_TRUE(until_received(wrong, "401 Unauthorized"));
  TestClient plain{listener->port()};
  plain.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(until_received(plain, "/hello"));
  TestClient frames{listener->port()};
  frames.send("S");
  ASSERT_TRUE(until([&] {
    frames.read();
    return frames.ended;
  })) << "CLASP frames are not spoken here";
  EXPECT_EQ(last, nullptr);
}

TEST_F(MessageLinkTest, AnUpgradedConnectionMayBeSilentAndASilentOneMayNot) {
  TestClient silent{listener->port()};
  TestClient client{listener->port()};
  client.send(upgrade("/echo?token=right"));
  ASSERT_TRUE(until_received(client, "101"));
  ASSERT_TRUE(until([&] {
    silent.read();
    return silent.ended;
  })) << "the guest's deadlines come without any event";
  client.read();
  EXPECT_FALSE(client.ended);
  last->send_text("out of turn");
  last->ping();
  guest.turn_soon();
  ASSERT_TRUE(until_received(client, "out of turn"));
  client.send(masked(Opcode::pong, ""));
  ASSERT_TRUE(until([&] { return !told.empty(); }));
  EXPECT_THAT(told, ElementsAre("pong"));
}

TEST_F(MessageLinkTest, WhatIsTooLongEndsTheConnectionWithItsReason) {
  TestClient client{listener->port()};
  client.send(upgrade("/echo?token=right") + masked(Opcode::text, std::string(1'001, 'x')));
  ASSERT_TRUE(until([&] {
    client.read();
    return client.received.find("\x03\xf1") != std::string::npos;  // 1009
  }));
  client.close();
  ASSERT_TRUE(until([&] { return !told.empty(); }));
  EXPECT_THAT(told, ElementsAre(HasSubstr("closed: ")));
}

}  // namespace
}  // namespace clasp::net
