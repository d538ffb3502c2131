// An MQTT bridge to be, and the rows that describe it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bridge/frame/bridge_plan.hpp"
#include "bridge/mqtt/mqtt_config.hpp"
#include "dial/target.hpp"
#include "dial/tls_session.hpp"

namespace clasp::bridge::mqtt {

class MqttPlan final : public BridgePlan {
 public:
  MqttPlan() : BridgePlan("mqtt", "/mqtt") {}

  std::string_view address_row() const override { return "broker"; }
  Result<void> check() const override;
  std::unique_ptr<Bridge> make(const BridgeContext& context) const override;

  MqttConfig config() const;            // name and namespace are the plan's
  Result<dial::Target> target() const;  // reads certificates: the error names the file
  std::string url() const;              // without credentials

  // What the rows fill in.
  std::string host = "localhost";
  std::optional<std::uint16_t> port;  // unset: the scheme's
  bool use_tls = false;
  std::optional<std::string> websocket;  // path and query; unset: TCP
  dial::TlsOptions tls;
  MqttConfig settings;

 private:
  std::vector<options::Option> own_rows() override;
  std::vector<options::Option> broker_rows();
  std::vector<options::Option> identity_rows();
  std::vector<options::Option> message_rows();
  std::vector<options::Option> bound_rows();
  Result<void> set_broker(std::string_view text);
  Result<void> add_topic(std::string_view text);
  WillConfig& will();

  bool topics_given_ = false;
};

std::unique_ptr<BridgePlan> make_mqtt_plan();

}  // namespace clasp::bridge::mqtt
