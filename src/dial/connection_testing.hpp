// A connection with a memory, on a loop of its own.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dial/connection.hpp"
#include "dial/dial_testing.hpp"
#include "io/io_loop.hpp"
#include "net/http_request.hpp"
#include "net/websocket_frame.hpp"
#include "net/websocket_handshake.hpp"

namespace clasp::dial {

class ConnectionTest : public testing::Test, public ConnectionEvents {
 protected:
  // Runs the loop until it has happened, for a minute at most.
  bool until(const std::function<bool()>& happened) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (!happened() && std::chrono::steady_clock::now() < end) loop.turn(Micros{50'000});
    return happened();
  }
  void dial(Target target) {
    opened = false;
    lost.reset();
    input.clear();
    connection = std::make_unique<Connection>(loop, std::move(target), *this);
    connection->start();
  }
  bool is_lost() const { return lost.has_value(); }
  // How a dial ends that comes to nothing.
  std::string reason_of(Target target) {
    dial(std::move(target));
    EXPECT_TRUE(until([this] { return is_lost() || opened; }));
    return lost.value_or("it was opened");
  }

  void connection_opened() override {
    opened = true;
    if (on_open) on_open();
  }
  void connection_input(Bytes bytes, Form form) override {
    input += as_text(bytes);
    if (form != Form::stream) messages.emplace_back(as_text(bytes));
    if (form == Form::text) ++texts;
    if (on_input) on_input();
  }
  void connection_writable() override { ++writable; }
  void connection_closed(std::string_view reason) override { lost = reason; }

  io::IoLoop loop;
  bool opened = false;
  std::optional<std::string> lost;
  std::string input;
  std::vector<std::string> messages;
  int texts = 0;
  int writable = 0;
  std::function<void()> on_open;
  std::function<void()> on_input;
  std::unique_ptr<Connection> connection;
};

// A frame as servers send it.
inline std::string frame(net::Opcode opcode, std::string_view payload) {
  ByteBuffer out;
  net::append_websocket_frame(out, opcode, as_bytes(payload));
  return std::string(as_text(out.view()));
}

// The upgrade as a server answers it; returns the request.
inline net::HttpRequest accept_upgrade(ServerEnd& end, std::string_view subprotocol) {
  std::string head = end.read_until("\r\n\r\n");
  net::HttpRequestParser parser;
  std::span<std::byte> input{reinterpret_cast<std::byte*>(head.data()), head.size()};
  const std::optional<net::HttpRequest> request = parser.next(input);
  if (!request) return {};
  ByteBuffer out;
  net::append_response(out, net::answer_upgrade(*request, subprotocol), net::Persist::yes, net::Body::send);
  end.write(as_text(out.view()));
  return *request;
}

inline Target plain(std::uint16_t port, std::string host = "127.0.0.1") {
  return {.host = std::move(host), .port = port, .tls = nullptr, .websocket = {}};
}

}  // namespace clasp::dial
