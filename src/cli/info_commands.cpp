// info and version: about this program, without a router.
#include <fmt/format.h>

#include "cli/arguments.hpp"
#include "cli/build_info.hpp"
#include "cli/commands.hpp"
#include "cli/format.hpp"

namespace clasp::cli {

namespace {

options::Option json_row(bool& json) { return {.name = "json", .help = "As one JSON object.", .apply = apply_switch(json), .in_file = false}; }

Map build_json() {
  const BuildInfo info = build_info();
  Array in;
  Array out;
  for (const Feature& feature : features()) (feature.built ? in : out).emplace_back(feature.name);
  return {{"version", info.version},       {"protocol", static_cast<std::int64_t>(info.protocol)},
          {"build_type", info.build_type}, {"compiler", info.compiler},
          {"platform", info.platform},     {"processor", info.processor},
          {"features", std::move(in)},     {"missing", std::move(out)}};
}

}  // namespace

ExitCode run_info(const Invocation& call) {
  bool json = false;
  const auto arguments = read_arguments(call, {json_row(json)});
  if (arguments.exit) return *arguments.exit;
  if (json) {
    call.console.result(to_json(Value(build_json())));
    return ExitCode::ok;
  }
  const BuildInfo info = build_info();
  std::vector<std::vector<std::string>> rows{{"version", std::string(info.version)},
                                             {"protocol", std::to_string(info.protocol)},
                                             {"build", std::string(info.build_type)},
                                             {"compiler", std::string(info.compiler)},
                                             {"platform", fmt::format("{} {}", info.platform, info.processor)}};
  call.console.text(align(rows));
  rows.clear();
  for (const Feature& feature : features()) rows.push_back({feature.built ? "  +" : "  -", std::string(feature.name), std::string(feature.what)});
  call.console.text(fmt::format("\nin this build (+) and not in it (-):\n{}", align(rows)));
  return ExitCode::ok;
}

ExitCode run_version(const Invocation& call) {
  bool json = false;
  const auto arguments = read_arguments(call, {json_row(json)});
  if (arguments.exit) return *arguments.exit;
  const BuildInfo info = build_info();
  call.console.result(
      json ? to_json(Value(build_json()))
           : fmt::format("clasp {} (protocol {}, {}, {} {})", info.version, info.protocol, info.build_type, info.platform, info.processor));
  return ExitCode::ok;
}

}  // namespace clasp::cli
