// Plain HTTP on a stream, until a request upgrades it to WebSocket.
#pragma once

#include <cstddef>
#include <span>

#include "net/http_message.hpp"
#include "net/http_request.hpp"
#include "net/link_engine.hpp"
#include "net/stream.hpp"
#include "net/websocket_options.hpp"

namespace clasp::net {

// Requests are answered in order, pipelined or not. A request has to be complete within LoopOptions::setup_max (10 s) of the connection's
// beginning or the last answer, unless its body keeps coming; then 408. Answers that the client doesn't read stop the reading of requests.
class HttpSession final : public StreamHandler {
 public:
  static constexpr std::size_t answers_bytes_max = 65'536;
  static constexpr std::size_t body_progress_bytes = 16'384;  // of a body, and the deadline starts again

  HttpSession(Stream& stream, HttpHandler& handler, LinkEngine& engine, const WebSocketOptions& websocket = {})
      : stream_(stream), handler_(handler), engine_(engine), websocket_(websocket) {}

  void on_bytes(std::span<std::byte>& input) override;
  void on_end() override { stream_.close_after_flush(); }
  void on_sent(std::size_t bytes) override;
  void on_setup_deadline() override;
  void on_shutdown() override { stream_.close_after_flush(); }

 private:
  void answer(const HttpRequest& request);
  void upgrade(const HttpRequest& request);
  void refuse(unsigned status, std::string_view text);
  void send(const HttpResponse& response, Persist persist, Body body);

  Stream& stream_;
  HttpHandler& handler_;
  LinkEngine& engine_;
  WebSocketOptions websocket_;
  HttpRequestParser parser_;
  std::size_t body_bytes_ = 0;  // since the deadline was last restarted
};

}  // namespace clasp::net
