// The client's WebSocket as a server sees it (RFC 6455): raw bytes on a loopback socket, one thread.
#include "client/client_link.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "net/websocket_frame.hpp"
#include "net/websocket_handshake.hpp"

namespace clasp::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace asio = boost::asio;
using asio::ip::tcp;

std::string close_with(unsigned code, std::string_view reason = "") {
  return std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)} + std::string{reason};
}

class ClientLinkTest : public ::testing::Test, protected LinkEvents {
 protected:
  void link_opened() override { opened = true; }
  void link_input(FrameSource& source) override {
    while (const std::optional<Bytes> frame = source.next()) frames.emplace_back(as_text(*frame));
  }
  void link_writable() override {}
  void link_lost(std::string_view reason) override {
    EXPECT_FALSE(lost) << "told twice";
    lost = reason;
    link.reset();
  }

  void open() {
    link = make_link(loop, {.transport = Transport::websocket, .host = "127.0.0.1", .port = acceptor.local_endpoint().port(), .target = "/"}, *this);
    link->open();
    acceptor.accept(server);
    server.non_blocking(true);
    ASSERT_TRUE(until([this] { return received.find("\r\n\r\n") != std::string::npos; }));
    const std::size_t key = received.find("Sec-WebSocket-Key: ") + 19;
    say(fmt::format("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
                    net::websocket_accept(received.substr(key, 24))));
    ASSERT_TRUE(until([this] { return opened; }));
    received.clear();
  }
  void say(std::string_view bytes) { asio::write(server, asio::buffer(bytes)); }
  void say(net::Opcode opcode, std::string_view payload) {
    ByteBuffer frame;
    net::append_websocket_frame(frame, opcode, as_bytes(payload));
    say(as_text(frame.view()));
  }

  // Turns the loop and reads what the client sends; false after a minute.
  bool until(const std::function<bool()>& condition) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes{1};
    while (!condition()) {
      if (std::chrono::steady_clock::now() > give_up) return false;
      loop.restart();
      loop.run_for(std::chrono::milliseconds{1});
      char buffer[4'096];
      boost::system::error_code error;
      const std::size_t bytes = server.read_some(asio::buffer(buffer), error);
      received.append(buffer, bytes);
      ended |= error && error != asio::error::would_block;
    }
    return true;
  }

  // What the client said behind its upgrade, frame by frame; masked, or this ends with a fault.
  std::vector<std::string> said() {
    net::WebSocketFramer framer{net::Role::server};
    std::string copy = received;
    std::span<std::byte> input{reinterpret_cast<std::byte*>(copy.data()), copy.size()};
    std::vector<std::string> frames_said;
    while (const std::optional<net::Piece> piece = framer.next(input)) {
      constexpr std::string_view names[] = {"frame", "text", "ping", "pong", "close"};
      frames_said.push_back(fmt::format("{} {}{}", names[static_cast<std::size_t>(piece->kind)], piece->code, as_text(piece->payload)));
    }
    if (const auto fault = framer.fault()) frames_said.push_back(fmt::format("fault: {}", fault->text));
    return frames_said;
  }

  asio::io_context loop;
  tcp::acceptor acceptor{loop, tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
  tcp::socket server{loop};
  std::shared_ptr<ClientLink> link;
  std::string received;
  bool ended = false;
  bool opened = false;
  std::optional<std::string> lost;
  std::vector<std::string> frames;
};

TEST_F(ClientLinkTest, ACloseIsAnsweredWithItsCode) {  // section 5.5.1
  open();
  say(net::Opcode::close, close_with(1012, "the router restarts"));
  ASSERT_TRUE(until([this] { return ended; }));
  EXPECT_THAT(said(), ElementsAre("close 1012"));
  EXPECT_EQ(lost, "the router restarts");
}

TEST_F(ClientLinkTest, ACloseWithoutACodeIsAnsweredWith1000) {
  open();
  say(net::Opcode::close, "");
  ASSERT_TRUE(until([this] { return ended; }));
  EXPECT_THAT(said(), ElementsAre("close 1000"));
  EXPECT_EQ(lost, "the router closed the connection");
}

TEST_F(ClientLinkTest, WhatBreaksTheFramingIsAnsweredWithWhy) {  // section 7.1.7
  open();
  say(net::Opcode::binary, "before");
  say(std::string{"\x81\x7e\x10\x00 text ", 10} + "\xff of which 4,000 bytes are still to come");
  ASSERT_TRUE(until([this] { return ended; }));
  EXPECT_THAT(said(), ElementsAre("close 1007")) << "before the frame is complete";
  EXPECT_THAT(frames, ElementsAre("before"));
  ASSERT_TRUE(lost);
  EXPECT_THAT(*lost, HasSubstr("text is not UTF-8"));
}

TEST_F(ClientLinkTest, MaskedServerFramesAreRefused) {  // section 5.1
  open();
  say(std::string{"\x82\x81\0\0\0\0x", 7});
  ASSERT_TRUE(until([this] { return ended; }));
  EXPECT_THAT(said(), ElementsAre("close 1002"));
  EXPECT_THAT(frames, IsEmpty());
}

TEST_F(ClientLinkTest, AServerThatDoesNotEndTheConnectionIsLeft) {
  open();
  say(net::Opcode::close, close_with(1001));
  ASSERT_TRUE(until([this] { return lost.has_value(); })) << "told at once";
  EXPECT_TRUE(until([this] { return ended; })) << "and not kept open by a server that stays";
}

TEST_F(ClientLinkTest, PingsAreAnsweredBetweenFragments) {  // sections 5.4 and 5.5.2
  open();
  say(std::string{"\x02\x03one\x89\x02hi\x80\x03two", 14});
  say(net::Opcode::text, "means nothing");
  say(net::Opcode::ping, std::string(125, 'p'));
  ASSERT_TRUE(until([this] { return said().size() == 2; }));
  EXPECT_THAT(said(), ElementsAre("pong 0hi", "pong 0" + std::string(125, 'p')));
  EXPECT_THAT(frames, ElementsAre("onetwo"));
}

}  // namespace
}  // namespace clasp::client
