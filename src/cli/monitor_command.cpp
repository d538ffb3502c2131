#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <mutex>

#include "cli/client_flags.hpp"
#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/rate_table.hpp"
#include "cli/subscription_flags.hpp"
#include "core/address.hpp"

namespace clasp::cli {

namespace {

using std::chrono::milliseconds;
using Clock = Interrupts::Clock;

struct Screen {
  std::size_t rows = 24;
  std::size_t columns = 80;
};

// Nothing if stdout is no terminal.
std::optional<Screen> find_screen() {
  if (isatty(STDOUT_FILENO) == 0) return std::nullopt;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row < 4 || size.ws_col < 20) return Screen{};
  return Screen{size.ws_row, size.ws_col};
}

std::string screen_text(const RateTable::Summary& summary, const Screen& screen, std::string_view pattern, std::uint64_t now_us) {
  std::vector<std::vector<std::string>> rows{{"ADDRESS", "PER SECOND", "TOTAL", "VALUE"}};
  for (const RateTable::Row& row : summary.busiest)
    rows.push_back({printable(row.address, 60), fmt::format("{:.1f}", row.per_second), std::to_string(row.total), printable(row.value)});
  std::string text = fmt::format("{} {}: {:.1f} messages/s, {} in all, {} addresses{}\n\n{}", clock_text(now_us), printable(pattern),
                                 summary.per_second, summary.total, summary.addresses,
                                 summary.untracked != 0 ? fmt::format(" ({} messages of further ones)", summary.untracked) : "", align(rows));
  std::string cut = "\x1b[H\x1b[2J";  // to the upper left corner, clear
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    cut += printable(std::string_view(text).substr(0, std::min(end, screen.columns - 1)), screen.columns);
    cut += '\n';
    text.erase(0, end == std::string::npos ? end : end + 1);
  }
  return cut;
}

std::string summary_line(const RateTable::Summary& summary, std::uint64_t now_us) {
  std::string line =
      fmt::format("{} {:.1f} messages/s, {} in all, {} addresses", clock_text(now_us), summary.per_second, summary.total, summary.addresses);
  if (summary.untracked != 0) line += fmt::format(", {} messages of further ones", summary.untracked);
  if (!summary.busiest.empty() && summary.busiest.front().per_second > 0)
    line += fmt::format(", busiest {} {:.1f}/s", printable(summary.busiest.front().address), summary.busiest.front().per_second);
  return line;
}

std::string summary_json(const RateTable::Summary& summary, std::uint64_t now_us) {
  Array busiest;
  for (const RateTable::Row& row : summary.busiest)
    busiest.emplace_back(Map{{"address", row.address}, {"per_second", row.per_second}, {"total", static_cast<std::int64_t>(row.total)}});
  return to_json(Value(Map{{"time", static_cast<std::int64_t>(now_us)},
                           {"per_second", summary.per_second},
                           {"total", static_cast<std::int64_t>(summary.total)},
                           {"addresses", static_cast<std::int64_t>(summary.addresses)},
                           {"untracked", static_cast<std::int64_t>(summary.untracked)},
                           {"busiest", std::move(busiest)}}));
}

}  // namespace

ExitCode run_monitor(const Invocation& call) {
  ClientFlags flags;
  SubscriptionFlags own;
  milliseconds interval{1'000};
  std::vector<options::Option> rows = subscription_rows(own);
  rows.push_back({.name = "interval",
                  .letter = 'i',
                  .value = "TIME",
                  .default_text = "1s",
                  .help = "How often it is shown.",
                  .apply = apply_duration(interval, milliseconds{100}, milliseconds{3'600'000})});
  const auto arguments = read_client_arguments(call, flags, std::move(rows));
  if (arguments.exit) return *arguments.exit;
  const std::string pattern = arguments.positional.empty() ? "/**" : arguments.positional[0];
  if (const auto valid = check_pattern(pattern); !valid) return usage_error(call, valid.error().message);

  Interrupts interrupts;
  std::mutex mutex;
  RateTable rates;  // guarded by mutex
  Listening listening(call, interrupts);
  auto client = listening.connect(flags);
  if (!client) return report_connecting(call, client.error());
  const auto subscription = client->subscribe(
      pattern,
      [&mutex, &rates](const Delivery& delivery) {
        const std::lock_guard lock(mutex);
        if (delivery.snapshot)
          rates.known(delivery.address, delivery.value);
        else
          rates.heard(delivery.address, delivery.value);
      },
      own.options);
  if (!subscription) return report(call, subscription.error());

  const auto until = own.until();
  auto last = Clock::now();
  bool stopped = false;
  while (!stopped && !call.console.closed()) {
    const auto next = last + interval;
    stopped = interrupts.wait(until ? std::min(*until, next) : next) == Interrupts::Woken::stopped || (until && Clock::now() >= *until);
    const auto now = Clock::now();
    const std::optional<Screen> screen = flags.json ? std::nullopt : find_screen();
    RateTable::Summary summary;
    {
      const std::lock_guard lock(mutex);
      summary = rates.summarize(now - last, screen ? screen->rows - 4 : 10);
    }
    last = now;
    const std::uint64_t now_us = unix_us_now();
    if (flags.json)
      call.console.result(summary_json(summary, now_us));
    else if (screen)
      call.console.text(screen_text(summary, *screen, pattern, now_us));
    else
      call.console.result(summary_line(summary, now_us));
  }
  client->close();
  return listening.outcome();
}

}  // namespace clasp::cli
