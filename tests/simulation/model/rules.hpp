// What the model is told about the router it predicts, in plain numbers (times in µs, 0 as in the options: no limit, never).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace clasp::simulation::model {

using Us = std::int64_t;

struct Clock {
  Us steady = 0;
  std::uint64_t unix_time = 0;
};

enum class Strategy : std::uint8_t { lww, max, min, lock, merge };
enum class AtCapacity : std::uint8_t { refuse, forget_least_used, forget_oldest };

struct Rules {
  std::string name;
  std::uint8_t features = 0;

  std::size_t sessions_max = 0;
  Us handshake_timeout = 0;
  Us session_timeout = 0;
  Us ping_interval = 0;
  std::uint32_t pings_missed_max = 0;
  std::size_t subscriptions_max = 0;
  std::uint32_t messages_per_second_max = 0;

  std::size_t params_max = 0;
  AtCapacity at_capacity = AtCapacity::refuse;
  Us param_ttl = 0;
  Us signal_ttl = 0;
  std::size_t signals_max = 0;
  std::size_t address_bytes_max = 0;
  std::vector<std::pair<std::string, Strategy>> strategies;  // the first that matches decides when an address is created

  bool ack_always = false;
  bool get_missing_is_error = true;

  Us gesture_interval = 0;
  Us gesture_age_max = 0;
  std::size_t gestures_max = 0;

  Us bundle_horizon = 0;
  std::size_t bundles_per_session_max = 0;

  // Slow links: what "keeps up" means, and when a session is closed.
  Us congested_age = 0;
  std::size_t congested_bytes = 0;
  std::size_t undroppable_bytes_max = 0;
  Us stall_max = 0;
  bool memory_is_short = false;  // the bound on all outboxes is so low that any session may be made slow, or be closed, by others

  std::size_t option_slots_max = 0;
  std::uint32_t history_max = 0;
  std::size_t history_bytes_max = 0;  // of the log that history is answered from …
  std::size_t replies_bytes_max = 0;  // … and of one such answer
};

}  // namespace clasp::simulation::model
