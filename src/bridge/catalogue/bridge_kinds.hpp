// The bridges there are, as rows. A new protocol is a folder beside this one and a row here.
#pragma once

#include <span>

#include "bridge/frame/bridge_plan.hpp"

namespace clasp::bridge {

struct BridgeKind {
  std::string_view protocol;  // "osc": of the command, of [[bridge]] type, of mappings
  std::string_view summary;   // one line
  std::unique_ptr<BridgePlan> (*plan)();
};

std::span<const BridgeKind> bridge_kinds();
// The error names those there are.
Result<std::unique_ptr<BridgePlan>> make_plan(std::string_view protocol);

}  // namespace clasp::bridge
