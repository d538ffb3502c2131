// A Socket.IO bridge to be, and the rows that describe it.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "bridge/frame/bridge_plan.hpp"
#include "bridge/socketio/client_config.hpp"
#include "bridge/socketio/client_link.hpp"
#include "bridge/socketio/server_config.hpp"
#include "bridge/socketio/server_port.hpp"
#include "bridge/web/peer_side.hpp"
#include "url/url.hpp"

namespace clasp::bridge::socketio {

class SocketIoPlan final : public BridgePlan {
 public:
  SocketIoPlan() : BridgePlan("socketio", "/socketio") {}

  std::string_view address_row() const override { return "url"; }
  Result<void> check() const override;
  std::unique_ptr<Bridge> make(const BridgeContext& context) const override;

  ServerConfig server_config() const;  // name and namespace are the plan's
  PortConfig port_config() const;
  ClientConfig client_config() const;  // if it connects
  ServerPlace server_place() const;

  // What the rows fill in.
  web::PeerSide peers{
      .url_form = "http://HOST:PORT/NAMESPACE?QUERY", .tls_scheme = "https://", .schemes = schemes, .place = {.host = "0.0.0.0", .port = 3'001}};
  ServerConfig server;
  PortConfig port;
  ClientConfig client;  // what the server's settings have too is taken from there

 private:
  static constexpr std::array schemes{url::Scheme{"http", 80}, url::Scheme{"https", 443, true}, url::Scheme{"ws", 80, false, true},
                                      url::Scheme{"wss", 443, true, true}};

  std::vector<options::Option> own_rows() override;
  std::vector<options::Option> socket_rows();
};

std::unique_ptr<BridgePlan> make_socketio_plan();

}  // namespace clasp::bridge::socketio
