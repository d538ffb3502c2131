#include <fmt/format.h>

#include "cli/client_flags.hpp"
#include "cli/commands.hpp"
#include "cli/interrupts.hpp"
#include "cli/round_trips.hpp"

namespace clasp::cli {

namespace {

using std::chrono::milliseconds;
using Clock = Interrupts::Clock;

std::string summary_line(const RoundTrips& trips, std::uint64_t sent, const std::optional<ClockInfo>& clock) {
  std::string line = fmt::format("{} sent, {} answered", sent, trips.count());
  if (trips.count() != 0) {
    line += fmt::format("; round trip min/avg/max/stddev {:.3f}/{:.3f}/{:.3f}/{:.3f} ms", trips.min_us() / 1e3, trips.mean_us() / 1e3,
                        trips.max_us() / 1e3, trips.deviation_us() / 1e3);
  }
  if (clock) line += fmt::format("; the router's clock is {:+.3f} ms from ours", static_cast<double>(clock->offset_us) / 1e3);
  return line;
}

std::string summary_json(const RoundTrips& trips, std::uint64_t sent, const std::optional<ClockInfo>& clock) {
  Map object{{"sent", static_cast<std::int64_t>(sent)}, {"answered", static_cast<std::int64_t>(trips.count())}};
  if (trips.count() != 0) {
    object.emplace_back("min_us", trips.min_us());
    object.emplace_back("avg_us", trips.mean_us());
    object.emplace_back("max_us", trips.max_us());
    object.emplace_back("stddev_us", trips.deviation_us());
  }
  if (clock) object.emplace_back("clock_offset_us", clock->offset_us);
  return to_json(Value(std::move(object)));
}

}  // namespace

ExitCode run_ping(const Invocation& call) {
  ClientFlags flags;
  std::uint64_t count = 4;
  milliseconds interval{1'000};
  const auto arguments = read_client_arguments(call, flags,
                                               {{.name = "count",
                                                 .letter = 'c',
                                                 .value = "N",
                                                 .default_text = "4",
                                                 .help = "How many; 0: until Ctrl-C.",
                                                 .apply = apply_count(count, 0, INT64_MAX)},
                                                {.name = "interval",
                                                 .letter = 'i',
                                                 .value = "TIME",
                                                 .default_text = "1s",
                                                 .help = "Between two of them.",
                                                 .apply = apply_duration(interval, milliseconds{1}, milliseconds{3'600'000})}});
  if (arguments.exit) return *arguments.exit;

  Interrupts interrupts;
  auto client = client_builder(flags, Reconnect::no).connect();
  if (!client) return report_connecting(call, client.error());
  RoundTrips trips;
  std::uint64_t sent = 0;
  std::optional<Error> failure;
  while ((count == 0 || sent < count) && !call.console.closed()) {
    if (sent != 0 && interrupts.wait(Clock::now() + interval) == Interrupts::Woken::stopped) break;
    ++sent;
    const auto time = client->ping(flags.timeout);
    if (!time) {
      call.console.error(fmt::format("clasp ping: {}: {}", sent, describe(time.error())));
      failure = time.error();
      if (exit_code_of(failure->code) == ExitCode::connection_failed) break;
      continue;
    }
    trips.add(*time);
    if (flags.json)
      call.console.result(to_json(Value(Map{{"seq", static_cast<std::int64_t>(sent)}, {"rtt_us", static_cast<std::int64_t>(time->count())}})));
    else if (!flags.quiet)
      call.console.result(fmt::format("{}: {:.3f} ms", sent, static_cast<double>(time->count()) / 1e3));
  }
  std::optional<ClockInfo> clock;
  if (const auto synced = client->sync(flags.timeout)) clock = *synced;
  call.console.result(flags.json ? summary_json(trips, sent, clock) : summary_line(trips, sent, clock));
  return failure ? exit_code_of(failure->code) : ExitCode::ok;
}

}  // namespace clasp::cli
