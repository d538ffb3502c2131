// A WebSocket bridge to be, and the rows that describe it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bridge/frame/bridge_plan.hpp"
#include "bridge/web/listen_rows.hpp"
#include "bridge/websocket/hub_config.hpp"
#include "bridge/websocket/server_port.hpp"
#include "dial/target.hpp"
#include "dial/tls_session.hpp"
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
  bool connects() const { return is_client.value_or(server.has_value()); }
  dial::Target target() const;  // if it connects

  // What the rows fill in.
  web::ListenPlace place{.host = "0.0.0.0", .port = 8'080};
  HubConfig hub;
  PortConfig port;
  std::optional<bool> is_client;    // unset: if `url` is an URL
  std::optional<url::Url> server;  // to connect to
  std::vector<net::HttpField> headers;
  dial::TlsOptions tls;
  Micros redial_after{5'000'000};

 private:
  Result<void> set_url(std::string_view text);
  std::vector<options::Option> own_rows() override;
};

std::unique_ptr<BridgePlan> make_websocket_plan();

}  // namespace clasp::bridge::websocket
