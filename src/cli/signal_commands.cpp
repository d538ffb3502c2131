// query and announce: what signals there are.
#include <fmt/format.h>

#include "cli/bundle_file.hpp"
#include "cli/client_flags.hpp"
#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/input.hpp"

namespace clasp::cli {

ExitCode run_query(const Invocation& call) {
  ClientFlags flags;
  const auto arguments = read_client_arguments(call, flags);
  if (arguments.exit) return *arguments.exit;
  const std::string pattern = arguments.positional.empty() ? "/**" : arguments.positional[0];
  if (const auto valid = check_pattern(pattern); !valid) return usage_error(call, valid.error().message);

  auto client = client_builder(flags, Reconnect::no).connect();
  if (!client) return report_connecting(call, client.error());
  const auto signals = client->query(pattern, flags.timeout);
  if (!signals) return report(call, signals.error());
  if (flags.json) {
    for (const SignalInfo& signal : *signals) call.console.result(signal_json(signal));
  } else if (signals->empty()) {
    call.console.note(fmt::format("clasp query: nothing is announced that matches {}", pattern));
  } else {
    call.console.text(signal_table(*signals));
  }
  return ExitCode::ok;
}

ExitCode run_announce(const Invocation& call) {
  ClientFlags flags;
  const auto arguments = read_client_arguments(call, flags);
  if (arguments.exit) return *arguments.exit;
  const std::string& path = arguments.positional[0];
  const auto document = read_json(path, call.input);
  if (!document) return fail(call, document.error().message);
  const auto announcement = parse_announcement(*document);
  if (!announcement) return fail(call, fmt::format("{}: {}", path == "-" ? "stdin" : path, announcement.error().message));

  auto client = client_builder(flags, Reconnect::no).connect();
  if (!client) return report_connecting(call, client.error());
  if (const auto sent = client->announce(announcement->ns, announcement->signals); !sent) return report(call, sent.error());
  if (const auto settled = settle(*client, flags.timeout); !settled) return report(call, settled.error());
  const std::size_t count = announcement->signals.size();
  if (flags.json) {
    call.console.result(to_json(Value(Map{{"namespace", announcement->ns}, {"signals", static_cast<std::int64_t>(count)}})));
  } else if (!flags.quiet) {
    call.console.result(fmt::format("{}: {} signals announced", announcement->ns, count));
  }
  return ExitCode::ok;
}

}  // namespace clasp::cli
