// `clasp bridge`: the same bridges as `clasp osc` and its like in the forms SDKs, configurators and documents write, and `clasp bridge list`.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "bridge/catalogue/bridge_kinds.hpp"
#include "cli/bridge_flags.hpp"
#include "cli/bridge_list.hpp"
#include "cli/commands.hpp"
#include "cli/input.hpp"
#include "server/server.hpp"

namespace clasp::cli {

namespace {

using Words = std::span<const std::string>;

bool is_protocol(std::string_view text) {
  return std::ranges::find(bridge::bridge_kinds(), text, &bridge::BridgeKind::protocol) != bridge::bridge_kinds().end();
}

// "websocket" and "ws" are one.
std::string_view protocol_of(std::string_view text) { return text == "ws" ? "websocket" : text; }

// What one option is given, wherever it stands: "--source X" or "--source=X".
std::optional<std::string> given(Words arguments, std::string_view name) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == name && i + 1 < arguments.size()) return arguments[i + 1];
    if (argument.starts_with(name) && argument.substr(name.size()).starts_with('=')) return std::string(argument.substr(name.size() + 1));
  }
  return std::nullopt;
}

// "osc:0.0.0.0:9000" is a bridge and where its devices are; "ws://…" is none.
struct End {
  std::string_view protocol;
  std::string_view address;
};
std::optional<End> find_end(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view protocol = protocol_of(text.substr(0, colon));
  if (!is_protocol(protocol)) return std::nullopt;
  const std::string_view address = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
  if (address.starts_with("//")) return protocol == "mqtt" ? std::optional(End{protocol, text}) : std::nullopt;  // mqtt://broker, but ws://router
  return End{protocol, address};
}

Result<std::unique_ptr<bridge::BridgePlan>> plan_of(const End& end) {
  auto plan = bridge::make_plan(end.protocol);
  if (!plan) return plan;
  const options::OptionSet rows((*plan)->rows([](const std::string& path) { return read_file(path, -1); }));
  if (end.address.empty()) return plan;
  if (auto applied = rows.apply_one((*plan)->address_row(), end.address, fmt::format("{}:{}", end.protocol, end.address)); !applied) return applied.error();
  return plan;
}

// Between two protocols: a router without a port, which both see by the same addresses.
ExitCode run_direct(const Invocation& call, const End& source, const End& target) {
  server::ServerConfig config;
  config.listen.clear();
  for (const End& end : {source, target}) {
    auto plan = plan_of(end);
    if (!plan) return usage_error(call, plan.error().message);
    (*plan)->set_ns({});
    if (config.bridges.size() == 1) (*plan)->set_name((*plan)->name() + " 2");
    config.bridges.push_back(std::move(*plan));
  }
  server::Server server(std::move(config));
  if (const auto started = server.start(); !started) {
    const bool usage = started.error().code == ErrorCode::invalid_argument;
    return usage ? usage_error(call, started.error().message) : fail(call, started.error().message);
  }
  server.stop_on_signals();
  call.console.error(fmt::format("clasp bridge is ready:{}", server.bridges_text()));
  server.run();
  return ExitCode::ok;
}

// One bridge and a router. `read` fills in the flags from the arguments; SIGHUP does so again.
using Read = std::function<std::optional<ExitCode>(const Invocation&, BridgeFlags&)>;
ExitCode run_one(const Invocation& call, const Read& read) {
  BridgeFlags flags;
  if (const auto exit = read(call, flags)) return *exit;
  return run_bridge(call, flags, [&]() -> Result<std::unique_ptr<bridge::BridgePlan>> {
    BridgeFlags again;
    if (read(call, again)) return Error{ErrorCode::invalid_argument, "as said above", {}};
    return std::move(again.plan);
  });
}

// Options as `clasp PROTOCOL` has them; positional words do not stand among them any more.
std::optional<ExitCode> read_flags(const Invocation& call, std::string_view protocol, Words arguments, std::vector<options::Option> more, BridgeFlags& flags) {
  auto plan = bridge::make_plan(protocol_of(protocol));
  if (!plan) return usage_error(call, plan.error().message);
  flags.plan = std::move(*plan);
  std::vector<options::Option> rows = bridge_rows(call, flags);
  for (options::Option& row : more) {
    for (options::Option& known : rows) known.letter = known.letter == row.letter ? 0 : known.letter;
    rows.push_back(std::move(row));
  }
  const std::string name = fmt::format("bridge {}", protocol);
  const std::string summary = fmt::format("A bridge, as clasp {} runs it.", flags.plan->protocol());
  const Command command{name, "", "", summary, "", nullptr};
  const Invocation inner{command, arguments, call.console, call.variable, call.input};
  if (const auto read = read_arguments(inner, std::move(rows)); read.exit) return read.exit;
  if (const auto settled = settle_token(flags); !settled) return usage_error(call, settled.error().message);
  return std::nullopt;
}

// clasp bridge PROTOCOL [options]
ExitCode run_named(const Invocation& call, std::string_view protocol, Words arguments) {
  return run_one(call, [=](const Invocation& now, BridgeFlags& flags) { return read_flags(now, protocol, arguments, {}, flags); });
}

// clasp bridge --bridge-type PROTOCOL -o key=value …
ExitCode run_typed(const Invocation& call, const std::string& protocol) {
  return run_one(call, [&protocol](const Invocation& now, BridgeFlags& flags) -> std::optional<ExitCode> {
    const auto ignore = [](std::string_view) -> Result<void> { return {}; };
    std::vector<std::string> pairs;
    std::vector<options::Option> more{{.name = "bridge-type", .letter = 'b', .value = "PROTOCOL", .help = "Which bridge.", .apply = ignore, .in_file = false},
                                      {.name = "opt", .letter = 'o', .value = "KEY=VALUE", .help = "One of its options; repeatable.",
                                       .apply = [&pairs](std::string_view text) -> Result<void> {
                                         if (text.find('=') == std::string_view::npos) return bad_option("expected KEY=VALUE");
                                         pairs.emplace_back(text);
                                         return {};
                                       },
                                       .repeatable = true, .in_file = false}};
    if (const auto exit = read_flags(now, protocol, now.arguments, std::move(more), flags)) return exit;
    const options::OptionSet rows(bridge_rows(now, flags));
    for (const std::string& pair : pairs) {
      const std::size_t equals = pair.find('=');
      if (auto applied = rows.apply_one(pair.substr(0, equals), pair.substr(equals + 1), "-o " + pair); !applied) return usage_error(now, applied.error().message);
    }
    if (const auto settled = settle_token(flags); !settled) return usage_error(now, settled.error().message);
    return std::nullopt;
  });
}

// clasp bridge PROTOCOL ADDRESS clasp ROUTER, and PROTOCOL ADDRESS PROTOCOL ADDRESS
ExitCode run_positional(const Invocation& call, Words words) {
  const End source{protocol_of(words[0]), words[1]};
  if (words[2] != "clasp") {
    if (!is_protocol(protocol_of(words[2]))) return usage_error(call, bridge::make_plan(words[2]).error().message);
    return run_direct(call, source, {protocol_of(words[2]), words[3]});
  }
  return run_one(call, [&](const Invocation& now, BridgeFlags& flags) -> std::optional<ExitCode> {
    const std::vector<std::string> router{"--router", words[3]};
    if (const auto exit = read_flags(now, source.protocol, router, {}, flags)) return exit;
    auto plan = plan_of(source);
    if (!plan) return usage_error(now, plan.error().message);
    flags.plan = std::move(*plan);
    return std::nullopt;
  });
}

// clasp bridge --source osc:0.0.0.0:9000 --target mqtt:localhost:1883, or a router's URL as the target
ExitCode run_source(const Invocation& call, const std::string& from, const std::string& to) {
  const auto source = find_end(from);
  if (!source) return usage_error(call, fmt::format("--source: expected PROTOCOL:ADDRESS, \"osc:0.0.0.0:9000\" (given: \"{}\")", from));
  if (const auto target = find_end(to)) return run_direct(call, *source, *target);
  const std::vector<std::string> words{std::string(source->protocol), std::string(source->address), "clasp", to};
  return run_positional(call, words);
}

}  // namespace

ExitCode run_bridge_command(const Invocation& call) {
  const Words words = call.arguments;
  if (!words.empty() && words[0] == "list") return run_bridge_list({call.command, words.subspan(1), call.console, call.variable, call.input});
  if (words.size() == 4 && std::ranges::none_of(words, [](const std::string& word) { return word.starts_with('-'); })) return run_positional(call, words);
  if (!words.empty() && !words[0].starts_with('-')) return run_named(call, words[0], words.subspan(1));
  if (const auto source = given(words, "--source")) {
    const auto target = given(words, "--target");
    if (words.size() > 4) return usage_error(call, "--source and --target stand alone; with other options: clasp bridge PROTOCOL [options]");
    return target ? run_source(call, *source, *target) : usage_error(call, "--target is missing beside --source");
  }
  for (const char* name : {"--bridge-type", "-b"}) {
    if (const auto type = given(words, name)) return run_typed(call, *type);
  }
  if (const char* protocol = call.variable("CLASP_BRIDGE_PROTOCOL"); protocol != nullptr && *protocol != '\0') return run_named(call, protocol, words);
  std::string known;
  for (const bridge::BridgeKind& kind : bridge::bridge_kinds()) known += fmt::format("  clasp bridge {:<10} {}\n", kind.protocol, kind.summary);
  const std::string usage = fmt::format(
      "usage: clasp bridge PROTOCOL [options]        one bridge; --help lists its options\n"
      "       clasp bridge --bridge-type PROTOCOL -o KEY=VALUE ...\n"
      "       clasp bridge PROTOCOL ADDRESS clasp ROUTER\n"
      "       clasp bridge --source osc:0.0.0.0:9000 --target mqtt:localhost:1883   between two protocols, without a router\n"
      "       clasp bridge list                      the bridges of a router and how they are\n\n{}",
      known);
  if (std::ranges::any_of(words, [](const std::string& word) { return word == "--help" || word == "-h"; })) {
    call.console.text(usage);
    return ExitCode::ok;
  }
  call.console.error(usage.substr(0, usage.size() - 1));
  return ExitCode::usage;
}

}  // namespace clasp::cli
