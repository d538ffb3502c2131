// How a client reaches its server: a WebSocket, or polls.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/socketio/engine_client.hpp"
#include "bridge/socketio/engine_packet.hpp"
#include "dial/connection.hpp"
#include "http_client/http_fetch.hpp"

namespace clasp::bridge::socketio {

// None of these may destroy the transport; what ends it comes later.
class TransportEvents {
 public:
  virtual void transport_ready() = 0;  // the server may begin
  virtual void transport_text(std::string_view packet) = 0;
  virtual void transport_binary(Bytes message) = 0;
  virtual void transport_writable() = 0;
  virtual void transport_lost(std::string_view why) = 0;

 protected:
  ~TransportEvents() = default;
};

class ClientTransport : public EngineTransport {
 public:
  virtual void start() = 0;
  virtual std::string_view name() const = 0;
};

class SocketTransport final : public ClientTransport, private dial::ConnectionEvents {
 public:
  SocketTransport(io::IoLoop& loop, dial::Target target, TransportEvents& events) : events_(events), connection_(loop, std::move(target), told()) {}

  void start() override { connection_.start(); }
  std::string_view name() const override { return "websocket"; }
  void send_text(std::string_view packet) override { connection_.send(as_bytes(packet), dial::Form::text); }
  void send_binary(Bytes message) override { connection_.send(message, dial::Form::binary); }
  bool has_room() override { return connection_.has_room(); }

 private:
  dial::ConnectionEvents& told() { return *this; }
  void connection_opened() override { events_.transport_ready(); }
  void connection_input(Bytes bytes, dial::Form form) override {
    if (form == dial::Form::text)
      events_.transport_text(as_text(bytes));
    else
      events_.transport_binary(bytes);
  }
  void connection_writable() override { events_.transport_writable(); }
  void connection_closed(std::string_view reason) override { events_.transport_lost(reason); }

  TransportEvents& events_;
  dial::Connection connection_;
};

// One GET is always under way, and at most one POST; what is sent meanwhile goes with the next.
class PollTransport final : public ClientTransport {
 public:
  static constexpr std::size_t pending_bytes_max = 65'536;
  static constexpr std::size_t answer_bytes_max = 16'777'216;

  // `url` has its query already; `sid` is asked once the server has begun.
  PollTransport(io::IoLoop& loop, http_client::HttpFetcher& http, std::string url, std::vector<http_client::HttpField> fields,
                std::function<std::string()> sid, TransportEvents& events);
  ~PollTransport() override;

  void start() override;
  std::string_view name() const override { return "polling"; }
  void send_text(std::string_view packet) override;
  void send_binary(Bytes message) override;
  bool has_room() override { return pending_.bytes() < pending_bytes_max; }

 private:
  http_client::HttpCall call(std::string_view method, std::string body) const;
  void poll();
  void polled(const Result<http_client::HttpAnswer>& answer);
  void post_soon();
  void post();
  bool is_fine(const Result<http_client::HttpAnswer>& answer);

  io::IoLoop& loop_;
  http_client::HttpFetcher& http_;
  std::string url_;
  std::vector<http_client::HttpField> fields_;
  std::function<std::string()> sid_;
  TransportEvents& events_;
  PayloadWriter pending_;
  bool post_due_ = false;
  http_client::CallId get_ = http_client::CallId::none;
  http_client::CallId post_ = http_client::CallId::none;
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace clasp::bridge::socketio
