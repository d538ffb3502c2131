// The measurements. Each makes its own connections to one target, measures one round, and adds its figures.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>

#include "bench/figures.hpp"
#include "bench/peer.hpp"
#include "bench/session.hpp"

namespace clasp::bench {

// How much is measured in one round.
struct Sizes {
  std::size_t value_bytes = 64;  // of a message
  std::size_t latency_samples = 4'000;
  std::size_t latency_warm_up = 500;
  std::size_t throughput_messages = 400'000;  // a quarter of it with batches of 1, which cost a system call each
  std::size_t fanout_deliveries = 100'000;    // samples times subscribers; at least fanout_samples_min samples
  std::size_t fanout_samples_min = 100;
  std::size_t fanout_subscribers_max = 1'000;
  std::size_t crowd = 8;  // publishers, and subscribers
  std::size_t connections = 5'000;
  std::chrono::seconds idle_time{5};
  std::size_t params = 1'000'000;
  std::size_t live_per_second = 100'000;  // SETs that go on while somebody joins
  std::chrono::milliseconds live_time{300};
  std::size_t joins = 10;
  std::size_t connects = 300;
  std::size_t connect_params = 100;  // what the snapshot holds
};

inline constexpr std::size_t in_flight_max = 512;
inline constexpr std::size_t in_flight_many = 8'192;  // a second window, for batches of 64

// A SET from one session to another, one at a time.
Result<void> measure_latency(const Target& target, const Sizes& sizes, Figures& figures);
// From one session to another as fast as it goes with at most in_flight_max on the way, in writes of 1, 16, 64 and 256 messages.
Result<void> measure_throughput(const Target& target, const Sizes& sizes, Figures& figures);
// The same without a window.
Result<void> measure_flood(const Target& target, const Sizes& sizes, Figures& figures);
// So many publishers to as many subscribers, in pairs and all to all.
Result<void> measure_crowd(const Target& target, const Sizes& sizes, Figures& figures);
// A SET until the last of 10, 100, 1,000 subscribers has it.
Result<void> measure_fanout(const Target& target, const Sizes& sizes, Figures& figures);
// Resident memory of the process `server` for each idle session with one subscription, and its processor time while nothing happens.
Result<void> measure_connections(const Target& target, pid_t server, const Sizes& sizes, Figures& figures);
// The same for each param of 40 bytes of address and 20 of value.
Result<void> measure_params(const Target& target, pid_t server, const Sizes& sizes, Figures& figures);
// Somebody joins `params` params while SETs go on: first and whole SNAPSHOT, and what the SETs feel of it.
Result<void> measure_joiner(const Target& target, pid_t server, const Sizes& sizes, Figures& figures);
// WELCOME and SNAPSHOT after HELLO, and all of connecting.
Result<void> measure_connect(const Target& target, const Sizes& sizes, Figures& figures);

}  // namespace clasp::bench
