// The table of commands.
#include <cstdlib>
#include <string>
#include <vector>

#include "bench/bench.hpp"
#include "cli/commands.hpp"
#include "cli/interrupts.hpp"
#include "cli/program.hpp"
#include "server/server.hpp"

namespace {

using namespace clasp::cli;

// These read their own options, and show their own help.
ExitCode run_server_command(const Invocation& call) { return static_cast<ExitCode>(clasp::server::run_server(call.arguments)); }
ExitCode run_bench_command(const Invocation& call) { return static_cast<ExitCode>(clasp::bench::run_bench(call.arguments)); }

constexpr Command commands[] = {
    {"server", "", "", "Run the router.", "", run_server_command},
    {"set", "", "ADDRESS VALUE", "Set a param and wait until the router has confirmed it.",
     "VALUE is JSON if it is JSON (1, 0.8, true, null, \"text\", [1,2], {\"a\":1}), else a string as it stands. - reads it from stdin.", run_set},
    {"get", "", "ADDRESS", "Print the value of a param as JSON.", "", run_get},
    {"emit", "pub", "ADDRESS [VALUE]", "Publish an event.", "VALUE as in clasp set.", run_emit},
    {"stream", "", "ADDRESS [VALUE...]", "Publish values of a stream: those given, or one a line from stdin.", "VALUE as in clasp set.", run_stream},
    {"gesture", "", "ADDRESS ID PHASE [VALUE]", "Publish one step of a gesture: start, move, end or cancel.", "VALUE as in clasp set.", run_gesture},
    {"timeline", "", "ADDRESS", "Publish a timeline from a file of keyframes.", "", run_timeline},
    {"bundle", "", "FILE", "Several writes that take effect together, now or at a time.",
     "FILE is JSON, - is stdin: [{\"set\": [\"/a\", 1]}, {\"emit\": [\"/b\", 2]}, {\"stream\": [\"/c\", 0.5]}]", run_bundle},
    {"watch", "sub", "[PATTERN]", "Print what is there and every change, until Ctrl-C.",
     "PATTERN is /** if not given; * stands for one segment, ** for any number.\nA line is: time address = value [type rev N].", run_watch},
    {"monitor", "", "[PATTERN]", "Rates, who writes, slow sessions and bridges, live.",
     "On a terminal a screen that is refreshed, else one line each time.", run_monitor},
    {"query", "", "[PATTERN]", "List the signals that devices have announced.",
     "Their units, ranges and descriptions are not part of the router's answer.", run_query},
    {"announce", "", "FILE", "Announce signals.",
     "FILE is JSON, - is stdin: {\"namespace\": \"/desk\", \"signals\": [{\"address\": \"/desk/fader\", \"type\": \"param\", \"datatype\": \"f32\",\n"
     "\"access\": \"rw\", \"unit\": \"dB\", \"range\": [-60, 12], \"description\": \"main fader\"}]}. Only address and type are needed.",
     run_announce},
    {"lock", "", "ADDRESS", "Lock a param for other sessions and hold it until Ctrl-C.",
     "A lock ends with the session that took it. A param that does not exist yet is made, with the value null.", run_lock},
    {"unlock", "", "ADDRESS", "Check that a param can be unlocked, that is: no other session holds it.", "With --wait: wait until it is free.",
     run_unlock},
    {"ping", "", "", "Round trip times to the router, and how far its clock is from ours.", "", run_ping},
    {"status", "", "", "Health and figures of a router, over HTTP.", "", run_status},
    {"osc", "", "", "Bridge between OSC, over UDP or TCP, and a router.", "", run_protocol},
    {"mqtt", "", "", "Bridge between an MQTT broker, 3.1.1 or 5, and a router.", "", run_protocol},
    {"http", "", "", "The HTTP interface at a port of its own; or polls and webhooks: other HTTP servers, and a router.", "", run_protocol},
    {"socketio", "", "", "Bridge between Socket.IO, as a server or a client, and a router.", "", run_protocol},
    {"websocket", "", "", "Bridge between JSON over WebSocket, as a server or a client, and a router.", "", run_protocol},
    {"bridge", "", "PROTOCOL", "Any of these bridges; clasp bridge list shows those of a router.", "", run_bridge_command},
    {"journal", "", "WHAT [ARGUMENT]", "What a router's journal has kept, over HTTP.",
     "query [PATTERN], since SEQ, latest, snapshot. The router runs with --http and --journal or --journal-memory (docs/journal.md).", run_journal},
    {"map", "", "test FILE ADDRESS VALUE", "Show step by step what the mappings of a file do to one value.",
     "FILE is TOML with [[mapping]], JSON or lines (docs/mapping.md), or a mapping itself. ADDRESS is the device's (osc:/fader/1) or, with\n"
     "clasp: in front or --out, the router's. VALUE as in clasp set. Nothing is sent anywhere.",
     run_map},
    {"transform", "", "test", "Show what a transform makes of a value.",
     "The transform is JSON or an expression (docs/transforms.md): clasp transform test --spec 'value * 2' --input 3. Exit code 1 if the value is\n"
     "dropped. With --count the value is sent through several times, 10 ms apart, for transforms that remember.",
     run_transform},
    {"rules", "", "WHAT [ARGUMENT...]", "Rules: check them, try them, change those of a router.",
     "  validate FILE             whether a file of rules is valid (docs/rules.md)\n"
     "  test FILE ADDRESS VALUE   which rules a value sets off and why others not, without a router; exit code 1 if none\n"
     "  list                      the rules of a router\n"
     "  add FILE, remove ID, enable ID, disable ID   change them, where the router has --rules-runtime",
     run_rules},
    {"lens", "", "WHAT FILE", "Lenses, WASM modules that change values: check them, try them, measure them.",
     "  validate FILE   whether a file is a lens (docs/lenses.md)\n"
     "  info FILE       its exports, imports and memory\n"
     "  test FILE       what becomes of each --input JSON, as it stands: clasp lens test lowpass.wasm --input '{\"value\":0.5}'\n"
     "  run FILE        JSON a line from stdin, results a line to stdout\n"
     "  bench FILE      how long a call takes",
     run_lens},
    {"bench", "", "[SCENARIO...]", "How fast the router is on this machine.", "", run_bench_command},
    {"completion", "", "SHELL", "Print what makes bash, zsh or fish complete commands and options.",
     "bash: source <(clasp completion bash). zsh: source <(clasp completion zsh). fish: clasp completion fish | source.", run_completion},
    {"info", "", "", "What this program was built from, and what is in it.", "", run_info},
    {"version", "", "", "The version.", "", run_version},
};

}  // namespace

int main(int argc, char** argv) {
  exit_on_interrupt();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  Console console(stdout, stderr);
  return static_cast<int>(run_program(commands, arguments, console, [](const char* name) { return std::getenv(name); }, 0));
}
