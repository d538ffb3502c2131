// RFC 6455 as a peer of our server sees it: what is answered, and how a connection ends. Raw bytes through real sockets and a real loop.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "net/net_testing.hpp"
#include "net/stream_link.hpp"

namespace clasp::net {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

const std::string frame{"\x53\x00\x00\x01\x41", 5};

std::string fragment(Opcode opcode, std::string_view payload) {
  std::string bytes = masked(opcode, payload);
  bytes[0] = static_cast<char>(bytes[0] & 0x7f);
  return bytes;
}
std::string code_bytes(unsigned code) { return {static_cast<char>(code >> 8), static_cast<char>(code & 0xff)}; }

class WebSocketLinkTest : public LoopTest {
 protected:
  TestClient upgraded(std::string_view frames = "") {
    TestClient client = connect();
    client.send(upgrade_request() + std::string{frames});
    return client;
  }
  // All that the server says to these frames until it ends the connection.
  std::string goodbye(std::string_view frames) {
    TestClient client = upgraded(frames);
    EXPECT_TRUE(until_ended(client)) << "still open";
    return behind_head(client.received);
  }
  void echo() {
    engine.on_frame = [](FakeEngine::Link& link, std::string_view text) { link.reply(text); };
    engine.on_text = [](FakeEngine::Link& link, std::string_view text) { link.promised += dynamic_cast<WebSocketLink&>(*link.sink).send_text(text); };
  }
};

TEST_F(WebSocketLinkTest, TextGoesToAnEngineThatUnderstandsIt) {
  start();
  echo();
  TestClient client = upgraded(fragment(Opcode::text, "gr\xc3") + masked(Opcode::continuation, "\xbc\xc3\x9f") + masked(Opcode::binary, frame));
  ASSERT_TRUE(until_received(client, unmasked(Opcode::text, "gr\xc3\xbc\xc3\x9f") + unmasked(Opcode::binary, frame)));
  EXPECT_EQ(loop->stats().text_ignored, 0U);
  EXPECT_TRUE(until([&] { return engine.only().sent == engine.only().promised; })) << "text is credited as frames are";
}

TEST_F(WebSocketLinkTest, OnlyAMessageThatMeansSomethingEndsTheSetup) {
  start({.setup_max = Micros{50'000}});
  TestClient ignored = upgraded(masked(Opcode::text, "nobody's") + masked(Opcode::ping, ""));
  ASSERT_TRUE(until_ended(ignored));
  EXPECT_THAT(behind_head(ignored.received), HasSubstr(code_bytes(1008)));
  echo();
  TestClient understood = upgraded(masked(Opcode::text, "ours"));
  ASSERT_TRUE(until_received(understood, "ours"));
  TestClient later = connect();  // its deadline comes after that of the one above
  ASSERT_TRUE(until_ended(later));
  understood.read();
  EXPECT_FALSE(understood.ended);
}

TEST_F(WebSocketLinkTest, BadTextEndsTheConnectionBeforeItsFrameIsComplete) {  // section 8.1
  start();
  for (const std::string& begun : {masked(Opcode::text, std::string(2'000, 'a') + "\xff" + std::string(60'000, 'a')),
                                   fragment(Opcode::text, std::string(2'000, 'a') + "\xff" + std::string(60'000, 'a'))}) {
    EXPECT_EQ(goodbye(begun.substr(0, 2'100)), unmasked(Opcode::close, code_bytes(1007) + "text is not UTF-8"));
  }
  EXPECT_EQ(loop->stats().framing_faults, 2U);
}

TEST_F(WebSocketLinkTest, PingsAreAnsweredInOrderWithTheirPayload) {  // section 5.5.2
  start();
  echo();
  const std::string longest(125, 'p');
  TestClient client = upgraded(fragment(Opcode::binary, "fra") + masked(Opcode::ping, "") + masked(Opcode::ping, longest) +
                               masked(Opcode::pong, "nobody asked") + masked(Opcode::continuation, "gments") + masked(Opcode::ping, "last"));
  ASSERT_TRUE(until_received(client, "last"));
  EXPECT_EQ(behind_head(client.received),
            unmasked(Opcode::pong, "") + unmasked(Opcode::pong, longest) + unmasked(Opcode::binary, "fragments") + unmasked(Opcode::pong, "last"));
}

TEST_F(WebSocketLinkTest, ACloseIsAnsweredOnceAndNothingIsReadBehindIt) {  // sections 1.4, 5.5.1 and 7.1.1
  start();
  echo();
  for (const std::string& behind :
       {masked(Opcode::binary, frame), masked(Opcode::ping, "x"), masked(Opcode::close, code_bytes(1001)), std::string{"\xff\xff"}}) {
    EXPECT_EQ(goodbye(masked(Opcode::close, code_bytes(1000)) + behind), unmasked(Opcode::close, code_bytes(1000)));
  }
  EXPECT_EQ(goodbye(fragment(Opcode::binary, "half") + masked(Opcode::close, "")), unmasked(Opcode::close, code_bytes(1000)))
      << "a message that never ends does not delay the close";
  EXPECT_EQ(loop->stats().framing_faults, 0U);
}

TEST_F(WebSocketLinkTest, ACloseIsAnsweredByItsCodeOrRefused) {  // section 7.4
  start();
  for (const unsigned code : {1000U, 1001U, 1002U, 1003U, 1007U, 1008U, 1009U, 1010U, 1011U, 3000U, 3999U, 4000U, 4999U}) {
    EXPECT_EQ(goodbye(masked(Opcode::close, code_bytes(code) + "why")), unmasked(Opcode::close, code_bytes(code)));
  }
  for (const unsigned code : {0U, 999U, 1004U, 1005U, 1006U, 1015U, 1016U, 2000U, 2999U, 5000U, 65'535U}) {
    EXPECT_EQ(goodbye(masked(Opcode::close, code_bytes(code))), unmasked(Opcode::close, code_bytes(1002) + "close code that may not be sent"))
        << code;
  }
  EXPECT_EQ(goodbye(masked(Opcode::close, "\x03")), unmasked(Opcode::close, code_bytes(1002) + "close frame with half a code"));
  EXPECT_EQ(goodbye(masked(Opcode::close, code_bytes(1000) + "\xff")), unmasked(Opcode::close, code_bytes(1007) + "close reason is not UTF-8"));
}

TEST_F(WebSocketLinkTest, WhatCameBeforeAFaultIsHandledAndNothingBehindIt) {  // section 7.1.7
  start();
  engine.on_frame = [](FakeEngine::Link& link, std::string_view text) { link.reply(text); };
  const std::string broken = masked(Opcode::binary, "good") + std::string{"\x83\x80\0\0\0\0", 6} + masked(Opcode::binary, "late");
  EXPECT_EQ(goodbye(broken), unmasked(Opcode::binary, "good") + unmasked(Opcode::close, code_bytes(1002) + "unknown opcode"));
  EXPECT_THAT(engine.only().frames, ElementsAre("good"));
  EXPECT_TRUE(engine.only().closed);
}

TEST_F(WebSocketLinkTest, MessagesAreBoundedAsTheOptionsSay) {  // section 10.4
  websocket.message_bytes_max = 1'000;
  start();
  echo();
  TestClient client = upgraded(masked(Opcode::binary, std::string(1'000, 'x')));
  EXPECT_TRUE(until_received(client, std::string(1'000, 'x')));
  EXPECT_EQ(goodbye(masked(Opcode::text, std::string(1'001, 'x'))), unmasked(Opcode::close, code_bytes(1009) + "message too long"));
}

TEST_F(WebSocketLinkTest, FramesMayFollowTheRequestAtOnceAndInAnyCut) {  // section 4.1: a client waits for the 101, but its proxy may not
  start();
  echo();
  const std::string stream = upgrade_request() + fragment(Opcode::text, "at ") + masked(Opcode::continuation, "once");
  for (const std::size_t step : {1UL, 50UL, stream.size() - 12, stream.size()}) {
    TestClient client = connect();
    for (std::size_t at = 0; at < stream.size(); at += step) {
      client.send(std::string_view{stream}.substr(at, step));
      loop->turn(Micros{0});
    }
    ASSERT_TRUE(until_received(client, unmasked(Opcode::text, "at once"))) << "pieces of " << step;
    EXPECT_THAT(client.received, StartsWith("HTTP/1.1 101 "));
  }
}

// The opening handshake on the wire; its many legal forms are rows of websocket_handshake_test.cpp (section 4.2).
TEST_F(WebSocketLinkTest, RefusedHandshakesSayWhyAndEndTheConnection) {
  start();
  const std::string good = upgrade_request();
  const auto with = [&](std::string_view line, std::string_view other) {
    std::string request = good;
    return request.replace(request.find(line), line.size(), other);
  };
  struct Row {
    std::string request;
    std::string status;
    std::string header;
  };
  const Row rows[] = {
      {with("Version: 13", "Version: 8"), "426", "\r\nSec-WebSocket-Version: 13\r\n"},
      {with("Sec-WebSocket-Version: 13\r\n", ""), "426", "\r\nSec-WebSocket-Version: 13\r\n"},
      {with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), "400", ""},
      {with("HTTP/1.1", "HTTP/1.0"), "400", ""},
      {with("HTTP/1.1", "HTTP/2.0"), "505", ""},
      {with("GET", "POST"), "405", "\r\nAllow: GET\r\n"},
      {with("Host: h\r\n", "Host: h\r\nX-Folded: a\r\n b: c\r\nX-Huge: " + std::string(20'000, 'h') + "\r\n"), "431", ""},
      {with("Host: h\r\n", "Host: h\r\nBad Name: x\r\n"), "400", ""},
  };
  for (const Row& row : rows) {
    TestClient client = connect();
    client.send(row.request);
    ASSERT_TRUE(until_ended(client)) << row.request;
    EXPECT_THAT(client.received, StartsWith("HTTP/1.1 " + row.status)) << row.request;
    EXPECT_THAT(client.received, HasSubstr(row.header)) << row.request;
    EXPECT_THAT(client.received, HasSubstr("\r\nConnection: close\r\n"));
  }
  EXPECT_THAT(engine.links, IsEmpty());
}

}  // namespace
}  // namespace clasp::net
