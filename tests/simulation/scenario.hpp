// What one simulated run is made of: plain data, derived from a seed and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "model/rules.hpp"
#include "router/config.hpp"
#include "router/hooks.hpp"

namespace clasp::simulation {

// Sanitized builds run the same things, but fewer of them.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
inline constexpr bool sanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool sanitized = false;
#endif

// The only source of chance of a run.
class SeededRandom final : public router::Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() override;
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  bool chance(double probability) { return static_cast<double>(next() >> 11) * 0x1p-53 < probability; }

 private:
  std::uint64_t state_;
};

// What goes wrong on purpose: the comparison has to notice. Those of a frame happen once, on its way out of the router; those of a message change
// what the router is told, but not what the model is told, and so make it a router that does the wrong thing.
enum class Fault : std::uint8_t {
  none,
  // of a frame
  drop_event,
  drop_param,
  drop_stream,
  drop_answer,
  drop_snapshot,
  swap_events,
  swap_answers,
  repeat_event,
  repeat_param,
  wrong_revision,
  wrong_value,
  forgotten_flag,
  wrong_writer,
  snapshot_misses_entry,
  extra_frame,
  // of a message
  lock_is_not_taken,
  lock_is_not_released,
  revision_is_not_checked,
  lifetime_is_too_long,
  lifetime_is_forgotten,
  types_are_ignored,
  pattern_is_too_wide,
  epsilon_is_ignored,
  rate_is_ignored,
  history_is_too_short,
  bundle_loses_a_member,
  bundle_is_late,
  signal_is_forgotten,
};
inline constexpr Fault first_message_fault = Fault::lock_is_not_taken;

struct Scenario {
  std::uint64_t seed = 1;
  std::size_t peers = 30;
  std::size_t steps = 800;
  std::size_t addresses = 40;
  std::size_t padding_bytes_max = 600;  // values vary in size up to this
  double slow_links = 0.3;              // part of the links that drain a little at a time, some of them a byte a second
  double stalling_links = 0.2;          // … that stop for a while
  double drop_probability = 0.002;      // of a link, per step
  double thinning = 0.15;               // of a subscription having maxRate or epsilon
  bool reads_renew = true;              // lifetimes or capacity depend on who read what when (see RandomClients)
  double resuming = 0;                  // part of the clients that resume their session when they come back
  Fault fault = Fault::none;
  router::Config config;
  std::optional<router::Config> believed;  // what the model thinks `config` is, if it is to be wrong
};

Scenario scenario_of(std::uint64_t seed);
Scenario resuming_scenario_of(std::uint64_t seed);  // links that drop and come back; nothing that ends a session but its client
model::Rules rules_of(const router::Config& config);

}  // namespace clasp::simulation
