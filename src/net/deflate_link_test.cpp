// permessage-deflate (RFC 7692) as a peer of our server sees it: raw bytes through real sockets and a real loop.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "net/message_deflater.hpp"
#include "net/net_testing.hpp"
#include "net/stream_link.hpp"

namespace clasp::net {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string long_text(std::size_t bytes = 2'000) {
  std::string text;
  for (int i = 0; text.size() < bytes; ++i) text += "/stage/" + std::to_string(i) + " ";
  return text.substr(0, bytes);
}
std::string with_bit(std::string frame) {
  frame[0] = static_cast<char>(frame[0] | 0x40);
  return frame;
}
std::string code_bytes(unsigned code) { return {static_cast<char>(code >> 8), static_cast<char>(code & 0xff)}; }

class DeflateLinkTest : public LoopTest {
 protected:
  void start_with_deflate() {
    websocket.deflate = true;
    start();
    engine.on_frame = [](FakeEngine::Link& link, std::string_view text) { link.reply(text); };
    engine.on_text = [](FakeEngine::Link& link, std::string_view text) { link.promised += dynamic_cast<WebSocketLink&>(*link.sink).send_text(text); };
  }
  TestClient offering(std::string_view offer, std::string_view frames = "") {
    TestClient client = connect();
    client.send(upgrade_request("Sec-WebSocket-Extensions: " + std::string{offer} + "\r\n") + std::string{frames});
    return client;
  }
  std::string compressed(std::string_view message, std::uint8_t window_bits = 15) {
    const std::optional<Bytes> payload = client_side.deflate(as_bytes(message), window_bits);
    EXPECT_TRUE(payload);
    return std::string{as_text(*payload)};
  }
  std::string goodbye(std::string_view frames) {
    TestClient client = offering("permessage-deflate", frames);
    EXPECT_TRUE(until_ended(client)) << "still open";
    return behind_head(client.received);
  }

  MessageDeflater client_side;
};

TEST_F(DeflateLinkTest, NothingIsCompressedUnlessTheOperatorWantsIt) {
  start();
  engine.on_frame = [](FakeEngine::Link& link, std::string_view text) { link.reply(text); };
  TestClient client = offering("permessage-deflate", masked(Opcode::binary, long_text()));
  ASSERT_TRUE(until_received(client, unmasked(Opcode::binary, long_text())));
  EXPECT_THAT(client.received, Not(HasSubstr("Extensions")));
  client.send(with_bit(masked(Opcode::binary, compressed(long_text()))));
  EXPECT_TRUE(until_received(client, code_bytes(1002) + "reserved bits"));
}

TEST_F(DeflateLinkTest, NorUnlessTheClientOffersIt) {
  start_with_deflate();
  TestClient client = connect();
  client.send(upgrade_request() + masked(Opcode::binary, long_text()));
  ASSERT_TRUE(until_received(client, unmasked(Opcode::binary, long_text())));
  EXPECT_THAT(client.received, Not(HasSubstr("Extensions")));
}

TEST_F(DeflateLinkTest, BothSidesMayCompressEachMessage) {
  start_with_deflate();
  const std::string message = long_text();
  TestClient client =
      offering("permessage-deflate; client_max_window_bits", with_bit(masked(Opcode::binary, compressed(message))) + masked(Opcode::binary, message) +
                                                                 with_bit(masked(Opcode::text, compressed(message))));
  const std::string answer = with_bit(unmasked(Opcode::binary, compressed(message)));
  ASSERT_TRUE(until_received(client, answer + answer + with_bit(unmasked(Opcode::text, compressed(message)))));
  EXPECT_THAT(client.received,
              HasSubstr("\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"));
  EXPECT_THAT(engine.only().frames, ElementsAre(message, message));
  EXPECT_TRUE(until([&] { return engine.only().sent == engine.only().promised; })) << "the engine is credited for what really waited";
  EXPECT_EQ(engine.only().promised, behind_head(client.received).size());
  EXPECT_EQ(loop->stats().messages_deflated, 3U);
  EXPECT_EQ(loop->stats().messages_inflated, 2U);
  EXPECT_EQ(loop->stats().deflate_bytes_saved, 3 * (message.size() - compressed(message).size()));
}

TEST_F(DeflateLinkTest, ShortMessagesAndTimestampsGoAsTheyAre) {
  start_with_deflate();
  engine.on_frame = [](FakeEngine::Link& link, std::string_view text) { link.reply(text, text.size() > 1'000); };
  TestClient client = offering("permessage-deflate", masked(Opcode::binary, "short") + masked(Opcode::binary, long_text()));
  ASSERT_TRUE(until_received(client, unmasked(Opcode::binary, "short") + unmasked(Opcode::binary, long_text()).substr(0, 1'996)))
      << "all but the 8 bytes of the time";
  EXPECT_EQ(loop->stats().messages_deflated, 0U);
}

TEST_F(DeflateLinkTest, FragmentsAreInflatedTogetherAndControlFramesComeBetween) {
  start_with_deflate();
  const std::string payload = compressed(long_text());
  std::string first = with_bit(masked(Opcode::binary, payload.substr(0, 10)));
  first[0] = static_cast<char>(first[0] & 0x7f);
  TestClient client = offering("permessage-deflate", first + masked(Opcode::ping, "between") + masked(Opcode::continuation, payload.substr(10)));
  ASSERT_TRUE(until([&] { return !engine.links.empty() && !engine.only().frames.empty(); }));
  EXPECT_THAT(engine.only().frames, ElementsAre(long_text()));
  EXPECT_TRUE(until_received(client, unmasked(Opcode::pong, "between")));
}

TEST_F(DeflateLinkTest, TheWindowIsNoLargerThanTheClientAsks) {
  start_with_deflate();
  const std::string far_apart =
      long_text(300) + std::string(2'000, '-') + long_text(300);  // the second half refers to the first in a large window only
  ASSERT_NE(compressed(far_apart, 9), compressed(far_apart, 15));
  TestClient client = offering("permessage-deflate; server_max_window_bits=9", masked(Opcode::binary, far_apart));
  EXPECT_TRUE(until_received(client, with_bit(unmasked(Opcode::binary, compressed(far_apart, 9)))));
  EXPECT_THAT(client.received, HasSubstr("; server_max_window_bits=9\r\n"));
}

TEST_F(DeflateLinkTest, WhatIsNoDeflateStreamIsAnsweredWith1007) {
  start_with_deflate();
  EXPECT_THAT(goodbye(with_bit(masked(Opcode::binary, "garbage \xff\xff"))), HasSubstr(code_bytes(1007) + "compressed message is no deflate stream"));
  EXPECT_THAT(goodbye(with_bit(masked(Opcode::text, compressed(long_text() + "\xff")))), HasSubstr(code_bytes(1007) + "text is not UTF-8"));
  EXPECT_THAT(goodbye(with_bit(masked(Opcode::ping, "x"))), HasSubstr(code_bytes(1002) + "reserved bits"));
  EXPECT_EQ(loop->stats().framing_faults, 3U);
}

// A message of 100 KiB that would become 26 MiB.
TEST_F(DeflateLinkTest, AShortMessageCannotAskForMuchMemory) {
  start_with_deflate();
  const std::string block = compressed(std::string(websocket_message_bytes_max, 'a')) + std::string{"\x00\x00\xff\xff", 4};
  std::string bomb;
  for (int i = 0; i < 200; ++i) bomb += block;
  ASSERT_LE(bomb.size(), websocket_message_bytes_max + 0U);
  TestClient client = offering("permessage-deflate");
  std::string rest = with_bit(masked(Opcode::binary, bomb));
  const bool ended = until(
      [&] {
        rest.erase(0, client.send(rest));
        return client.ended;
      },
      {&client});
  ASSERT_TRUE(ended);
  EXPECT_EQ(behind_head(client.received), unmasked(Opcode::close, code_bytes(1009) + "message too long"));
  EXPECT_EQ(engine.only().frames.size(), 0U);
  EXPECT_LE(loop->deflater().bytes_held(), 4 * websocket_message_bytes_max);
}

// RFC 6455, section 9.1: with or without an extension that we have.
TEST_F(DeflateLinkTest, AMalformedListOfExtensionsIsRefused) {
  start_with_deflate();
  TestClient client = offering("permessage-deflate; =");
  ASSERT_TRUE(until_ended(client));
  EXPECT_THAT(client.received, HasSubstr("HTTP/1.1 400 "));
}

}  // namespace
}  // namespace clasp::net
