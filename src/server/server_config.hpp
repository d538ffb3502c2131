// Everything `clasp server` can be told, as plain data. The rows that fill it from flags, environment and file are in server_options.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/frame/bridge_plan.hpp"
#include "bridge/osc/osc_config.hpp"
#include "clasp/error.hpp"
#include "http_api/api_config.hpp"
#include "lens/lens_spec.hpp"
#include "lens/module_set.hpp"
#include "mqtt/limits.hpp"
#include "mapping/mapping_source.hpp"
#include "net/listener.hpp"
#include "options/option_set.hpp"
#include "router/config.hpp"
#include "rules/rule_source.hpp"
#include "server/journal_config.hpp"
#include "server/transform_rules.hpp"

namespace clasp::server {

enum class LogLevel : std::uint8_t { debug, info, warn, error };

struct RulesConfig {
  rules::RuleSource source;  // of all files
  bool given = false;        // by an option: without one /clasp/rules is an address as any other
  bool at_run_time = false;  // clients may change them
  std::string webhook_secret;  // empty: webhooks are not signed
};

struct LensConfig {
  std::vector<std::string> files;       // of lenses
  std::vector<lens::LensTable> tables;  // [[lens]] of the configuration
  lens::ModuleFiles modules;            // for {"type":"wasm","module_id":…}
  std::size_t stack_bytes = lens::stack_bytes_default;
  bool empty() const { return files.empty() && tables.empty() && modules.empty(); }
};

struct ServerConfig {
  router::Config router;
  std::vector<net::ListenAddress> listen{{"", wire::default_port}};
  bool listen_given = false;
  std::optional<std::uint16_t> port;  // one more of them, as the reference's tools write it
  std::string bind;
  struct OscPorts {
    std::vector<net::ListenAddress> binds;  // one OSC bridge each
    std::vector<std::string> targets;       // host:port, of each of these bridges
  };
  OscPorts osc_udp;
  OscPorts osc_tcp;
  bridge::osc::StreamFraming osc_framing = bridge::osc::StreamFraming::automatic;
  std::string osc_namespace = "/osc";
  bridge::osc::NumberFormat osc_numbers = bridge::osc::NumberFormat::automatic;
  std::vector<bridge::osc::KindRule> osc_kinds;
  std::vector<std::shared_ptr<bridge::BridgePlan>> bridges;  // all of them, once loaded; the OSC bridges of the rows above come first
  bool http = false;                     // the HTTP interface, beside /healthz, /readyz and /metrics
  http_api::HttpApiConfig http_api;
  std::vector<net::ListenAddress> mqtt_listen;  // ports of their own, for MQTT only; it is spoken on those of `listen` as well
  std::string mqtt_namespace;                   // empty: a topic is an address
  mqtt::Limits mqtt;
  bool home_assistant = false;                  // announced signals as its entities, over the MQTT broker
  std::string home_assistant_prefix = "homeassistant";
  mapping::MappingSource mappings;         // of all bridges; the file's, then --map
  std::vector<TransformEntry> transforms;  // of what clients set
  LensConfig lenses;                       // … and then these
  RulesConfig rules;                       // what the router does by itself
  JournalConfig journal;
  net::WebSocketOptions websocket;
  std::chrono::milliseconds drain_timeout{2'000};  // on SIGTERM: for what waits to leave
  LogLevel log_level = LogLevel::info;
  bool json_logs = false;
  bool check_only = false;
};

struct Environment {
  std::function<const char*(const char*)> variable;                    // std::getenv
  std::function<Result<std::string>(const std::string& path)> file;    // its text
};

// The rows bound to a config that outlives the set.
options::OptionSet server_options(ServerConfig& config, const Environment& environment);

// File, then environment, then arguments; --profile first of all. Error invalid_argument: one line that names what is wrong.
Result<ServerConfig> load_server_config(std::span<const std::string> arguments, const Environment& environment);

}  // namespace clasp::server
