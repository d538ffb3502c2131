#include "scenario.hpp"

#include <algorithm>
#include <array>

namespace clasp::simulation {

using namespace std::chrono_literals;

std::uint64_t SeededRandom::next() {
  std::uint64_t mixed = state_ += 0x9e3779b97f4a7c15U;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
  return mixed ^ (mixed >> 31);
}

namespace {

void choose_state(Scenario& scenario, SeededRandom& random) {
  router::Config& config = scenario.config;
  if (random.chance(0.4)) {
    config.params_max = 4 + random.below(scenario.addresses);
    constexpr std::array policies{router::EvictionPolicy::refuse, router::EvictionPolicy::lru, router::EvictionPolicy::oldest_first};
    config.eviction = policies[random.below(policies.size())];
  }
  if (random.chance(0.3)) config.param_ttl = router::seconds(1 + random.below(60));
  scenario.reads_renew = random.chance(0.5) || config.param_ttl.count() != 0 || config.eviction == router::EvictionPolicy::lru;
  if (!scenario.reads_renew) scenario.thinning = 0;
  config.signal_ttl = router::seconds(20 + random.below(200));
  config.signals_max = random.chance(0.5) ? 3 + random.below(10) : 10'000;
  config.strategies = {{"/max/**", router::ConflictStrategy::max},
                       {"/min/**", router::ConflictStrategy::min},
                       {"/locked/**", router::ConflictStrategy::lock},
                       {"/merge/**", router::ConflictStrategy::merge}};
}

void choose_slow_links(Scenario& scenario, SeededRandom& random) {
  router::Config& config = scenario.config;
  if (random.chance(0.6)) {
    config.window_bytes = 500 + random.below(8'000);
    config.window_bytes_congested = 200 + random.below(1'000);
    config.congested_bytes = 1'000 + random.below(20'000);
    config.snapshot_chunk_bytes = 512 + random.below(4'000);
  }
  if (random.chance(0.25)) config.outboxes_bytes_max = 60'000 + random.below(200'000);
  if (random.chance(0.3)) config.undroppable_bytes_max = 20'000 + random.below(100'000);
  if (random.chance(0.3)) config.replies_bytes_max = 2'000 + random.below(10'000);
  if (random.chance(0.4)) config.stall_max = 1'500ms;
  if (random.chance(0.3)) config.pace_bytes = 2'000, config.turn_input_bytes = 1'000;
}

void choose_limits(Scenario& scenario, SeededRandom& random) {
  router::Config& config = scenario.config;
  config.handshake_timeout = 400ms;
  config.session_timeout = router::seconds(random.chance(0.3) ? 20 : 300);
  if (random.chance(0.3)) config.ping_interval = 2'000ms;
  if (random.chance(0.2)) config.sessions_max = scenario.peers / 2;
  if (random.chance(0.2)) config.subscriptions_per_session_max = 2;
  if (random.chance(0.2)) config.messages_per_second_max = static_cast<std::uint32_t>(5 + random.below(50));
  if (random.chance(0.3)) config.bundles_per_session_max = 1 + random.below(3);
  if (random.chance(0.2)) config.commit_log_bytes_max = 20'000;
  if (random.chance(0.2)) config.history_max = 5;
  if (random.chance(0.2)) config.option_slots_max = 2;
  if (random.chance(0.2)) config.gestures_max = 2;
  if (random.chance(0.2)) config.gesture_age_max = 3'000ms;
  if (random.chance(0.2)) config.ack = router::AckPolicy::always;
  if (random.chance(0.2)) config.get_missing_is_error = false;
}

}  // namespace

Scenario scenario_of(std::uint64_t seed) {
  SeededRandom random(seed * 0x9e37U + 17);
  Scenario scenario{.seed = seed};
  scenario.peers = seed % 8 == 7 ? 200 + random.below(100) : 8 + random.below(40);
  scenario.steps = scenario.peers > 100 ? 300 : 900;
  scenario.addresses = 8 + random.below(60);
  scenario.padding_bytes_max = random.chance(0.3) ? 4'000 : 300;
  choose_state(scenario, random);
  choose_slow_links(scenario, random);
  choose_limits(scenario, random);
  return scenario;
}

// Options are judged when a session catches up, which the model, for which it is slow, cannot foretell; limits that end sessions count what waits in
// an outbox, and what the log keeps waits nowhere.
Scenario resuming_scenario_of(std::uint64_t seed) {
  Scenario scenario = scenario_of(seed);
  scenario.peers = std::min<std::size_t>(scenario.peers, 40);
  scenario.resuming = 0.7;
  scenario.drop_probability = 0.02;
  scenario.thinning = 0;
  const router::Config defaults;
  scenario.config.sessions_max = defaults.sessions_max;
  scenario.config.outboxes_bytes_max = defaults.outboxes_bytes_max;
  scenario.config.undroppable_bytes_max = defaults.undroppable_bytes_max;
  scenario.config.replies_bytes_max = defaults.replies_bytes_max;
  scenario.config.stall_max = defaults.stall_max;
  scenario.config.session_timeout = defaults.session_timeout;
  scenario.config.ping_interval = router::milliseconds{0};
  scenario.config.commit_log_bytes_max = defaults.commit_log_bytes_max;
  return scenario;
}

model::Rules rules_of(const router::Config& config) {
  const auto us = [](auto duration) { return std::chrono::duration_cast<Micros>(duration).count(); };
  constexpr std::size_t memory_short_below = 64 * 1'048'576;
  model::Rules rules{.name = config.name,
                     .features = config.features,
                     .sessions_max = config.sessions_max,
                     .handshake_timeout = us(config.handshake_timeout),
                     .session_timeout = us(config.session_timeout),
                     .ping_interval = us(config.ping_interval),
                     .pings_missed_max = config.pings_missed_max,
                     .subscriptions_max = config.subscriptions_per_session_max,
                     .messages_per_second_max = config.messages_per_second_max,
                     .params_max = config.params_max,
                     .at_capacity = static_cast<model::AtCapacity>(config.eviction),
                     .param_ttl = us(config.param_ttl),
                     .signal_ttl = us(config.signal_ttl),
                     .signals_max = config.signals_max,
                     .address_bytes_max = config.address_bytes_max,
                     .ack_always = config.ack == router::AckPolicy::always,
                     .get_missing_is_error = config.get_missing_is_error,
                     .gesture_interval = us(config.gesture_interval),
                     .gesture_age_max = us(config.gesture_age_max),
                     .gestures_max = config.gestures_max,
                     .bundle_horizon = us(config.bundle_horizon),
                     .bundles_per_session_max = config.bundles_per_session_max,
                     .congested_age = us(config.congested_age),
                     .congested_bytes = config.congested_bytes,
                     .undroppable_bytes_max = config.undroppable_bytes_max,
                     .stall_max = us(config.stall_max),
                     .memory_is_short = config.outboxes_bytes_max < memory_short_below,
                     .option_slots_max = config.option_slots_max,
                     .history_max = config.history_max,
                     .history_bytes_max = config.commit_log_bytes_max,
                     .replies_bytes_max = config.replies_bytes_max};
  for (const auto& [pattern, strategy] : config.strategies) rules.strategies.emplace_back(pattern, static_cast<model::Strategy>(strategy));
  return rules;
}

}  // namespace clasp::simulation
