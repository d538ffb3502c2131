// For tests: a poll and a WebSocket that write down what they get.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "bridge/socketio/engine_session.hpp"
#include "core/base64.hpp"

namespace clasp::bridge::socketio {

class FakePoll final : public Poll {
 public:
  void answer(std::string_view payload) override { answers.emplace_back(payload); }
  bool waits() const { return answers.empty(); }
  std::string answer_text() const { return answers.size() == 1 ? answers[0] : fmt::format("{} answers", answers.size()); }
  std::vector<std::string> answers;
};

class FakeWire final : public Wire {
 public:
  void send_text(std::string_view text) override { sent.emplace_back(text); }
  void send_binary(Bytes message) override { sent.push_back("b" + base64_encode(message)); }
  std::size_t bytes_waiting() const override { return waiting; }
  void close(std::string_view reason) override { sent.push_back(fmt::format("closed: {}", reason)); }
  std::vector<std::string> take() { return std::exchange(sent, {}); }

  std::vector<std::string> sent;
  std::size_t waiting = 0;
};

}  // namespace clasp::bridge::socketio
