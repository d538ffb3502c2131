#include "scenario.hpp"

#include <array>

namespace clasp::simulation {

using namespace std::chrono_literals;

std::uint64_t SeededRandom::next() {
  std::uint64_t mixed = state_ += 0x9e3779b97f4a7c15U;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
  return mixed ^ (mixed >> 31);
}

Scenario scenario_of(std::uint64_t seed) {
  SeededRandom random(seed * 0x9e37U + 17);
  Scenario scenario{.seed = seed};
  scenario.peers = 8 + random.below(seed % 8 == 7 ? 150 : 40);
  scenario.steps = scenario.peers > 60 ? 1'500 : 3'000;
  scenario.addresses = 8 + random.below(60);
  scenario.padding_bytes_max = random.chance(0.3) ? 4'000 : 300;

  router::Config& config = scenario.config;
  config.handshake_timeout = 400ms;
  if (random.chance(0.4)) {
    config.params_max = 4 + random.below(scenario.addresses);
    constexpr std::array policies{router::EvictionPolicy::refuse, router::EvictionPolicy::lru, router::EvictionPolicy::oldest_first};
    config.eviction = policies[random.below(policies.size())];
  }
  if (random.chance(0.3)) config.param_ttl = 1s;
  config.strategies = {{"/max/**", router::ConflictStrategy::max},
                       {"/min/**", router::ConflictStrategy::min},
                       {"/locked/**", router::ConflictStrategy::lock},
                       {"/merge/**", router::ConflictStrategy::merge}};
  if (random.chance(0.6)) {
    scenario.every_set_arrives = false;
    config.window_bytes = 500 + random.below(8'000);
    config.window_bytes_congested = 200 + random.below(1'000);
    config.congested_bytes = 1'000 + random.below(20'000);
    config.snapshot_chunk_bytes = 512 + random.below(4'000);
  }
  if (random.chance(0.3)) {
    scenario.every_set_arrives = false;
    config.outboxes_bytes_max = 60'000 + random.below(200'000);
  }
  if (random.chance(0.3)) config.undroppable_bytes_max = 20'000 + random.below(100'000);
  if (random.chance(0.3)) config.replies_bytes_max = 2'000 + random.below(10'000);
  if (random.chance(0.4)) config.stall_max = 1'500ms;
  if (random.chance(0.3)) config.bundles_per_session_max = 3;
  if (random.chance(0.2)) config.commit_log_bytes_max = 20'000;
  if (random.chance(0.3)) config.pace_bytes = 2'000, config.turn_input_bytes = 1'000;
  return scenario;
}

}  // namespace clasp::simulation
