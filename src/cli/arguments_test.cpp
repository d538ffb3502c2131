#include "cli/arguments.hpp"

#include <gmock/gmock.h>

#include "cli/cli_testing.hpp"
#include "cli/client_flags.hpp"
#include "cli/commands.hpp"
#include "cli/subscription_flags.hpp"

namespace clasp::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr Command set_row{"set", "", "ADDRESS VALUE", "Set a param.", "More about it.", run_set};

TEST(Positional, IsCountedFromTheCommandsRow) {
  const auto count = [](std::string_view text) {
    const PositionalCount counted = count_positional(text);
    return std::pair(counted.min, counted.max);
  };
  using Max = std::optional<std::size_t>;
  EXPECT_EQ(count(""), std::pair(std::size_t{0}, Max{0}));
  EXPECT_EQ(count("ADDRESS VALUE"), std::pair(std::size_t{2}, Max{2}));
  EXPECT_EQ(count("ADDRESS ID PHASE [VALUE]"), std::pair(std::size_t{3}, Max{4}));
  EXPECT_EQ(count("ADDRESS [VALUE...]"), std::pair(std::size_t{1}, Max{}));
}

TEST(Arguments, ANegativeNumberIsAValue) {
  TestCall call(set_row, {"/a", "-5"});
  ClientFlags flags;
  EXPECT_THAT(read_client_arguments(call.invocation(), flags).positional, ElementsAre("/a", "-5"));
}

TEST(Arguments, BehindTwoDashesEverythingIsAValue) {
  TestCall call(set_row, {"/a", "--", "--json"});
  ClientFlags flags;
  EXPECT_THAT(read_client_arguments(call.invocation(), flags).positional, ElementsAre("/a", "--json"));
  EXPECT_FALSE(flags.json);
}

TEST(Arguments, WhatIsMissingIsNamed) {
  TestCall call(set_row, {"/a"});
  ClientFlags flags;
  EXPECT_EQ(read_client_arguments(call.invocation(), flags).exit, ExitCode::usage);
  EXPECT_EQ(call.captured.err(), "clasp set: VALUE is missing (usage: clasp set [options] ADDRESS VALUE)\n");
}

TEST(Arguments, WhatIsTooMuchIsNamed) {
  TestCall call(set_row, {"/a", "1", "2"});
  ClientFlags flags;
  EXPECT_EQ(read_client_arguments(call.invocation(), flags).exit, ExitCode::usage);
  EXPECT_THAT(call.captured.err(), StartsWith("clasp set: unexpected argument \"2\""));
}

TEST(Arguments, HelpComesEvenIfTheRestIsWrong) {
  TestCall call(set_row, {"--help"}, {{"CLASP_TIMEOUT", "soon"}});
  ClientFlags flags;
  EXPECT_EQ(read_client_arguments(call.invocation(), flags).exit, ExitCode::ok);
  EXPECT_THAT(call.captured.out(), StartsWith("usage: clasp set [options] ADDRESS VALUE\n\nSet a param.\nMore about it.\n\noptions:\n"));
  EXPECT_THAT(call.captured.err(), IsEmpty());
}

TEST(ClientFlags, FlagsWinOverTheEnvironment) {
  TestCall call(set_row, {"/a", "1", "--token=mine"}, {{"CLASP_URL", "tcp://desk:7000"}, {"CLASP_TOKEN", "theirs"}, {"CLASP_TIMEOUT", "250ms"}});
  ClientFlags flags;
  EXPECT_EQ(read_client_arguments(call.invocation(), flags).exit, std::nullopt);
  EXPECT_EQ(flags.url, "tcp://desk:7000");
  EXPECT_EQ(flags.token, "mine");
  EXPECT_EQ(flags.timeout, std::chrono::milliseconds{250});

  TestCall given(set_row, {"/a", "1", "-s", "ws://other:1"}, {{"CLASP_URL", "tcp://desk:7000"}});
  ClientFlags other;
  EXPECT_EQ(read_client_arguments(given.invocation(), other).exit, std::nullopt);
  EXPECT_EQ(other.url, "ws://other:1");
}

TEST(ClientFlags, ACommandsOwnOptionsAreNotTakenFromTheEnvironment) {
  std::uint64_t count = 0;
  TestCall call(set_row, {"/a", "1"}, {{"CLASP_COUNT", "7"}, {"CLASP_JSON", "true"}});
  ClientFlags flags;
  EXPECT_EQ(read_client_arguments(call.invocation(), flags, {{.name = "count", .value = "N", .apply = apply_count(count, 1, 9)}}).exit, std::nullopt);
  EXPECT_EQ(count, 0u);
  EXPECT_FALSE(flags.json);
}

TEST(ClientFlags, InsecureSaysThatThereIsNoTls) {
  TestCall call(set_row, {"/a", "1", "--insecure"});
  ClientFlags flags;
  EXPECT_EQ(read_client_arguments(call.invocation(), flags).exit, ExitCode::usage);
  EXPECT_THAT(call.captured.err(), HasSubstr("built without TLS"));
}

// Everything here must be refused before anything is connected: the URL leads nowhere.
struct Mistake {
  std::string name;
  Command command;
  std::vector<std::string> arguments;
  std::string message;
};

class UsageMistake : public testing::TestWithParam<Mistake> {};

TEST_P(UsageMistake, IsOneLineAndExitCode2) {
  Mistake mistake = GetParam();
  TestCall call(mistake.command, mistake.arguments, {{"CLASP_URL", "ws://127.0.0.1:1"}});
  EXPECT_EQ(mistake.command.run(call.invocation()), ExitCode::usage);
  EXPECT_THAT(call.captured.err(), HasSubstr(mistake.message));
  EXPECT_EQ(std::ranges::count(call.captured.err(), '\n'), 1);
  EXPECT_THAT(call.captured.out(), IsEmpty());
}

constexpr Command get_row{"get", "", "ADDRESS", "", "", run_get};
constexpr Command emit_row{"emit", "pub", "ADDRESS [VALUE]", "", "", run_emit};
constexpr Command stream_row{"stream", "", "ADDRESS [VALUE...]", "", "", run_stream};
constexpr Command gesture_row{"gesture", "", "ADDRESS ID PHASE [VALUE]", "", "", run_gesture};
constexpr Command timeline_row{"timeline", "", "ADDRESS", "", "", run_timeline};
constexpr Command bundle_row{"bundle", "", "FILE", "", "", run_bundle};
constexpr Command watch_row{"watch", "sub", "[PATTERN]", "", "", run_watch};
constexpr Command monitor_row{"monitor", "", "[PATTERN]", "", "", run_monitor};
constexpr Command query_row{"query", "", "[PATTERN]", "", "", run_query};
constexpr Command lock_row{"lock", "", "ADDRESS", "", "", run_lock};
constexpr Command ping_row{"ping", "", "", "", "", run_ping};
constexpr Command status_row{"status", "", "", "", "", run_status};

INSTANTIATE_TEST_SUITE_P(
    Commands, UsageMistake,
    testing::Values(Mistake{"set_pattern", set_row, {"/a/*", "1"}, "/a/*"},
                    Mistake{"set_type", set_row, {"/a", "1", "--type", "double"}, "--type: expected one of"},
                    Mistake{"set_value", set_row, {"/a", "x", "--type", "int"}, "VALUE: expected a whole number"},
                    Mistake{"set_locks", set_row, {"/a", "1", "--lock", "--unlock"}, "exclude each other"},
                    Mistake{"set_ttl", set_row, {"/a", "1", "--ttl", "1500ms"}, "whole seconds"},
                    Mistake{"set_absolute", set_row, {"/a", "1", "--absolute"}, "--absolute needs --ttl"},
                    Mistake{"set_qos", set_row, {"/a", "1", "--qos", "3"}, "--qos: expected a whole number from 0 to 2"},
                    Mistake{"get_address", get_row, {"a"}, "clasp get: "}, Mistake{"get_url", get_row, {"/a", "-s", "wss://host"}, "wss"},
                    Mistake{"emit_signal", emit_row, {"/a", "1", "--signal", "gesture"}, "expected one of: event, stream, param"},
                    Mistake{"stream_rate", stream_row, {"/a", "1", "--rate", "0"}, "--rate: expected a number"},
                    Mistake{"stream_value", stream_row, {"/a", "1", "x", "-t", "float"}, "VALUE 2: expected a number"},
                    Mistake{"gesture_id", gesture_row, {"/a", "x", "start"}, "ID: expected a whole number"},
                    Mistake{"gesture_phase", gesture_row, {"/a", "1", "begin"}, "PHASE: expected one of: start, move, end, cancel"},
                    Mistake{"timeline_file", timeline_row, {"/a"}, "--keyframes FILE is missing"},
                    Mistake{"bundle_at", bundle_row, {"-", "--at", "tomorrow"}, "--at: expected a delay"},
                    Mistake{"watch_pattern", watch_row, {"a"}, "clasp watch: "},
                    Mistake{"watch_types", watch_row, {"--types", "param,fader"}, "\"fader\" is no signal type"},
                    Mistake{"watch_count", watch_row, {"--count", "0"}, "--count: expected"},
                    Mistake{"watch_epsilon", watch_row, {"--epsilon", "-1"}, "--epsilon: expected a number"},
                    Mistake{"monitor_interval", monitor_row, {"--interval", "1ms"}, "--interval: expected a time"},
                    Mistake{"query_pattern", query_row, {"/a//b"}, "empty segment"}, Mistake{"lock_pattern", lock_row, {"/**"}, "/**"},
                    Mistake{"ping_count", ping_row, {"-c", "x"}, "-c: expected"}, Mistake{"status_url", status_row, {"-s", "quic://h"}, "quic"}),
    [](const auto& test) { return test.param.name; });

TEST(Commands, SayThatThereIsNoRouterWithExitCode3) {
  // Port 1 of the loopback refuses at once: nobody listens there.
  for (const Command& command : {get_row, lock_row}) {
    TestCall call(command, {"/a"}, {{"CLASP_URL", "ws://127.0.0.1:1"}});
    EXPECT_EQ(command.run(call.invocation()), ExitCode::connection_failed) << command.name;
    EXPECT_THAT(call.captured.err(), StartsWith("clasp " + std::string(command.name) + ": ")) << command.name;
  }
  for (const Command& command : {watch_row, monitor_row, query_row, ping_row, status_row}) {
    TestCall call(command, {}, {{"CLASP_URL", "ws://127.0.0.1:1"}});
    EXPECT_EQ(command.run(call.invocation()), ExitCode::connection_failed) << command.name;
  }
}

TEST(Commands, NameTheFileThatCannotBeRead) {
  TestCall call(bundle_row, {"/nowhere/scene.json"});
  EXPECT_EQ(run_bundle(call.invocation()), ExitCode::failed);
  EXPECT_EQ(call.captured.err(), "clasp bundle: cannot open /nowhere/scene.json: No such file or directory\n");
}

TEST(SignalList, NamesTheFirstWrongOne) {
  EXPECT_THAT(*parse_signal_list("param,gesture"), ElementsAre(Signal::param, Signal::gesture));
  EXPECT_THAT(parse_signal_list("param,").error().message, HasSubstr("\"\" is no signal type"));
}

}  // namespace
}  // namespace clasp::cli
