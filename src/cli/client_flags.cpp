#include "cli/client_flags.hpp"

#include <fmt/format.h>

#include "core/address.hpp"
#include "core/pattern.hpp"

namespace clasp::cli {

namespace {

using std::chrono::milliseconds;

std::vector<options::Option> client_rows(ClientFlags& flags) {
  return {
      {.name = "server",
       .letter = 's',
       .value = "URL",
       .default_text = "CLASP_URL, else ws://localhost:7330",
       .help = "The router: ws://HOST:PORT, tcp://HOST:PORT or HOST.",
       .apply = apply_text(flags.url),
       .in_file = false},
      {.name = "token",
       .value = "TOKEN",
       .default_text = "CLASP_TOKEN",
       .help = "Who we are, for routers that ask.",
       .apply = apply_text(flags.token)},
      {.name = "name",
       .value = "TEXT",
       .default_text = flags.name,
       .help = "How we call ourselves.",
       .apply = apply_text(flags.name),
       .in_file = false},
      {.name = "timeout",
       .value = "TIME",
       .default_text = "5s",
       .help = "For connecting, and for each answer.",
       .apply = apply_duration(flags.timeout, milliseconds{1}, milliseconds{86'400'000})},
      {.name = "insecure",
       .help = "Do not check the certificate of wss:// (not in this build).",
       .apply = [](std::string_view) -> Result<void> { return bad_option("this program was built without TLS"); },
       .in_file = false},
      {.name = "json", .help = "Results as JSON, one object a line.", .apply = apply_switch(flags.json), .in_file = false},
      {.name = "quiet",
       .letter = 'q',
       .help = "Neither confirmations nor notes; only what was asked for, and errors.",
       .apply = apply_switch(flags.quiet),
       .in_file = false},
  };
}

}  // namespace

ReadArguments read_client_arguments(const Invocation& call, ClientFlags& flags, std::vector<options::Option> rows) {
  if (const char* url = call.variable("CLASP_URL"); url != nullptr && *url != '\0') flags.url = url;
  for (options::Option& row : rows) row.in_file = false;  // CLASP_COUNT and the like would surprise more than help
  for (options::Option& row : client_rows(flags)) rows.push_back(std::move(row));
  ReadArguments arguments = read_arguments(call, std::move(rows));
  call.console.set_json(flags.json);
  call.console.set_quiet(flags.quiet);
  return arguments;
}

Client::Builder client_builder(const ClientFlags& flags, Reconnect reconnect) {
  Client::Builder builder = Client::builder(flags.url);
  builder.name(flags.name).token(flags.token).connect_timeout(flags.timeout).snapshot(false).clock_sync(false);
  builder.reconnect(reconnect == Reconnect::yes).reconnect_interval(milliseconds{1'000});
  return builder;
}

Result<void> check_literal(std::string_view address) {
  if (const auto fault = check_address(address)) return Error{ErrorCode::invalid_argument, describe_address_fault(*fault, address), {}};
  return {};
}

Result<void> check_pattern(std::string_view pattern) {
  if (const auto parsed = Pattern::parse(pattern); !parsed)
    return Error{ErrorCode::invalid_argument, describe_address_fault(parsed.error(), pattern), {}};
  return {};
}

Result<void> settle(Client& client, milliseconds timeout) {
  const auto answered = client.ping(timeout);
  if (const auto refusal = client.last_error()) return *refusal;
  if (!answered) return answered.error();
  return {};
}

}  // namespace clasp::cli
