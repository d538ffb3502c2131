// `clasp map test`: what mappings do to one value, without a router.
#include <fmt/format.h>

#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "cli/input.hpp"
#include "cli/lens_modules.hpp"
#include "cli/value_text.hpp"
#include "io/io_loop.hpp"
#include "mapping/mapping_table.hpp"

namespace clasp::cli {

namespace {

using mapping::Direction;

struct MapFlags {
  std::string protocol;
  std::string ns;
  lens::ModuleFiles modules;
  bool out = false;
  bool json = false;
};

std::vector<options::Option> map_rows(MapFlags& flags) {
  return {
      {.name = "protocol", .value = "NAME", .help = "Only mappings for this bridge: osc.", .apply = apply_text(flags.protocol), .in_file = false},
      {.name = "namespace",
       .value = "ADDRESS",
       .help = "The bridge's, if device addresses are written with it: /osc.",
       .apply = apply_text(flags.ns),
       .in_file = false},
      {.name = "out", .help = "ADDRESS is the router's: what goes to the device.", .apply = apply_switch(flags.out), .in_file = false},
      lens_module_row(flags.modules),
      {.name = "json", .help = "As one JSON object.", .apply = apply_switch(flags.json), .in_file = false},
  };
}

Result<mapping::MappingTable> load(const std::string& source, const MapFlags& flags, int input) {
  mapping::MappingSource mappings;
  Result<void> read;
  if (mapping::is_mapping_text(source)) {
    read = mapping::read_mapping(source, "mapping", mappings);
  } else {
    const auto file = read_file(source, input);
    if (!file) return file.error();
    read = mapping::read_mappings(*file, source, mappings);
  }
  if (!read) return read.error();
  auto lenses = load_lens_modules(flags.modules);
  if (!lenses) return lenses.error();
  mappings.lenses = *std::move(lenses);
  return mapping::MappingTable::compile(mappings, {.protocol = flags.protocol, .ns = flags.ns, .transforms = {}});
}

// "osc:/fader/1" names the bridge, "clasp:/lights/1" the router's side.
std::string take_scheme(std::string address, MapFlags& flags) {
  const std::size_t colon = address.find(':');
  if (colon == std::string::npos || address.find('/') < colon) return address;
  const std::string scheme = address.substr(0, colon);
  if (scheme == "clasp")
    flags.out = true;
  else
    flags.protocol = scheme;
  return address.substr(colon + 1);
}

}  // namespace

ExitCode run_map(const Invocation& call) {
  MapFlags flags;
  const auto arguments = read_arguments(call, map_rows(flags));
  if (arguments.exit) return *arguments.exit;
  const std::vector<std::string>& words = arguments.positional;
  if (words[0] != "test") return usage_error(call, fmt::format("expected test, not \"{}\"", words[0]));
  const std::string address = take_scheme(words[2], flags);
  if (!address.starts_with('/')) return usage_error(call, fmt::format("expected an address, not \"{}\"", words[2]));
  const auto value = parse_value(words[3]);
  if (!value) return usage_error(call, value.error().message);
  auto table = load(words[1], flags, call.input);
  if (!table) return fail(call, table.error().message);

  Array steps;
  const Direction direction = flags.out ? Direction::out : Direction::in;
  const bool mapped = table->explain(direction, address, *value, io::read_clocks(), [&](std::string_view line) {
    if (!flags.json) call.console.result(line);
    steps.emplace_back(line);
  });
  if (flags.json) {
    call.console.result(
        to_json(Value(Map{{"direction", flags.out ? "out" : "in"}, {"address", address}, {"mapped", mapped}, {"steps", std::move(steps)}})));
  }
  return mapped ? ExitCode::ok : ExitCode::failed;
}

}  // namespace clasp::cli
