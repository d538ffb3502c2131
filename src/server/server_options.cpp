// The rows of `clasp server`: flag, CLASP_… variable and key in the file are the same name.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/address.hpp"
#include "core/pattern.hpp"
#include "http_api/endpoints.hpp"
#include "mapping/mapping_table.hpp"
#include "options/apply.hpp"
#include "options/toml_tree.hpp"
#include "rules/rule_source.hpp"
#include "server/bridge_options.hpp"
#include "server/journal_options.hpp"
#include "server/server_config.hpp"
#include "url/url.hpp"

namespace clasp::server {

namespace {

using options::Apply;
using options::apply_bytes;
using options::apply_choice;
using options::apply_count;
using options::apply_duration;
using options::apply_switch;
using options::apply_filled_text;
using options::apply_text;
using options::bad_option;
using options::Option;
using router::ConflictStrategy;
using router::EvictionPolicy;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds day{86'400'000};
constexpr std::uint64_t giga = std::uint64_t{1} << 30;

constexpr std::string_view eviction_names[] = {"refuse", "lru", "oldest-first"};
constexpr std::string_view ack_names[] = {"by-qos", "always"};
constexpr std::string_view strategy_names[] = {"lww", "max", "min", "lock", "merge"};
constexpr std::string_view profile_names[] = {"show", "reference"};
constexpr std::string_view level_names[] = {"debug", "info", "warn", "error"};

// "PATTERN=NAME", split at the last '='.
template <typename Enum, typename Add>
Apply pattern_choice(std::span<const std::string_view> names, Add add) {
  return [names, add](std::string_view value) -> Result<void> {
    const std::size_t equals = value.rfind('=');
    const auto pattern = Pattern::parse(value.substr(0, equals));
    if (equals == std::string_view::npos || !pattern) return bad_option(fmt::format("expected PATTERN=NAME, NAME one of: {}", fmt::join(names, ", ")));
    const auto index = options::parse_choice(value.substr(equals + 1), names);
    if (!index) return index.error();
    add(*pattern, static_cast<Enum>(*index));
    return {};
  };
}

// Addresses replace the default, then add up.
Apply listen_addresses(ServerConfig& config) {
  return [&config](std::string_view value) -> Result<void> {
    const auto address = net::parse_listen_address(value);
    if (!address) return address.error();
    if (!std::exchange(config.listen_given, true)) config.listen.clear();
    config.listen.push_back(*address);
    return {};
  };
}

// The reference's `--protocol`: what it names is served on every port we listen on, or not at all.
Result<void> check_protocol(std::string_view value) {
  if (value == "websocket" || value == "ws" || value == "tcp") return {};
  return bad_option(value == "quic" ? "QUIC is not part of this build; WebSocket and TCP share one port" : "expected one of: websocket, ws, tcp");
}

// --port and --bind together are one more --listen.
Result<void> settle_listen(ServerConfig& config) {
  if (!config.port && config.bind.empty()) return {};
  const bool bare_ipv6 = std::ranges::count(config.bind, ':') > 1 && !config.bind.starts_with('[');
  const std::string host = bare_ipv6 ? fmt::format("[{}]", config.bind) : config.bind;
  const auto address = net::parse_listen_address(fmt::format("{}:{}", host, config.port.value_or(wire::default_port)));
  if (!address) return bad_option(fmt::format("--bind: expected a host, and its port with --port (given: \"{}\")", config.bind));
  if (!config.listen_given) config.listen.clear();
  config.listen.push_back(*address);
  return {};
}

Apply http_base(std::string& target) {
  return [&target](std::string_view value) -> Result<void> {
    if (check_address(value) || value.ends_with('/') || value == "/v1" || value.starts_with("/v1/")) return bad_option("expected a path as /api, not below /v1");
    target = value;
    return {};
  };
}

Apply http_origins(std::vector<std::string>& target) {
  return [&target](std::string_view value) -> Result<void> {
    if (!url::is_origin(value)) return bad_option("expected an origin as https://desk.example, without a path");
    target.emplace_back(value);
    return {};
  };
}

}  // namespace

options::OptionSet server_options(ServerConfig& config, const Environment& environment) {
  router::Config& router = config.router;
  std::vector<Option> rows;
  const auto add = [&rows](Option row) { rows.push_back(std::move(row)); };

  add({.name = "listen", .letter = 'l', .value = "ADDRESS", .default_text = ":7330", .help = "Where WebSocket, TCP and HTTP are served; repeatable.",
       .apply = listen_addresses(config), .repeatable = true});
  add({.name = "port", .value = "N", .help = "The same with the port alone, on all addresses or that of --bind; 0: any.", .apply = apply_count(config.port, 0, 65'535)});
  add({.name = "bind", .value = "HOST", .help = "The same with the address alone, on 7330 or --port.", .apply = apply_filled_text(config.bind)});
  add({.name = "protocol", .value = "NAME", .help = "Taken for the reference's tools' sake (websocket, ws, tcp): both are always there, on the same port.",
       .apply = check_protocol, .repeatable = true});
  add({.name = "deflate", .help = "Compress WebSocket messages that become shorter by it, for clients that offer permessage-deflate.",
       .apply = apply_switch(config.websocket.deflate)});
  add({.name = "name", .letter = 'n', .value = "TEXT", .default_text = router.name, .help = "Name clients are told in WELCOME.", .apply = apply_text(router.name)});
  for (Option& row : osc_rows(config)) add(std::move(row));

  add({.name = "http", .help = "Serve the HTTP interface (/v1, events, /v1/openapi.json) on the same port; docs/http.md.", .apply = apply_switch(config.http)});
  add({.name = "http-base", .value = "PATH", .default_text = "/api", .help = "Where the routes of the reference implementation are.",
       .apply = http_base(config.http_api.base)});
  add({.name = "http-namespace", .value = "ADDRESS", .default_text = "/http", .help = "What these routes put before the addresses they write.",
       .apply = apply_text(config.http_api.ns)});
  add({.name = "http-strict", .help = "Only the reference's own routes there, no other spellings of /v1.", .apply = apply_switch(config.http_api.strict_reference)});
  add({.name = "http-origin", .value = "ORIGIN", .help = "Web pages that may use it, \"https://desk.example\"; repeatable. Without one all may.",
       .apply = http_origins(config.http_api.origins), .repeatable = true});
  add({.name = "http-token", .value = "TEXT", .help = "Required of everybody as \"Authorization: Bearer TEXT\", \"X-API-Key: TEXT\", or as password.",
       .apply = apply_filled_text(config.http_api.token)});
  add({.name = "http-endpoint", .value = "ROUTE",
       .help = "A route of your own, \"GET /room/:name /rooms/{name}/dim\", with rate=N requests a minute at most if wanted; repeatable.",
       .apply = [&config](std::string_view line) -> Result<void> {
         auto endpoint = http_api::parse_endpoint(line, config.http_api.base);
         if (!endpoint) return endpoint.error();
         config.http_api.endpoints.push_back(std::move(*endpoint));
         return {};
       },
       .repeatable = true});
  add({.name = "mqtt", .value = "ADDRESS", .help = "Port or address for MQTT alone; repeatable. MQTT is also spoken where --listen says.",
       .apply = [&config](std::string_view value) -> Result<void> {
         const auto address = net::parse_listen_address(value);
         if (!address) return address.error();
         config.mqtt_listen.push_back(*address);
         return {};
       }, .repeatable = true});
  add({.name = "mqtt-namespace", .value = "ADDRESS", .default_text = "/", .help = "Where MQTT topics appear; /: the topic a/b is the address /a/b.",
       .apply = apply_text(config.mqtt_namespace)});
  add({.name = "mqtt-max-packet", .value = "SIZE", .default_text = "256K", .help = "Largest MQTT packet a client may send.",
       .apply = apply_bytes(config.mqtt.packet_bytes_max, 1'024, 268'435'455)});
  add({.name = "mqtt-queue", .value = "SIZE", .default_text = "16M", .help = "Messages waiting for one MQTT session; above it the session ends, so that nothing is missed unnoticed.",
       .apply = apply_bytes(config.mqtt.queue_bytes_max, 65'536, 64 * giga)});
  add({.name = "mqtt-queues", .value = "SIZE", .default_text = "1G", .help = "For all MQTT sessions together; above it the largest ends.",
       .apply = apply_bytes(config.mqtt.queues_bytes_max, 1'048'576, 1'024 * giga)});
  add({.name = "mqtt-session-expiry", .value = "TIME", .default_text = "168h", .help = "How long an MQTT session outlives its connection at most.",
       .apply = apply_duration(config.mqtt.session_expiry_max, milliseconds{0}, 3650 * day)});
  add({.name = "mqtt-sessions", .value = "N", .default_text = "10000", .help = "MQTT sessions without a connection; then the one longest away ends.",
       .apply = apply_count(config.mqtt.detached_sessions_max, 0, 1'000'000)});
  add({.name = "mqtt-keep-alive", .value = "TIME", .default_text = "60s", .help = "Longest keep-alive of MQTT 5 clients that have one (Server Keep Alive); 0: theirs.",
       .apply = apply_duration(config.mqtt.keep_alive_max, milliseconds{0}, milliseconds{65'535'000})});
  add({.name = "mqtt-retained", .value = "SIZE", .default_text = "64M", .help = "For what retained MQTT messages have beside the value of their param: QoS, properties, odd spelling.",
       .apply = apply_bytes(config.mqtt.retained_notes_bytes_max, 65'536, 64 * giga)});
  add({.name = "home-assistant", .help = "Announced signals appear in a Home Assistant that is a client of the MQTT broker; docs/home-assistant.md.",
       .apply = apply_switch(config.home_assistant)});
  add({.name = "home-assistant-prefix", .value = "TOPIC", .default_text = "homeassistant", .help = "Discovery prefix, as in Home Assistant's settings.",
       .apply = [&config](std::string_view value) -> Result<void> {
         if (check_address(fmt::format("/{}", value))) return bad_option("expected a topic without wildcards");
         config.home_assistant_prefix = value;
         return {};
       }});
  add({.name = "map", .value = "MAPPING", .help = "What device addresses are in the router, \"osc:/fader/* <-> /lights/*\", or a file of such; repeatable (docs/mapping.md).",
       .apply = [&config, read = environment.file](std::string_view text) -> Result<void> {
         if (mapping::is_mapping_text(text)) return mapping::read_mapping(text, "--map", config.mappings);
         const auto file = read(std::string(text));
         return file ? mapping::read_mappings(*file, text, config.mappings) : file.error();
       }, .repeatable = true});

  add({.name = "lenses", .value = "FILE", .help = "WASM modules that change what is set, by address: JSON, docs/lenses.md; repeatable.",
       .apply = [&config](std::string_view path) -> Result<void> {
         config.lenses.files.emplace_back(path);
         return {};
       }, .repeatable = true});
  add({.name = "lens-module", .value = "NAME=FILE", .help = "A WASM module that mappings, rules and transforms use as {\"type\":\"wasm\",\"module_id\":\"NAME\"}; repeatable.",
       .apply = [&config](std::string_view text) { return lens::add_module_file(text, config.lenses.modules); }, .repeatable = true});
  add({.name = "lens-stack", .value = "SIZE", .default_text = "256K", .help = "Stack of WASM modules at most.",
       .apply = apply_bytes(config.lenses.stack_bytes, 16'384, 4'194'304)});
  add({.name = "rules", .value = "FILE", .help = "What the router does by itself when something happens: JSON or TOML, docs/rules.md; repeatable.",
       .apply = [&config, read = environment.file](std::string_view path) -> Result<void> {
         const auto text = read(std::string(path));
         if (!text) return text.error();
         config.rules.given = true;
         return rules::read_rules(*text, path, config.rules.source);
       }, .repeatable = true});
  add({.name = "rules-runtime", .help = "Clients may set, switch and remove rules at /clasp/rules/<id>.", .apply = apply_switch(config.rules.at_run_time)});
  add({.name = "webhook-secret", .value = "TEXT", .help = "Signs what rules post: X-Clasp-Signature: sha256=<HMAC-SHA256 of the body>.", .apply = apply_filled_text(config.rules.webhook_secret)});
  for (Option& row : bridge_rows(config, rows, environment)) add(std::move(row));

  add({.name = "profile", .value = "NAME", .default_text = "show", .help = "show: never lose state, no limits of our own. reference: the reference router's limits.",
       .apply = [&config](std::string_view value) -> Result<void> {
         const auto index = options::parse_choice(value, profile_names);
         if (!index) return index.error();
         config.router = *index == 0 ? router::Config{} : router::Config::reference();
         return {};
       }});
  add({.name = "max-params", .value = "N", .default_text = "1000000", .help = "Params held; 0: unlimited.", .apply = apply_count(router.params_max, 0, 1'000'000'000)});
  add({.name = "eviction", .value = "POLICY", .default_text = "refuse", .help = "At that limit: refuse new ones, or evict lru or oldest-first.",
       .apply = apply_choice(router.eviction, eviction_names)});
  add({.name = "param-ttl", .value = "TIME", .default_text = "0", .help = "Lifetime of params that have none of their own, since last access; 0: for ever.",
       .apply = apply_duration(router.param_ttl, milliseconds{0}, 3650 * day)});
  add({.name = "strategy", .value = "PATTERN=NAME", .default_text = "lww", .help = "Conflict strategy of addresses: lww, max, min, lock or merge; repeatable, first match wins.",
       .apply = pattern_choice<ConflictStrategy>(
           strategy_names, [&router](const Pattern& pattern, ConflictStrategy strategy) { router.strategies.emplace_back(pattern.text(), strategy); }),
       .repeatable = true});
  add({.name = "max-signals", .value = "N", .default_text = "10000", .help = "Announced signals held.", .apply = apply_count(router.signals_max, 0, 10'000'000)});
  add({.name = "signal-ttl", .value = "TIME", .default_text = "1h", .help = "How long announced signals outlive the session that announced them; 0: for ever.",
       .apply = apply_duration(router.signal_ttl, milliseconds{0}, 3650 * day)});
  add({.name = "max-address-bytes", .value = "N", .default_text = "1024", .help = "Longest address.", .apply = apply_count(router.address_bytes_max, 16, 65'000)});
  add({.name = "strict-addresses", .value = "BOOL", .default_text = "true", .help = "Refuse control characters in addresses.", .apply = apply_switch(router.strict_addresses)});

  add({.name = "max-sessions", .value = "N", .default_text = "0", .help = "Sessions at a time; 0: as many as there are descriptors, less some for the rest.",
       .apply = apply_count(router.sessions_max, 0, 1'000'000)});
  add({.name = "max-subscriptions", .value = "N", .default_text = "100000", .help = "Subscriptions of one session; 0: unlimited.",
       .apply = apply_count(router.subscriptions_per_session_max, 0, 10'000'000)});
  add({.name = "max-messages-per-second", .value = "N", .default_text = "0", .help = "Messages of one session; 0: no limit, every session gets a fair turn.",
       .apply = apply_count(router.messages_per_second_max, 0, 100'000'000)});
  add({.name = "session-timeout", .value = "TIME", .default_text = "5m", .help = "Silence after which a session is closed; 0: never.",
       .apply = apply_duration(router.session_timeout, milliseconds{0}, 365 * day)});
  add({.name = "resume-window", .value = "TIME", .default_text = "60s", .help = "How long a client that asked for it may be away and miss nothing; 0: not at all (docs/resume.md).",
       .apply = apply_duration(router.resume_window, milliseconds{0}, day)});
  add({.name = "resume-sessions", .value = "N", .default_text = "10000", .help = "Sessions away at a time; then the one longest away ends.",
       .apply = apply_count(router.detached_sessions_max, 0, 1'000'000)});
  add({.name = "resume-bytes", .value = "SIZE", .default_text = "256M", .help = "Memory for what was sent to clients that may come back and may not have arrived, in all.",
       .apply = apply_bytes(router.resume_bytes_max, 65'536, 64 * giga)});
  add({.name = "ping-interval", .value = "TIME", .default_text = "30s", .help = "How often silent peers are pinged; 0: never.",
       .apply = apply_duration(router.ping_interval, milliseconds{0}, day)});
  add({.name = "handshake-timeout", .value = "TIME", .default_text = "10s", .help = "From connecting to HELLO.",
       .apply = apply_duration(router.handshake_timeout, milliseconds{100}, milliseconds{600'000})});
  add({.name = "ack", .value = "POLICY", .default_text = "by-qos", .help = "ACK to SET and BUNDLE: by-qos (QoS 1 and 2) or always.",
       .apply = apply_choice(router.ack, ack_names)});

  add({.name = "gesture-coalescing", .value = "BOOL", .default_text = "true", .help = "Thin gesture moves.", .apply = apply_switch(router.gesture_coalescing)});
  add({.name = "gesture-interval", .value = "TIME", .default_text = "16ms", .help = "At most one gesture move per sender, address and id in this time.",
       .apply = apply_duration(router.gesture_interval, milliseconds{1}, milliseconds{10'000})});
  add({.name = "bundle-horizon", .value = "TIME", .default_text = "24h", .help = "How far ahead a bundle may be scheduled.",
       .apply = apply_duration(router.bundle_horizon, milliseconds{0}, 365 * day)});
  add({.name = "max-bundles", .value = "N", .default_text = "1024", .help = "Bundles of one session that wait for their time.",
       .apply = apply_count(router.bundles_per_session_max, 1, 1'000'000)});
  add({.name = "history-bytes", .value = "SIZE", .default_text = "8M", .help = "Memory for the last commits: SUBSCRIBE with history, and what clients that were away have missed.",
       .apply = apply_bytes(router.commit_log_bytes_max, 65'536, 64 * giga)});

  add({.name = "slow-backlog", .value = "SIZE", .default_text = "1M", .help = "Waiting for one session before its params are conflated.",
       .apply = apply_bytes(router.congested_bytes, 4'096, giga)});
  add({.name = "slow-age", .value = "TIME", .default_text = "100ms", .help = "Or the oldest has waited this long.",
       .apply = apply_duration(router.congested_age, milliseconds{1}, milliseconds{600'000})});
  add({.name = "slow-events", .value = "SIZE", .default_text = "4M", .help = "Waiting events and answers of one session before it is closed.",
       .apply = apply_bytes(router.undroppable_bytes_max, 65'536, 16 * giga)});
  add({.name = "stall-timeout", .value = "TIME", .default_text = "30s", .help = "Without progress while something waits: the session is closed.",
       .apply = apply_duration(router.stall_max, milliseconds{1'000}, day)});
  add({.name = "outbox-memory", .value = "SIZE", .default_text = "1G", .help = "For all slow sessions together.",
       .apply = apply_bytes(router.outboxes_bytes_max, 1'048'576, 1'024 * giga)});
  add({.name = "drain-timeout", .value = "TIME", .default_text = "2s", .help = "On SIGTERM: how long what waits may take to leave.",
       .apply = apply_duration(config.drain_timeout, milliseconds{0}, milliseconds{600'000})});

  for (Option& row : journal_rows(config.journal)) add(std::move(row));

  add({.name = "log-level", .value = "LEVEL", .default_text = "info", .help = "debug, info, warn or error.", .apply = apply_choice(config.log_level, level_names)});
  add({.name = "json-logs", .help = "One JSON object per log line.", .apply = apply_switch(config.json_logs)});
  add({.name = "config", .letter = 'c', .value = "FILE", .help = "TOML file with these names as keys.",
       .apply = [](std::string_view) -> Result<void> { return {}; }, .in_file = false});
  add({.name = "check-config", .help = "Say whether the configuration is valid and end.", .apply = apply_switch(config.check_only), .in_file = false});
  return options::OptionSet(std::move(rows));
}

namespace {

// What one flag is given on the command line, before everything is applied in order.
std::string given(std::span<const std::string> arguments, std::string_view flag, char letter) {
  std::string value;
  const std::string with_equals = fmt::format("--{}=", flag);
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument.starts_with(with_equals)) value = argument.substr(with_equals.size());
    else if ((argument.substr(0, 2) == "--" && argument.substr(2) == flag) || (letter != 0 && argument == fmt::format("-{}", letter)))
      value = i + 1 < arguments.size() ? arguments[i + 1] : "";
  }
  return value;
}

// What stands in the file beside options.
constexpr std::array<std::string_view, 6> tables{"mapping", "mapping-default", "transform", "bridge", "rule", "lens"};

Result<void> read_lens_tables(const options::TomlTree& tree, const std::string& path, LensConfig& out) {
  const Value* lenses = tree.root.find("lens");
  if (lenses == nullptr) return {};
  if (lenses->array() == nullptr) return bad_option(fmt::format("{}:{}: lens: expected [[lens]]", path, tree.line("/lens")));
  for (const Value& lens : *lenses->array()) {
    const std::size_t number = out.tables.size();
    out.tables.push_back({lens, fmt::format("{}:{}: lens {}", path, tree.line(fmt::format("/lens/{}", number)), number + 1)});
    if (const auto plan = lens::read_lens(out.tables.back()); !plan) return plan.error();
  }
  return {};
}

Result<void> read_tables(std::string_view text, const std::string& path, const Environment& environment, ServerConfig& config) {
  const std::string source = path.ends_with(".toml") ? path : path + ".toml";  // whatever its name, it is TOML
  if (auto result = mapping::read_mappings(text, source, config.mappings); !result) return result;
  const auto tree = options::read_toml(text, path);
  if (!tree) return tree.error();
  if (tree->root.find("rule") != nullptr) {
    config.rules.given = true;
    if (auto rules = rules::read_rules(text, source, config.rules.source); !rules) return rules;
  }
  if (auto bridges = read_bridge_tables(*tree, path, environment, config); !bridges) return bridges;
  if (auto lenses = read_lens_tables(*tree, path, config.lenses); !lenses) return lenses;
  const Value* rules = tree->root.find("transform");
  if (rules == nullptr) return {};
  if (rules->array() == nullptr) return bad_option(fmt::format("{}:{}: transform: expected [[transform]]", path, tree->line("/transform")));
  for (const Value& rule : *rules->array()) {
    const std::size_t number = config.transforms.size();
    const unsigned line = tree->line(fmt::format("/transform/{}", number));
    config.transforms.push_back({rule, fmt::format("{}:{}: transform {}", path, line, number + 1)});
  }
  return {};
}

// What cannot be used is better known now than when the router runs.
// Modules are not compiled for that: of those only the names are known here.
Result<void> check_tables(ServerConfig& config) {
  config.mappings.lenses = config.rules.source.lenses = lens::names_only(config.lenses.modules);
  if (const auto table = mapping::MappingTable::compile(config.mappings, {}); !table) return table.error();
  if (const auto transforms = TransformRules::compile(config.transforms, config.mappings.lenses); !transforms) return transforms.error();
  if (const auto rules = rules::compile_rules(config.rules.source); !rules) return rules.error();
  return {};
}

}  // namespace

Result<ServerConfig> load_server_config(std::span<const std::string> arguments, const Environment& environment) {
  ServerConfig config;
  const options::OptionSet set = server_options(config, environment);

  std::string path = given(arguments, "config", 'c');
  if (path.empty()) {
    const char* variable = environment.variable("CLASP_CONFIG");
    path = variable != nullptr ? variable : "";
  }
  std::string file;
  if (!path.empty()) {
    auto contents = environment.file(path);
    if (!contents) return contents.error();
    file = std::move(*contents);
  }
  // A profile sets many values at once: it must come before those it would overwrite, wherever it stands.
  std::string profile = given(arguments, "profile", 0);
  if (const char* variable = environment.variable("CLASP_PROFILE"); profile.empty() && variable != nullptr) profile = variable;
  if (!profile.empty()) {
    const auto row = std::ranges::find(set.rows(), "profile", &Option::name);
    if (const auto result = row->apply(profile); !result) return bad_option(fmt::format("--profile: {} (given: \"{}\")", result.error().message, profile));
  }
  const options::OptionSet rest = [&] {
    std::vector<Option> rows = server_options(config, environment).rows();
    if (!profile.empty()) std::ranges::find(rows, "profile", &Option::name)->apply = [](std::string_view) -> Result<void> { return {}; };
    return options::OptionSet(std::move(rows));
  }();
  if (!file.empty()) {
    if (const auto result = rest.apply_toml(file, path, tables); !result) return result.error();
    if (const auto result = read_tables(file, path, environment, config); !result) return result.error();
  }
  if (const auto result = rest.apply_environment(environment.variable); !result) return result.error();
  const auto positional = rest.apply_arguments(arguments);
  if (!positional) return positional.error();
  if (!positional->empty()) return bad_option(fmt::format("unexpected argument \"{}\"", positional->front()));
  const auto http_ns = bridge::NamespaceMap::parse(config.http_api.ns);
  if (!http_ns) return bad_option(fmt::format("--http-namespace: not an address, which begins with / (given: \"{}\")", config.http_api.ns));
  config.http_api.ns = http_ns->prefix();
  if (const auto ns = bridge::NamespaceMap::parse(config.mqtt_namespace); !ns)
    return bad_option(fmt::format("--mqtt-namespace: not an address, which begins with / (given: \"{}\")", config.mqtt_namespace));
  if (const auto result = settle_listen(config); !result) return result.error();
  if (const auto result = check_tables(config); !result) return result.error();
  if (const auto result = settle_journal(config); !result) return result.error();
  if (const auto result = settle_bridges(config); !result) return result.error();
  return config;
}

}  // namespace clasp::server
