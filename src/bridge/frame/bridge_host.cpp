#include "bridge/frame/bridge_host.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/address.hpp"
#include "io/io_loop.hpp"

namespace clasp::bridge {

namespace {

constexpr std::size_t peers_described_max = 32;
constexpr std::size_t text_described_max = 200;  // bytes of each

std::string_view state_text(BridgeState state) {
  switch (state) {
    case BridgeState::running: return "running";
    case BridgeState::waiting: return "waiting";
    case BridgeState::stopped: break;
  }
  return "stopped";
}

Value number(std::uint64_t count) { return static_cast<std::int64_t>(count); }

}  // namespace

Result<mapping::MappingTable> BridgeHost::compile(const BridgePlan& plan, const mapping::MappingSource& before) {
  mapping::MappingSource all = before;
  all.entries.insert(all.entries.end(), plan.mappings().entries.begin(), plan.mappings().entries.end());
  all.pass_unmatched = before.pass_unmatched && plan.mappings().pass_unmatched;
  return mapping::MappingTable::compile(all, {.protocol = std::string(plan.protocol()), .ns = plan.ns().prefix(), .transforms = {}});
}

Result<std::unique_ptr<BridgeHost>> BridgeHost::make(const BridgePlan& plan, const mapping::MappingSource& before, BridgeContext context) {
  if (const auto fault = plan.check(); !fault) return fault.error();
  auto table = compile(plan, before);
  if (!table) return table.error();
  return std::unique_ptr<BridgeHost>(new BridgeHost(plan, std::move(*table), std::move(context)));
}

BridgeHost::BridgeHost(const BridgePlan& plan, mapping::MappingTable table, BridgeContext context)
    : name_(plan.name()),
      protocol_(plan.protocol()),
      ns_(plan.ns().prefix()),
      notes_(table.notes()),
      reporting_(context.loop, context.router, *this),
      mapped_(reporting_, plan.ns(), std::move(table), {.clock = [] { return io::read_clocks(); }, .log = context.log}),
      timer_(context.loop, mapped_),
      bridge_(plan.make({.loop = context.loop, .router = mapped_, .log = context.log})) {}

Result<void> BridgeHost::start() { return bridge_->start(); }
void BridgeHost::stop() { bridge_->stop(); }

BridgeReport BridgeHost::report() const {
  BridgeReport report = bridge_->report();
  const MappedCounters& m = mapped_.counters();
  const std::pair<const char*, std::uint64_t> rows[] = {
      {"mapped_in", m.mapped_in},     {"mapped_out", m.mapped_out}, {"unmapped_dropped", m.dropped_in},        {"loops_ended", m.loops_ended},
      {"mapped_too_large", m.too_large}, {"mapped_bundles_split", m.bundles_split}, {"mapping_faults", m.faults}};
  for (const auto& [name, count] : rows) report.counters.emplace_back(name, count);
  if (report.state == BridgeState::running && !reporting_.up()) {
    report.state = BridgeState::waiting;
    report.detail = "the router is not there";
  }
  return report;
}

Value BridgeHost::describe(const LastWrites& last) const {
  const BridgeReport report = this->report();
  Map counters;
  for (const auto& [name, count] : report.counters) {
    if (count != 0) counters.emplace_back(name, number(count));
  }
  Array peers;
  for (const BridgePeer& peer : report.peers) {
    if (peers.size() == peers_described_max) break;
    peers.emplace_back(Map{{"name", printable(peer.name, text_described_max)}, {"received", number(peer.received)}, {"sent", number(peer.sent)}});
  }
  Map writers;  // by address, the newest first
  for (auto write = last.rbegin(); write != last.rend() && writers.size() < peers_described_max; ++write) {
    if (std::string peer = bridge_->peer_name(write->second); !peer.empty()) writers.emplace_back(write->first, printable(peer, text_described_max));
  }
  return Map{{"name", printable(name_, text_described_max)},
             {"protocol", protocol_},
             {"namespace", ns_},
             {"endpoint", printable(report.endpoint, text_described_max)},
             {"state", std::string(state_text(report.state))},
             {"detail", printable(report.detail, text_described_max)},
             {"received", number(report.received)},
             {"sent", number(report.sent)},
             {"writers", std::move(writers)},
             {"peers", std::move(peers)},
             {"peers_total", number(std::max(report.peers_total, report.peers.size()))},
             {"counters", std::move(counters)}};
}

}  // namespace clasp::bridge
