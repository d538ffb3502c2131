// `clasp osc` and its like: a bridge in a process of its own.
#include "bridge/catalogue/bridge_kinds.hpp"
#include "cli/bridge_flags.hpp"
#include "cli/commands.hpp"

namespace clasp::cli {

namespace {

// The exit code, if help was asked for or the arguments make no sense.
std::optional<ExitCode> read(const Invocation& call, BridgeFlags& flags) {
  auto plan = bridge::make_plan(call.command.name);
  if (!plan) return usage_error(call, plan.error().message);
  flags.plan = std::move(*plan);
  if (const auto arguments = read_arguments(call, bridge_rows(call, flags)); arguments.exit) return arguments.exit;
  if (const auto settled = settle_token(flags); !settled) return usage_error(call, settled.error().message);
  return std::nullopt;
}

}  // namespace

ExitCode run_protocol(const Invocation& call) {
  BridgeFlags flags;
  if (const auto exit = read(call, flags)) return *exit;
  return run_bridge(call, flags, [&call]() -> Result<std::unique_ptr<bridge::BridgePlan>> {
    BridgeFlags again;
    if (read(call, again)) return Error{ErrorCode::invalid_argument, "as said above", {}};
    return std::move(again.plan);
  });
}

}  // namespace clasp::cli
