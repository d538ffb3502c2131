#include "bench/bench.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>

#include "bench/processes.hpp"
#include "bench/scenarios.hpp"
#include "options/apply.hpp"

namespace clasp::bench {

namespace {

constexpr int failed = 1;
constexpr int usage = 2;
constexpr int nobody_there = 3;

struct Broker {
  std::string_view name;
  Protocol protocol;
};
constexpr std::array known_brokers{Broker{"nats", Protocol::nats}, Broker{"redis", Protocol::redis}, Broker{"mosquitto", Protocol::mqtt},
                                   Broker{"mosquitto-qos1", Protocol::mqtt_qos1}};

struct Plan {
  std::string url;
  std::string program = "/proc/self/exe";
  std::string transport = "ws";
  std::uint64_t rounds = 5;
  bool json = false;
  bool relay = false;
  std::vector<const Broker*> brokers;  // measured beside the router
  bool pin = true;
  bool spin = true;
  Sizes sizes;
};

options::Apply on(bool& target, bool value = true) {
  return [&target, value](std::string_view) -> Result<void> {
    target = value;
    return {};
  };
}

constexpr std::array<std::string_view, 5> transports{"ws", "tcp", "both", "mqtt", "mqtt-qos1"};

void make_quick(Sizes& sizes) {
  sizes = {.latency_samples = 20,
           .latency_warm_up = 5,
           .throughput_messages = 1'000,
           .fanout_deliveries = 100,
           .fanout_samples_min = 3,
           .fanout_subscribers_max = 100,
           .crowd = 2,
           .connections = 50,
           .idle_time = std::chrono::seconds(0),
           .params = 2'000,
           .live_per_second = 1'000,
           .live_time = std::chrono::milliseconds(20),
           .joins = 1,
           .connects = 5,
           .connect_params = 10};
}

options::OptionSet bench_options(Plan& plan) {
  std::vector<options::Option> rows;
  const auto add = [&rows](options::Option row) { rows.push_back(std::move(row)); };
  add({.name = "url",
       .letter = 's',
       .value = "URL",
       .help = "Measure this router of this machine instead of starting one; ws:// or tcp://.",
       .apply = options::apply_text(plan.url)});
  add({.name = "server", .value = "FILE", .help = "Start this build of clasp instead of this program itself.", .apply = options::apply_text(plan.program)});
  add({.name = "transport",
       .value = "NAME",
       .default_text = "ws",
       .help = "Of a router that is started: ws, tcp, both, mqtt or mqtt-qos1.",
       .apply = [&plan](std::string_view value) -> Result<void> {
         const auto index = options::parse_choice(value, transports);
         if (!index) return index.error();
         plan.transport = value;
         return {};
       }});
  add({.name = "relay", .help = "Measure a relay in the same run, and the ratio to it.", .apply = on(plan.relay)});
  add({.name = "broker",
       .value = "NAME",
       .help = "Start and measure this broker in the same run: nats, redis, mosquitto or mosquitto-qos1. May be repeated.",
       .apply = [&plan](std::string_view value) -> Result<void> {
         const auto found = std::ranges::find(known_brokers, value, &Broker::name);
         if (found == known_brokers.end()) return Error{ErrorCode::invalid_argument, fmt::format("{} is not nats, redis, mosquitto or mosquitto-qos1", value), {}};
         if (std::ranges::find(plan.brokers, &*found) == plan.brokers.end()) plan.brokers.push_back(&*found);
         return {};
       },
       .repeatable = true});
  add({.name = "rounds",
       .letter = 'r',
       .value = "N",
       .default_text = "5",
       .help = "Interleaved rounds; the table has their median, least and most.",
       .apply = options::apply_count(plan.rounds, 1, 1'000)});
  add({.name = "pin", .help = "Servers on one core, the load on another; the default where there are two.", .apply = on(plan.pin)});
  add({.name = "no-pin", .help = "Leave the placement to the kernel.", .apply = on(plan.pin, false)});
  add({.name = "no-spin", .help = "Let idle cores sleep.", .apply = on(plan.spin, false)});
  add({.name = "sessions",
       .letter = 'n',
       .value = "N",
       .default_text = "5000",
       .help = "Idle sessions of connections.",
       .apply = options::apply_count(plan.sizes.connections, 1, 1'000'000)});
  add({.name = "params", .value = "N", .default_text = "1000000", .help = "Params of params.", .apply = options::apply_count(plan.sizes.params, 1, 100'000'000)});
  add({.name = "value-bytes",
       .value = "N",
       .default_text = "64",
       .help = "Size of the value of a message; 8 is an integer.",
       .apply = options::apply_count(plan.sizes.value_bytes, value_bytes_min, 32'768)});
  add({.name = "quick", .help = "Tiny inputs: whether it works, not how fast.", .apply = [&plan](std::string_view) -> Result<void> {
         make_quick(plan.sizes);
         plan.rounds = 1;
         return {};
       }});
  add({.name = "json", .help = "Print JSON instead of a table.", .apply = on(plan.json)});
  return options::OptionSet(std::move(rows));
}

enum class Measures : std::uint8_t {
  routers,   // what only a CLASP router knows
  brokers,   // what every broker can do
  everybody  // the relay as well
};

struct Scenario {
  std::string_view name;
  std::string_view help;
  Measures who;
  Result<void> (*measure)(const Target&, const Sizes&, Figures&) = nullptr;
  Result<void> (*look_into)(const Target&, pid_t, const Sizes&,
                            Figures&) = nullptr;  // a fresh process of its own each time, so that memory is that of this
};
constexpr std::array scenarios{
    Scenario{"latency", "One SET from one session to another.", Measures::everybody, measure_latency},
    Scenario{"throughput", "Batches of 1, 16, 64 and 256 SETs, at most 512 on the way; then 8192.", Measures::everybody, measure_throughput},
    Scenario{"flood", "Events and SETs as fast as the socket takes them.", Measures::everybody, measure_flood},
    Scenario{"crowd", "8 publishers to 8 subscribers, in pairs and all to all.", Measures::everybody, measure_crowd},
    Scenario{"fanout", "One SET until 10, 100, 1000 subscribers have it.", Measures::everybody, measure_fanout},
    Scenario{"connect", "WELCOME and SNAPSHOT after connecting.", Measures::routers, measure_connect},
    Scenario{"connections", "Memory and processor time of idle sessions with one subscription.", Measures::brokers, nullptr, measure_connections},
    Scenario{"params", "Memory of a param.", Measures::routers, nullptr, measure_params},
    Scenario{"joiner", "A SNAPSHOT of all params while 100000 SETs a second go on.", Measures::routers, nullptr, measure_joiner},
};

bool measures(const Scenario& scenario, const Target& target) {
  if (speaks_clasp(target.protocol)) return true;
  return target.protocol == Protocol::relay ? scenario.who == Measures::everybody : scenario.who != Measures::routers;
}

std::string first_line_with(const char* file, std::string_view key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    const std::size_t colon = line.find(": ");
    return colon == std::string::npos ? line : line.substr(colon + 2);
  }
  return "unknown";
}

std::vector<std::pair<std::string, std::string>> describe_machine(const Plan& plan, const std::vector<int>& cores) {
  utsname system{};
  ::uname(&system);
  return {{"date", fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::time(nullptr)))},
          {"processor", fmt::format("{}, {} cores", first_line_with("/proc/cpuinfo", "model name"), cores.size())},
          {"kernel", fmt::format("{} {}", system.sysname, system.release)},
          {"load before", first_line_with("/proc/loadavg", "").substr(0, 14)},
          {"placement", plan.pin ? fmt::format("servers on core {}, load on core {}", cores[0], cores[1]) : "left to the kernel"},
          {"idle cores", plan.spin ? "kept awake" : "may sleep"},
          {"rounds", std::to_string(plan.rounds)}};
}

int complain(std::string_view message, int code) {
  fmt::print(stderr, "clasp bench: {}\n", message);
  return code;
}

// A result that cannot be written is a failure; a reader that has gone is none.
int print(std::string_view text) {
  if ((std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) || errno == EPIPE) return 0;
  return complain(fmt::format("cannot write the result: {}", std::strerror(errno)), failed);
}

int print_result(const Plan& plan, const std::vector<std::pair<std::string, std::string>>& machine, const Figures& figures) {
  if (plan.json) {
    Map about;
    for (const auto& [key, value] : machine) about.emplace_back(key, value);
    return print(to_json(Value(Map{{"machine", std::move(about)}, {"figures", figures.json()}})) + "\n");
  }
  std::string text;
  for (const auto& [key, value] : machine) text += fmt::format("* {}: {}\n", key, value);
  return print(text + "\n" + figures.table());
}

Error in_context(const Error& error, std::string_view scenario, std::string_view target) {
  return {error.code, fmt::format("{}, {}: {}", scenario, target, error.message), {}};
}

std::vector<Target> targets_at(const Plan& plan, std::uint16_t port) {
  std::vector<Target> targets;
  const auto add = [&](std::string_view transport, Protocol protocol) {
    const bool is_clasp = speaks_clasp(protocol);
    if (plan.transport != transport && !(is_clasp && plan.transport == "both")) return;
    targets.push_back({.name = fmt::format("router {}", transport), .protocol = protocol, .port = port, .is_router = true});
  };
  add("ws", Protocol::websocket);
  add("tcp", Protocol::tcp);
  add("mqtt", Protocol::mqtt);
  add("mqtt-qos1", Protocol::mqtt_qos1);
  return targets;
}

Result<std::unique_ptr<Serving>> start(const Plan& plan, Protocol protocol, bool is_router, std::optional<int> core) {
  if (is_router) return Serving::start_server(plan.program, core);
  return protocol == Protocol::relay ? Serving::start_relay(core) : Serving::start_broker(protocol, core);
}

// What runs while a scenario is measured. The router's two transports are one process.
struct Servers {
  std::vector<std::unique_ptr<Serving>> processes;
  std::vector<Target> targets;
};

Result<Servers> start_all(const Plan& plan, std::optional<int> core) {
  Servers servers;
  const auto begin = [&](Protocol protocol, std::string_view name) -> Result<void> {
    auto started = start(plan, protocol, false, core);
    if (!started) return started.error();
    servers.targets.push_back({.name = std::string(name), .protocol = protocol, .port = (*started)->port()});
    servers.processes.push_back(std::move(*started));
    return {};
  };
  if (plan.url.empty()) {
    auto started = start(plan, Protocol::websocket, true, core);
    if (!started) return started.error();
    servers.targets = targets_at(plan, (*started)->port());
    servers.processes.push_back(std::move(*started));
  } else {
    const auto target = parse_target(plan.url);
    if (!target) return target.error();
    servers.targets.push_back(*target);
    servers.targets.back().is_router = true;
  }
  if (plan.relay) {
    if (auto done = begin(Protocol::relay, "relay"); !done) return done.error();
  }
  for (const Broker* broker : plan.brokers) {
    if (auto done = begin(broker->protocol, broker->name); !done) return done.error();
  }
  return servers;
}

// Another broker may fail at what we ask; that is its figure, not the end of the run.
Result<void> judge(const Result<void>& done, const Scenario& scenario, const Target& target) {
  if (done) return {};
  if (target.is_router || target.protocol == Protocol::relay) return in_context(done.error(), scenario.name, target.name);
  fmt::print(stderr, "clasp bench: {}, {}: {}\n", scenario.name, target.name, done.error().message);
  return {};
}

// All targets; the n-th round of one directly beside that of the other.
Result<void> measure_rounds(const Plan& plan, const Scenario& scenario, const Servers& servers, Figures& figures) {
  for (std::uint64_t round = 0; round < plan.rounds; ++round) {
    for (const Target& target : servers.targets) {
      if (!measures(scenario, target)) continue;
      if (auto done = judge(scenario.measure(target, plan.sizes, figures), scenario, target); !done) return done;
    }
  }
  return {};
}

Result<void> measure_inside(const Plan& plan, const Scenario& scenario, std::optional<int> core, Figures& figures) {
  std::vector<Target> kinds = targets_at(plan, 0);
  for (const Broker* broker : plan.brokers) kinds.push_back({.name = std::string(broker->name), .protocol = broker->protocol});
  for (Target& target : kinds) {
    if (!measures(scenario, target)) continue;
    const auto server = start(plan, target.protocol, target.is_router, core);
    if (!server) return server.error();
    target.port = (*server)->port();
    if (auto done = judge(scenario.look_into(target, (*server)->process(), plan.sizes, figures), scenario, target); !done) return done;
  }
  return {};
}

Result<void> measure(const Plan& plan, const std::vector<const Scenario*>& chosen, const std::vector<int>& cores, Figures& figures) {
  const auto server_core = plan.pin ? std::optional(cores[0]) : std::nullopt;
  const auto servers = start_all(plan, server_core);
  if (!servers) return servers.error();
  if (plan.pin) {
    if (auto pinned = pin_to(cores[1]); !pinned) return pinned;
  }
  std::optional<Spinners> spinners;
  if (plan.spin) spinners.emplace(cores);
  for (const Scenario* scenario : chosen) {
    const auto done =
        scenario->measure != nullptr ? measure_rounds(plan, *scenario, *servers, figures) : measure_inside(plan, *scenario, server_core, figures);
    if (!done) return done;
  }
  return {};
}

int print_help(const options::OptionSet& set) {
  std::string text =
      "usage: clasp bench [SCENARIO...] [options]\n\nMeasures the router on this machine, over loopback only.\n\nScenarios (all, if none is "
      "named):\n";
  for (const Scenario& scenario : scenarios) text += fmt::format("  {:<12} {}\n", scenario.name, scenario.help);
  text += fmt::format("  {:<12} All of them.\n\n{}", "all", set.help());
  return print(text);
}

}  // namespace

int run_bench(std::span<const std::string> arguments) {
  Plan plan;
  const options::OptionSet set = bench_options(plan);
  if (std::ranges::any_of(arguments, [](const std::string& argument) { return argument == "--help" || argument == "-h"; })) {
    return print_help(set);
  }
  const auto names = set.apply_arguments(arguments);
  if (!names) return complain(names.error().message, usage);
  std::vector<const Scenario*> chosen;
  const bool all = names->empty() || std::ranges::find(*names, "all") != names->end();
  for (const std::string& name : *names) {
    if (name != "all" && std::ranges::find(scenarios, name, &Scenario::name) == scenarios.end())
      return complain(fmt::format("no scenario {}; clasp bench --help lists them", name), usage);
  }
  for (const Scenario& scenario : scenarios) {
    const bool named = std::ranges::find(*names, scenario.name) != names->end();
    if (scenario.measure == nullptr && !plan.url.empty()) {
      if (named) return complain(fmt::format("{} needs a server of its own to look into: leave -s out", scenario.name), usage);
      continue;
    }
    if (all || named) chosen.push_back(&scenario);
  }
  raise_descriptor_limit();
  const std::vector<int> cores = usable_cores();
  if (cores.size() < 2) plan.pin = false;
  const auto machine = describe_machine(plan, cores);
  Figures figures;
  const auto done = measure(plan, chosen, cores, figures);
  const int printed = figures.all().empty() ? 0 : print_result(plan, machine, figures);
  if (done) return printed;
  const bool no_target = figures.all().empty() && done.error().message.find("connecting to") != std::string::npos;
  return complain(done.error().message, done.error().code == ErrorCode::invalid_argument ? usage : no_target ? nobody_there : failed);
}

}  // namespace clasp::bench
