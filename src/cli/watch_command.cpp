// watch: shows what is and what changes.
#include <fmt/format.h>

#include <atomic>
#include <chrono>

#include "cli/client_flags.hpp"
#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/interrupts.hpp"

namespace clasp::cli {

namespace {

std::uint64_t unix_now_us() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count());
}

}  // namespace

ExitCode run_watch(const Invocation& call) {
  ClientFlags flags;
  SubscriptionOptions wanted;
  std::uint64_t count = 0;
  std::optional<std::chrono::milliseconds> duration;
  const auto arguments = read_client_arguments(
      call, flags,
      {{.name = "count", .value = "N", .help = "End after so many lines.", .apply = apply_count(count, 1, UINT32_MAX)},
       {.name = "duration", .value = "TIME", .help = "End after this time.", .apply = apply_duration(duration, std::chrono::milliseconds{1}, std::chrono::hours{8760})},
       {.name = "max-rate", .value = "HZ", .help = "At most so many values a second of each address.", .apply = apply_count(wanted.max_rate_hz, 1, 1'000'000)},
       {.name = "history", .value = "N", .help = "The last N values first.", .apply = apply_count(wanted.history, 1, 1'000'000)}});
  if (arguments.exit) return *arguments.exit;
  const std::string pattern = arguments.positional.empty() ? "/**" : arguments.positional[0];
  if (const auto valid = check_pattern(pattern); !valid) return usage_error(call, valid.error().message);

  Interrupts interrupts;
  std::atomic<std::uint64_t> shown = 0;
  auto client = client_builder(flags, Reconnect::yes)
                    .on_disconnect([&call](std::string_view reason) { call.console.note(fmt::format("clasp watch: disconnected: {}", reason)); })
                    .on_error([&call](const Error& error) { call.console.error(fmt::format("clasp watch: {}", describe(error))); })
                    .connect();
  if (!client) return report_connecting(call, client.error());
  auto subscription = client->subscribe(
      pattern,
      Client::DeliveryCallback([&](const Delivery& delivery) {
        if (count != 0 && shown >= count) return;
        ++shown;
        call.console.result(flags.json ? delivery_json(delivery, unix_now_us()) : delivery_line(delivery, unix_now_us()));
        if ((count != 0 && shown >= count) || call.console.closed()) interrupts.stop();
      }),
      wanted);
  if (!subscription) return report(call, subscription.error());
  if (duration) interrupts.wait(Interrupts::Clock::now() + *duration);
  else interrupts.wait();
  client->close();
  return ExitCode::ok;
}

}  // namespace clasp::cli
