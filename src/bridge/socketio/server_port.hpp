// The Socket.IO server on a port: Engine.IO's requests and WebSockets on one path, each client a session, all of them one SocketServer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bridge/socketio/engine_session.hpp"
#include "bridge/socketio/server_config.hpp"
#include "bridge/socketio/socket_server.hpp"
#include "bridge/web/http_port.hpp"

namespace clasp::bridge::socketio {

struct PortConfig {
  net::ListenAddress bind{.host = "0.0.0.0", .port = 3001};
  std::string path = "/socket.io/";
  std::vector<std::string> cors_origins;  // pages of these may poll; "*": of all. WebSockets know no such rule, as with every Socket.IO server
};

class ServerPort final : private net::HttpHandler, private net::Turns {
 public:
  // Loop and link outlive it.
  ServerPort(io::IoLoop& loop, RouterLink& router, ServerConfig config, PortConfig port, std::function<void(std::string_view)> log);
  ServerPort(const ServerPort&) = delete;
  ~ServerPort() override;

  Result<void> start();  // listens, then opens the link
  void stop();           // when it returns the port is free and nothing is called any more
  std::uint16_t port() const { return http_.port(); }
  const SocketServer& server() const { return server_; }
  std::size_t clients() const { return sessions_.size(); }
  const ServerConfig& config() const { return config_; }

 private:
  class PollPeer;
  class SocketWire;
  struct Query;

  // net::HttpHandler
  void handle(const net::HttpRequest& request, net::HttpResponder& responder) override;
  std::optional<net::HttpResponse> refuse_upgrade(const net::HttpRequest& request) override;
  net::Upgrade find_upgrade(const net::HttpRequest& request) override;
  // net::Turns
  void advance(const Now& now) override;
  bool end_turn(const Now& now) override;
  std::optional<SteadyTime> next_deadline() const override;

  bool owns(std::string_view path) const;
  Query query_of(const net::HttpRequest& request) const;
  std::optional<EngineRefusal> check(const Query& query, std::string_view method) const;
  std::optional<EngineRefusal> poll(const Query& query, net::HttpResponder& responder);
  net::HttpResponse answer_of(const net::HttpRequest& request, unsigned status, std::string_view type, std::string body) const;
  net::HttpResponse answer_of(const net::HttpRequest& request, const EngineRefusal& refusal) const;
  void add_cors(const net::HttpRequest& request, std::vector<net::HttpField>& fields) const;
  std::unique_ptr<net::StreamHandler> open_link(net::Stream& stream, const Query& query);
  EngineSession& open_session(const Query& query);
  EngineSession* find(const std::string& sid);
  void touch();  // a session may have a new deadline

  const ServerConfig config_;
  const PortConfig port_config_;
  web::HttpPort http_;
  std::unordered_map<std::string, std::unique_ptr<EngineSession>> sessions_;  // by sid; what is closed stays until the turn's end
  SocketServer server_;
  std::optional<SteadyTime> sweep_at_;
};

}  // namespace clasp::bridge::socketio
