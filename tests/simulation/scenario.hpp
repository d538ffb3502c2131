// What one simulated run is made of: plain data, derived from a seed and nothing else.
#pragma once

#include <cstddef>
#include <cstdint>

#include "router/config.hpp"
#include "router/hooks.hpp"

namespace clasp::simulation {

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

// What the simulated link does wrong on purpose, once: the checker has to notice.
enum class Fault : std::uint8_t { none, drop_event, drop_param, swap_events, repeat_event, repeat_param, drop_answer, swap_answers };

struct Scenario {
  std::uint64_t seed = 1;
  std::size_t peers = 30;
  std::size_t steps = 3'000;
  std::size_t addresses = 40;
  std::size_t padding_bytes_max = 600;  // values vary in size up to this
  double slow_links = 0.3;              // part of the links that drain a little at a time
  double stalling_links = 0.2;          // … that stop for a while
  double drop_probability = 0.002;      // of a link, per step
  double thinning = 0.15;               // of a subscription having maxRate or epsilon
  bool every_set_arrives = true;        // windows so large that links which keep up never become congested (rule 8)
  Fault fault = Fault::none;
  router::Config config;
};

Scenario scenario_of(std::uint64_t seed);

}  // namespace clasp::simulation
