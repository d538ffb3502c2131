#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>

#include "cli/cli_testing.hpp"
#include "cli/commands.hpp"

namespace clasp::cli {
namespace {

using testing::HasSubstr;

constexpr Command row{"rules", "", "WHAT [ARGUMENT...]", "", "", run_rules};

class RulesCommand : public testing::Test {
 protected:
  RulesCommand() : path_(testing::TempDir() + "clasp_rules_" + std::to_string(getpid()) + ".json") {}
  ~RulesCommand() override { unlink(path_.c_str()); }
  struct Ran {
    ExitCode code;
    std::string out;
    std::string err;
  };
  Ran run(std::string_view file, std::vector<std::string> arguments) {
    std::ofstream(path_) << file;
    for (std::string& argument : arguments) argument = argument == "FILE" ? path_ : argument;
    TestCall call(row, std::move(arguments));
    const ExitCode code = row.run(call.invocation());
    return {code, call.captured.out(), call.captured.err()};
  }
  std::string path_;
};

constexpr const char* door = R"([
  {"id":"hall","trigger":{"type":"on_change","pattern":"/sensors/door/*"},"conditions":[{"address":"/mode","op":"eq","value":"night"}],
   "actions":[{"type":"set","address":"/lights/hall","value":1},{"type":"delay","milliseconds":30000},{"type":"set","address":"/lights/hall","value":0}]},
  {"id":"log","trigger":{"type":"on_change","pattern":"/lights/**"},"actions":[{"type":"publish","address":"/log"}]},
  {"id":"tick","trigger":{"type":"on_interval","seconds":20},"actions":[{"type":"publish","address":"/tick"}]}])";

TEST_F(RulesCommand, TestShowsWhatFiresWhyTheOthersDoNotAndWhatFollows) {
  const Ran night = run(door, {"test", "FILE", "/sensors/door/motion", "true", "--state", "/mode=night"});
  EXPECT_EQ(night.code, ExitCode::ok) << night.err;
  EXPECT_EQ(night.out,
            "set /sensors/door/motion = true\n"
            "rule hall fires\n"
            "  hall sets /lights/hall = 1\n"
            "rule log fires\n"
            "  log publishes event /log\n"
            "rule tick does not fire: it is set off by time (--for)\n"
            "after 30 s:\n"
            "  hall sets /lights/hall = 0\n"
            "rule log fires\n"
            "  log publishes event /log\n");
  const Ran day = run(door, {"test", "FILE", "/sensors/door/motion", "true"});
  EXPECT_EQ(day.code, ExitCode::failed);
  EXPECT_THAT(day.out, HasSubstr("rule hall does not fire: condition 1 does not hold: /mode is not set, not eq \"night\"\n"
                                 "rule log does not fire: /sensors/door/motion is not in /lights/**\n"));
}

TEST_F(RulesCommand, TestGoesOnWithTimeAndTakesEvents) {
  const Ran timed = run(door, {"test", "FILE", "/x", "1", "--for", "45s"});
  EXPECT_THAT(timed.out, HasSubstr("after 20 s:\nrule tick fires\n  tick publishes event /tick\nafter 40 s:\n"));
  const Ran event = run(door, {"test", "FILE", "/lights/1", "1", "--event"});
  EXPECT_THAT(event.out, HasSubstr("rule log does not fire: it is set off by params, not events\n"));
  EXPECT_THAT(run(door, {"test", "FILE", "/x", "1", "--json"}).out, HasSubstr(R"({"address":"/x","value":1,"fired":false,"steps":["set /x = 1",)"));
}

TEST_F(RulesCommand, ValidateSaysWhatIsWrongAndWhere) {
  EXPECT_EQ(run(door, {"validate", "FILE"}).out, path_ + ": 3 rules, valid\n");
  const Ran bad = run("[\n{\"id\":\"a\",\n\"trigger\":{\"type\":\"on_change\"}}]", {"validate", "FILE"});
  EXPECT_EQ(bad.code, ExitCode::failed);
  EXPECT_THAT(bad.err, HasSubstr(path_ + ":3: rule \"a\": /trigger/pattern: missing"));
  const Ran json = run(R"({"name":"X","trigger":{"type":"on_change","address":"/a"},"actions":[{"type":"set","address":"/b","value":1}]})",
                       {"validate", "FILE", "--json"});
  EXPECT_EQ(json.out,
            "{\"id\":\"x\",\"name\":\"X\",\"enabled\":true,\"trigger\":{\"type\":\"on_change\",\"pattern\":\"/"
            "a\"},\"actions\":[{\"type\":\"set\",\"address\":\"/b\",\"value\":1}]}\n");
}

TEST_F(RulesCommand, SaysHowItIsUsed) {
  EXPECT_THAT(run("", {"check"}).err, HasSubstr("expected validate, test, list"));
  EXPECT_THAT(run("", {"test", "FILE"}).err, HasSubstr("usage: clasp rules test FILE ADDRESS VALUE"));
  EXPECT_THAT(run("", {"validate", "/no/such.json"}).err, HasSubstr("/no/such.json"));
  EXPECT_THAT(run(door, {"test", "FILE", "/x/*", "1"}).err, HasSubstr("/x/*"));
  EXPECT_THAT(run(door, {"test", "FILE", "/x", "1", "--state", "a"}).err, HasSubstr("expected ADDRESS=VALUE"));
}

}  // namespace
}  // namespace clasp::cli
