#include "server/bridge_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "bridge/catalogue/bridge_kinds.hpp"
#include "bridge/frame/bridge_host.hpp"
#include "bridge/osc/osc_plan.hpp"
#include "core/pattern.hpp"
#include "options/apply.hpp"

namespace clasp::server {

namespace {

using bridge::osc::MessageKind;
using options::apply_choice;
using options::apply_text;
using options::bad_option;
using options::Option;

constexpr std::string_view number_names[] = {"auto", "native32", "native64"};
constexpr std::string_view framing_names[] = {"auto", "length", "slip"};
constexpr std::string_view kind_names[] = {"param", "event", "stream"};

options::Apply osc_binds(ServerConfig::OscPorts& ports) {
  return [&ports](std::string_view value) -> Result<void> {
    const auto address = net::parse_listen_address(value);
    if (!address) return address.error();
    ports.binds.push_back(*address);
    return {};
  };
}

options::Apply osc_target(ServerConfig::OscPorts& ports) {
  return [&ports](std::string_view value) -> Result<void> {
    if (value.rfind(':') == std::string_view::npos) return bad_option("expected HOST:PORT");
    ports.targets.emplace_back(value);
    return {};
  };
}

options::Apply osc_kind(ServerConfig& config) {
  return [&config](std::string_view value) -> Result<void> {
    const std::size_t equals = value.rfind('=');
    const auto pattern = Pattern::parse(value.substr(0, equals));
    if (equals == std::string_view::npos || !pattern) return bad_option(fmt::format("expected PATTERN=NAME, NAME one of: {}", fmt::join(kind_names, ", ")));
    const auto index = options::parse_choice(value.substr(equals + 1), kind_names);
    if (!index) return index.error();
    config.osc_kinds.push_back({*pattern, static_cast<MessageKind>(*index)});
    return {};
  };
}

// One plan and the set of its rows.
struct PlanRows {
  std::unique_ptr<bridge::BridgePlan> plan;
  options::OptionSet rows;
};

Result<PlanRows> plan_rows(std::string_view protocol, const Environment& environment) {
  auto plan = bridge::make_plan(protocol);
  if (!plan) return plan.error();
  options::OptionSet rows((*plan)->rows(environment.file));
  return PlanRows{std::move(*plan), std::move(rows)};
}

// "mqtt broker=mqtt://broker.local topic=lights/#"
Result<void> add_bridge(std::string_view text, const Environment& environment, ServerConfig& config) {
  const std::string_view type = text.substr(0, text.find(' '));
  auto made = plan_rows(type, environment);
  if (!made) return made.error();
  for (std::string_view rest = text.substr(type.size()); !rest.empty();) {
    if (rest.front() == ' ') {
      rest.remove_prefix(1);
      continue;
    }
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(word.size());
    const std::size_t equals = word.find('=');
    const std::string_view value = equals == std::string_view::npos ? "true" : word.substr(equals + 1);
    if (auto applied = made->rows.apply_one(word.substr(0, equals), value, word); !applied) return applied;
  }
  config.bridges.push_back(std::move(made->plan));
  return {};
}

void add_osc_plans(const ServerConfig::OscPorts& ports, bridge::osc::Transport transport, const ServerConfig& config,
                   std::vector<std::shared_ptr<bridge::BridgePlan>>& out) {
  for (const net::ListenAddress& bind : ports.binds) {
    auto plan = std::make_shared<bridge::osc::OscPlan>();
    plan->set_name(fmt::format("{} {}", transport == bridge::osc::Transport::tcp ? "osc-tcp" : "osc", bind.host.empty() ? fmt::format(":{}", bind.port) : net::to_text(bind)));
    plan->set_ns(bridge::NamespaceMap::parse(config.osc_namespace).value());
    plan->host = bind.host.empty() ? "::" : bind.host;
    plan->port = bind.port;
    plan->settings.kinds = config.osc_kinds;
    plan->settings.encoding.number_format = config.osc_numbers;
    plan->socket.transport = transport;
    plan->socket.targets = ports.targets;
    plan->socket.framing = config.osc_framing;
    out.push_back(std::move(plan));
  }
}

}  // namespace

std::vector<Option> osc_rows(ServerConfig& config) {
  return {
      {.name = "osc", .value = "ADDRESS", .help = "UDP port or address of an OSC bridge; repeatable.", .apply = osc_binds(config.osc_udp), .repeatable = true},
      {.name = "osc-target", .value = "HOST:PORT",
       .help = "OSC device that always hears changes; repeatable. Without one, those that spoke lately do.", .apply = osc_target(config.osc_udp),
       .repeatable = true},
      {.name = "osc-tcp", .value = "ADDRESS", .help = "TCP port or address of an OSC bridge; repeatable. Every connection hears changes.",
       .apply = osc_binds(config.osc_tcp), .repeatable = true},
      {.name = "osc-tcp-target", .value = "HOST:PORT", .help = "OSC device that the OSC bridges over TCP connect to; repeatable.",
       .apply = osc_target(config.osc_tcp), .repeatable = true},
      {.name = "osc-tcp-framing", .value = "NAME", .default_text = "auto",
       .help = "OSC packets in TCP: length (OSC 1.0), slip (OSC 1.1), auto (as the peer begins; length towards targets).",
       .apply = apply_choice(config.osc_framing, framing_names)},
      {.name = "osc-namespace", .value = "ADDRESS", .default_text = "/osc", .help = "Where OSC addresses appear.", .apply = apply_text(config.osc_namespace)},
      {.name = "osc-numbers", .value = "FORMAT", .default_text = "auto", .help = "OSC argument types of numbers sent: auto, native32, native64.",
       .apply = apply_choice(config.osc_numbers, number_names)},
      {.name = "osc-kind", .value = "PATTERN=KIND", .help = "What OSC messages below a pattern become: param, event or stream; repeatable.",
       .apply = osc_kind(config), .repeatable = true},
  };
}

std::vector<Option> bridge_rows(ServerConfig& config, std::span<const Option> taken, const Environment& environment) {
  std::vector<Option> rows;
  for (const bridge::BridgeKind& kind : bridge::bridge_kinds()) {
    if (std::ranges::find(taken, kind.protocol, &Option::name) != taken.end()) continue;
    rows.push_back({.name = std::string(kind.protocol),
                    .value = "ADDRESS",
                    .help = fmt::format("{} Repeatable; all of its options: [[bridge]] in the file, or --bridge.", kind.summary),
                    .apply = [&config, &kind, environment](std::string_view text) -> Result<void> {
                      auto made = plan_rows(kind.protocol, environment);
                      if (!made) return made.error();
                      if (auto applied = made->rows.apply_one(made->plan->address_row(), text, kind.protocol); !applied) return applied;
                      config.bridges.push_back(std::move(made->plan));
                      return {};
                    },
                    .repeatable = true});
  }
  rows.push_back({.name = "bridge",
                  .value = "TEXT",
                  .help = "A bridge and its options, \"mqtt broker=mqtt://broker.local topic=lights/#\"; repeatable (clasp help mqtt lists them).",
                  .apply = [&config, environment](std::string_view text) { return add_bridge(text, environment, config); },
                  .repeatable = true,
                  .in_file = false});
  return rows;
}

Result<void> read_bridge_tables(const options::TomlTree& tree, std::string_view source, const Environment& environment, ServerConfig& config) {
  const Value* tables = tree.root.find("bridge");
  if (tables == nullptr) return {};
  if (tables->array() == nullptr) return bad_option(fmt::format("{}:{}: bridge: expected [[bridge]]", source, tree.line("/bridge")));
  for (std::size_t i = 0; i < tables->array()->size(); ++i) {
    const std::string pointer = fmt::format("/bridge/{}", i);
    const Value* type = tree.at(pointer + "/type");
    const auto where = [&](const std::string& what) { return fmt::format("{}:{}: {}", source, tree.line(what), type == nullptr ? "bridge" : "type"); };
    if (type == nullptr || type->string() == nullptr) return bad_option(fmt::format("{}: expected type = \"osc\", or another protocol", where(pointer)));
    auto made = plan_rows(*type->string(), environment);
    if (!made) return bad_option(fmt::format("{}: {}", where(pointer + "/type"), made.error().message));
    constexpr std::string_view elsewhere[] = {"type"};
    if (auto applied = made->rows.apply_table(tree, pointer, source, elsewhere); !applied) return applied;
    if (auto checked = made->plan->check(); !checked) return bad_option(fmt::format("{}: {}", where(pointer), checked.error().message));
    config.bridges.push_back(std::move(made->plan));
  }
  return {};
}

Result<void> settle_bridges(ServerConfig& config) {
  if (!bridge::NamespaceMap::parse(config.osc_namespace))
    return bad_option(fmt::format("--osc-namespace: not an address, which begins with / (given: \"{}\")", config.osc_namespace));
  std::vector<std::shared_ptr<bridge::BridgePlan>> all;
  add_osc_plans(config.osc_udp, bridge::osc::Transport::udp, config, all);
  add_osc_plans(config.osc_tcp, bridge::osc::Transport::tcp, config, all);
  std::ranges::move(config.bridges, std::back_inserter(all));
  config.bridges = std::move(all);
  std::set<std::string> names;
  for (const auto& plan : config.bridges) {
    const std::string name = plan->name();
    for (int n = 2; !names.insert(plan->name()).second; ++n) plan->set_name(fmt::format("{} {}", name, n));
    if (auto checked = plan->check(); !checked) return checked;
    if (const auto table = bridge::BridgeHost::compile(*plan, config.mappings); !table) return table.error();
  }
  return {};
}

}  // namespace clasp::server
