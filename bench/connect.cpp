#include <fmt/format.h>

#include "bench/scenario_parts.hpp"

namespace clasp::bench {

Result<void> measure_connect(const Target& target, const Sizes& sizes, Figures& figures) {
  auto writer = open_publisher(target);
  if (!writer) return writer.error();
  for (std::size_t i = 0; i < sizes.connect_params; ++i) {
    Counting counting(target.protocol, fmt::format("/bench/param/{}", i));
    (*writer)->put(counting.next());
  }
  if (auto sent = (*writer)->flush(); !sent) return sent;
  if (auto handled = settle(target, **writer); !handled) return handled;
  std::vector<double> welcome;
  std::vector<double> snapshot;
  std::vector<double> total;
  for (std::size_t i = 0; i < sizes.connects; ++i) {
    const auto session = open_session(target, Interest::everything);
    if (!session) return session.error();
    welcome.push_back(session->greeting.welcome_us);
    snapshot.push_back(session->greeting.snapshot_us);
    total.push_back(session->greeting.total_us);
  }
  const auto add = [&](std::string_view test, std::vector<double>& samples) {
    figures.add(test, "p50", "µs", target.name, quantile(samples, 0.5));
    figures.add(test, "p99", "µs", target.name, quantile(samples, 0.99));
  };
  add("HELLO to WELCOME", welcome);
  add(fmt::format("HELLO to SNAPSHOT ({} params)", sizes.connect_params), snapshot);
  add("TCP connect to SNAPSHOT", total);
  return {};
}

}  // namespace clasp::bench
