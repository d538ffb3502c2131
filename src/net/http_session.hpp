// Plain HTTP on a stream, until a request upgrades it to WebSocket.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "net/http_handler.hpp"
#include "net/http_message.hpp"
#include "net/http_request.hpp"
#include "net/link_engine.hpp"
#include "net/stream.hpp"
#include "net/websocket_options.hpp"

namespace clasp::net {

// Requests are answered in order, pipelined or not. A request has to be complete within LoopOptions::setup_max (10 s) of the connection's
// beginning or the last answer, unless its body keeps coming; then 408. Answers that the client doesn't read stop the reading of requests. While an
// answer is owed nothing is read beyond one read's worth, but the end of the peer is noticed.
class HttpSession final : public StreamHandler, private HttpResponder {
 public:
  static constexpr std::size_t answers_bytes_max = 65'536;
  static constexpr std::size_t body_progress_bytes = 16'384;  // of a body, and the deadline starts again

  // Without engine only the handler's own protocols are spoken on WebSockets; who asks for another is refused.
  HttpSession(Stream& stream, HttpHandler& handler, LinkEngine* engine, const WebSocketOptions& websocket = {})
      : stream_(stream), handler_(handler), engine_(engine), websocket_(websocket) {}

  void on_bytes(std::span<std::byte>& input) override;
  void on_end() override;
  void on_sent(std::size_t bytes) override;
  void on_setup_deadline() override;
  void on_closed() override { release_peer(); }
  void on_shutdown() override;

 private:
  // What the peer has not got yet of the answer to its request. rest: of the last one, which waits to be taken; then the connection ends.
  enum class Owed : std::uint8_t { nothing, answer, body, rest };

  const Now& now() const override { return stream_.now(); }
  void answer(const HttpResponse& response) override;
  void begin(const HttpResponse& head, Flow flow) override;
  std::size_t send(std::string_view piece) override;
  void finish() override;
  std::size_t bytes_waiting() const override { return stream_.bytes_waiting(); }
  void abort() override { stream_.abort(); }
  std::unique_ptr<HttpPeer>& peer() override { return peer_; }

  void handle(const HttpRequest& request);
  void upgrade(const HttpRequest& request);
  const SubProtocol* find_other(const HttpRequest& request) const;
  HttpResponse answer_to_upgrade(const HttpRequest& request, const Upgrade& own, const SubProtocol* other) const;
  void refuse(const HttpFault& fault);
  void send_response(const HttpResponse& response, Persist persist, Body body);
  void answered();
  void end();
  void release_peer();

  Stream& stream_;
  HttpHandler& handler_;
  LinkEngine* engine_;
  std::unique_ptr<HttpPeer> peer_;
  WebSocketOptions websocket_;
  HttpRequestParser parser_;
  std::size_t body_bytes_ = 0;  // since the deadline was last restarted
  // Of the request that is being answered.
  Owed owed_ = Owed::nothing;
  bool handling_ = false;  // inside HttpHandler::handle()
  bool head_only_ = false;
  bool chunked_ = false;
  bool keep_alive_ = false;
  bool http_1_0_ = false;
  bool finite_ = false;
};

}  // namespace clasp::net
