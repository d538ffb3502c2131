#include "router/config.hpp"

namespace clasp::router {

// Router specification, section 2.1. The reference's limits, not its faults: what happens at a limit is ours.
Config Config::reference() {
  Config config;
  config.name = "Clasp Router";
  config.sessions_max = 100;
  config.session_timeout = milliseconds{300'000};
  config.resume_window = milliseconds{0};
  config.subscriptions_per_session_max = 1'000;
  config.messages_per_second_max = 1'000;
  config.params_max = 10'000;
  config.eviction = EvictionPolicy::lru;
  config.param_ttl = seconds{3'600};
  config.signal_ttl = seconds{3'600};
  config.signals_max = 10'000;
  return config;
}

}  // namespace clasp::router
