// What a router says of its sessions: who wrote some params last, which sessions are slow and what they have lost, which are away (`clasp monitor`).
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "clasp/client.hpp"

namespace clasp::cli {

class SessionBoard {
 public:
  Result<void> listen(Client& client);
  Result<void> ask(Client& client, std::span<const std::string> addresses);  // of which the writer is wanted

  struct Slow {
    std::string name;
    std::uint64_t waiting_bytes = 0;
    std::uint64_t behind_ms = 0;
    std::uint64_t params_conflated = 0;
    std::uint64_t streams_dropped = 0;
  };
  struct Away {
    std::string name;
    std::uint64_t away_ms = 0;
    std::uint64_t left_ms = 0;  // until it ends
  };
  struct View {
    std::uint64_t sessions = 0;  // 0: the router has not answered
    std::uint64_t away = 0;      // lost their link and may come back; `aways` has those longest away
    std::vector<Slow> slow;
    std::vector<Away> aways;
    std::map<std::string, std::string> writers;  // by address
  };
  View view() const;

 private:
  void add(const Value& report);
  mutable std::mutex mutex_;
  View view_;
};

}  // namespace clasp::cli
