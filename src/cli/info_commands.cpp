// version.
#include <fmt/format.h>

#include "cli/arguments.hpp"
#include "cli/build_info.hpp"
#include "cli/commands.hpp"

namespace clasp::cli {

ExitCode run_version(const Invocation& call) {
  const auto arguments = read_arguments(call, {});
  if (arguments.exit) return *arguments.exit;
  const BuildInfo info = build_info();
  call.console.result(fmt::format("clasp {} (protocol {}, compiler {})", info.version, info.protocol, info.compiler));
  return ExitCode::ok;
}

}  // namespace clasp::cli
