// Signals heard of in ANNOUNCE and RESULT. Bounded; those that do not fit are counted.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "clasp/client.hpp"
#include "core/message.hpp"
#include "core/pattern.hpp"

namespace clasp::client {

SignalInfo to_signal_info(const SignalDefinition& definition);

class SignalTable {
 public:
  explicit SignalTable(std::size_t signals_max) : signals_max_(signals_max) {}

  void learn(const SignalDefinition& definition) {
    const auto found = signals_.find(definition.address);
    if (found != signals_.end()) {
      found->second = to_signal_info(definition);
    } else if (signals_.size() < signals_max_) {
      signals_.emplace(std::string(definition.address), to_signal_info(definition));
    } else {
      ++refused_;
    }
  }
  std::vector<SignalInfo> find(const Pattern& pattern) const {
    std::vector<SignalInfo> found;
    for (const auto& [address, signal] : signals_) {
      if (pattern.matches(address)) found.push_back(signal);
    }
    return found;
  }
  std::uint64_t refused() const { return refused_; }

 private:
  std::size_t signals_max_;
  std::uint64_t refused_ = 0;
  std::map<std::string, SignalInfo, std::less<>> signals_;
};

}  // namespace clasp::client
