#include "bench/scenario_parts.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

namespace clasp::bench {

double us_between(Clock::time_point from, Clock::time_point to) { return std::chrono::duration<double, std::micro>(to - from).count(); }

Result<std::unique_ptr<Peer>> open_publisher(const Target& target, Interest interest) {
  auto session = open_session(target, interest);
  if (!session) return session.error();
  session->peer->only_publishes();
  return std::move(session->peer);
}

Result<std::unique_ptr<Peer>> open_subscriber(const Target& target, std::string_view pattern, Interest interest) {
  auto session = open_session(target, interest);
  if (!session) return session.error();
  if (auto done = subscribe(target, *session->peer, pattern); !done) return done.error();
  return std::move(session->peer);
}

Error wrong_deliveries(std::string_view test, const Target& target, std::uint64_t wrong) {
  return bench_error(fmt::format("{}, {}: {} messages lost, conflated or changed", test, target.name, wrong));
}

void add_quantiles(Figures& figures, std::string_view test, const Target& target, std::vector<double>& samples) {
  figures.add(test, "p50", "µs", target.name, quantile(samples, 0.5));
  figures.add(test, "p95", "µs", target.name, quantile(samples, 0.95));
  figures.add(test, "p99", "µs", target.name, quantile(samples, 0.99));
  figures.add(test, "max", "µs", target.name, quantile(samples, 1));
}

std::size_t descriptors_max() {
  rlimit limit{};
  constexpr rlim_t reserve = 100;  // for all that is no session
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > reserve ? static_cast<std::size_t>(limit.rlim_cur - reserve) : 0;
}

}  // namespace clasp::bench
