// The life of one bridge, the same for all of them, in the router's process and in one of its own: mappings around its link, its timers, reports to
// whoever asks over the router (docs/bridges.md).
//
//   bridge ⇄ MappedLink ⇄ ReportingLink ⇄ the router's link
#pragma once

#include <memory>
#include <string>

#include "bridge/frame/bridge.hpp"
#include "bridge/frame/bridge_plan.hpp"
#include "bridge/frame/reporting_link.hpp"
#include "bridge/mapped/mapped_link.hpp"
#include "bridge/mapped/mapping_timer.hpp"

namespace clasp::bridge {

class BridgeHost final : private Reporter {
 public:
  // Compiles the mappings: the plan's own, behind those `before` that are of its protocol. The context outlives the host.
  static Result<std::unique_ptr<BridgeHost>> make(const BridgePlan& plan, const mapping::MappingSource& before, BridgeContext context);
  ~BridgeHost() override { stop(); }

  Result<void> start();
  void stop();
  // Other mappings from now on, or an error, and the old ones stay.
  static Result<mapping::MappingTable> compile(const BridgePlan& plan, const mapping::MappingSource& before);
  void replace(mapping::MappingTable table) { mapped_.replace(std::move(table)); }

  const std::string& name() const { return name_; }
  const std::string& protocol() const { return protocol_; }
  const std::vector<std::string>& notes() const { return notes_; }  // of the mappings, for the log
  BridgeReport report() const;                                      // counters of the mappings included

 private:
  BridgeHost(const BridgePlan& plan, mapping::MappingTable table, BridgeContext context);
  Value describe(const LastWrites& last) const override;

  std::string name_;
  std::string protocol_;
  std::string ns_;
  std::vector<std::string> notes_;
  ReportingLink reporting_;
  MappedLink mapped_;
  MappingTimer timer_;
  std::unique_ptr<Bridge> bridge_;
};

}  // namespace clasp::bridge
