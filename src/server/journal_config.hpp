// What `clasp server` can be told about its memory beyond a restart. The rows that fill it are in journal_options.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "router/types.hpp"

namespace clasp::server {

struct JournalConfig {
  std::string path;                                // empty: no file
  bool in_memory = false;                          // a ring without a file
  std::size_t memory_entries_max = 10'000;
  std::optional<router::Durability> durability;    // unset: async with a file, else memory
  std::chrono::milliseconds window{100};           // async: what a crash may cost at most
  std::size_t queue_bytes_max = 67'108'864;
  std::uint64_t entries_max = 1'000'000;
  std::chrono::milliseconds age_max{0};
  std::uint64_t forget_before = 0;
  std::chrono::milliseconds snapshot_interval{300'000};
  std::uint64_t snapshot_entries = 100'000;
  std::size_t replay_entries_max = 10'000;
  std::string state_path;                          // --persist; empty: none
  std::chrono::milliseconds state_interval{30'000};

  bool on() const { return !path.empty() || in_memory; }
  router::Durability effective_durability() const {
    return durability.value_or(path.empty() ? router::Durability::memory : router::Durability::async);
  }
};

}  // namespace clasp::server
