// The rows of a command that runs one bridge: the protocol's own, and where the router is.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bridge/frame/bridge_plan.hpp"
#include "cli/arguments.hpp"
#include "lens/module_set.hpp"

namespace clasp::cli {

struct BridgeFlags {
  std::string router = "ws://localhost:7330";
  bool router_given = false;
  std::string router_token;
  std::string token;  // --token: the router's, or, for bridges that others connect to and without --router, theirs
  bool reconnect = true;
  bool monitor = false;
  bool json = false;
  lens::ModuleFiles modules;
  std::unique_ptr<bridge::BridgePlan> plan;  // set before the rows are made
};

// CLASP_ROUTER, CLASP_URL, CLASP_TOKEN and CLASP_RECONNECT come before the arguments.
std::vector<options::Option> bridge_rows(const Invocation& call, BridgeFlags& flags);
// What --token meant.
Result<void> settle_token(BridgeFlags& flags);

// Runs the bridge; `reread` reads the same arguments again on SIGHUP.
ExitCode run_bridge(const Invocation& call, const BridgeFlags& flags, std::function<Result<std::unique_ptr<bridge::BridgePlan>>()> reread);

}  // namespace clasp::cli
