// An OSC bridge to be, and the rows that describe it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "bridge/frame/bridge_plan.hpp"
#include "bridge/osc/osc_config.hpp"

namespace clasp::bridge::osc {

class OscPlan final : public BridgePlan {
 public:
  OscPlan() : BridgePlan("osc", "/osc") {}

  std::string_view address_row() const override { return "bind"; }
  std::unique_ptr<Bridge> make(const BridgeContext& context) const override;

  OscConfig config() const;              // name and namespace are the plan's
  OscSocketConfig socket_config() const;

  // What the rows fill in.
  std::string host = "0.0.0.0";
  std::uint16_t port = 9'000;
  OscConfig settings;
  OscSocketConfig socket;  // `bind` is host and port

 private:
  std::vector<options::Option> own_rows() override;
};

std::unique_ptr<BridgePlan> make_osc_plan();

}  // namespace clasp::bridge::osc
