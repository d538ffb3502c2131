// What the measurements share: opening both ends, quantiles, and small owners.
#pragma once

#include <unistd.h>

#include <memory>
#include <string_view>
#include <vector>

#include "bench/figures.hpp"
#include "bench/scenarios.hpp"
#include "bench/session.hpp"

namespace clasp::bench {

inline constexpr std::string_view bench_address = "/bench/value";

double us_between(Clock::time_point from, Clock::time_point to);
Result<std::unique_ptr<Peer>> open_publisher(const Target& target, Interest interest = Interest::publishing);
Result<std::unique_ptr<Peer>> open_subscriber(const Target& target, std::string_view pattern, Interest interest = Interest::everything);
Error wrong_deliveries(std::string_view test, const Target& target, std::uint64_t wrong);
void add_quantiles(Figures& figures, std::string_view test, const Target& target, std::vector<double>& samples);
std::size_t descriptors_max();  // how many connections this process may have

struct Descriptor {
  int value;
  explicit Descriptor(int descriptor) : value(descriptor) {}
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() { ::close(value); }
};

}  // namespace clasp::bench
