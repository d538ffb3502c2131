// A WebSocket bridge to be, and the rows that describe it.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "bridge/frame/bridge_plan.hpp"
#include "bridge/web/peer_side.hpp"
#include "bridge/websocket/hub_config.hpp"
#include "bridge/websocket/server_port.hpp"
#include "dial/target.hpp"
#include "url/url.hpp"

namespace clasp::bridge::websocket {

class WebSocketPlan final : public BridgePlan {
 public:
  WebSocketPlan() : BridgePlan("websocket", "/ws") {}

  std::string_view address_row() const override { return "url"; }
  Result<void> check() const override;
  std::unique_ptr<Bridge> make(const BridgeContext& context) const override;

  HubConfig hub_config() const;  // name and namespace are the plan's
  PortConfig port_config() const;
  dial::Target target() const;  // if it connects

  // What the rows fill in.
  web::PeerSide peers{.url_form = "ws://HOST:PORT/PATH", .tls_scheme = "wss://", .schemes = schemes, .place = {.host = "0.0.0.0", .port = 8'080}};
  HubConfig hub;
  PortConfig port;
  Micros redial_after{5'000'000};

 private:
  static constexpr std::array schemes{url::Scheme{"ws", 80, false, true}, url::Scheme{"wss", 443, true, true}};

  std::vector<options::Option> own_rows() override;
  std::vector<options::Option> hub_rows();
};

std::unique_ptr<BridgePlan> make_websocket_plan();

}  // namespace clasp::bridge::websocket
