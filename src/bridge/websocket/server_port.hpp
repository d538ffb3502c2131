// The WebSocket bridge on a port of its own: who comes in, and the channel of each.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/web/http_port.hpp"
#include "bridge/websocket/hub.hpp"

namespace clasp::bridge::websocket {

struct PortConfig {
  net::ListenAddress bind{.host = "0.0.0.0", .port = 8080};
  std::string path;                  // others are refused; empty: any
  std::string subprotocol;           // selected if a client offers it
  std::string token;                 // each client has to bring it; empty: everybody may
  std::vector<std::string> origins;  // pages of other origins are refused; empty: of none
};

class ServerPort final : private net::HttpHandler, private net::Turns {
 public:
  // Loop and link outlive it.
  ServerPort(io::IoLoop& loop, RouterLink& router, HubConfig config, PortConfig port, std::function<void(std::string_view)> log);
  ServerPort(const ServerPort&) = delete;
  ~ServerPort() override;

  Result<void> start();  // listens, then opens the link
  void stop();           // when it returns the port is free and nothing is called any more
  std::uint16_t port() const { return http_.port(); }
  const Hub& hub() const { return hub_; }
  std::uint64_t refused() const { return refused_; }

 private:
  class Client;

  // net::HttpHandler
  void handle(const net::HttpRequest& request, net::HttpResponder& responder) override;
  std::optional<net::HttpResponse> refuse_upgrade(const net::HttpRequest& request) override;
  net::Upgrade find_upgrade(const net::HttpRequest& request) override;
  // net::Turns
  void advance(const Now& now) override;
  bool end_turn(const Now&) override { return false; }
  std::optional<SteadyTime> next_deadline() const override { return hub_.next_deadline(); }

  bool has_token(const net::HttpRequest& request) const;

  const HubConfig config_;
  const PortConfig port_config_;
  web::HttpPort http_;
  Hub hub_;
  std::uint64_t refused_ = 0;  // at the door
};

}  // namespace clasp::bridge::websocket
