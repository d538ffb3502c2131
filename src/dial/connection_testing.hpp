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

inline Target plain(std::uint16_t port, std::string host = "127.0.0.1") {
  return {.host = std::move(host), .port = port, .tls = nullptr, .websocket = {}};
}

}  // namespace clasp::dial
