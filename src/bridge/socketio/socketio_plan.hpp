// A Socket.IO bridge to be, and the rows that describe it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bridge/frame/bridge_plan.hpp"
#include "bridge/socketio/client_config.hpp"
#include "bridge/socketio/client_link.hpp"
#include "bridge/socketio/server_config.hpp"
#include "bridge/socketio/server_port.hpp"
#include "bridge/web/listen_rows.hpp"
#include "dial/tls_session.hpp"
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
  bool connects() const { return is_client.value_or(remote.has_value()); }
  ClientConfig client_config() const;  // if it connects
  ServerPlace server_place() const;

  // What the rows fill in.
  web::ListenPlace place{.host = "0.0.0.0", .port = 3'001};
  ServerConfig server;
  PortConfig port;
  std::optional<bool> is_client;  // unset: if `url` is an URL
  std::optional<url::Url> remote;
  ClientConfig client;  // what the server's settings have too is taken from there
  std::vector<net::HttpField> headers;
  dial::TlsOptions tls;

 private:
  Result<void> set_url(std::string_view text);
  std::vector<options::Option> own_rows() override;
};

std::unique_ptr<BridgePlan> make_socketio_plan();

}  // namespace clasp::bridge::socketio
