// Asks the bridges of a router, wherever they run, how they are.
#pragma once

#include <chrono>
#include <mutex>
#include <vector>

#include "clasp/client.hpp"
#include "cli/command.hpp"

namespace clasp::cli {

// The answers to one question, or to several: of each bridge the latest two, from which its rates come.
class BridgeReports {
 public:
  struct Row {
    Value report;
    std::chrono::steady_clock::time_point at;
    double received_per_second = 0;
    double sent_per_second = 0;
  };
  // Subscribes to answers; the client outlives this or is closed before.
  Result<void> listen(Client& client);
  Result<void> ask(Client& client);
  std::vector<Row> rows() const;                         // those that answered lately, by name
  void forget_before(std::chrono::steady_clock::time_point at);  // bridges that have not answered since

 private:
  void add(const Value& report);
  mutable std::mutex mutex_;
  std::vector<Row> rows_;
};

std::vector<std::string> bridge_cells(const BridgeReports::Row& row);  // under bridge_head
inline const std::vector<std::string> bridge_head{"BRIDGE", "PROTOCOL", "ENDPOINT", "NAMESPACE", "STATE", "IN/S", "OUT/S", "PEERS"};

ExitCode run_bridge_list(const Invocation& call);

}  // namespace clasp::cli
