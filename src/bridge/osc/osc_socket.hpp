// The UDP socket of an OSC bridge: reads datagrams into it, sends for it, wakes it when something is due, finds its targets by name.
#pragma once

#include <cstdint>
#include <memory>

#include "bridge/osc/osc_bridge.hpp"
#include "bridge/osc/osc_config.hpp"
#include "clasp/error.hpp"

namespace clasp::io {
class IoLoop;
}

namespace clasp::bridge::osc {

struct OscSocketCounters {
  std::uint64_t receive_errors = 0;
  std::uint64_t resolve_errors = 0;
};

// One socket for both directions, so that replies come from the port a controller sends to. Runs on the thread of `loop`.
class OscSocket final : public OscTransport {
 public:
  OscSocket(io::IoLoop& loop, OscSocketConfig config, OscLog& log);
  ~OscSocket() override;  // stops
  OscSocket(const OscSocket&) = delete;

  // Binds, joins the group, begins to read and to resolve the targets. The bridge lives until stop(). The error names address and reason.
  Result<void> start(OscBridge& bridge) override;
  // Closes the socket: when this returns the port is free and the bridge is not called any more. Call as often as you like.
  void stop() override;

  Endpoint local_endpoint() const override;  // as bound: shows the port chosen for port 0. Only between start() and stop().
  const OscSocketCounters& counters() const;
  std::vector<std::pair<const char*, std::uint64_t>> transport_counters() const override;

  // DatagramSink. Never waits: a datagram the system has no room for is not sent.
  bool send(Bytes packet, const Endpoint& to) override;
  SteadyTime now() const override;
  void deadline_changed() override;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // handlers still on their way when this is destroyed find it closed
};

}  // namespace clasp::bridge::osc
