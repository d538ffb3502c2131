// What was measured, and the table of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clasp/value.hpp"

namespace clasp::bench {

// One figure of one target: a number for each round. Rounds of all targets are interleaved, so that the n-th numbers belong together.
struct Figure {
  std::string test;    // "fan-out 100"
  std::string name;    // "p50"
  std::string unit;    // "µs"
  std::string target;  // "router ws", "relay"
  std::vector<double> rounds;
};

class Figures {
 public:
  void add(std::string_view test, std::string_view name, std::string_view unit, std::string_view target, double value);
  const std::vector<Figure>& all() const { return all_; }
  // Markdown: median, min – max, and the medians of the rounds' ratios to the relay and, for a router, to the best other broker, where measured.
  std::string table() const;
  Value json() const;

 private:
  const Figure* relay_of(const Figure& figure) const;
  const Figure* best_broker_of(const Figure& figure) const;

  std::vector<Figure> all_;
};

// Nearest rank, `part` from 0 to 1; sorts. 0 of nothing.
double quantile(std::vector<double>& samples, double part);
double median(std::vector<double> samples);

}  // namespace clasp::bench
