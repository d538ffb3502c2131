// What is measured runs in processes of its own, each on a core of its own, and idle cores are kept awake.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bench/peer.hpp"
#include "clasp/error.hpp"

namespace clasp::bench {

// The cores this process may use, in order.
std::vector<int> usable_cores();
Result<void> pin_to(int core);  // the calling thread

// A child process that serves a port on 127.0.0.1 and is killed when this object, or this process, ends.
class Serving {
 public:
  // `program` server …: clasp itself, or another build of it. Ready as soon as it has told its port.
  enum class With : std::uint8_t { nothing, osc };
  static Result<std::unique_ptr<Serving>> start_server(const std::string& program, std::optional<int> core, With with = With::nothing);
  static Result<std::unique_ptr<Serving>> start_relay(std::optional<int> core);
  // Takes datagrams of one frame each and passes them on, as a publisher, to the relay at `relay_port`.
  static Result<std::unique_ptr<Serving>> start_datagram_relay(std::uint16_t relay_port, std::optional<int> core);
  // nats-server, redis-server or mosquitto, as Debian installs them and with no limit that would make it drop a slow subscriber's messages.
  static Result<std::unique_ptr<Serving>> start_broker(Protocol protocol, std::optional<int> core);
  ~Serving();
  Serving(const Serving&) = delete;

  pid_t process() const { return process_; }
  std::uint16_t port() const { return port_; }
  std::uint16_t osc_port() const { return osc_port_; }  // 0: none

 private:
  Serving(pid_t process, std::uint16_t port, std::uint16_t osc_port = 0) : process_(process), port_(port), osc_port_(osc_port) {}

  pid_t process_;
  std::uint16_t port_;
  std::uint16_t osc_port_;
  std::string file_;  // its configuration, which goes with it
};

// One thread a core that spins at idle priority (SCHED_IDLE): it gives way to everybody, but the core never sleeps. Without it a virtual machine
// measures how long its host takes to wake a core.
class Spinners {
 public:
  explicit Spinners(const std::vector<int>& cores);
  ~Spinners();
  Spinners(const Spinners&) = delete;

 private:
  std::atomic<bool> stopping_{false};
  std::vector<std::jthread> threads_;
};

void raise_descriptor_limit();

}  // namespace clasp::bench
