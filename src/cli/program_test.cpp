#include "cli/program.hpp"

#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "cli/build_info.hpp"
#include "cli/cli_testing.hpp"
#include "cli/commands.hpp"

namespace clasp::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

ExitCode tell_arguments(const Invocation& call) {
  std::string line(call.command.name);
  for (const std::string& argument : call.arguments) line += " " + argument;
  call.console.result(line);
  return ExitCode::ok;
}

constexpr Command table[] = {
    {"watch", "sub", "[PATTERN]", "Print what changes.", "", tell_arguments},
    {"lock", "", "ADDRESS", "Lock a param.", "", tell_arguments},
};

class ProgramTest : public testing::Test {
 protected:
  ExitCode run(const std::vector<std::string>& arguments) {
    return run_program(table, arguments, captured_.console(), [](const char*) -> const char* { return nullptr; }, -1);
  }
  CapturedConsole captured_;
};

TEST_F(ProgramTest, RunsTheCommandWithWhatFollowsItsName) {
  EXPECT_EQ(run({"watch", "/a", "--json"}), ExitCode::ok);
  EXPECT_EQ(captured_.out(), "watch /a --json\n");
}

TEST_F(ProgramTest, KnowsTheOtherNameOfACommand) {
  EXPECT_EQ(run({"sub", "/a"}), ExitCode::ok);
  EXPECT_EQ(captured_.out(), "watch /a\n");
}

TEST_F(ProgramTest, WithoutArgumentsHelpsOnStderrAndFails) {
  EXPECT_EQ(run({}), ExitCode::usage);
  EXPECT_THAT(captured_.out(), IsEmpty());
  EXPECT_THAT(captured_.err(), HasSubstr("watch [PATTERN]  Print what changes. (also: sub)"));
}

TEST_F(ProgramTest, HelpThatWasAskedForIsAResult) {
  EXPECT_EQ(run({"--help"}), ExitCode::ok);
  EXPECT_THAT(captured_.out(), HasSubstr("lock ADDRESS"));
  EXPECT_THAT(captured_.err(), IsEmpty());
}

TEST_F(ProgramTest, HelpOfACommandIsTheCommandsOwn) {
  EXPECT_EQ(run({"help", "lock"}), ExitCode::ok);
  EXPECT_EQ(captured_.out(), "lock --help\n");
}

TEST_F(ProgramTest, AnUnknownCommandIsOneLineWithTheNearest) {
  EXPECT_EQ(run({"wacth"}), ExitCode::usage);
  EXPECT_EQ(captured_.err(), "clasp: unknown command wacth, did you mean watch?\n");
}

TEST_F(ProgramTest, OfTwoEquallyNearTheFirstIsMeant) {
  constexpr Command similar[] = {{"lock", "", "", "", "", tell_arguments}, {"osc", "", "", "", "", tell_arguments}};
  const std::vector<std::string> arguments{"lokc"};
  run_program(similar, arguments, captured_.console(), [](const char*) -> const char* { return nullptr; }, -1);
  EXPECT_EQ(captured_.err(), "clasp: unknown command lokc, did you mean lock?\n");
}

TEST_F(ProgramTest, AnUnknownCommandThatIsLikeNoneSaysWhereTheyAre) {
  EXPECT_EQ(run({"help", "transmogrify"}), ExitCode::usage);
  EXPECT_EQ(captured_.err(), "clasp: unknown command transmogrify; clasp help lists them\n");
}

TEST_F(ProgramTest, AnEmptyNameIsNotTheEmptyAlias) {
  EXPECT_EQ(run({""}), ExitCode::usage);
  EXPECT_THAT(captured_.err(), StartsWith("clasp: unknown command"));
}

TEST_F(ProgramTest, OptionsBeforeTheCommandAreExplained) {
  EXPECT_EQ(run({"--json", "watch"}), ExitCode::usage);
  EXPECT_THAT(captured_.err(), HasSubstr("options follow the command"));
}

TEST_F(ProgramTest, TellsItsVersion) {
  for (const char* flag : {"--version", "-V"}) EXPECT_EQ(run({flag}), ExitCode::ok);
  const std::string line = "clasp " + std::string(build_info().version) + "\n";
  EXPECT_EQ(captured_.out(), line + line);
}

TEST(Console, AResultThatCannotBeWrittenIsAFailure) {
  std::FILE* full = std::fopen("/dev/full", "w");
  ASSERT_NE(full, nullptr);
  std::FILE* err = std::tmpfile();
  Console console(full, err);
  const std::vector<std::string> arguments{"watch"};
  EXPECT_EQ(run_program(table, arguments, console, [](const char*) -> const char* { return nullptr; }, -1), ExitCode::failed);
  EXPECT_EQ(console.output_fault(), ENOSPC);
  for (const char* own : {"help", "--version"}) {
    Console other(full, err);
    const std::vector<std::string> asked{own};
    EXPECT_EQ(run_program(table, asked, other, [](const char*) -> const char* { return nullptr; }, -1), ExitCode::failed) << own;
  }
  std::fclose(full);
  std::fclose(err);
}

TEST(Console, AReaderThatHasGoneIsNone) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  close(ends[0]);
  const auto before = signal(SIGPIPE, SIG_IGN);
  std::FILE* out = fdopen(ends[1], "w");
  Console console(out, out);
  console.result("a line");
  EXPECT_TRUE(console.closed());
  EXPECT_EQ(console.output_fault(), 0);
  std::fclose(out);
  signal(SIGPIPE, before);
}

TEST(Console, StopsAtTheFirstLineThatNobodyTakes) {
  std::FILE* full = std::fopen("/dev/full", "w");
  ASSERT_NE(full, nullptr);
  Console console(full, full);
  EXPECT_FALSE(console.closed());
  console.result("a line");
  EXPECT_TRUE(console.closed());
  std::fclose(full);
}

TEST(Console, KeepsNotesToItselfWhenQuietButNotErrors) {
  CapturedConsole captured;
  captured.console().set_quiet(true);
  captured.console().note("by the way");
  captured.console().error("broken");
  EXPECT_EQ(captured.err(), "broken\n");
}

TEST(InfoCommand, NamesEveryFeatureAsBuiltOrMissing) {
  TestCall call({"info", "", "", "", "", run_info}, {"--json"});
  EXPECT_EQ(run_info(call.invocation()), ExitCode::ok);
  for (const Feature& feature : features()) EXPECT_THAT(call.captured.out(), HasSubstr("\"" + std::string(feature.name) + "\""));
  EXPECT_THAT(call.captured.out(), HasSubstr(R"("features":["websocket","tcp","http","osc")"));
}

}  // namespace
}  // namespace clasp::cli
