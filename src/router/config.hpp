// What can be set on a Router. The defaults are for people who run a show (delivery contract); Config::reference() has the numbers of the
// reference implementation (router specification 2.1). Flags, environment and file rows that set these are in server/options.cpp.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/limits.hpp"
#include "core/message.hpp"
#include "router/types.hpp"

namespace clasp::router {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Config {
  std::string name = "CLASP Router";
  std::uint8_t features = feature::all_signals;

  // Sessions.
  std::size_t sessions_max = 0;                 // 0: as many as there are descriptors
  milliseconds handshake_timeout{10'000};       // link opened → HELLO
  milliseconds session_timeout{300'000};        // without any received traffic; 0: never
  milliseconds ping_interval{30'000};           // 0: the router never pings
  std::uint32_t pings_missed_max = 2;           // then the link is closed, where a live peer must answer
  std::size_t subscriptions_per_session_max = 100'000;  // 0: unlimited; then ERROR 429. Home automation subscribes to thousands of topics singly
  std::uint32_t messages_per_second_max = 0;    // per session; 0: unlimited. A BUNDLE counts as its members
  milliseconds resume_window{60'000};           // how long a session that asked for it outlives its link; 0: it ends at once
  std::size_t detached_sessions_max = 10'000;   // then the one longest away ends
  std::size_t resume_bytes_max = 268'435'456;   // for what was sent and has not been said to have arrived, of all sessions; then the oldest is forgotten

  // State.
  std::size_t params_max = 1'000'000;           // 0: unlimited
  EvictionPolicy eviction = EvictionPolicy::refuse;
  seconds param_ttl{0};                         // of params without a TTL of their own; 0: they never expire
  seconds signal_ttl{3'600};                    // of announced signals, since their session ended; 0: never
  std::size_t signals_max = 10'000;
  std::size_t address_bytes_max = 1'024;
  bool strict_addresses = true;                 // also refuse control characters
  std::vector<std::pair<std::string, ConflictStrategy>> strategies;  // pattern → strategy, first match wins; else lww

  // Answers.
  AckPolicy ack = AckPolicy::by_qos;
  Durability durability = Durability::memory;
  bool get_missing_is_error = true;             // GET of a missing address at QoS ≥ 1: ERROR 404; at QoS 0 silence

  // Gestures.
  bool gesture_coalescing = true;
  milliseconds gesture_interval{16};
  milliseconds gesture_age_max{300'000};
  std::size_t gestures_max = 65'536;

  // Bundles.
  milliseconds bundle_horizon{86'400'000};      // further ahead: ERROR 402
  std::size_t bundles_per_session_max = 1'024;
  std::size_t bundle_bytes_per_session_max = 4'194'304;

  // Slow links (contract 13–17, engine design 4 and 6).
  std::size_t window_bytes = 131'072;           // handed to a link that keeps up, not yet sent
  std::size_t window_bytes_congested = 16'384;
  std::size_t congested_bytes = 1'048'576;      // waiting in the outbox …
  milliseconds congested_age{100};              // … or its oldest item is this old: params are conflated from here on
  std::size_t undroppable_bytes_max = 4'194'304;
  milliseconds stall_max{30'000};               // without progress while something waits: closed
  std::size_t outboxes_bytes_max = 1'073'741'824;
  std::size_t replies_bytes_max = 1'048'576;    // unread answers of one session: above it the session is not read
  std::size_t pace_bytes = 524'288;             // a moving subscriber above it slows its publishers
  milliseconds pace_max{20};                    // at most this long a turn
  milliseconds overload_notice_interval{10'000};

  // Fan-out caches and options.
  std::size_t match_cache_bytes_max = 67'108'864;
  std::size_t option_slots_max = 65'536;        // per subscription with options

  // History.
  std::size_t commit_log_bytes_max = 8'388'608;
  std::uint32_t history_max = 1'000;            // values per SUBSCRIBE

  std::uint8_t rule_hops_max = 8;
  std::size_t effects_max = 20'000;             // reactions to one frame, chains included: two for each rule there can be

  // Turn budgets.
  std::size_t turn_input_bytes = 32'768;        // per session: above it, it floods. A turn reads 64 KiB of a link, of which not all are frames
  std::size_t snapshot_chunk_bytes = 16'384;

  static Config reference();
};

}  // namespace clasp::router
