#include <fmt/format.h>

#include "cli/bundle_file.hpp"
#include "cli/client_flags.hpp"
#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/input.hpp"
#include "cli/when.hpp"

namespace clasp::cli {

namespace {

Batch to_batch(const std::vector<BundleEntry>& entries) {
  Batch batch;
  for (const BundleEntry& entry : entries) {
    switch (entry.kind) {
      case BundleEntry::Kind::set: batch.set(entry.address, entry.value); break;
      case BundleEntry::Kind::emit: batch.emit(entry.address, entry.value); break;
      case BundleEntry::Kind::stream: batch.stream(entry.address, entry.value); break;
    }
  }
  return batch;
}

}  // namespace

ExitCode run_bundle(const Invocation& call) {
  ClientFlags flags;
  std::optional<When> at;
  const auto arguments = read_client_arguments(call, flags,
                                               {{.name = "at",
                                                 .value = "TIME",
                                                 .help = "When it is executed: +2s from now on the router's clock, or µs since 1970. Waits for it.",
                                                 .apply = [&at](std::string_view text) -> Result<void> {
                                                   const auto when = parse_when(text);
                                                   if (!when) return when.error();
                                                   at = *when;
                                                   return {};
                                                 }}});
  if (arguments.exit) return *arguments.exit;
  const std::string& path = arguments.positional[0];
  const auto document = read_json(path, call.input);
  if (!document) return fail(call, document.error().message);
  const auto entries = parse_bundle(*document);
  if (!entries) return fail(call, fmt::format("{}: {}", path == "-" ? "stdin" : path, entries.error().message));

  auto client = client_builder(flags, Reconnect::no).connect();
  if (!client) return report_connecting(call, client.error());
  std::optional<std::uint64_t> time_us;
  std::chrono::milliseconds patience = flags.timeout;  // the router confirms a bundle when it has been executed
  if (at) {
    if (const auto synced = client->sync(flags.timeout); !synced && at->relative) return report(call, synced.error());
    const std::uint64_t now = client->time();
    time_us = at->unix_us(now);
    if (*time_us > now) patience += std::chrono::ceil<std::chrono::milliseconds>(std::chrono::microseconds(*time_us - now));
  }
  const auto confirmed = client->bundle_confirmed(to_batch(*entries), time_us, patience);
  if (!confirmed) return report(call, confirmed.error());
  if (flags.json) {
    Map object{{"entries", static_cast<std::int64_t>(entries->size())}, {"revision", static_cast<std::int64_t>(confirmed->revision)}};
    if (time_us) object.emplace_back("at", static_cast<std::int64_t>(*time_us));
    call.console.result(to_json(Value(std::move(object))));
  } else if (!flags.quiet) {
    call.console.result(fmt::format("bundle of {} executed{}", entries->size(), time_us ? fmt::format(" at {}", clock_text(*time_us)) : ""));
  }
  return ExitCode::ok;
}

}  // namespace clasp::cli
