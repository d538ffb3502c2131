// set and get.
#include <fmt/format.h>

#include "cli/client_flags.hpp"
#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/input.hpp"
#include "cli/publish_flags.hpp"
#include "cli/value_text.hpp"
#include "core/address.hpp"
#include "core/limits.hpp"

namespace clasp::cli {

namespace {

struct SetFlags {
  ValueType type = ValueType::automatic;
  std::optional<std::chrono::milliseconds> ttl;
  bool absolute = false;
  std::optional<std::uint64_t> expected_revision;
  bool lock = false;
  bool unlock = false;
  std::uint64_t qos = 1;
};

std::vector<options::Option> set_rows(SetFlags& flags) {
  return {
      type_row(flags.type),
      {.name = "ttl",
       .value = "TIME",
       .help = "Lifetime, from 1s in whole seconds, since the last access; 0: for ever. Without it the router's default.",
       .apply = apply_duration(flags.ttl, std::chrono::milliseconds{0}, std::chrono::seconds{wire::ttl_seconds_max})},
      {.name = "absolute", .help = "The lifetime counts from this write instead.", .apply = apply_switch(flags.absolute)},
      {.name = "expect-rev",
       .value = "N",
       .help = "Only if the param has this revision.",
       .apply = [&flags](std::string_view text) -> Result<void> {
         const auto revision = options::parse_count(text, {0, INT64_MAX});
         if (!revision) return revision.error();
         flags.expected_revision = *revision;
         return {};
       }},
      {.name = "lock", .help = "Lock it. The lock ends with this command: see clasp lock.", .apply = apply_switch(flags.lock)},
      {.name = "unlock", .help = "Unlock it.", .apply = apply_switch(flags.unlock)},
      {.name = "qos",
       .value = "0|1|2",
       .default_text = "1",
       .help = "0: do not wait for the router's confirmation. 1 and 2: wait.",
       .apply = apply_count(flags.qos, 0, 2)},
  };
}

Result<SetOptions> set_options(const SetFlags& flags) {
  SetOptions options{.lock = flags.lock, .unlock = flags.unlock, .expected_revision = flags.expected_revision};
  if (flags.lock && flags.unlock) return bad_option("--lock and --unlock exclude each other");
  if (flags.absolute && !flags.ttl) return bad_option("--absolute needs --ttl");
  if (!flags.ttl) return options;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*flags.ttl);
  if (seconds != *flags.ttl) return bad_option("--ttl: lifetimes are whole seconds");
  options.lifetime = seconds.count() == 0 ? Lifetime::never() : flags.absolute ? Lifetime::absolute(seconds) : Lifetime::sliding(seconds);
  return options;
}

ExitCode set_unconfirmed(const Invocation& call, const ClientFlags& flags, const std::string& address, const Value& value,
                         const SetOptions& options) {
  auto client = client_builder(flags, Reconnect::no).acknowledge(false).connect();
  if (!client) return report_connecting(call, client.error());
  if (const auto sent = client->set(address, value, options); !sent) return report(call, sent.error());
  client->close();  // sends it first
  return ExitCode::ok;
}

}  // namespace

ExitCode run_set(const Invocation& call) {
  ClientFlags flags;
  SetFlags own;
  const auto arguments = read_client_arguments(call, flags, set_rows(own));
  if (arguments.exit) return *arguments.exit;
  const std::string& address = arguments.positional[0];
  if (const auto valid = check_literal(address); !valid) return usage_error(call, valid.error().message);
  const auto options = set_options(own);
  if (!options) return usage_error(call, options.error().message);
  const auto value = value_argument(call, arguments.positional[1], own.type);
  if (!value) return report(call, value.error());
  if (own.qos == 0) return set_unconfirmed(call, flags, address, *value, *options);

  auto client = client_builder(flags, Reconnect::no).connect();
  if (!client) return report_connecting(call, client.error());
  const auto confirmed = client->set_confirmed(address, *value, *options, flags.timeout);
  if (!confirmed) return report(call, confirmed.error());
  if (flags.json) {
    call.console.result(written_json(address, *value, confirmed->revision));
  } else if (!flags.quiet) {
    call.console.result(written_line(address, *value, confirmed->revision));
  }
  return ExitCode::ok;
}

ExitCode run_get(const Invocation& call) {
  ClientFlags flags;
  const auto arguments = read_client_arguments(call, flags);
  if (arguments.exit) return *arguments.exit;
  const std::string& address = arguments.positional[0];
  if (const auto valid = check_literal(address); !valid) return usage_error(call, valid.error().message);

  auto client = client_builder(flags, Reconnect::no).connect();
  if (!client) return report_connecting(call, client.error());
  const auto param = client->get_fresh(address, flags.timeout);
  if (!param && param.error().code == ErrorCode::not_found) {
    call.console.error(fmt::format("clasp get: not found: {}", printable(address)));
    return ExitCode::failed;
  }
  if (!param) return report(call, param.error());
  call.console.result(flags.json ? param_json(address, *param) : to_json(param->value));
  return ExitCode::ok;
}

}  // namespace clasp::cli
