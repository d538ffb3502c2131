// lock and unlock. A lock belongs to the session that took it and ends with it, so `clasp lock` stays until it is told to stop.
#include <fmt/format.h>

#include <atomic>
#include <chrono>

#include "cli/client_flags.hpp"
#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/interrupts.hpp"
#include "core/address.hpp"

namespace clasp::cli {

namespace {

using std::chrono::milliseconds;
using Clock = Interrupts::Clock;

constexpr milliseconds retry_interval{100};
constexpr int conflicts_max = 8;  // somebody else wrote between our reading and our writing, again and again

struct LockFlags {
  bool wait = false;
  std::optional<milliseconds> duration;
};

options::Option wait_row(LockFlags& flags) {
  return {
      .name = "wait", .letter = 'w', .help = "While another session holds it, try again until --timeout is over.", .apply = apply_switch(flags.wait)};
}

// Writes the value that is there already, with the flag, and only if nobody has written since. Locking makes a param that is not there.
Result<Confirmation> write_flag(Client& client, const std::string& address, const SetOptions& flag, milliseconds timeout) {
  for (int attempt = 1;; ++attempt) {
    SetOptions options = flag;
    const auto param = client.get_fresh(address, timeout);
    if (!param && (param.error().code != ErrorCode::not_found || flag.unlock)) return param.error();
    if (param && param->revision != 0) options.expected_revision = param->revision;
    auto written = client.set_confirmed(address, param ? param->value : Value(), options, timeout);
    if (written || written.error().code != ErrorCode::revision_conflict || attempt == conflicts_max) return written;
  }
}

// The same, with --wait.
Result<Confirmation> write_flag_or_wait(Client& client, const std::string& address, const SetOptions& flag, const ClientFlags& flags, bool wait,
                                        Interrupts& interrupts) {
  const auto until = Clock::now() + flags.timeout;
  while (true) {
    auto written = write_flag(client, address, flag, flags.timeout);
    if (written || !wait || written.error().code != ErrorCode::lock_held) return written;
    if (Clock::now() + retry_interval > until)
      return Error{ErrorCode::timeout, "still locked by another session: " + written.error().message, address};
    if (interrupts.wait(Clock::now() + retry_interval) == Interrupts::Woken::stopped) return Error{ErrorCode::none, "interrupted", address};
  }
}

void tell(const Invocation& call, const ClientFlags& flags, std::string_view address, std::uint64_t revision, bool locked) {
  if (flags.json) {
    call.console.result(to_json(Value(Map{{"address", address}, {"locked", locked}, {"revision", static_cast<std::int64_t>(revision)}})));
  } else if (!flags.quiet) {
    call.console.result(fmt::format("{} {} (rev {})", printable(address, 1'024), locked ? "locked" : "unlocked", revision));
  }
}

}  // namespace

ExitCode run_lock(const Invocation& call) {
  ClientFlags flags;
  LockFlags own;
  const auto arguments = read_client_arguments(call, flags,
                                               {wait_row(own),
                                                {.name = "duration",
                                                 .value = "TIME",
                                                 .help = "Let go after this time instead of on Ctrl-C.",
                                                 .apply = apply_duration(own.duration, milliseconds{1}, std::chrono::hours{24 * 365})}});
  if (arguments.exit) return *arguments.exit;
  const std::string& address = arguments.positional[0];
  if (const auto valid = check_literal(address); !valid) return usage_error(call, valid.error().message);

  Interrupts interrupts;
  std::atomic<bool> lost = false;
  auto builder = client_builder(flags, Reconnect::no);
  builder.on_disconnect([&](std::string_view) {
    lost = true;
    interrupts.stop();
  });
  auto client = builder.connect();
  if (!client) return report_connecting(call, client.error());
  const auto locked = write_flag_or_wait(*client, address, {.lock = true}, flags, own.wait, interrupts);
  if (!locked) return locked.error().code == ErrorCode::none ? ExitCode::interrupted : report(call, locked.error());
  tell(call, flags, address, locked->revision, true);
  call.console.note("clasp lock: held until Ctrl-C or the end of this command");

  std::optional<Clock::time_point> until;
  if (own.duration) until = Clock::now() + *own.duration;
  interrupts.wait(until);
  if (lost) return report(call, {ErrorCode::not_connected, "the connection was lost, and the lock with it", address});
  const auto unlocked = write_flag(*client, address, {.unlock = true}, flags.timeout);
  return unlocked ? ExitCode::ok : report(call, unlocked.error());
}

ExitCode run_unlock(const Invocation& call) {
  ClientFlags flags;
  LockFlags own;
  const auto arguments = read_client_arguments(call, flags, {wait_row(own)});
  if (arguments.exit) return *arguments.exit;
  const std::string& address = arguments.positional[0];
  if (const auto valid = check_literal(address); !valid) return usage_error(call, valid.error().message);

  Interrupts interrupts;
  auto client = client_builder(flags, Reconnect::no).connect();
  if (!client) return report_connecting(call, client.error());
  const auto unlocked = write_flag_or_wait(*client, address, {.unlock = true}, flags, own.wait, interrupts);
  if (!unlocked) return unlocked.error().code == ErrorCode::none ? ExitCode::interrupted : report(call, unlocked.error());
  tell(call, flags, address, unlocked->revision, false);
  return ExitCode::ok;
}

}  // namespace clasp::cli
