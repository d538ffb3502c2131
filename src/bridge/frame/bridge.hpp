// A bridge that runs: what the frame starts, stops and asks how it is. Engine and sockets of a protocol are behind it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bridge/router_link.hpp"
#include "clasp/error.hpp"

namespace clasp::io {
class IoLoop;
}

namespace clasp::bridge {

struct BridgePeer {
  std::string name;            // "192.168.1.20:9000", a client id
  std::uint64_t received = 0;  // messages from it, as far as the protocol counts them …
  std::uint64_t sent = 0;      // … and to it
};

enum class BridgeState : std::uint8_t {
  stopped,
  waiting,  // for the other side; `detail` says why, and when it is tried again
  running,
};

struct BridgeReport {
  std::string endpoint;  // the device side: "udp 0.0.0.0:9000", "mqtt://broker.local:1883"
  std::uint16_t port = 0;  // as bound, if devices come to it
  BridgeState state = BridgeState::stopped;
  std::string detail;
  std::uint64_t received = 0;  // messages from devices …
  std::uint64_t sent = 0;      // … and to them
  std::vector<std::pair<std::string, std::uint64_t>> counters;
  std::vector<BridgePeer> peers;  // of a crowd, some
  std::size_t peers_total = 0;
};

// One thread, the loop's.
class Bridge {
 public:
  virtual ~Bridge() = default;
  // Takes what has to be had (ports, files, devices) and opens the link to the router. The error names what could not be had and why;
  // invalid_argument if asking again cannot help. A peer that is not there is no error: the bridge waits for it.
  virtual Result<void> start() = 0;
  // When it returns, ports are free and nothing is called any more. Call as often as you like.
  virtual void stop() = 0;
  virtual BridgeReport report() const = 0;
  // Which of its devices a tag stands for; empty if it is gone, or nobody in particular.
  virtual std::string peer_name(PeerTag peer) const { return static_cast<void>(peer), ""; }
};

// Where a bridge lives. All of it outlives the bridge.
struct BridgeContext {
  io::IoLoop& loop;
  RouterLink& router;
  std::function<void(std::string_view)> log;  // a line for the operator
};

}  // namespace clasp::bridge
