#include "bridge/catalogue/bridge_kinds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bridge/http/http_plan.hpp"
#include "bridge/mqtt/mqtt_plan.hpp"
#include "bridge/osc/osc_plan.hpp"
#include "bridge/socketio/socketio_plan.hpp"
#include "bridge/websocket/websocket_plan.hpp"
#include "core/address.hpp"

namespace clasp::bridge {

namespace {

constexpr std::array kinds{
    BridgeKind{"osc", "Bridge between OSC, over UDP or TCP, and a router.", osc::make_osc_plan},
    BridgeKind{"mqtt", "Bridge between an MQTT broker, 3.1.1 or 5, and a router.", mqtt::make_mqtt_plan},
    BridgeKind{"http", "The HTTP interface at a port of its own; or polls and webhooks: other HTTP servers, and a router.", http::make_http_plan},
    BridgeKind{"socketio", "Bridge between Socket.IO, as a server or a client, and a router.", socketio::make_socketio_plan},
    BridgeKind{"websocket", "Bridge between JSON over WebSocket, as a server or a client, and a router.", websocket::make_websocket_plan},
};

}  // namespace

std::span<const BridgeKind> bridge_kinds() { return kinds; }

Result<std::unique_ptr<BridgePlan>> make_plan(std::string_view protocol) {
  const auto kind = std::ranges::find(kinds, protocol, &BridgeKind::protocol);
  if (kind != kinds.end()) return kind->plan();
  std::string known;
  for (const BridgeKind& each : kinds) known += fmt::format("{}{}", known.empty() ? "" : ", ", each.protocol);
  return Error{ErrorCode::invalid_argument, fmt::format("no bridge is called {}; there are: {}", printable(protocol, 60), known), {}};
}

}  // namespace clasp::bridge
