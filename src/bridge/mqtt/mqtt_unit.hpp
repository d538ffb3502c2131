// The engine and its connection as one bridge.
#pragma once

#include <memory>

#include "bridge/frame/bridge.hpp"
#include "bridge/mqtt/mqtt_plan.hpp"

namespace clasp::bridge::mqtt {

std::unique_ptr<Bridge> make_mqtt_bridge(MqttConfig config, Result<dial::Target> target, std::string url, const BridgeContext& context);

}  // namespace clasp::bridge::mqtt
