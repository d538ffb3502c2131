// Counters and gauges of the engine. Plain numbers, read by /metrics (router specification 25.3) and by tests; every bound has one here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>

namespace clasp::router {

struct Stats {
  std::array<std::uint64_t, 256> messages_in{};   // by message code
  std::array<std::uint64_t, 32> fanout_buckets{};  // [i]: commits with < 2^i targets (and ≥ 2^(i−1))
  std::uint64_t fanout_sum = 0;
  std::uint64_t fanout_count = 0;
  std::map<std::uint16_t, std::uint64_t> errors_out;  // ERROR replies by code
  std::uint64_t frames_in = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t frames_undecodable = 0;
  std::uint64_t commits = 0;
  std::uint64_t deliveries = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t handshakes_failed = 0;
  std::uint64_t handshakes_timed_out = 0;
  std::uint64_t sessions_opened = 0;
  std::uint64_t sessions_refused = 0;      // sessions_max
  std::uint64_t sessions_idle_closed = 0;
  std::uint64_t sessions_stalled_closed = 0;
  std::uint64_t sessions_overflow_closed = 0;
  std::uint64_t sessions_detached = 0;     // lost their link and could be resumed
  std::uint64_t sessions_resumed = 0;
  std::uint64_t sessions_not_resumed = 0;  // never came back, or for detached_sessions_max
  std::map<std::string_view, std::uint64_t> resumes_refused;  // by reason, as WELCOME gives it
  std::uint64_t congestions = 0;           // a session fell behind
  std::uint64_t params_conflated = 0;      // values a slow session did not get because a newer one was there
  std::uint64_t streams_dropped = 0;
  std::uint64_t rate_limited = 0;
  std::uint64_t params_expired = 0;
  std::uint64_t params_evicted = 0;
  std::uint64_t params_refused = 0;        // at capacity
  std::uint64_t subscriptions_refused = 0;
  std::uint64_t signals_refused = 0;
  std::uint64_t gestures_untracked = 0;    // gestures_max reached: forwarded without coalescing
  std::uint64_t gestures_coalesced = 0;
  std::uint64_t gestures_abandoned = 0;
  std::uint64_t bundles_scheduled = 0;
  std::uint64_t bundles_refused = 0;
  std::uint64_t option_slots_exhausted = 0;
  std::uint64_t effects_dropped = 0;       // rule_hops_max or effects_max
  std::uint64_t match_cache_misses = 0;
  std::uint64_t match_cache_resets = 0;
  std::uint64_t history_truncated = 0;
  std::uint64_t reads_paused = 0;
};

struct Gauges {
  std::size_t links = 0;
  std::size_t sessions = 0;         // with a link
  std::size_t sessions_detached = 0;
  std::size_t resume_bytes = 0;  // remembered of what was sent and may not have arrived
  std::size_t subscriptions = 0;
  std::size_t params = 0;
  std::size_t signals = 0;
  std::size_t gestures = 0;
  std::size_t bundles_waiting = 0;
  std::size_t outbox_bytes = 0;
  std::size_t snapshots_running = 0;
  std::size_t sessions_congested = 0;
  std::size_t param_bytes = 0;
};

}  // namespace clasp::router
