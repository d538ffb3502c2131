// The text of /metrics (Prometheus exposition format; names of router specification 25.3 and our own).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

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

// A name of the operator's as the value of a label, between its quotation marks.
std::string metric_label(std::string_view name);

struct BridgeMetric {
  std::string bridge;   // "osc :9000"
  std::string counter;  // "received"
  std::uint64_t value = 0;
};

std::string metrics_text(const router::Router& router, const net::NetStats& net, const LatencyHistogram& latency, const std::vector<BridgeMetric>& bridges,
                         double uptime_seconds);

}  // namespace clasp::server
