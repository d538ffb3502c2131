// emit, stream, gesture and timeline: messages without state. The router does not confirm them, so each command asks with a PING behind the last
// one whether it has been refused.
#include <fmt/format.h>

#include <atomic>
#include <charconv>

#include "cli/client_flags.hpp"
#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/input.hpp"
#include "cli/publish_flags.hpp"
#include "cli/when.hpp"
#include "core/address.hpp"

namespace clasp::cli {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using Clock = Interrupts::Clock;

enum class EmitAs : std::uint8_t { event, stream, param };
constexpr std::array<std::string_view, 3> emit_as_names{"event", "stream", "param"};

ExitCode confirm(const Invocation& call, const ClientFlags& flags, Client& client, Map json, const std::string& line) {
  if (const auto settled = settle(client, flags.timeout); !settled) return report(call, settled.error());
  if (flags.json) {
    call.console.result(to_json(Value(std::move(json))));
  } else if (!flags.quiet) {
    call.console.result(line);
  }
  return ExitCode::ok;
}

}  // namespace

ExitCode run_emit(const Invocation& call) {
  ClientFlags flags;
  ValueType type = ValueType::automatic;
  EmitAs as = EmitAs::event;
  const auto arguments = read_client_arguments(call, flags,
                                               {type_row(type),
                                                {.name = "signal",
                                                 .value = "KIND",
                                                 .default_text = "event",
                                                 .help = "What it is sent as: event, stream, or param (then as clasp set).",
                                                 .apply = apply_choice(as, emit_as_names)}});
  if (arguments.exit) return *arguments.exit;
  const std::string& address = arguments.positional[0];
  if (const auto valid = check_literal(address); !valid) return usage_error(call, valid.error().message);
  const auto value = arguments.positional.size() > 1 ? value_argument(call, arguments.positional[1], type) : Value();
  if (!value) return report(call, value.error());

  auto client = client_builder(flags, Reconnect::no).connect();
  if (!client) return report_connecting(call, client.error());
  if (as == EmitAs::param) {
    const auto confirmed = client->set_confirmed(address, *value, {}, flags.timeout);
    if (!confirmed) return report(call, confirmed.error());
    if (flags.json)
      call.console.result(written_json(address, *value, confirmed->revision));
    else if (!flags.quiet)
      call.console.result(written_line(address, *value, confirmed->revision));
    return ExitCode::ok;
  }
  const auto sent = as == EmitAs::event ? client->emit(address, *value) : client->stream(address, *value);
  if (!sent) return report(call, sent.error());
  const std::string_view name = emit_as_names[static_cast<std::size_t>(as)];
  return confirm(call, flags, *client, {{"address", address}, {"value", *value}, {"signal", name}},
                 fmt::format("{} <- {} ({})", printable(address, 1'024), to_json(*value), name));
}

// ---- stream ----

namespace {

class Pacer {
 public:
  explicit Pacer(double per_second)
      : interval_(per_second > 0 ? Clock::duration(static_cast<std::int64_t>(1e9 / per_second)) : Clock::duration::zero()) {}
  // False if stopped while waiting. An item that came late does not make the following ones hurry.
  bool wait(Interrupts& interrupts) {
    if (interval_ == Clock::duration::zero()) return true;
    if (next_ > Clock::now() && interrupts.wait(next_) == Interrupts::Woken::stopped) return false;
    next_ = std::max(next_, Clock::now() - interval_) + interval_;
    return true;
  }

 private:
  Clock::duration interval_;
  Clock::time_point next_ = Clock::now();
};

// While the outgoing buffer is full, waits for the network.
Result<void> stream_one(Client& client, const std::string& address, const Value& value, const ClientFlags& flags, Interrupts& interrupts) {
  const auto until = Clock::now() + flags.timeout;
  while (true) {
    const auto sent = client.stream(address, value);
    if (sent || sent.error().code != ErrorCode::overloaded || Clock::now() >= until) return sent;
    if (interrupts.wait(Clock::now() + milliseconds{1}) == Interrupts::Woken::stopped) return sent;
  }
}

}  // namespace

ExitCode run_stream(const Invocation& call) {
  ClientFlags flags;
  ValueType type = ValueType::automatic;
  double per_second = 0;
  const auto arguments = read_client_arguments(call, flags,
                                               {type_row(type),
                                                {.name = "rate",
                                                 .letter = 'r',
                                                 .value = "HZ",
                                                 .default_text = "as fast as they come",
                                                 .help = "At most so many values a second.",
                                                 .apply = [&per_second](std::string_view text) -> Result<void> {
                                                   const auto number = parse_real(text);
                                                   if (!number || *number < 0.001 || *number > 1e6)
                                                     return bad_option("expected a number from 0.001 to 1000000");
                                                   per_second = *number;
                                                   return {};
                                                 }}});
  if (arguments.exit) return *arguments.exit;
  const std::string& address = arguments.positional[0];
  if (const auto valid = check_literal(address); !valid) return usage_error(call, valid.error().message);
  const std::vector<std::string> given(arguments.positional.begin() + 1, arguments.positional.end());
  const bool from_stdin = given.empty() || (given.size() == 1 && given[0] == "-");
  std::vector<Value> values;
  for (std::size_t i = 0; !from_stdin && i < given.size(); ++i) {
    auto value = parse_value(given[i], type);
    if (!value) return usage_error(call, fmt::format("VALUE {}: {}", i + 1, value.error().message));
    values.push_back(std::move(*value));
  }

  Interrupts interrupts;
  std::atomic<bool> lost = false;
  auto client = client_builder(flags, Reconnect::no)
                    .on_disconnect([&interrupts, &lost](std::string_view) {
                      lost = true;
                      interrupts.stop();
                    })
                    .connect();
  if (!client) return report_connecting(call, client.error());
  Pacer pacer(per_second);
  LineReader lines(call.input, interrupts);
  std::uint64_t sent = 0;
  for (std::size_t i = 0; from_stdin || i < values.size(); ++i) {
    Value value;
    if (from_stdin) {
      const auto line = lines.next();
      if (!line) return fail(call, line.error().message);
      if (!*line) break;
      if ((*line)->empty()) continue;
      auto parsed = parse_value(**line, type);
      if (!parsed) return fail(call, fmt::format("line {}: {}", i + 1, parsed.error().message));
      value = std::move(*parsed);
    } else {
      value = std::move(values[i]);
    }
    if (!pacer.wait(interrupts)) break;
    const auto taken = stream_one(*client, address, value, flags, interrupts);
    if (!taken && taken.error().code == ErrorCode::not_connected) lost = true;
    if (!taken && !lost) return report(call, taken.error());
    if (lost) break;
    ++sent;
  }
  if (lost) return report(call, {ErrorCode::not_connected, fmt::format("the connection was lost after {} values", sent), {}});
  return confirm(call, flags, *client, {{"address", address}, {"signal", "stream"}, {"sent", static_cast<std::int64_t>(sent)}},
                 fmt::format("{}: {} values sent", printable(address, 1'024), sent));
}

// ---- gesture ----

ExitCode run_gesture(const Invocation& call) {
  ClientFlags flags;
  ValueType type = ValueType::automatic;
  const auto arguments = read_client_arguments(call, flags, {type_row(type)});
  if (arguments.exit) return *arguments.exit;
  const std::string& address = arguments.positional[0];
  if (const auto valid = check_literal(address); !valid) return usage_error(call, valid.error().message);
  const auto id = options::parse_count(arguments.positional[1], {0, UINT32_MAX});
  if (!id) return usage_error(call, fmt::format("ID: {}", id.error().message));
  const auto phase = find_phase(arguments.positional[2]);
  if (!phase) return usage_error(call, "PHASE: expected one of: start, move, end, cancel");
  const auto value = arguments.positional.size() > 3 ? value_argument(call, arguments.positional[3], type) : Value();
  if (!value) return report(call, value.error());

  auto client = client_builder(flags, Reconnect::no).connect();
  if (!client) return report_connecting(call, client.error());
  if (const auto sent = client->gesture(address, static_cast<std::uint32_t>(*id), *phase, *value); !sent) return report(call, sent.error());
  return confirm(
      call, flags, *client,
      {{"address", address}, {"value", *value}, {"signal", "gesture"}, {"id", static_cast<std::int64_t>(*id)}, {"phase", phase_name(*phase)}},
      fmt::format("{} <- {} (gesture {} {})", printable(address, 1'024), to_json(*value), *id, phase_name(*phase)));
}

// ---- timeline ----

ExitCode run_timeline(const Invocation& call) {
  ClientFlags flags;
  std::string path;
  std::optional<When> at;
  const auto arguments =
      read_client_arguments(call, flags,
                            {{.name = "keyframes",
                              .letter = 'k',
                              .value = "FILE",
                              .help = "JSON: a list of {time, value, easing?, bezier?}, time in µs, or {keyframes, loop, …}. -: stdin.",
                              .apply = apply_text(path)},
                             {.name = "at",
                              .value = "TIME",
                              .help = "When it starts: +2s from now, or µs since 1970. Replaces start_time of the file.",
                              .apply = [&at](std::string_view text) -> Result<void> {
                                const auto when = parse_when(text);
                                if (!when) return when.error();
                                at = *when;
                                return {};
                              }}});
  if (arguments.exit) return *arguments.exit;
  const std::string& address = arguments.positional[0];
  if (const auto valid = check_literal(address); !valid) return usage_error(call, valid.error().message);
  if (path.empty()) return usage_error(call, "--keyframes FILE is missing");
  auto document = read_json(path, call.input);
  if (!document) return fail(call, document.error().message);
  if (document->array() != nullptr) *document = Value(Map{{"keyframes", std::move(*document)}});
  auto timeline = parse_timeline(*document);
  if (!timeline) return fail(call, fmt::format("{}: {}", path, timeline.error().message));

  auto client = client_builder(flags, Reconnect::no).connect();
  if (!client) return report_connecting(call, client.error());
  if (at) {
    if (const auto synced = client->sync(flags.timeout); !synced && at->relative) return report(call, synced.error());
    timeline->start_time_us = at->unix_us(client->time());
  }
  if (const auto sent = client->timeline(address, *timeline); !sent) return report(call, sent.error());
  return confirm(call, flags, *client,
                 {{"address", address},
                  {"signal", "timeline"},
                  {"keyframes", static_cast<std::int64_t>(timeline->keyframes.size())},
                  {"duration_us", static_cast<std::int64_t>(timeline->duration())}},
                 fmt::format("{} <- timeline of {} keyframes, {}", printable(address, 1'024), timeline->keyframes.size(),
                             duration_text(static_cast<double>(timeline->duration()) / 1e6)));
}

}  // namespace clasp::cli
