#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <chrono>

#include "cli/client_flags.hpp"
#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/interrupts.hpp"
#include "cli/subscription_flags.hpp"

namespace clasp::cli {

namespace {

// Prints what arrives until it has printed enough, or nobody reads any more. Called on the client's thread.
class Printer {
 public:
  Printer(Console& console, Interrupts& interrupts, std::uint64_t lines_max, bool snapshot, bool monitors)
      : console_(console), interrupts_(interrupts), lines_left_(lines_max == 0 ? UINT64_MAX : lines_max), snapshot_(snapshot), monitors_(monitors) {}

  void print(const Delivery& delivery) {
    if (lines_left_ == 0 || (delivery.snapshot && !snapshot_) || (!monitors_ && is_about_monitors(delivery.address))) return;
    const std::uint64_t now = unix_us_now();
    console_.result(console_.json() ? delivery_json(delivery, now) : delivery_line(delivery, now));
    if (--lines_left_ == 0 || console_.closed()) {
      lines_left_ = 0;
      interrupts_.stop();
    }
  }

 private:
  Console& console_;
  Interrupts& interrupts_;
  std::uint64_t lines_left_;
  bool snapshot_;
  bool monitors_;  // also what they ask and are answered
};

}  // namespace

ExitCode run_watch(const Invocation& call) {
  ClientFlags flags;
  SubscriptionFlags own;
  std::uint64_t count = 0;
  bool only_live = false;
  std::vector<options::Option> rows = subscription_rows(own);
  rows.push_back({.name = "count",
                  .letter = 'n',
                  .value = "N",
                  .help = "End after so many lines, those of the snapshot included.",
                  .apply = apply_count(count, 1, INT64_MAX)});
  rows.push_back(
      {.name = "no-snapshot", .help = "Only what changes from now on, not the values that are there already.", .apply = apply_switch(only_live)});
  const auto arguments = read_client_arguments(call, flags, std::move(rows));
  if (arguments.exit) return *arguments.exit;
  const std::string pattern = arguments.positional.empty() ? "/**" : arguments.positional[0];
  if (const auto valid = check_pattern(pattern); !valid) return usage_error(call, valid.error().message);

  Interrupts interrupts;
  interrupts.stop_when_closed(STDOUT_FILENO);
  Printer printer(call.console, interrupts, count, !only_live, pattern.starts_with("/clasp"));
  Listening listening(call, interrupts);
  auto client = listening.connect(flags);
  if (!client) return report_connecting(call, client.error());
  const auto subscription = client->subscribe(pattern, [&printer](const Delivery& delivery) { printer.print(delivery); }, own.options);
  if (!subscription) return report(call, subscription.error());
  interrupts.wait(own.until());
  client->close();  // no callback afterwards
  return listening.outcome();
}

}  // namespace clasp::cli
