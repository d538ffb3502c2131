// A WebSocket bridge to be, and the rows that describe it.
#pragma once

#include <memory>
#include <string>

#include "bridge/frame/bridge_plan.hpp"
#include "bridge/web/listen_rows.hpp"
#include "bridge/websocket/hub_config.hpp"
#include "bridge/websocket/server_port.hpp"

namespace clasp::bridge::websocket {

class WebSocketPlan final : public BridgePlan {
 public:
  WebSocketPlan() : BridgePlan("websocket", "/ws") {}

  std::string_view address_row() const override { return "url"; }
  Result<void> check() const override;
  std::unique_ptr<Bridge> make(const BridgeContext& context) const override;

  HubConfig hub_config() const;  // name and namespace are the plan's
  PortConfig port_config() const;

  // What the rows fill in.
  web::ListenPlace place{.host = "0.0.0.0", .port = 8'080};
  HubConfig hub;
  PortConfig port;

 private:
  std::vector<options::Option> own_rows() override;
};

std::unique_ptr<BridgePlan> make_websocket_plan();

}  // namespace clasp::bridge::websocket
