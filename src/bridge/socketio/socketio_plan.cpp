#include "bridge/socketio/socketio_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "core/address.hpp"
#include "core/json.hpp"
#include "options/apply.hpp"

namespace clasp::bridge::socketio {

namespace {

using options::apply_bytes;
using options::apply_count;
using options::apply_duration;
using options::apply_switch;
using options::apply_filled_text;
using options::apply_text;
using options::bad_option;
using namespace std::chrono_literals;

constexpr std::array<std::string_view, 2> event_names{"path", "last"};

// "/admin"; "admin" is the same.
Result<void> add_namespace(std::vector<std::string>& namespaces, std::string_view text) {
  const std::string nsp = text.starts_with('/') ? std::string(text) : fmt::format("/{}", text);
  if (nsp != "/" && (check_address(nsp) || nsp.ends_with('/'))) return bad_option("expected a namespace such as /admin");
  namespaces.push_back(nsp);
  return {};
}

Result<void> set_transports(ServerConfig& config, std::string_view text) {
  config.polling = config.websocket = false;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view each = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    if (each != "polling" && each != "websocket") return bad_option("expected polling, websocket or polling,websocket");
    (each == "polling" ? config.polling : config.websocket) = true;
  }
  return config.polling || config.websocket ? Result<void>{} : bad_option("expected polling, websocket or polling,websocket");
}

class ServerUnit final : public Bridge {
 public:
  ServerUnit(const SocketIoPlan& plan, const BridgeContext& context)
      : port_(context.loop, context.router, plan.server_config(), plan.port_config(), context.log) {}

  Result<void> start() override {
    auto started = port_.start();
    running_ = started.has_value();
    return started;
  }
  void stop() override {
    port_.stop();
    running_ = false;
  }

  std::string peer_name(PeerTag peer) const override { return port_.server().name_of(peer); }
  BridgeReport report() const override {
    const ServerCounters& c = port_.server().counters();
    BridgeReport report;
    report.endpoint = "socketio";
    if (running_) report.port = port_.port();
    if (running_) report.endpoint += fmt::format(" port {}", report.port);
    report.state = running_ ? BridgeState::running : BridgeState::stopped;
    report.received = c.events_in;
    report.sent = c.events_out;
    const std::pair<const char*, std::uint64_t> rows[] = {{"clients_opened", c.clients_opened},
                                                          {"connected", c.sockets_connected},
                                                          {"connects_refused", c.connects_refused},
                                                          {"events_in", c.events_in},
                                                          {"events_out", c.events_out},
                                                          {"acks_sent", c.acks_sent},
                                                          {"acks_unknown", c.acks_unknown},
                                                          {"acks_missing", c.acks_missing},
                                                          {"protocol_errors", c.protocol_errors},
                                                          {"events_ignored", c.events_ignored},
                                                          {"refused", c.refused},
                                                          {"delivered", c.delivered},
                                                          {"outside_namespace", c.outside_namespace},
                                                          {"closed_slow", c.closed_slow},
                                                          {"clients", port_.clients()},
                                                          {"sockets", port_.server().sockets()},
                                                          {"rooms", port_.server().rooms()},
                                                          {"params_kept", port_.server().audience().params()},
                                                          {"params_not_kept", port_.server().audience().not_kept()}};
    report.counters.assign(std::begin(rows), std::end(rows));
    report.peers = port_.server().some_peers(64);
    report.peers_total = port_.server().sockets();
    return report;
  }

 private:
  ServerPort port_;
  bool running_ = false;
};

class ClientUnit final : public Bridge {
 public:
  ClientUnit(const SocketIoPlan& plan, const BridgeContext& context)
      : context_(context), config_(plan.client_config()), place_(plan.server_place()) {}

  Result<void> start() override {
    link_ = std::make_unique<ClientLink>(context_.loop, context_.router, config_, place_, context_.log);
    return link_->start();
  }
  void stop() override {
    if (link_) link_->stop();
    link_.reset();
  }

  BridgeReport report() const override {
    BridgeReport report;
    report.endpoint = fmt::format("socketio to {}", url::place(place_.host, place_.port));
    if (!link_) return report;
    const SocketClient& client = link_->client();
    const ClientCounters& c = client.counters();
    report.state = client.connected() > 0 ? BridgeState::running : BridgeState::waiting;
    report.detail = !client.trouble().empty()       ? client.trouble()
                    : link_->last_failure().empty() ? std::string(link_->transport())
                                                    : link_->last_failure();
    report.received = c.events_in;
    report.sent = c.events_out;
    report.counters = {{"connected", c.connected},
                       {"connects_refused", c.connects_refused},
                       {"disconnected_by_server", c.disconnected_by_server},
                       {"events_in", c.events_in},
                       {"events_out", c.events_out},
                       {"events_missed", c.events_missed},
                       {"events_ignored", c.events_ignored},
                       {"acks_sent", c.acks_sent},
                       {"acks_missing", c.acks_missing},
                       {"refused", c.refused},
                       {"delivered", c.delivered},
                       {"attempts", link_->attempts()}};
    return report;
  }

 private:
  BridgeContext context_;
  ClientConfig config_;
  ServerPlace place_;
  std::unique_ptr<ClientLink> link_;
};

// As the standard client reads its URL: the path is a namespace.
Result<void> names_namespace(const url::Url& url) {
  const std::string path = url.target.substr(0, url.target.find('?'));
  if (path == "/" || (!check_address(path) && !path.ends_with('/'))) return {};
  return bad_option("the path of the URL is a Socket.IO namespace, such as /admin (the path of the requests: --path)");
}

}  // namespace

Result<void> SocketIoPlan::check() const {
  if (auto checked = peers.check(); !checked) return checked;
  if (peers.connects() && !server.token.empty()) return bad_option("--listen-token is for --mode server; a client has --auth, --header or the URL");
  if (peers.connects() && !server.polling && !server.websocket) return bad_option("--transports names none");
  if (server.engine.ping_timeout + server.engine.ping_interval > 1h)
    return bad_option("--ping-interval and --ping-timeout are more than an hour together");
  return {};
}

ServerConfig SocketIoPlan::server_config() const {
  ServerConfig config = server;
  config.name = name();
  config.names.ns = ns();
  config.packets.bytes_max = config.engine.payload_bytes_max;
  return config;
}

PortConfig SocketIoPlan::port_config() const {
  PortConfig config = port;
  config.bind = peers.bind();
  return config;
}

ClientConfig SocketIoPlan::client_config() const {
  ClientConfig config = client;
  config.name = name();
  config.names = server.names;
  config.names.ns = ns();
  config.sync_on_connect = server.sync_on_connect;
  config.echo = server.echo;
  config.emit_acks = server.emit_acks;
  config.ack_timeout = server.ack_timeout;
  config.connect_timeout = server.connect_timeout;
  const std::string path = peers.server->target.substr(0, peers.server->target.find('?'));
  config.namespaces = server.namespaces;
  if (config.namespaces.empty() || path != "/") config.namespaces.insert(config.namespaces.begin(), path);
  return config;
}

ServerPlace SocketIoPlan::server_place() const {
  const std::size_t mark = peers.server->target.find('?');
  return {.host = peers.server->host,
          .port = peers.server->port,
          .secure = peers.server->tls,
          .path = port.path,
          .query = mark == std::string::npos ? "" : peers.server->target.substr(mark + 1),
          .headers = peers.request_fields(),
          .tls = peers.tls,
          .websocket = server.websocket,
          .polling = server.polling};
}

std::unique_ptr<Bridge> SocketIoPlan::make(const BridgeContext& context) const {
  if (peers.connects()) return std::make_unique<ClientUnit>(*this, context);
  return std::make_unique<ServerUnit>(*this, context);
}

std::unique_ptr<BridgePlan> make_socketio_plan() { return std::make_unique<SocketIoPlan>(); }

std::vector<options::Option> SocketIoPlan::own_rows() {
  std::vector<options::Option> rows = peers.rows(names_namespace);
  std::ranges::move(socket_rows(), std::back_inserter(rows));
  return rows;
}

std::vector<options::Option> SocketIoPlan::socket_rows() {
  return {
      {.name = "auth",
       .value = "JSON",
       .help = "What a client says when it connects: {\"token\": \"…\"}.",
       .apply = [this](std::string_view text) -> Result<void> {
         auto value = parse_json(text);
         if (!value || value->map() == nullptr) return bad_option("expected a JSON object");
         client.auth = std::move(*value);
         return {};
       },
       .in_file = false},
      {.name = "reconnect-on-disconnect",
       .help = "A client connects again after the server has disconnected it.",
       .apply = apply_switch(client.reconnect_on_disconnect),
       .in_file = false},
      {.name = "path",
       .value = "PATH",
       .default_text = "/socket.io/",
       .help = "Path of the requests.",
       .apply = [this](std::string_view text) -> Result<void> {
         if (!text.starts_with('/')) return bad_option("expected a path, which begins with /");
         port.path = std::string(text) + (text.ends_with('/') ? "" : "/");
         return {};
       },
       .in_file = false},
      {.name = "sio-namespace",
       .value = "NAME",
       .help = "Socket.IO namespace clients may connect to beside /, or a client connects to; repeatable. Without one: any, or /.",
       .apply = [this](std::string_view text) { return add_namespace(server.namespaces, text); },
       .repeatable = true,
       .in_file = false},
      {.name = "listen-token",
       .value = "TOKEN",
       .help = "Clients have to bring it: as auth {token}, as ?token= or as Authorization: Bearer.",
       .apply = apply_filled_text(server.token),
       .in_file = false},
      {.name = "transports",
       .value = "LIST",
       .default_text = "polling,websocket",
       .help = "How clients may connect; a client tries WebSocket first.",
       .apply = [this](std::string_view text) { return set_transports(server, text); },
       .in_file = false},
      {.name = "cors",
       .value = "ORIGIN",
       .help = "Pages of this origin may poll, * of any; repeatable.",
       .apply = web::append_text(port.cors_origins),
       .repeatable = true,
       .in_file = false},
      {.name = "events",
       .value = "NAME",
       .help = "Only this event is received; repeatable. Without one: every event.",
       .apply = web::append_text(server.names.events),
       .repeatable = true,
       .in_file = false},
      {.name = "kind",
       .value = "PATTERN=KIND",
       .help = "What events below a pattern of addresses become: param, event or stream; repeatable, the first match decides.",
       .apply = [this](std::string_view text) { return web::add_kind(server.names.kinds, text); },
       .repeatable = true,
       .in_file = false},
      {.name = "event-name",
       .value = "FORM",
       .default_text = "last",
       .help = "An address is emitted as its last segment (last) or all behind the namespace (path).",
       .apply = [this](std::string_view text) -> Result<void> {
         const auto form = options::parse_choice(text, event_names);
         if (!form) return form.error();
         server.names.last_segment = *form == 1;
         return {};
       },
       .in_file = false},
      {.name = "rooms-from-auth",
       .help = "Clients join the rooms they name as auth {rooms}.",
       .apply = apply_switch(server.rooms_from_auth),
       .in_file = false},
      {.name = "sync",
       .help = "Who connects or joins a room gets its current values as events.",
       .apply = apply_switch(server.sync_on_connect),
       .in_file = false},
      {.name = "echo", .help = "An event goes back to the socket it came from as well.", .apply = apply_switch(server.echo), .in_file = false},
      {.name = "emit-acks",
       .help = "Asks clients to acknowledge events of the router; what they answer is event <address>/ack.",
       .apply = apply_switch(server.emit_acks),
       .in_file = false},
      {.name = "ack-timeout",
       .value = "TIME",
       .default_text = "10s",
       .help = "How long such an answer is waited for.",
       .apply = apply_duration(server.ack_timeout, 10ms, 1h),
       .in_file = false},
      {.name = "connect-timeout",
       .value = "TIME",
       .default_text = "45s",
       .help = "How long a client may take to its first namespace.",
       .apply = apply_duration(server.connect_timeout, 10ms, 1h),
       .in_file = false},
      {.name = "ping-interval",
       .value = "TIME",
       .default_text = "25s",
       .help = "Between two pings.",
       .apply = apply_duration(server.engine.ping_interval, 100ms, 1h),
       .in_file = false},
      {.name = "ping-timeout",
       .value = "TIME",
       .default_text = "20s",
       .help = "How long a client may take to answer one.",
       .apply = apply_duration(server.engine.ping_timeout, 100ms, 1h),
       .in_file = false},
      {.name = "max-payload",
       .value = "BYTES",
       .default_text = "1000000",
       .help = "Largest packet of a client, with its attachments.",
       .apply = apply_bytes(server.engine.payload_bytes_max, 1'000, 2'000'000),
       .in_file = false},
      {.name = "max-clients",
       .value = "N",
       .default_text = "1024",
       .help = "Clients at the same time.",
       .apply = apply_count(server.clients_max, 1, 100'000),
       .in_file = false},
  };
}

}  // namespace clasp::bridge::socketio
