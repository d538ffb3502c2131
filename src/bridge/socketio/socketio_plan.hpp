// A Socket.IO bridge to be, and the rows that describe it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bridge/frame/bridge_plan.hpp"
#include "bridge/socketio/server_config.hpp"
#include "bridge/socketio/server_port.hpp"
#include "bridge/web/listen_rows.hpp"

namespace clasp::bridge::socketio {

class SocketIoPlan final : public BridgePlan {
 public:
  SocketIoPlan() : BridgePlan("socketio", "/socketio") {}

  std::string_view address_row() const override { return "bind"; }
  Result<void> check() const override;
  std::unique_ptr<Bridge> make(const BridgeContext& context) const override;

  ServerConfig server_config() const;  // name and namespace are the plan's
  PortConfig port_config() const;

  // What the rows fill in.
  web::ListenPlace place{.host = "0.0.0.0", .port = 3'001};
  ServerConfig server;
  PortConfig port;

 private:
  std::vector<options::Option> own_rows() override;
};

std::unique_ptr<BridgePlan> make_socketio_plan();

}  // namespace clasp::bridge::socketio
