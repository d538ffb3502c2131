#include <gmock/gmock.h>

#include "cli/cli_testing.hpp"
#include "cli/commands.hpp"

namespace clasp::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr Command map_row{"map", "", "test FILE ADDRESS VALUE", "", "", run_map};
constexpr Command transform_row{"transform", "", "test", "", "", run_transform};

struct Ran {
  ExitCode code;
  std::string out;
  std::string err;
};
Ran run(const Command& row, std::vector<std::string> arguments) {
  TestCall call(row, std::move(arguments));
  const ExitCode code = row.run(call.invocation());
  return {code, call.captured.out(), call.captured.err()};
}

constexpr const char* bank = "osc:/fader/{1..8} <-> /lights/{n}/dim | scale 0..1 0..255 | clamp 0 255";

TEST(MapCommand, ShowsEachStepOfAValueInBothDirections) {
  const Ran in = run(map_row, {"test", bank, "osc:/fader/3", "0.5"});
  EXPECT_EQ(in.code, ExitCode::ok) << in.err;
  EXPECT_THAT(in.out, StartsWith("mapping: mapping 1: /fader/{1..8} -> /lights/{n}/dim\n"));
  EXPECT_THAT(in.out, HasSubstr(R"("type":"scale")"));
  EXPECT_THAT(in.out, HasSubstr("  = /lights/3/dim 127.5\n"));
  const Ran out = run(map_row, {"test", bank, "clasp:/lights/3/dim", "51"});
  EXPECT_THAT(out.out, HasSubstr("  = /fader/3 0.2\n"));
  EXPECT_EQ(run(map_row, {"test", bank, "/lights/3/dim", "51", "--out"}).out, out.out);
}

TEST(MapCommand, FailsWhereNoMappingHasTheAddress) {
  const Ran none = run(map_row, {"test", bank, "osc:/fader/9", "0.5"});
  EXPECT_EQ(none.code, ExitCode::failed);
  EXPECT_EQ(none.out, "no mapping has this address: it passes as it is\n");
}

TEST(MapCommand, GivesJson) {
  const Ran in = run(map_row, {"test", "osc:/a -> /b", "osc:/a", "1", "--json"});
  EXPECT_EQ(in.out, R"({"direction":"in","address":"/a","mapped":true,"steps":["mapping: mapping 1: /a -> /b","  = /b 1"]})"
                    "\n");
}

TEST(MapCommand, SaysWhatIsWrong) {
  EXPECT_THAT(run(map_row, {"check", bank, "/a", "1"}).err, HasSubstr("expected test, not \"check\""));
  EXPECT_THAT(run(map_row, {"test", bank, "fader", "1"}).err, HasSubstr("expected an address, not \"fader\""));
  EXPECT_THAT(run(map_row, {"test", "/no/such/file.map", "/a", "1"}).err, HasSubstr("/no/such/file.map"));
  const Ran faulty = run(map_row, {"test", "osc:/a -> /b | scael 1", "/a", "1"});
  EXPECT_EQ(faulty.code, ExitCode::failed);
  EXPECT_THAT(faulty.err, HasSubstr("mapping 1: column 16: there is no step \"scael\""));
}

TEST(TransformCommand, PrintsWhatBecomesOfTheValue) {
  EXPECT_EQ(run(transform_row, {"test", "--spec", "value * 2", "--input", "3"}).out, "6.0\n");
  EXPECT_EQ(run(transform_row, {"test", "--spec", R"({"type":"smooth","factor":0.5})", "--input", "1", "--count", "2"}).out, "1.0\n1.0\n");
  EXPECT_EQ(run(transform_row, {"test", "--spec", R"("index")", "--input", "1", "--count", "3"}).out, "0.0\n1.0\n2.0\n");
  EXPECT_EQ(
      run(transform_row, {"test", "--spec", R"({"type":"scale","from_min":0,"from_max":1,"to_min":0,"to_max":10})", "--inverse", "--input", "5"}).out,
      "0.5\n");
}

TEST(TransformCommand, ShowsTheStepsOfAChainAsJson) {
  const Ran chain = run(transform_row, {"test", "--json", "--spec", R"({"type":"chain","transforms":["value * 2","negate"]})", "--input", "3"});
  EXPECT_EQ(
      chain.out,
      R"({"input":3,"outcome":"value","value":-6.0,"steps":[{"transform":{"type":"expression","expr":"value * 2"},"outcome":"value","value":6.0},)"
      R"({"transform":{"type":"negate"},"outcome":"value","value":-6.0}]})"
      "\n");
}

TEST(TransformCommand, ADroppedValueIsAFailure) {
  const Ran dropped = run(transform_row, {"test", "--spec", "1 / 0.0", "--input", "3"});
  EXPECT_EQ(dropped.code, ExitCode::failed);
  EXPECT_EQ(dropped.out, "dropped\n");
}

TEST(TransformCommand, SaysWhatIsWrong) {
  EXPECT_THAT(run(transform_row, {"test", "--input", "3"}).err, HasSubstr("--spec is missing"));
  EXPECT_THAT(run(transform_row, {"test", "--spec", "value"}).err, HasSubstr("--input is missing"));
  EXPECT_THAT(run(transform_row, {"test", "--spec", R"({"type":"clamp","min":0})", "--input", "3"}).err,
              HasSubstr("/max: missing; a number is needed"));
  EXPECT_THAT(run(transform_row, {"test", "--spec", "value *", "--input", "3"}).err, HasSubstr("byte 7: it ends where a value was expected"));
  EXPECT_THAT(run(transform_row, {"test", "--spec", "random()", "--inverse", "--input", "3"}).err, HasSubstr("expression cannot be undone"));
  EXPECT_THAT(run(transform_row, {"test", "--spec", "1 / 0", "--input", "3"}).err, HasSubstr("division by zero"));
}

TEST(OscCommand, RefusesMappingsThatMakeNoSense) {
  constexpr Command osc_row{"osc", "", "", "", "", run_protocol};
  EXPECT_THAT(run(osc_row, {"--map", "/no/such.map"}).err, HasSubstr("/no/such.map"));
  EXPECT_THAT(run(osc_row, {"--map", "osc:/a -> b"}).err, HasSubstr("/to: b: byte 0: an address begins with /"));
}

}  // namespace
}  // namespace clasp::cli
