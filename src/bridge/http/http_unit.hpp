// Both modes as what the frame runs.
#pragma once

#include <memory>

#include "bridge/frame/bridge.hpp"
#include "bridge/http/http_bridge_config.hpp"
#include "bridge/http/server_bridge.hpp"
#include "http_client/http_client.hpp"

namespace clasp::bridge::http {

std::unique_ptr<Bridge> make_server_unit(HttpServerModeConfig config, const BridgeContext& context);
std::unique_ptr<Bridge> make_client_unit(HttpClientModeConfig config, http_client::HttpClientConfig fetcher, const BridgeContext& context);

}  // namespace clasp::bridge::http
