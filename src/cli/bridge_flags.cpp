#include "cli/bridge_flags.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bridge/frame/bridge_host.hpp"
#include "bridge/process/bridge_process.hpp"
#include "cli/format.hpp"
#include "cli/input.hpp"
#include "cli/lens_modules.hpp"
#include "client/url.hpp"
#include "core/address.hpp"
#include "core/json.hpp"
#include "url/url.hpp"

namespace clasp::cli {

namespace {

// `--target` is the router in what SDKs generate; in OSC it is a device. A URL can only be the router.
void let_target_be_the_router(std::vector<options::Option>& rows, const options::Apply& router) {
  const auto own = std::ranges::find(rows, "target", &options::Option::name);
  if (own == rows.end()) {
    rows.push_back({.name = "target", .value = "URL", .help = "The router as well.", .apply = router, .in_file = false});
    return;
  }
  own->apply = [router, device = own->apply](std::string_view text) { return url::find_scheme(text) ? router(text) : device(text); };
}

}  // namespace

std::vector<options::Option> bridge_rows(const Invocation& call, BridgeFlags& flags) {
  if (const char* url = call.variable("CLASP_URL"); url != nullptr && *url != '\0') flags.router = url;
  std::vector<options::Option> rows = flags.plan->rows([](const std::string& path) { return read_file(path, -1); });
  const options::Apply router = [&flags](std::string_view text) -> Result<void> {
    flags.router = text;
    flags.router_given = true;
    return {};
  };
  let_target_be_the_router(rows, router);
  rows.push_back({.name = "router",
                  .value = "URL",
                  .default_text = "CLASP_ROUTER, CLASP_URL, else ws://localhost:7330",
                  .help = "The router: ws://HOST:PORT, tcp://HOST:PORT or HOST.",
                  .apply = router});
  rows.push_back({.name = "server", .letter = 's', .value = "URL", .help = "The same.", .apply = router, .in_file = false});
  rows.push_back({.name = "token",
                  .value = "TOKEN",
                  .default_text = "CLASP_TOKEN",
                  .help = "Who we are, for routers that ask.",
                  .apply = apply_text(flags.token)});
  rows.push_back({.name = "router-token", .value = "TOKEN", .help = "The same.", .apply = apply_text(flags.router_token), .in_file = false});
  rows.push_back({.name = "reconnect",
                  .value = "BOOL",
                  .default_text = "true",
                  .help = "Wait for a router that is gone or not there yet; false: end then.",
                  .apply = apply_switch(flags.reconnect)});
  rows.push_back({.name = "monitor",
                  .help = "No router: print what devices say, a line each.",
                  .apply = apply_switch(flags.monitor),
                  .in_file = false});
  rows.push_back(lens_module_row(flags.modules));
  rows.push_back({.name = "json", .help = "These lines as JSON.", .apply = apply_switch(flags.json), .in_file = false});
  return rows;
}

Result<void> settle_token(BridgeFlags& flags) {
  if (flags.token.empty()) return {};
  const options::OptionSet own(flags.plan->rows([](const std::string& path) { return read_file(path, -1); }));
  const bool others_connect = std::ranges::find(own.rows(), "listen-token", &options::Option::name) != own.rows().end();
  if (others_connect && !flags.router_given) return own.apply_one("listen-token", flags.token, "--token");
  if (flags.router_token.empty()) flags.router_token = flags.token;
  return {};
}

ExitCode run_bridge(const Invocation& call, const BridgeFlags& flags, std::function<Result<std::unique_ptr<bridge::BridgePlan>>()> reread) {
  const auto endpoint = client::parse_url(flags.router);
  if (!endpoint) return usage_error(call, endpoint.error().message);
  const std::string_view protocol = flags.plan->protocol();
  auto lenses = load_lens_modules(flags.modules);
  if (!lenses) return fail(call, lenses.error().message);
  bridge::BridgeProcess process{.plan = *flags.plan,
                                .lenses = *lenses,
                                .is_final = [](ErrorCode code) { return exit_code_of(code) == ExitCode::refused; },
                                .log = [&call](std::string_view line) { call.console.note(line); }};
  process.reconnect = flags.reconnect;
  if (!flags.monitor) process.router = bridge::RemoteLinkConfig{.endpoint = *endpoint, .token = flags.router_token};
  process.heard = [&](const bridge::MonitorLink::Heard& heard) {
    const Value value = heard.value ? to_value(*heard.value) : Value();
    call.console.result(flags.json ? to_json(Value(Map{{"address", std::string(heard.address)}, {"signal", std::string(signal_name(heard.signal))}, {"value", value}}))
                                   : fmt::format("{} = {} [{}]", printable(heard.address), to_json(value), signal_name(heard.signal)));
  };
  process.reread = [&]() -> Result<mapping::MappingTable> {
    const auto again = reread();
    if (!again) return again.error();
    mapping::MappingSource before;
    before.lenses = *lenses;
    return bridge::BridgeHost::compile(**again, before);
  };
  bool ready = false;
  process.ready = [&](const bridge::BridgeReport& report) {
    ready = true;
    call.console.error(flags.monitor ? fmt::format("clasp {} is ready: {}, no router", protocol, report.endpoint)
                                     : fmt::format("clasp {} is ready: {} <-> {}/** at {}", protocol, report.endpoint, flags.plan->ns().prefix(), flags.router));
  };
  const auto done = bridge::run(process);
  if (done) return ExitCode::ok;
  if (done.error().code == ErrorCode::invalid_argument) return usage_error(call, done.error().message);
  if (!ready) return fail(call, done.error().message);  // a port that is taken, say: no router is to blame
  return report(call, done.error());
}

}  // namespace clasp::cli
