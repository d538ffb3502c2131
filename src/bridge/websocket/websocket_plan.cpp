#include "bridge/websocket/websocket_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "bridge/websocket/client_link.hpp"
#include "bridge/websocket/hub_report.hpp"
#include "options/apply.hpp"

namespace clasp::bridge::websocket {

namespace {

using options::apply_bytes;
using options::apply_choice;
using options::apply_count;
using options::apply_duration;
using options::apply_switch;
using options::apply_filled_text;
using options::apply_text;
using options::bad_option;
using namespace std::chrono_literals;

constexpr std::array<std::string_view, 3> format_names{"json", "msgpack", "raw"};  // in the order of the enumerators

class ServerUnit final : public Bridge {
 public:
  ServerUnit(const WebSocketPlan& plan, const BridgeContext& context)
      : port_(context.loop, context.router, plan.hub_config(), plan.port_config(), context.log) {}

  Result<void> start() override {
    auto started = port_.start();
    running_ = started.has_value();
    return started;
  }
  void stop() override {
    port_.stop();
    running_ = false;
  }
  BridgeReport report() const override {
    BridgeReport report = report_of(port_.hub());
    report.endpoint = "websocket";
    if (running_) report.port = port_.port();
    if (running_) report.endpoint += fmt::format(" port {}", report.port);
    report.state = running_ ? BridgeState::running : BridgeState::stopped;
    report.counters.emplace_back("refused_at_the_door", port_.refused());
    return report;
  }

 private:
  ServerPort port_;
  bool running_ = false;
};

class ClientUnit final : public Bridge {
 public:
  ClientUnit(const WebSocketPlan& plan, const BridgeContext& context)
      : context_(context),
        hub_(plan.hub_config()),
        target_(plan.target()),
        tls_(plan.peers.server->tls ? std::optional(plan.peers.tls) : std::nullopt),
        delay_(plan.redial_after) {}

  Result<void> start() override {
    if (tls_) {
      auto loaded = dial::TlsContext::load(*tls_);
      if (!loaded) return loaded.error();
      target_.tls = *std::move(loaded);
    }
    const client::BackoffConfig backoff{.first = delay_, .factor = 1.0, .cap = delay_, .jitter = 0.0};
    link_ = std::make_unique<ClientLink>(context_.loop, context_.router, hub_, target_, backoff,
                                         [log = context_.log](std::string_view line) { log(fmt::format("websocket: {}", line)); });
    link_->start();
    return {};
  }
  void stop() override {
    if (link_) link_->stop();
    link_.reset();
  }
  BridgeReport report() const override {
    BridgeReport report;
    if (link_) report = report_of(link_->hub());
    report.endpoint = fmt::format("websocket to {}", dial::place(target_));
    report.state = !link_ ? BridgeState::stopped : link_->redial().is_open() ? BridgeState::running : BridgeState::waiting;
    if (link_) report.detail = link_->redial().last_failure();
    if (link_) report.counters.emplace_back("attempts", link_->redial().attempts());
    return report;
  }

 private:
  BridgeContext context_;
  HubConfig hub_;
  dial::Target target_;
  std::optional<dial::TlsOptions> tls_;
  Micros delay_;
  std::unique_ptr<ClientLink> link_;
};

}  // namespace

Result<void> WebSocketPlan::check() const {
  if (auto checked = peers.check(); !checked) return checked;
  if (peers.connects() && !port.token.empty()) return bad_option("--listen-token is for --mode server; a client has --header or the URL");
  return {};
}

// TLS is loaded when the bridge starts.
dial::Target WebSocketPlan::target() const {
  dial::WebSocketTarget websocket{
      .target = peers.server->target, .fields = peers.request_fields(), .message_bytes_max = hub.message_bytes_max, .ping_interval = hub.ping_interval};
  if (!port.path.empty() && peers.server->target == "/") websocket.target = port.path;
  if (!port.subprotocol.empty()) websocket.subprotocols = {port.subprotocol};
  return {.host = peers.server->host, .port = peers.server->port, .tls = nullptr, .websocket = std::move(websocket)};
}

HubConfig WebSocketPlan::hub_config() const {
  HubConfig config = hub;
  config.name = name();
  config.ns = ns();
  return config;
}

PortConfig WebSocketPlan::port_config() const {
  PortConfig config = port;
  config.bind = peers.bind();
  return config;
}

std::unique_ptr<Bridge> WebSocketPlan::make(const BridgeContext& context) const {
  if (peers.connects()) return std::make_unique<ClientUnit>(*this, context);
  return std::make_unique<ServerUnit>(*this, context);
}

std::unique_ptr<BridgePlan> make_websocket_plan() { return std::make_unique<WebSocketPlan>(); }

std::vector<options::Option> WebSocketPlan::own_rows() {
  std::vector<options::Option> rows = peers.rows();
  std::ranges::move(hub_rows(), std::back_inserter(rows));
  return rows;
}

std::vector<options::Option> WebSocketPlan::hub_rows() {
  return {
      {.name = "path",
       .value = "PATH",
       .help = "Only this path; else any.",
       .apply = [this](std::string_view text) -> Result<void> {
         if (!text.starts_with('/')) return bad_option("expected a path, which begins with /");
         port.path = text;
         return {};
       },
       .in_file = false},
      {.name = "format",
       .letter = 'f',
       .value = "NAME",
       .default_text = "json",
       .help = "Messages: json, msgpack (native CLASP frames) or raw (the value alone).",
       .apply = apply_choice(hub.format, format_names),
       .in_file = false},
      {.name = "session",
       .value = "BOOL",
       .default_text = "true",
       .help = "Understands messages with a \"type\": subscribe, set, get … (docs/bridges/websocket.md).",
       .apply = apply_switch(hub.session),
       .in_file = false},
      {.name = "listen-token",
       .value = "TOKEN",
       .help = "Clients have to bring it: as ?token= of the URL or Authorization: Bearer.",
       .apply = apply_filled_text(port.token),
       .in_file = false},
      {.name = "origin",
       .value = "ORIGIN",
       .help = "Only pages of this origin may connect; repeatable. Programs that name no origin may.",
       .apply = web::append_text(port.origins),
       .repeatable = true,
       .in_file = false},
      {.name = "subprotocol",
       .value = "NAME",
       .help = "Sub-protocol that is selected if a client offers it.",
       .apply = apply_text(port.subprotocol),
       .in_file = false},
      {.name = "sync",
       .help = "Who connects gets the current values of the namespace.",
       .apply = apply_switch(hub.sync_on_connect),
       .in_file = false},
      {.name = "echo", .help = "What a client sent without \"type\" goes back to it as well.", .apply = apply_switch(hub.echo), .in_file = false},
      {.name = "ping-interval",
       .value = "TIME",
       .default_text = "30s",
       .help = "Between two pings, each to be answered before the next; 0: none.",
       .apply = apply_duration(hub.ping_interval, 0ms, 1h),
       .in_file = false},
      {.name = "max-message",
       .value = "BYTES",
       .default_text = "1M",
       .help = "Largest message of a client.",
       .apply = apply_bytes(hub.message_bytes_max, 1'000, 16'777'216),
       .in_file = false},
      {.name = "max-clients",
       .value = "N",
       .default_text = "1024",
       .help = "Clients at the same time.",
       .apply = apply_count(hub.clients_max, 1, 100'000),
       .in_file = false},
      {.name = "redial",
       .value = "TIME",
       .default_text = "5s",
       .help = "How long a client waits before it connects again.",
       .apply = apply_duration(redial_after, 10ms, 1h),
       .in_file = false},
      {.name = "queue",
       .value = "N",
       .default_text = "1000",
       .help = "Events that may wait for a slow client before it is cut off.",
       .apply = apply_count(hub.out.events_max, 1, 1'000'000),
       .in_file = false},
  };
}

}  // namespace clasp::bridge::websocket
