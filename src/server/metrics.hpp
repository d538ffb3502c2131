// The text of /metrics (Prometheus exposition format; names of router specification 25.3 and our own).
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "net/net_stats.hpp"
#include "router/router.hpp"

namespace clasp::server {

// How long frames took to handle, per message code. One in `sample_every` frames is measured, so that measuring costs nothing.
struct LatencyHistogram {
  static constexpr std::uint32_t sample_every = 64;
  static constexpr std::array<double, 8> bounds_us{1, 2, 5, 10, 50, 100, 1'000, 10'000};
  struct Row {
    std::array<std::uint64_t, bounds_us.size()> at_most{};
    std::uint64_t count = 0;
    double sum_us = 0;
  };
  std::array<Row, 256> rows{};
  void add(std::uint8_t message_code, double us);
};

struct BridgeMetric {
  std::string bridge;   // "osc :9000"
  std::string counter;  // "received"
  std::uint64_t value = 0;
  bool now = false;  // not a counter: how many there are at the moment
};

std::string label_text(std::string_view value);  // as a label's value, without the quotation marks

std::string metrics_text(const router::Router& router, const net::NetStats& net, const LatencyHistogram& latency, const std::vector<BridgeMetric>& bridges,
                         double uptime_seconds);

}  // namespace clasp::server
