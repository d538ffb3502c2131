#include "cli/osc_flags.hpp"

#include <fmt/format.h>

#include <array>

#include "cli/input.hpp"
#include "cli/publish_flags.hpp"
#include "core/address.hpp"
#include "core/pattern.hpp"

namespace clasp::cli {

namespace {

using bridge::osc::MessageKind;

// In the order of the enumerators.
constexpr std::array<std::string_view, 3> number_format_names{"auto", "native32", "native64"};
constexpr std::array<std::string_view, 2> transport_names{"udp", "tcp"};
constexpr std::array<std::string_view, 3> framing_names{"auto", "length", "slip"};
constexpr std::array<std::string_view, 3> kind_names{"param", "event", "stream"};

Result<void> add_kind(bridge::osc::OscConfig& config, std::string_view text) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string_view::npos) return bad_option("expected PATTERN=param, PATTERN=event or PATTERN=stream");
  const auto pattern = Pattern::parse(text.substr(0, equals));
  if (!pattern) return bad_option(describe_address_fault(pattern.error(), text.substr(0, equals)));
  const auto kind = options::parse_choice(text.substr(equals + 1), kind_names);
  if (!kind) return kind.error();
  config.kinds.push_back({*pattern, static_cast<MessageKind>(*kind)});
  return {};
}

Result<void> add_mappings(std::string_view text, mapping::MappingSource& mappings) {
  if (mapping::is_mapping_text(text)) return mapping::read_mapping(text, "--map", mappings);
  const auto file = read_file(std::string(text), -1);
  if (!file) return file.error();
  return mapping::read_mappings(*file, text, mappings);
}

std::vector<options::Option> osc_rows(OscFlags& flags) {
  bridge::osc::OscConfig& bridge = flags.bridge;
  return {
      {.name = "port",
       .letter = 'p',
       .value = "N",
       .default_text = "9000",
       .help = "Port that hears OSC, and that answers come from; 0: any.",
       .apply = apply_count(flags.port, 0, 65'535),
       .in_file = false},
      {.name = "bind",
       .letter = 'b',
       .value = "HOST",
       .default_text = flags.bind,
       .help = "Address it listens on; :: hears IPv6 and IPv4.",
       .apply = apply_text(flags.bind),
       .in_file = false},
      {.name = "target",
       .letter = 't',
       .value = "HOST:PORT",
       .help = "Always hears changes; repeatable. Without one, everybody who spoke in the last 30 s does.",
       .apply = [&flags](std::string_view text) -> Result<void> {
         const std::size_t colon = text.rfind(':');
         if (colon == 0 || colon == std::string_view::npos || !options::parse_count(text.substr(colon + 1), {1, 65'535}))
           return bad_option("expected HOST:PORT");
         flags.socket.targets.emplace_back(text);
         return {};
       },
       .repeatable = true,
       .in_file = false},
      {.name = "transport",
       .value = "NAME",
       .default_text = "udp",
       .help = "udp, or tcp: then every connection hears changes, and targets are connected to.",
       .apply = apply_choice(flags.socket.transport, transport_names),
       .in_file = false},
      {.name = "framing",
       .value = "NAME",
       .default_text = "auto",
       .help = "Packets in TCP: length (OSC 1.0), slip (OSC 1.1), auto (as the peer begins; length towards targets).",
       .apply = apply_choice(flags.socket.framing, framing_names),
       .in_file = false},
      {.name = "namespace",
       .value = "ADDRESS",
       .default_text = "/osc",
       .help = "Where OSC addresses appear.",
       .apply = [&bridge](std::string_view text) -> Result<void> {
         auto ns = bridge::NamespaceMap::parse(text);
         if (!ns) return ns.error();
         bridge.ns = std::move(*ns);
         return {};
       },
       .in_file = false},
      {.name = "router",
       .value = "URL",
       .default_text = "CLASP_ROUTER, CLASP_URL, else ws://localhost:7330",
       .help = "The router: ws://HOST:PORT, tcp://HOST:PORT or HOST.",
       .apply = apply_text(flags.router)},
      {.name = "server", .letter = 's', .value = "URL", .help = "The same.", .apply = apply_text(flags.router), .in_file = false},
      {.name = "token",
       .value = "TOKEN",
       .default_text = "CLASP_TOKEN",
       .help = "Who we are, for routers that ask.",
       .apply = apply_text(flags.token)},
      {.name = "name",
       .value = "TEXT",
       .default_text = bridge.name,
       .help = "How the bridge calls itself.",
       .apply = apply_text(bridge.name),
       .in_file = false},
      {.name = "number-format",
       .value = "FORMAT",
       .default_text = "auto",
       .help = "Numbers sent as: auto (i and f while they fit), native32 (only i and f), native64 (h and d).",
       .apply = apply_choice(bridge.encoding.number_format, number_format_names),
       .in_file = false},
      {.name = "kind",
       .value = "PATTERN=KIND",
       .help = "What messages below a pattern of addresses become: param, event or stream; repeatable, the first match decides.",
       .apply = [&bridge](std::string_view text) { return add_kind(bridge, text); },
       .repeatable = true,
       .in_file = false},
      {.name = "map",
       .value = "MAPPING",
       .help = "A mapping (\"osc:/fader/* <-> /lights/*\") or a file of them; repeatable (docs/mapping.md). SIGHUP reads files again.",
       .apply = [&flags](std::string_view text) { return add_mappings(text, flags.mappings); },
       .repeatable = true,
       .in_file = false},
      {.name = "max-rate",
       .value = "HZ",
       .help = "Sends at most so many values a second of one address.",
       .apply = apply_count(bridge.rate_hz_max, 1, 100'000),
       .in_file = false},
      {.name = "send-port",
       .value = "N",
       .help = "Answers go to this port of a sender instead of the one it sent from.",
       .apply = [&bridge](std::string_view text) -> Result<void> {
         const auto port = options::parse_count(text, {1, 65'535});
         if (!port) return port.error();
         bridge.send_port = static_cast<std::uint16_t>(*port);
         return {};
       },
       .in_file = false},
      {.name = "no-reply",
       .help = "Sends to the targets only, never to those who sent.",
       .apply = [&bridge](std::string_view text) -> Result<void> {
         const auto value = options::parse_switch(text);
         if (!value) return value.error();
         bridge.reply_to_sender = !*value;
         return {};
       },
       .in_file = false},
      {.name = "echo", .help = "Sends a value back to the one it came from as well.", .apply = apply_switch(bridge.echo), .in_file = false},
      {.name = "sync", .help = "Sends the current values once the router is there.", .apply = apply_switch(bridge.sync_on_connect), .in_file = false},
      {.name = "multicast",
       .value = "GROUP",
       .help = "Joins this group: 239.1.2.3.",
       .apply = apply_text(flags.socket.multicast_group),
       .in_file = false},
  };
}

}  // namespace

std::string OscFlags::socket_address() const {
  const bool bare_ipv6 = bind.find(':') != std::string::npos && !bind.starts_with('[');
  return bare_ipv6 ? fmt::format("[{}]:{}", bind, port) : fmt::format("{}:{}", bind, port);
}

ReadArguments read_osc_arguments(const Invocation& call, OscFlags& flags) {
  if (const char* url = call.variable("CLASP_URL"); url != nullptr && *url != '\0') flags.router = url;
  ReadArguments arguments = read_arguments(call, osc_rows(flags));
  flags.socket.bind = flags.socket_address();
  return arguments;
}

}  // namespace clasp::cli
