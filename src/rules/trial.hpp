// What rules would do: tried in a router of their own, whose clock runs as fast as it can.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/rule.hpp"

namespace clasp::rules {

struct TrialInput {
  std::vector<std::pair<std::string, Value>> state;  // what is there before
  std::string address;
  Value value;
  bool event = false;            // published rather than set
  std::optional<Micros> length;  // how long to go on; none: until nothing waits for its time, and without rules that time sets off
  Now begin;
  LocalTime local_time;
};

// Tells line by line which rules fire and why the others do not, and what is written. Whether a rule has fired.
Result<bool> try_rules(std::vector<Rule> rules, const TrialInput& input, const std::function<void(std::string_view line)>& line);

}  // namespace clasp::rules
