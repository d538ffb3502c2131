// A bridge as a process of its own: runs until SIGINT or SIGTERM. SIGHUP reads its mappings again.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "bridge/frame/bridge.hpp"
#include "bridge/frame/bridge_plan.hpp"
#include "bridge/process/monitor_link.hpp"
#include "bridge/remote/remote_link.hpp"
#include "mapping/mapping_table.hpp"

namespace clasp::bridge {

struct BridgeProcess {
  const BridgePlan& plan;
  transform::LensLoader lenses{};                       // of the modules its mappings name
  std::optional<RemoteLinkConfig> router;               // none: what devices say is told to `heard`
  bool reconnect = true;                                // else it ends when the router does
  std::function<void(const MonitorLink::Heard&)> heard{};
  std::function<bool(ErrorCode)> is_final;              // of what a router says before it lets us in
  std::function<void(std::string_view)> log;
  std::function<void(const BridgeReport&)> ready;       // it has all it needs; the router may not be there yet
  std::function<Result<mapping::MappingTable>()> reread;  // on SIGHUP
};

// The error that ended it, if one did. invalid_argument: what was asked for makes no sense.
Result<void> run(const BridgeProcess& process);

}  // namespace clasp::bridge
