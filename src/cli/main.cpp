// The table of commands. `clasp server` reads its own options.
#include <cstdlib>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "cli/program.hpp"
#include "server/server.hpp"

namespace {

using clasp::cli::Command;
using clasp::cli::ExitCode;
using clasp::cli::Invocation;

ExitCode run_server_command(const Invocation& call) { return static_cast<ExitCode>(clasp::server::run_server(call.arguments)); }

constexpr Command commands[] = {
    {"server", "", "", "run the router", "", run_server_command},
    {"set", "", "ADDRESS VALUE", "set a param and wait for the confirmation", "", clasp::cli::run_set},
    {"get", "", "ADDRESS", "show a param", "", clasp::cli::run_get},
    {"watch", "sub", "[PATTERN]", "show what is and what changes", "", clasp::cli::run_watch},
    {"emit", "pub", "ADDRESS [VALUE]", "publish an event", "", clasp::cli::run_emit},
    {"stream", "", "ADDRESS [VALUE]", "publish stream values", "", clasp::cli::run_stream},
    {"gesture", "", "ADDRESS ID PHASE [VALUE]", "publish a gesture phase", "", clasp::cli::run_gesture},
    {"timeline", "", "ADDRESS", "publish a timeline", "", clasp::cli::run_timeline},
    {"bundle", "", "FILE", "set and publish together", "", clasp::cli::run_bundle},
    {"lock", "", "ADDRESS", "lock a param", "", clasp::cli::run_lock},
    {"unlock", "", "ADDRESS", "unlock a param", "", clasp::cli::run_unlock},
    {"version", "", "", "show the version", "", clasp::cli::run_version},
};

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  clasp::cli::Console console(stdout, stderr);
  return static_cast<int>(clasp::cli::run_program(commands, arguments, console, [](const char* name) { return std::getenv(name); }, 0));
}
