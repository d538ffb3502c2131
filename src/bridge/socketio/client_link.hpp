// The Socket.IO client with its connections: each transport in turn, and again after a while.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bridge/socketio/client_transport.hpp"
#include "bridge/socketio/socket_client.hpp"
#include "client/backoff.hpp"
#include "dial/target.hpp"
#include "dial/tls_session.hpp"
#include "http_client/http_client.hpp"
#include "io/timer.hpp"

namespace clasp::bridge::socketio {

struct ServerPlace {
  std::string host;
  std::uint16_t port = 0;
  bool secure = false;
  std::string path = "/socket.io/";
  std::string query;  // further parameters, "token=x"
  std::vector<net::HttpField> headers;
  dial::TlsOptions tls;   // if secure
  bool websocket = true;  // tried first …
  bool polling = true;    // … and this if there is none
};

class ClientLink final : private TransportEvents {
 public:
  // Loop and link outlive it.
  ClientLink(io::IoLoop& loop, RouterLink& router, const ClientConfig& config, ServerPlace place, std::function<void(std::string_view)> log);
  ClientLink(const ClientLink&) = delete;
  ~ClientLink() { stop(); }

  Result<void> start();  // the error names a file of certificates that cannot be used
  void stop();
  const SocketClient& client() const { return client_; }
  std::string_view transport() const { return transport_ && client_.engine().is_open() ? transport_->name() : std::string_view{}; }
  const std::string& last_failure() const { return last_failure_; }
  std::uint64_t attempts() const { return attempts_; }

 private:
  // TransportEvents
  void transport_ready() override;
  void transport_text(std::string_view packet) override;
  void transport_binary(Bytes message) override;
  void transport_writable() override;
  void transport_lost(std::string_view why) override { end_soon(std::string(why)); }

  void attempt();
  std::unique_ptr<ClientTransport> make_transport(bool websocket);
  std::string request_path(std::string_view transport) const;
  void end_soon(std::string why);
  void end();
  void look_after();

  const ClientConfig config_;
  io::IoLoop& loop_;
  const ServerPlace place_;
  std::function<void(std::string_view)> log_;
  SocketClient client_;
  client::Backoff backoff_;
  io::Timer redial_;
  io::Timer clock_;
  std::shared_ptr<const dial::TlsContext> tls_;
  std::unique_ptr<http_client::HttpClient> http_;
  std::unique_ptr<ClientTransport> transport_;
  std::vector<bool> order_;  // true: WebSocket
  std::size_t at_ = 0;       // of order_
  std::optional<std::string> ending_;
  std::string last_failure_;
  std::uint64_t attempts_ = 0;
  bool running_ = false;
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace clasp::bridge::socketio
