#include "server/server.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <utility>

#include "home_assistant/discovery.hpp"
#include "http_api/http_api.hpp"
#include "io/signal_watch.hpp"
#include "mqtt/mqtt_link.hpp"
#include "net/event_loop.hpp"
#include "net/listener.hpp"
#include "net/router_engine.hpp"
#include "options/read_file.hpp"
#include "router/router.hpp"
#include "server/bridges.hpp"
#include "server/journal_host.hpp"
#include "server/last_words.hpp"
#include "server/lenses.hpp"
#include "server/log.hpp"
#include "server/metrics.hpp"
#include "server/rules.hpp"
#include "server/session_reports.hpp"
#include "server/replays.hpp"
#include "server/state_keeper.hpp"

namespace clasp::server {

namespace {

class DeviceRandom final : public router::Random {
 public:
  std::uint64_t next() override { return (std::uint64_t{device_()} << 32) | device_(); }

 private:
  std::random_device device_;
};

// Measures one frame in so many on its way into the router.
class MeasuredRouter final : public net::LinkEngine {
 public:
  MeasuredRouter(net::LinkEngine& inner, LatencyHistogram& histogram) : inner_(inner), histogram_(histogram) {}
  void advance(const Now& now) override { inner_.advance(now); }
  bool end_turn(const Now& now) override { return inner_.end_turn(now); }
  std::optional<SteadyTime> next_deadline() const override { return inner_.next_deadline(); }
  router::LinkId open_link(router::Sink& sink, const Now& now) override { return inner_.open_link(sink, now); }
  void receive(router::LinkId link, Bytes frame, const Now& now) override {
    if (++count_ % LatencyHistogram::sample_every != 0 || frame.size() <= wire::header_bytes) return inner_.receive(link, frame, now);
    const auto code = std::to_integer<std::uint8_t>(frame[wire::header_bytes]);
    const auto begin = std::chrono::steady_clock::now();
    inner_.receive(link, frame, now);
    histogram_.add(code, std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
  }
  bool receive_text(router::LinkId link, std::string_view text, const Now& now) override { return inner_.receive_text(link, text, now); }
  void activity(router::LinkId link, const Now& now) override { inner_.activity(link, now); }
  void sent(router::LinkId link, std::size_t bytes, const Now& now) override { inner_.sent(link, bytes, now); }
  void closed(router::LinkId link, const Now& now) override { inner_.closed(link, now); }

 private:
  net::LinkEngine& inner_;
  LatencyHistogram& histogram_;
  std::uint32_t count_ = 0;
};

// The stages of stopping: let what waits leave, close everybody, let the closes leave.
class Stopping final : public net::Turns {
 public:
  Stopping(net::EventLoop& loop, router::Router& router, std::chrono::milliseconds drain) : loop_(loop), router_(router), drain_(drain) {}
  void begin(const Now& now) {
    if (stage_ != Stage::running) return loop_.stop();  // asked twice: at once
    stage_ = Stage::draining;
    until_ = now.steady + drain_;
  }
  bool running() const { return stage_ == Stage::running; }

  void advance(const Now& now) override {
    if (stage_ == Stage::draining && (router_.gauges().outbox_bytes == 0 || now.steady >= until_)) {
      router_.close_all({router::CloseCode::going_away, "the router is stopping"}, now);
      loop_.shut_down_streams();
      stage_ = Stage::closing;
      until_ = now.steady + Micros{3'000'000};
    } else if (stage_ == Stage::closing && (loop_.streams() == 0 || now.steady >= until_)) {
      loop_.stop();
    }
    looked_ = now.steady;
  }
  bool end_turn(const Now&) override { return false; }
  std::optional<SteadyTime> next_deadline() const override {
    if (stage_ == Stage::running) return std::nullopt;
    return std::min(until_, looked_ + Micros{10'000});
  }

 private:
  enum class Stage : std::uint8_t { running, draining, closing };
  net::EventLoop& loop_;
  router::Router& router_;
  Micros drain_;
  Stage stage_ = Stage::running;
  SteadyTime until_;
  SteadyTime looked_;
};

}  // namespace

// In the order of construction; leaving tears down in reverse.
struct Server::Parts final : net::HttpHandler {
  explicit Parts(ServerConfig given)
      : config(std::move(given)),
        log(config.log_level, config.json_logs),
        loop({.setup_max = config.router.handshake_timeout}),
        router(config.router, {.random = &random, .log = [this](std::string_view line) { log.warn(line); }}, io::read_clocks()),
        engine(router),
        measured(engine, latency),
        stopping(loop, router, config.drain_timeout),
        mqtt(router, random, {.limits = config.mqtt, .names = *bridge::NamespaceMap::parse(config.mqtt_namespace),
                              .log = [this](std::string_view line) { log.warn(line); }}) {
    loop.attach(measured);
    if (config.http) http_api.emplace(config.http_api, router);
    if (http_api) loop.attach(*http_api);  // behind the router: its turn ends with the router's answers
    loop.attach(state);
    loop.attach(journal);  // behind the router: it hears of the turn first
    loop.attach(replays);
    loop.attach(stopping);
    if (config.home_assistant)
      home_assistant.emplace(router, home_assistant::DiscoveryConfig{.prefix = config.home_assistant_prefix,
                                                                     .router_id = home_assistant::router_id_of(config.router.name),
                                                                     .names = *bridge::NamespaceMap::parse(config.mqtt_namespace)}, io::read_clocks());
    if (home_assistant) loop.attach(*home_assistant);
    loop.attach(mqtt);  // behind all: it ends the connections of sessions they have closed
  }
  ~Parts() override {
    bridges.stop();
    router.set_transform(nullptr);  // rules and lenses go before the router does
    loop.detach(mqtt);
    if (home_assistant) loop.detach(*home_assistant);
    loop.detach(stopping);
    loop.detach(replays);
    loop.detach(journal);
    loop.detach(state);
    if (http_api) loop.detach(*http_api);
    loop.detach(measured);
  }

  void handle(const net::HttpRequest& request, net::HttpResponder& responder) override {
    if (http_api && http_api->owns(request.path())) return http_api->handle(request, responder);
    responder.answer(is_probe(request) ? probe(request.path()) : no_place());
  }

  // Whoever brings something must not believe that it was taken.
  static bool is_probe(const net::HttpRequest& request) {
    return request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS" || (request.method == "POST" && request.body.empty());
  }
  net::HttpResponse no_place() {
    if (http_api) return http_api->refusal({.status = 404, .text = "no such route", .field = "path"});
    net::HttpResponse response = net::text_response(405, "Only probes are answered here: the HTTP interface is not switched on (--http).\n");
    response.fields.push_back({"Allow", "GET, HEAD, POST, OPTIONS"});
    return response;
  }

  net::HttpResponse refusal(const net::HttpFault& fault) override { return http_api ? http_api->refusal(fault) : HttpHandler::refusal(fault); }

  net::HttpResponse probe(std::string_view path) {
    if (path == "/metrics") {
      const double uptime = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
      net::HttpResponse response = net::text_response(200, metrics_text(router, loop.stats(), latency, bridge_metrics(), uptime));
      if (rules) rules->append_metrics(response.body);
      lenses.append_metrics(response.body);
      journal.append_metrics(response.body);
      response.fields = {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}};
      return response;
    }
    if (path == "/readyz") {
      if (!stopping.running()) return net::text_response(503, "stopping\n");
      std::string why = journal.not_ready();
      if (why.empty()) why = state.not_ready();
      return why.empty() ? net::text_response(200, "ready\n") : net::text_response(503, why + "\n");
    }
    return net::text_response(200, "ok\n");  // /healthz, and whatever probes ask for (transports, section 4.3)
  }

  std::vector<BridgeMetric> bridge_metrics() const {
    std::vector<BridgeMetric> out;
    bridges.append_metrics(out);
    if (http_api) {
      const http_api::HttpApiCounters& c = http_api->counters();
      const std::pair<const char*, std::uint64_t> rows[] = {
          {"requests", c.requests}, {"errors", c.errors}, {"streams_opened", c.streams_opened}, {"streams_resumed", c.streams_resumed},
          {"streams_reset", c.streams_reset}, {"streams_stalled", c.streams_stalled}, {"polls", c.polls}, {"polls_timed_out", c.polls_timed_out}};
      for (const auto& [name, value] : rows) out.push_back({"http", name, value});
    }
    append_mqtt_metrics(out);
    return out;
  }

  void append_mqtt_metrics(std::vector<BridgeMetric>& out) const {
    const mqtt::Stats& s = mqtt.stats();
    const std::pair<const char*, std::uint64_t> rows[] = {
        {"connects", s.connects}, {"connects_refused", s.connects_refused}, {"taken_over", s.taken_over}, {"malformed", s.malformed},
        {"keep_alive_timeouts", s.keep_alive_timeouts}, {"published_in", s.published_in}, {"published_out", s.published_out}, {"refused", s.refused},
        {"wills", s.wills}, {"conflated", s.conflated}, {"dropped_detached", s.dropped_detached}, {"dropped_expired", s.dropped_expired},
        {"dropped_too_large", s.dropped_too_large}, {"handed_on", s.handed_on}, {"sessions_overflowed", s.sessions_overflowed},
        {"sessions_expired", s.sessions_expired}, {"sessions_evicted", s.sessions_evicted}};
    for (const auto& [name, value] : rows) out.push_back({"mqtt", name, value});
    const std::pair<const char*, std::uint64_t> now[] = {
        {"sessions", mqtt.sessions()}, {"connected", mqtt.attached()}, {"retained_notes", mqtt.retained_notes().size()}};
    for (const auto& [name, value] : now) out.push_back({"mqtt", name, value, true});
  }

  // What the shared port speaks: everything. A port of its own speaks MQTT only.
  net::Protocols protocols() {
    const auto others = std::make_shared<const net::SubProtocols>(net::SubProtocols{
        {.name = "mqtt", .make = [this](net::Stream& stream) { return std::make_unique<mqtt::MqttWebSocketLink>(stream, mqtt); }}});
    net::WebSocketOptions websocket = config.websocket;
    websocket.others = others;
    net::Protocols known = net::Protocols::clasp(measured, *this, websocket);
    known[net::Protocol::mqtt] = mqtt_protocols()[net::Protocol::mqtt];
    known.log = [this](std::string_view line) { log.warn(line); };
    return known;
  }
  net::Protocols mqtt_protocols() {
    net::Protocols known;
    known[net::Protocol::mqtt] = [this](net::Stream& stream) { return std::make_unique<mqtt::MqttTcpLink>(stream, mqtt); };
    known.log = [this](std::string_view line) { log.warn(line); };
    return known;
  }

  // What clients set is changed by these from now on: first the transforms, then the lenses.
  void use(TransformRules given, Lenses::Loaded loaded) {
    router.set_transform(nullptr);
    transforms = std::move(given);
    lenses.use(std::move(loaded));
    router::Transform* own = lenses.behind(transforms.empty() ? nullptr : &transforms);
    router.set_transform(rules ? rules->in_front_of(own) : own);
    tell(transforms.notes());
    tell(lenses.notes());
  }

  // Behind whatever brings state back: thresholds take it for where they are, and it sets no rule off.
  Result<void> start_rules() {
    if (!config.rules.given && !config.rules.at_run_time) {
      forget_shown_rules(router, io::read_clocks());
      return {};
    }
    auto compiled = rules::compile_rules(config.rules.source);
    if (!compiled) return compiled.error();
    return start_rules(std::move(*compiled));
  }
  Result<void> start_rules(rules::CompiledRules compiled) {
    Rules::Logs logs{.warn = [this](std::string_view line) { log.warn(line); }, .debug = {}};
    if (config.log_level == LogLevel::debug) logs.debug = [this](std::string_view line) { log.debug(line); };
    rules.emplace(router, loop.io(), config.rules.at_run_time, config.rules.webhook_secret, std::move(logs));
    rules->lenses(config.rules.source.lenses);
    auto done = rules->start(std::move(compiled));
    if (!done) rules.reset();
    return done;
  }
  void tell(const std::vector<std::string>& notes) {
    for (const std::string& note : notes) log.warn(note);
  }

  // Mappings, transforms, lenses and rules of another configuration, or an error, and everything stays as it was.
  Result<void> reload(ServerConfig other, Result<Lenses::Loaded> loaded) {
    if (!loaded) return loaded.error();
    const transform::LensLoader modules = loaded->modules.loader();
    other.mappings.lenses = other.rules.source.lenses = modules;
    auto changes = TransformRules::compile(other.transforms, modules);
    if (!changes) return changes.error();
    auto compiled = rules::compile_rules(other.rules.source);
    if (!compiled) return compiled.error();
    auto tables = bridges.compile(other);
    if (!tables) return tables.error();
    config.mappings.lenses = config.rules.source.lenses = modules;
    if (!rules && other.rules.given) {
      if (auto done = start_rules(std::move(*compiled)); !done) return done;
    } else if (rules) {
      rules->lenses(modules);
      if (auto done = rules->use(std::move(*compiled)); !done) return done;
    }
    use(std::move(*changes), *std::move(loaded));
    bridges.replace(std::move(*tables));
    return {};
  }

  void reloaded(const ServerConfig* given, const Result<void>& done) {
    if (!done) return log.error(fmt::format("the configuration was not read again, everything stays in force as it was: {}", done.error().message));
    std::string line = fmt::format("mappings and transforms read again: {} and {}", given->mappings.entries.size(), given->transforms.size());
    if (rules) line += fmt::format("; rules: {}", rules->size());
    if (lenses.size() > 0 || !given->lenses.empty()) line += fmt::format("; lenses: {}", lenses.size());
    log.info(line);
  }

  ServerConfig config;
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
  Log log;
  DeviceRandom random;
  net::EventLoop loop;
  TransformRules transforms;
  Lenses lenses{loop, config.lenses.stack_bytes, [this](std::string_view line) { log.warn(line); }};
  router::Router router;
  net::RouterEngine engine;
  LatencyHistogram latency;
  MeasuredRouter measured;
  Stopping stopping;
  std::optional<http_api::HttpApi> http_api;
  mqtt::Broker mqtt;
  std::optional<home_assistant::Discovery> home_assistant;
  StateKeeper state{config.journal, router, loop, [this](std::string_view line) { log.info(line); }, [this](std::string_view line) { log.warn(line); }};
  JournalHost journal{config.journal, router, loop,
                      {.info = [this](std::string_view line) { log.info(line); }, .warn = [this](std::string_view line) { log.warn(line); },
                       .error = [this](std::string_view line) { log.error(line); }}};
  Replays replays{router, config.journal.replay_entries_max};
  std::vector<std::unique_ptr<net::Listener>> listeners;
  std::vector<std::unique_ptr<net::Listener>> mqtt_listeners;
  SessionReports session_reports{router, loop.io()};
  std::optional<Rules> rules;
  Bridges bridges{router, loop.io(), [this](std::string_view line) { log.info(line); }};
  std::unique_ptr<io::SignalWatch> signals;
};

Server::Server(ServerConfig config) : parts_(std::make_unique<Parts>(std::move(config))) {}
Server::~Server() = default;

Result<void> Server::start() {
  Parts& parts = *parts_;
  const auto open_all = [&loop = parts.loop](const std::vector<net::ListenAddress>& addresses, const net::Protocols& known,
                                             std::vector<std::unique_ptr<net::Listener>>& listeners) -> Result<void> {
    for (const net::ListenAddress& address : addresses) {
      auto listener = net::Listener::open(loop, address, known);
      if (!listener) return listener.error();
      listeners.push_back(std::move(*listener));
    }
    return {};
  };
  auto lenses = parts.lenses.load(parts.config.lenses);
  if (!lenses) return lenses.error();
  const transform::LensLoader modules = lenses->modules.loader();
  parts.config.mappings.lenses = parts.config.rules.source.lenses = modules;
  const auto restored = parts.state.start(io::read_clocks());
  if (!restored) return restored.error();
  if (auto started = parts.journal.start(io::read_clocks(), *restored != 0); !started) return started;
  if (parts.http_api) parts.http_api->set_journal(parts.journal.journal());
  parts.replays.start(parts.journal.journal());
  if (auto opened = open_all(parts.config.listen, parts.protocols(), parts.listeners); !opened) return opened;
  if (auto opened = open_all(parts.config.mqtt_listen, parts.mqtt_protocols(), parts.mqtt_listeners); !opened) return opened;
  auto transforms = TransformRules::compile(parts.config.transforms, modules);
  if (!transforms) return transforms.error();
  if (auto started = parts.start_rules(); !started) return started;
  parts.use(std::move(*transforms), *std::move(lenses));
  return parts.bridges.start(parts.config);
}

std::uint16_t Server::port() const { return parts_->listeners.empty() ? 0 : parts_->listeners.front()->port(); }
std::uint16_t Server::osc_port() const { return parts_->bridges.port_of("osc"); }

std::string Server::ready_line() const {
  std::string line = fmt::format("clasp server \"{}\" is ready:", parts_->config.router.name);
  for (std::size_t i = 0; i < parts_->listeners.size(); ++i) {
    net::ListenAddress address = parts_->config.listen[i];
    address.port = parts_->listeners[i]->port();
    if (address.host.empty()) address.host = "localhost";
    line += fmt::format(" ws://{0} tcp://{0}", net::to_text(address));
  }
  for (std::size_t i = 0; parts_->config.http && i < parts_->listeners.size(); ++i) line += fmt::format(" http on port {}", parts_->listeners[i]->port());
  for (const auto& listener : parts_->mqtt_listeners) line += fmt::format(" mqtt port {}", listener->port());
  return line + bridges_text();
}

std::string Server::bridges_text() const { return parts_->bridges.ready_text(); }

router::Router& Server::router() { return parts_->router; }
net::EventLoop& Server::loop() { return parts_->loop; }

void Server::run() { parts_->loop.run(); }

void Server::stop() {
  parts_->loop.post([&parts = *parts_] {
    parts.listeners.clear();
    parts.mqtt_listeners.clear();
    parts.stopping.begin(parts.loop.now());
  });
}

void Server::reload(const Result<ServerConfig>& config) {
  Parts& parts = *parts_;
  if (!config) return parts.reloaded(nullptr, config.error());
  // Compiling takes long, so it happens elsewhere; what is in force stays so meanwhile.
  parts.lenses.load_elsewhere(config->lenses, [&parts, given = *config](Result<Lenses::Loaded> loaded) {
    const Result<void> done = parts.reload(given, std::move(loaded));
    parts.reloaded(&given, done);
  });
}

// ---- the command ----

namespace {

// stdout that nobody reads, or that is full, is no reason to end by an exception.
bool print(std::string_view text) { return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0; }

void print_error(std::string_view message) {
  const std::string line = fmt::format("clasp server: {}\n", message);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

// A result that could not be written is a failure.
int print_result(std::string_view text) {
  if (print(text) || errno == EPIPE) return 0;
  print_error(fmt::format("cannot write the result: {}", std::strerror(errno)));
  return 1;
}

// As many descriptors as the system permits, not the customary 1024.
std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur < limit.rlim_max) {
    const rlim_t before = std::exchange(limit.rlim_cur, limit.rlim_max);
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = before;
  }
  return limit.rlim_cur;
}

// Sessions do not get them all: some are left for the rest of the program, for /metrics, and to tell one session too many so.
std::size_t sessions_for(std::size_t descriptors) { return std::max<std::size_t>(descriptors - std::min<std::size_t>(descriptors / 4, 128), 1); }

// A log whose reader has gone is no reason to go as well, nor is a file that has reached the limit of its size: both are errors of the write.
void ignore_signals_of_writes() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

}  // namespace

int run_server(std::span<const std::string> arguments) {
  const Environment environment{.variable = [](const char* name) { return std::getenv(name); }, .file = [](const std::string& path) { return options::read_file(path); }};
  for (const std::string& argument : arguments) {
    if (argument != "--help" && argument != "-h") continue;
    ServerConfig config;
    return print_result(fmt::format(
        "usage: clasp server [options]\n\nRuns the router. Every option may also stand in a TOML file (--config, same names) or in the environment\n"
        "(CLASP_MAX_PARAMS for --max-params). Flags win over the environment, the environment over the file.\n\n{}",
        server_options(config, environment).help()));
  }
  auto config = load_server_config(arguments, environment);
  if (!config) {
    print_error(config.error().message);
    return 2;
  }
  if (config->check_only) {
    lens::ModuleShelf shelf(lens::read_module_file, config->lenses.stack_bytes);
    if (const auto lenses = Lenses::load(config->lenses, shelf); !lenses) {
      print_error(lenses.error().message);
      return 2;
    }
    return print_result("the configuration is valid\n");
  }
  const std::size_t descriptors = raise_descriptor_limit();
  if (config->router.sessions_max == 0 && descriptors != 0) config->router.sessions_max = sessions_for(descriptors);
  ignore_signals_of_writes();
  name_the_reason_of_death();
  Server server(std::move(*config));
  if (const auto started = server.start(); !started) {
    print_error(started.error().message);
    return 1;
  }
  server.stop_on_signals([&] { server.reload(load_server_config(arguments, environment)); });
  print(server.ready_line() + "\n");  // whoever started it without a place for that does not want to know
  server.run();
  return 0;
}

void Server::stop_on_signals(std::function<void()> asked_to_reload) {
  parts_->signals = std::make_unique<io::SignalWatch>(parts_->loop.io(), [this] { stop(); }, std::move(asked_to_reload));  // a second stop ends at once
}

}  // namespace clasp::server
