// OSC over TCP: hears connections, keeps connections to its targets, and is to the bridge what the UDP socket is (bridges specification, section 3).
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

struct OscStreamCounters {
  std::uint64_t accepted = 0;
  std::uint64_t connected = 0;        // to targets
  std::uint64_t refused = 0;          // connections above connections_max
  std::uint64_t framing_faults = 0;   // peers that spoke something else, and were disconnected
  std::uint64_t overflows = 0;        // peers that took nothing for too long, and were disconnected
  std::uint64_t connect_errors = 0;
  std::uint64_t resolve_errors = 0;
};

// A peer is known to the bridge (OscBridge::peer_came) as long as its connection lives. Each speaks the framing of OscSocketConfig::framing; with
// `automatic` the one it begins with, and towards targets the length prefix. A target that is absent is tried again after 1 s, then twice that, up to 30 s.
// Runs on the thread of `loop`.
class OscStream final : public OscTransport {
 public:
  static constexpr std::size_t connections_max = 1'024;
  static constexpr std::size_t waiting_bytes_max = 1'048'576;  // of one connection; above it is closed: what it missed could be the newest value

  OscStream(io::IoLoop& loop, OscSocketConfig config, OscLog& log);
  ~OscStream() override;  // stops
  OscStream(const OscStream&) = delete;

  Result<void> start(OscBridge& bridge) override;
  void stop() override;
  Endpoint local_endpoint() const override;
  std::vector<std::pair<const char*, std::uint64_t>> transport_counters() const override;
  std::size_t connections() const;
  const OscStreamCounters& counters() const;

  // DatagramSink. False: there is no connection to that peer.
  bool send(Bytes packet, const Endpoint& to) override;
  SteadyTime now() const override;
  void deadline_changed() override;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // tasks still on their way when this is destroyed find it closed
};

}  // namespace clasp::bridge::osc
