#include "bridge/mqtt/mqtt_plan.hpp"

#include <fmt/format.h>

#include <array>
#include <fstream>
#include <iterator>

#include "core/address.hpp"
#include "mqtt/topics.hpp"
#include "options/apply.hpp"
#include "url/url.hpp"

namespace clasp::bridge::mqtt {
namespace {

using options::apply_bytes;
using options::apply_choice;
using options::apply_count;
using options::apply_duration;
using options::apply_switch;
using options::apply_text;
using options::bad_option;

constexpr std::array schemes{url::Scheme{"mqtt", 1883},      url::Scheme{"tcp", 1883},           url::Scheme{"mqtts", 8883, true},
                             url::Scheme{"ssl", 8883, true}, url::Scheme{"ws", 80, false, true}, url::Scheme{"wss", 443, true, true}};
constexpr std::string_view websocket_path = "/mqtt";  // as most brokers have it
constexpr std::size_t secret_bytes_max = 65'535;

// In the order of the enumerators.
constexpr std::array<std::string_view, 3> version_names{"auto", "3.1.1", "5"};
constexpr std::array<std::string_view, 3> kind_names{"param", "event", "retained-aware"};
constexpr std::array<std::string_view, 4> payload_names{"auto", "json", "text", "bytes"};
constexpr std::array<std::string_view, 2> qos_map_names{"fixed", "auto"};

options::Apply apply_qos(wire::Qos& target) {
  return [&target](std::string_view text) -> Result<void> {
    const auto level = options::parse_count(text, {0, 2});
    if (!level) return level.error();
    target = wire::Qos{static_cast<std::uint8_t>(*level)};
    return {};
  };
}

Result<void> set_retain(Retain& target, std::string_view text) {
  if (text == "params") {
    target = Retain::params;
    return {};
  }
  const auto on = options::parse_switch(text);
  if (!on) return bad_option("expected false, true or params");
  target = *on ? Retain::always : Retain::never;
  return {};
}

// The first line of a file, so that the secret stands neither in the list of processes nor in an environment.
Result<std::string> read_secret(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string line;
  if (!file || !std::getline(file, line)) return bad_option(fmt::format("cannot read a password from {}", printable(path)));
  if (line.ends_with('\r')) line.pop_back();
  if (line.size() > secret_bytes_max) return bad_option("expected a password of at most 65,535 bytes");
  return line;
}

Result<void> check_topic(std::string_view text) {
  if (wire::is_topic_name(text) && text.size() <= 65'535) return {};
  return bad_option("expected a topic without + and #");
}

}  // namespace

std::unique_ptr<BridgePlan> make_mqtt_plan() { return std::make_unique<MqttPlan>(); }

Result<void> MqttPlan::set_broker(std::string_view text) {
  const auto url = url::parse_url(text, schemes);
  if (!url) return url.error();
  host = url->host;
  port = url->port;
  use_tls = url->tls;
  websocket.reset();
  if (url->websocket) websocket = url->target == "/" ? std::string(websocket_path) : url->target;
  if (!url->user.empty()) settings.user_name = url->user;
  if (!url->password.empty()) settings.password = url->password;
  return {};
}

Result<void> MqttPlan::add_topic(std::string_view text) {
  const auto shared = wire::parse_shared(text);
  if (!wire::is_topic_filter(text) || (shared && !shared->valid))
    return bad_option("expected a topic filter, in which + and # stand for whole levels");
  if (!std::exchange(topics_given_, true)) settings.filters.clear();
  if (settings.filters.size() >= settings.limits.filters_max) return bad_option(fmt::format("more than {} filters", settings.limits.filters_max));
  settings.filters.emplace_back(text);
  return {};
}

WillConfig& MqttPlan::will() {
  if (!settings.will) settings.will.emplace();
  return *settings.will;
}

Result<void> MqttPlan::check() const {
  if (settings.will && settings.will->topic.empty()) return bad_option("will-payload and its like: a will needs will-topic");
  const bool certificates = !tls.ca_file.empty() || !tls.certificate_file.empty() || !tls.key_file.empty() || tls.insecure;
  if (certificates && !use_tls) return bad_option("ca, cert, key and insecure: without tls or mqtts:// they mean nothing");
  if (settings.password && settings.user_name.empty() && settings.version == VersionChoice::v311)
    return bad_option("password: MQTT 3.1.1 has none without username");
  if (settings.end_to_end_ack && settings.clean_start) return bad_option("end-to-end-ack: without clean-start false the broker sends nothing again");
  if (!settings.clean_start && settings.client_id.empty()) return bad_option("clean-start false: the broker can only know us again by a client-id");
  return {};
}

MqttConfig MqttPlan::config() const {
  MqttConfig config = settings;
  config.name = name();
  config.ns = ns();
  return config;
}

Result<dial::Target> MqttPlan::target() const {
  dial::Target target{.host = host, .port = port.value_or(use_tls ? 8883 : 1883), .tls = nullptr, .websocket = {}};
  if (websocket) {
    target.websocket = dial::WebSocketTarget{.target = *websocket, .subprotocols = {"mqtt"}, .subprotocol_required = true, .fields = {}};
    target.websocket->message_bytes_max = settings.limits.packet_bytes_max + 65'536;  // a message may hold more than one packet
  }
  if (use_tls) {
    auto context = dial::TlsContext::load(tls);
    if (!context) return context.error();
    target.tls = *context;
  }
  return target;
}

std::string MqttPlan::url() const {
  const std::string_view scheme = websocket ? (use_tls ? "wss" : "ws") : use_tls ? "mqtts" : "mqtt";
  return fmt::format("{}://{}{}", scheme, url::place(host, port.value_or(use_tls ? 8883 : 1883)), websocket.value_or(""));
}

// ---- rows ----

std::vector<options::Option> MqttPlan::own_rows() {
  std::vector<options::Option> rows = broker_rows();
  for (auto more : {identity_rows(), message_rows(), bound_rows()})
    rows.insert(rows.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  for (options::Option& row : rows) row.in_file = false;
  return rows;
}

std::vector<options::Option> MqttPlan::broker_rows() {
  const options::Apply broker = [this](std::string_view text) { return set_broker(text); };
  return {
      {.name = "broker",
       .value = "URL",
       .default_text = "mqtt://localhost:1883",
       .help = "mqtt://, mqtts://, ws:// or wss://, with [USER:PASSWORD@]HOST[:PORT][/PATH].",
       .apply = broker,
       .variable = "MQTT_BROKER"},
      {.name = "url", .value = "URL", .help = "The same.", .apply = broker},
      {.name = "host",
       .letter = 'H',
       .value = "HOST",
       .default_text = host,
       .help = "The broker's host alone.",
       .apply = apply_text(host),
       .variable = "CLASP_MQTT_HOST"},
      {.name = "port",
       .letter = 'p',
       .value = "N",
       .default_text = "1883, with TLS 8883",
       .help = "The broker's port alone.",
       .apply = apply_count(port, 1, 65'535),
       .variable = "CLASP_BRIDGE_PORT"},
      {.name = "tls", .help = "Speaks TLS, as with mqtts://.", .apply = apply_switch(use_tls)},
      {.name = "ca",
       .value = "FILE",
       .default_text = "the system's",
       .help = "Trusts the authorities of this PEM file and no others.",
       .apply = apply_text(tls.ca_file)},
      {.name = "cert",
       .value = "FILE",
       .help = "Our certificate with its chain, for brokers that ask (PEM).",
       .apply = apply_text(tls.certificate_file)},
      {.name = "key",
       .value = "FILE",
       .default_text = "in --cert",
       .help = "Its key (PEM, without a pass phrase).",
       .apply = apply_text(tls.key_file)},
      {.name = "server-name",
       .value = "NAME",
       .default_text = "the host",
       .help = "Name to find in the broker's certificate.",
       .apply = apply_text(tls.server_name)},
      {.name = "alpn",
       .value = "NAME",
       .help = "Protocol to ask for in TLS; repeatable.",
       .apply = [this](std::string_view text) -> Result<void> {
         if (text.empty() || text.size() > 255) return bad_option("expected 1 to 255 bytes");
         tls.alpn.emplace_back(text);
         return {};
       },
       .repeatable = true},
      {.name = "insecure", .help = "Accepts any certificate: whoever answers is trusted.", .apply = apply_switch(tls.insecure)},
  };
}

std::vector<options::Option> MqttPlan::identity_rows() {
  const options::Apply user = apply_text(settings.user_name);
  const options::Apply password = [this](std::string_view text) -> Result<void> {
    settings.password = text;
    return {};
  };
  return {
      {.name = "username", .value = "TEXT", .help = "Who we are for the broker.", .apply = user, .variable = "CLASP_MQTT_USERNAME"},
      {.name = "user", .value = "TEXT", .help = "The same.", .apply = user},
      {.name = "password",
       .value = "TEXT",
       .default_text = "CLASP_MQTT_PASSWORD",
       .help = "Others can read it in the list of processes: a file or the variable is better.",
       .apply = password,
       .variable = "CLASP_MQTT_PASSWORD"},
      {.name = "pass", .value = "TEXT", .help = "The same.", .apply = password},
      {.name = "password-file",
       .value = "FILE",
       .help = "The password is its first line.",
       .apply = [this](std::string_view text) -> Result<void> {
         auto secret = read_secret(std::string(text));
         if (!secret) return secret.error();
         settings.password = std::move(*secret);
         return {};
       }},
      {.name = "client-id",
       .letter = 'c',
       .value = "TEXT",
       .default_text = "clasp- and random digits",
       .help = "Our id; no two clients may have the same.",
       .apply = apply_text(settings.client_id)},
      {.name = "version",
       .value = "VERSION",
       .default_text = "auto",
       .help = "3.1.1, 5, or auto: 5, and 3.1.1 with brokers that refuse it.",
       .apply = apply_choice(settings.version, version_names)},
      {.name = "keep-alive",
       .value = "TIME",
       .default_text = "60s",
       .help = "The broker hears from us at least so often; 0: no promise.",
       .apply = apply_duration(settings.keep_alive, std::chrono::seconds{0}, std::chrono::seconds{65'535})},
      {.name = "clean-start",
       .value = "BOOL",
       .default_text = "true",
       .help = "false: the broker keeps what we miss (QoS 1 and 2), for clients with an id.",
       .apply = apply_switch(settings.clean_start)},
      {.name = "session-expiry",
       .value = "SECONDS",
       .default_text = "0",
       .help = "How long it keeps it (MQTT 5).",
       .apply = apply_count(settings.session_expiry_s, 0, 0xffff'ffff)},
      {.name = "will-topic",
       .value = "TOPIC",
       .help = "What the broker publishes there when we are lost:",
       .apply = [this](std::string_view text) -> Result<void> {
         if (auto checked = check_topic(text); !checked) return checked;
         will().topic = text;
         return {};
       }},
      {.name = "will-payload",
       .value = "TEXT",
       .help = "the message,",
       .apply = [this](std::string_view text) -> Result<void> {
         if (text.size() > 65'535) return bad_option("expected at most 65,535 bytes");
         will().payload = text;
         return {};
       }},
      {.name = "will-qos",
       .value = "N",
       .default_text = "0",
       .help = "its QoS,",
       .apply = [this](std::string_view text) { return apply_qos(will().qos)(text); }},
      {.name = "will-retain",
       .help = "and whether it is retained.",
       .apply = [this](std::string_view text) { return apply_switch(will().retain)(text); }},
      {.name = "will-delay",
       .value = "SECONDS",
       .default_text = "0",
       .help = "Only after so long (MQTT 5).",
       .apply = [this](std::string_view text) { return apply_count(will().delay_s, 0, 0xffff'ffff)(text); }},
  };
}

std::vector<options::Option> MqttPlan::message_rows() {
  const options::Apply topic = [this](std::string_view text) { return add_topic(text); };
  return {
      {.name = "topic",
       .letter = 't',
       .value = "FILTER",
       .default_text = "#",
       .help = "What we hear of the broker; repeatable.",
       .apply = topic,
       .repeatable = true,
       .variable = "MQTT_TOPICS"},
      {.name = "subscribe", .value = "FILTER", .help = "The same.", .apply = topic, .repeatable = true},
      {.name = "qos",
       .value = "N",
       .default_text = "0",
       .help = "0, 1 or 2, in both directions.",
       .apply =
           [this](std::string_view text) {
             auto applied = apply_qos(settings.subscribe_qos)(text);
             settings.publish_qos = settings.subscribe_qos;
             return applied;
           }},
      {.name = "publish-qos",
       .value = "N",
       .default_text = "as --qos",
       .help = "Towards the broker; stands behind --qos.",
       .apply = apply_qos(settings.publish_qos)},
      {.name = "qos-map",
       .value = "NAME",
       .default_text = "fixed",
       .help = "auto: what CLASP gives the kind of message, at most --publish-qos.",
       .apply = apply_choice(settings.qos_by_kind, qos_map_names)},
      {.name = "retain",
       .value = "false|true|params",
       .default_text = "false",
       .help = "What the broker keeps of what we publish; params: values, but no events.",
       .apply = [this](std::string_view text) { return set_retain(settings.retain, text); }},
      {.name = "kind",
       .value = "KIND",
       .default_text = "param",
       .help = "What a message becomes: param, event, or retained-aware: retained a param, else an event.",
       .apply = apply_choice(settings.kind, kind_names)},
      {.name = "end-to-end-ack",
       .help = "Acknowledges QoS 1 and 2 when the router has answered; with --clean-start false the broker sends again what it did not.",
       .apply = apply_switch(settings.end_to_end_ack)},
      {.name = "payload",
       .value = "FORM",
       .default_text = "auto",
       .help = "What a payload is: auto (JSON, numbers, text, bytes), json, text or bytes.",
       .apply = apply_choice(settings.payload, payload_names)},
      {.name = "preserve-float", .help = "Publishes 42.0 as 42.0, not as 42.", .apply = apply_switch(settings.preserve_float)},
      {.name = "publish-topic",
       .value = "TOPIC",
       .default_text = settings.publish_topic,
       .help = "Where we publish; {address} is the address without namespace.",
       .apply = [this](std::string_view text) -> Result<void> {
         if (auto checked = check_topic(text); !checked) return checked;
         settings.publish_topic = text;
         return {};
       }},
      {.name = "max-rate",
       .value = "HZ",
       .help = "Publishes at most so many values a second on one topic, the newest last.",
       .apply = apply_count(settings.rate_hz_max, 1, 100'000)},
      {.name = "no-local",
       .value = "BOOL",
       .default_text = "true",
       .help = "Asks an MQTT 5 broker not to return what we publish; false: we know it again ourselves.",
       .apply = apply_switch(settings.no_local)},
      {.name = "echo", .help = "Publishes what came from the broker as well.", .apply = apply_switch(settings.echo)},
      {.name = "sync", .help = "Publishes the current values once the router is there.", .apply = apply_switch(settings.sync_on_connect)},
      {.name = "repeats",
       .value = "N",
       .default_text = "8",
       .help = "The same value on a topic more often than so many times in a row and fast is a loop, and ends; 0: never.",
       .apply = apply_count(settings.repeats_max, 0, 1'000'000)},
  };
}

std::vector<options::Option> MqttPlan::bound_rows() {
  MqttLimits& limits = settings.limits;
  return {
      {.name = "waiting-events",
       .value = "N",
       .default_text = "1000",
       .help = "Events kept for a broker that is absent; then the oldest is dropped.",
       .apply = apply_count(limits.waiting_events_max, 1, 1'000'000)},
      {.name = "waiting-bytes",
       .value = "SIZE",
       .default_text = "8M",
       .help = "Of events and the newest values together.",
       .apply = apply_bytes(limits.waiting_bytes_max, 4'096, 1'073'741'824)},
      {.name = "max-packet",
       .value = "SIZE",
       .default_text = "1M",
       .help = "Largest packet the broker may send.",
       .apply = apply_bytes(limits.packet_bytes_max, 128, 268'435'455)},
      {.name = "receive-maximum",
       .value = "N",
       .default_text = "64",
       .help = "QoS 1 and 2 messages at a time, of an MQTT 5 broker.",
       .apply = apply_count(limits.receive_maximum, 1, 65'535)},
  };
}

}  // namespace clasp::bridge::mqtt
