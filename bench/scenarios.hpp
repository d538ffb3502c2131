// The measurements. Each makes its own connections to one target, measures one round, and adds its figures.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "bench/figures.hpp"
#include "bench/peer.hpp"

namespace clasp::bench {

// How much is measured in one round.
struct Sizes {
  std::size_t latency_samples = 4'000;
  std::size_t latency_warm_up = 500;
  std::size_t throughput_messages = 400'000;  // a quarter of it with batches of 1, which cost a system call each
  std::size_t fanout_deliveries = 100'000;    // samples times subscribers; at least fanout_samples_min samples
  std::size_t fanout_samples_min = 100;
  std::size_t fanout_subscribers_max = 1'000;
  std::size_t connections = 5'000;
  std::size_t connects = 300;
  std::size_t connect_params = 100;  // what the snapshot holds
};

inline constexpr std::size_t in_flight_max = 512;

// A SET from one session to another, one at a time.
Result<void> measure_latency(const Target& target, const Sizes& sizes, Figures& figures);
// From one session to another as fast as it goes with at most in_flight_max on the way, in writes of 1, 16, 64 and 256 messages.
Result<void> measure_throughput(const Target& target, const Sizes& sizes, Figures& figures);
// A SET until the last of 10, 100, 1,000 subscribers has it.
Result<void> measure_fanout(const Target& target, const Sizes& sizes, Figures& figures);
// Resident memory of the process `server` for each idle session with one subscription.
Result<void> measure_connections(const Target& target, pid_t server, const Sizes& sizes, Figures& figures);
// WELCOME and SNAPSHOT after HELLO, and all of connecting.
Result<void> measure_connect(const Target& target, const Sizes& sizes, Figures& figures);

}  // namespace clasp::bench
