#include "cli/subscription_flags.hpp"

#include <fmt/format.h>

#include "bridge/frame/reporting_link.hpp"
#include "cli/format.hpp"
#include "core/address.hpp"
#include "server/session_reports.hpp"

namespace clasp::cli {

using std::chrono::milliseconds;

std::optional<Interrupts::Clock::time_point> SubscriptionFlags::until() const {
  if (!duration) return std::nullopt;
  return Interrupts::Clock::now() + *duration;
}

Result<std::vector<Signal>> parse_signal_list(std::string_view text) {
  std::vector<Signal> signals;
  while (true) {
    const std::size_t comma = text.find(',');
    const auto signal = find_signal(text.substr(0, comma));
    if (!signal)
      return bad_option(
          fmt::format("\"{}\" is no signal type; expected a list of: param, event, stream, gesture, timeline", printable(text.substr(0, comma))));
    signals.push_back(*signal);
    if (comma == std::string_view::npos) return signals;
    text.remove_prefix(comma + 1);
  }
}

std::vector<options::Option> subscription_rows(SubscriptionFlags& flags) {
  SubscriptionOptions& options = flags.options;
  return {
      {.name = "types",
       .value = "LIST",
       .default_text = "all",
       .help = "Only these: param, event, stream, gesture, timeline, with commas between them.",
       .apply = [&options](std::string_view text) -> Result<void> {
         auto signals = parse_signal_list(text);
         if (!signals) return signals.error();
         options.types = std::move(*signals);
         return {};
       }},
      {.name = "max-rate",
       .value = "HZ",
       .help = "At most so many values a second of one address.",
       .apply = apply_count(options.max_rate_hz, 1, 1'000'000)},
      {.name = "epsilon",
       .value = "NUMBER",
       .help = "Only numbers that differ so much from the last one.",
       .apply = [&options](std::string_view text) -> Result<void> {
         options.epsilon = parse_real(text);
         return options.epsilon && *options.epsilon >= 0 ? Result<void>{} : bad_option("expected a number, 0 or more");
       }},
      {.name = "history",
       .value = "N",
       .help = "First the last N values of each address, as far as the router still has them.",
       .apply = apply_count(options.history, 1, 1'000'000)},
      {.name = "duration",
       .value = "TIME",
       .help = "End after this time.",
       .apply = apply_duration(flags.duration, milliseconds{1}, std::chrono::hours{24 * 365})},
  };
}

std::uint64_t unix_us_now() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count());
}

Result<Client> Listening::connect(const ClientFlags& flags) {
  Client::Builder builder = client_builder(flags, Reconnect::yes);
  const std::string_view name = call_.command.name;
  builder.on_disconnect([this, name](std::string_view reason) {
    connected_ = false;
    call_.console.note(fmt::format("clasp {}: connection lost ({}), trying again", name, printable(reason)));
  });
  builder.on_connect([this, name] {
    connected_ = true;
    if (connected_before_.exchange(true)) call_.console.note(fmt::format("clasp {}: connected again", name));
  });
  builder.on_error([this](const Error& error) { on_error(error); });
  return builder.connect();
}

void Listening::on_error(const Error& error) {
  const ExitCode exit = exit_code_of(error.code);
  if (exit == ExitCode::connection_failed || exit == ExitCode::timeout) return;  // of one attempt to come back: on_disconnect has said so
  call_.console.error(fmt::format("clasp {}: {}", call_.command.name, describe(error)));
  if (exit != ExitCode::refused && error.code != ErrorCode::pattern_error && error.code != ErrorCode::too_many) return;
  outcome_ = exit;
  interrupts_.stop();
}

bool is_about_monitors(std::string_view address) {
  return address == bridge::ask_address || address == bridge::report_address || address == server::sessions_ask_address ||
         address == server::sessions_report_address;
}

}  // namespace clasp::cli
