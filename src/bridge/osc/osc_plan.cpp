#include "bridge/osc/osc_plan.hpp"

#include <fmt/format.h>

#include <array>

#include "bridge/osc/osc_bridge.hpp"
#include "bridge/osc/osc_transport.hpp"
#include "core/address.hpp"
#include "core/pattern.hpp"
#include "options/apply.hpp"

namespace clasp::bridge::osc {

namespace {

using options::apply_choice;
using options::apply_count;
using options::apply_switch;
using options::apply_text;
using options::bad_option;

// In the order of the enumerators.
constexpr std::array<std::string_view, 3> number_format_names{"auto", "native32", "native64"};
constexpr std::array<std::string_view, 2> transport_names{"udp", "tcp"};
constexpr std::array<std::string_view, 3> framing_names{"auto", "length", "slip"};
constexpr std::array<std::string_view, 3> kind_names{"param", "event", "stream"};

Result<void> add_kind(OscConfig& config, std::string_view text) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string_view::npos) return bad_option("expected PATTERN=param, PATTERN=event or PATTERN=stream");
  const auto pattern = Pattern::parse(text.substr(0, equals));
  if (!pattern) return bad_option(describe_address_fault(pattern.error(), text.substr(0, equals)));
  const auto kind = options::parse_choice(text.substr(equals + 1), kind_names);
  if (!kind) return kind.error();
  config.kinds.push_back({*pattern, static_cast<MessageKind>(*kind)});
  return {};
}

// "9000", "HOST", "HOST:9000", "[::1]:9000": a host alone keeps the port, a port alone the host.
Result<void> set_bind(OscPlan& plan, std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const bool bare_ipv6 = colon != std::string_view::npos && text.find(':') != colon && !text.starts_with('[');
  if (const auto port = options::parse_count(text, {0, 65'535})) {
    plan.port = static_cast<std::uint16_t>(*port);
  } else if (colon == std::string_view::npos || bare_ipv6 || text.ends_with(']')) {
    plan.host = text;
  } else {
    const auto behind = options::parse_count(text.substr(colon + 1), {0, 65'535});
    if (!behind) return bad_option("expected HOST, PORT or HOST:PORT");
    plan.host = text.substr(0, colon);
    plan.port = static_cast<std::uint16_t>(*behind);
  }
  if (plan.host.empty()) plan.host = "::";
  return {};
}

class ContextLog final : public OscLog {
 public:
  explicit ContextLog(std::function<void(std::string_view)> log) : log_(std::move(log)) {}
  void line(std::string_view text) override { log_(text); }

 private:
  std::function<void(std::string_view)> log_;
};

// The engine and its transport as one bridge.
class OscUnit final : public Bridge {
 public:
  OscUnit(const OscPlan& plan, const BridgeContext& context)
      : log_(context.log),
        by_(plan.socket.transport),
        transport_(make_transport(context.loop, plan.socket_config(), log_)),
        bridge_(context.router, for_transport(plan.config(), by_), *transport_, log_) {}
  ~OscUnit() override { stop(); }

  Result<void> start() override {
    if (auto started = transport_->start(bridge_); !started) return started;
    running_ = true;
    bridge_.start();
    return {};
  }
  void stop() override {
    if (!std::exchange(running_, false)) return;
    bridge_.stop();
    transport_->stop();
  }

  std::string peer_name(PeerTag peer) const override {
    const Sender* sender = bridge_.senders().find(peer);
    return sender == nullptr ? "" : to_text(sender->from);
  }

  BridgeReport report() const override {
    const OscCounters& c = bridge_.counters();
    BridgeReport report;
    report.endpoint = by_ == Transport::tcp ? "osc/tcp" : "osc/udp";
    if (running_) report.port = transport_->local_endpoint().port;
    if (running_) report.endpoint += " port " + std::to_string(report.port);
    report.state = running_ ? BridgeState::running : BridgeState::stopped;
    report.received = c.messages;
    report.sent = c.sent;
    const std::pair<const char*, std::uint64_t> rows[] = {
        {"received", c.received}, {"messages", c.messages}, {"malformed", c.malformed}, {"unknown_tag", c.unknown_tag}, {"too_deep", c.too_deep},
        {"too_many", c.too_many}, {"value_too_large", c.value_too_large}, {"invalid_address", c.invalid_address}, {"wrong_clock", c.wrong_clock},
        {"echoes_dropped", c.echoes_dropped}, {"senders_evicted", c.senders_evicted}, {"refused", c.refused}, {"delivered", c.delivered}, {"sent", c.sent},
        {"send_failed", c.send_failed}, {"too_large", c.too_large}, {"replaced", c.replaced}, {"bundles_split", c.bundles_split},
        {"outside_namespace", c.outside_namespace}, {"dispatch_unmatched", c.dispatch_unmatched}, {"dispatch_cut", c.dispatch_cut}};
    report.counters.assign(std::begin(rows), std::end(rows));
    for (const auto& [name, count] : transport_->transport_counters()) report.counters.emplace_back(name, count);
    constexpr std::size_t peers_max = 64;
    for (const Sender& sender : bridge_.senders().senders()) {
      if (report.peers.size() == peers_max) break;
      report.peers.push_back({.name = to_text(sender.from), .received = sender.received});
    }
    report.peers_total = bridge_.senders().senders().size();
    return report;
  }

 private:
  ContextLog log_;
  Transport by_;
  std::unique_ptr<OscTransport> transport_;
  OscBridge bridge_;
  bool running_ = false;
};

}  // namespace

OscConfig OscPlan::config() const {
  OscConfig config = settings;
  config.name = name();
  config.ns = ns();
  return config;
}

OscSocketConfig OscPlan::socket_config() const {
  OscSocketConfig config = socket;
  const bool bare_ipv6 = host.find(':') != std::string::npos && !host.starts_with('[');
  config.bind = bare_ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
  return config;
}

std::unique_ptr<Bridge> OscPlan::make(const BridgeContext& context) const { return std::make_unique<OscUnit>(*this, context); }

std::unique_ptr<BridgePlan> make_osc_plan() { return std::make_unique<OscPlan>(); }

std::vector<options::Option> OscPlan::own_rows() {
  return {
      {.name = "port",
       .letter = 'p',
       .value = "N",
       .default_text = "9000",
       .help = "Port that hears OSC, and that answers come from; 0: any.",
       .apply = apply_count(port, 0, 65'535),
       .in_file = false,
       .variable = "CLASP_BRIDGE_PORT"},
      {.name = "bind",
       .letter = 'b',
       .value = "HOST[:PORT]",
       .default_text = host,
       .help = "Address it listens on; :: hears IPv6 and IPv4.",
       .apply = [this](std::string_view text) { return set_bind(*this, text); },
       .in_file = false},
      {.name = "target",
       .letter = 't',
       .value = "HOST:PORT",
       .help = "Always hears changes; repeatable. Without one, everybody who spoke in the last 30 s does.",
       .apply = [this](std::string_view text) -> Result<void> {
         const std::size_t colon = text.rfind(':');
         if (colon == 0 || colon == std::string_view::npos || !options::parse_count(text.substr(colon + 1), {1, 65'535}))
           return bad_option("expected HOST:PORT");
         socket.targets.emplace_back(text);
         return {};
       },
       .repeatable = true,
       .in_file = false},
      {.name = "transport",
       .value = "NAME",
       .default_text = "udp",
       .help = "udp, or tcp: then every connection hears changes, and targets are connected to.",
       .apply = apply_choice(socket.transport, transport_names),
       .in_file = false},
      {.name = "framing",
       .value = "NAME",
       .default_text = "auto",
       .help = "Packets in TCP: length (OSC 1.0), slip (OSC 1.1), auto (as the peer begins; length towards targets).",
       .apply = apply_choice(socket.framing, framing_names),
       .in_file = false},
      {.name = "number-format",
       .value = "FORMAT",
       .default_text = "auto",
       .help = "Numbers sent as: auto (i and f while they fit), native32 (only i and f), native64 (h and d).",
       .apply = apply_choice(settings.encoding.number_format, number_format_names),
       .in_file = false},
      {.name = "kind",
       .value = "PATTERN=KIND",
       .help = "What messages below a pattern of addresses become: param, event or stream; repeatable, the first match decides.",
       .apply = [this](std::string_view text) { return add_kind(settings, text); },
       .repeatable = true,
       .in_file = false},
      {.name = "max-rate",
       .value = "HZ",
       .help = "Sends at most so many values a second of one address.",
       .apply = apply_count(settings.rate_hz_max, 1, 100'000),
       .in_file = false},
      {.name = "send-port",
       .value = "N",
       .help = "Answers go to this port of a sender instead of the one it sent from; auto: that one.",
       .apply = [this](std::string_view text) -> Result<void> {
         settings.send_port.reset();
         return text == "auto" ? Result<void>{} : apply_count(settings.send_port, 1, 65'535)(text);
       },
       .in_file = false},
      {.name = "no-reply",
       .help = "Sends to the targets only, never to those who sent.",
       .apply = [this](std::string_view text) -> Result<void> {
         const auto value = options::parse_switch(text);
         if (!value) return value.error();
         settings.reply_to_sender = !*value;
         return {};
       },
       .in_file = false},
      {.name = "echo", .help = "Sends a value back to the one it came from as well.", .apply = apply_switch(settings.echo), .in_file = false},
      {.name = "sync", .help = "Sends the current values once the router is there.", .apply = apply_switch(settings.sync_on_connect), .in_file = false},
      {.name = "multicast",
       .value = "GROUP",
       .help = "Joins this group: 239.1.2.3.",
       .apply = apply_text(socket.multicast_group),
       .in_file = false},
  };
}

}  // namespace clasp::bridge::osc
