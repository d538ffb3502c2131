#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>

#include "cli/cli_testing.hpp"
#include "cli/commands.hpp"

namespace clasp::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr Command row{"lens", "", "WHAT FILE", "", "", run_lens};
const std::string folder = CLASP_LENSES;

class LensCommand : public testing::Test {
 protected:
  LensCommand() : path_(testing::TempDir() + "clasp_lens_" + std::to_string(getpid())) {}
  ~LensCommand() override { unlink(path_.c_str()); }
  struct Ran {
    int code;
    std::string out;
    std::string err;
  };
  static Ran run(std::vector<std::string> arguments, int input = -1) {
    TestCall call(row, std::move(arguments));
    Invocation invocation = call.invocation();
    invocation.input = input;
    const ExitCode code = row.run(invocation);
    return {static_cast<int>(code), call.captured.out(), call.captured.err()};
  }
  std::string file(std::string_view bytes) {
    std::ofstream(path_, std::ios::binary) << bytes;
    return path_;
  }
  std::string path_;
};

TEST_F(LensCommand, Validate) {
  const Ran ran = run({"validate", folder + "/lens_lowpass.wasm"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "OK " + folder + "/lens_lowpass.wasm is a valid lens module\n");
  const Ran missing = run({"validate", "/no/such.wasm"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_EQ(missing.err, "clasp lens: Failed to read: /no/such.wasm\n  caused by: No such file or directory\n");
  const std::string garbage = file("not a module");
  const Ran invalid = run({"validate", garbage});
  EXPECT_EQ(invalid.code, 1);
  EXPECT_THAT(invalid.err, StartsWith("clasp lens: Invalid WASM lens module: " + garbage + "\n  caused by: failed to compile WASM module: "));
  const Ran empty = run({"validate", file(std::string_view("\0asm\1\0\0\0", 8))});
  EXPECT_THAT(empty.err, HasSubstr("WASM module missing required export: alloc"));
}

TEST_F(LensCommand, Info) {
  const Ran ran = run({"info", folder + "/lens_scale.wasm"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, StartsWith("File: " + folder + "/lens_scale.wasm\nSize: "));
  for (const char* line : {" bytes\nRequired exports: alloc, transform\nHas inverse: yes\nTakes parameters: yes\nalloc takes: i64\nMemory: ",
                           "Import: lens.next () -> (i32)\n", "Export: alloc (i64) -> (i32)\n", "Export: inverse () -> (i32)\n"})
    EXPECT_THAT(ran.out, HasSubstr(line));
  EXPECT_THAT(run({"info", folder + "/lens_lowpass.wasm"}).out, HasSubstr("Has inverse: no\n"));
}

TEST_F(LensCommand, TestPrintsTheResultAsPeopleReadIt) {
  const std::string scale = folder + "/lens_scale.wasm";
  const Ran ran = run({"test", scale, "--input", R"({"value":0.25})", "--params", R"({"scale_factor":2,"offset":0.5})"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "{\n  \"value\": 1.0\n}\n");
  EXPECT_EQ(run({"test", scale, "--input", R"({"value":1})", "--params", R"({"scale_factor":2,"offset":0.5})", "--inverse"}).out,
            "{\n  \"value\": 0.25\n}\n");
  const Ran many = run({"test", folder + "/lens_lowpass.wasm", "--input", R"({"value":0})", "--input", R"({"value":1})"});
  EXPECT_EQ(many.out, "{\n  \"value\": 0.0\n}\n{\n  \"value\": 0.5\n}\n") << "the same instance";
}

TEST_F(LensCommand, WhatFailsIsToldWithItsCause) {
  const std::string lowpass = folder + "/lens_lowpass.wasm", scale = folder + "/lens_scale.wasm";
  const auto told = [](const Ran& ran) { return std::to_string(ran.code) + " " + ran.err; };
  EXPECT_THAT(told(run({"test", lowpass, "--input", "{"})), StartsWith("1 clasp lens: Failed to parse --input as JSON\n  caused by: "));
  EXPECT_THAT(told(run({"test", lowpass, "--input", "1", "--params", "{"})),
              StartsWith("1 clasp lens: Failed to parse --params as JSON\n  caused by: "));
  EXPECT_EQ(told(run({"test", lowpass, "--input", "0.5"})),
            "1 clasp lens: Forward transform failed\n  caused by: lens returned end of stream (no output)\n");
  EXPECT_EQ(told(run({"test", lowpass, "--input", "0.5", "--inverse"})),
            "1 clasp lens: Inverse transform failed\n  caused by: WASM module missing required export: inverse\n");
  EXPECT_EQ(told(run({"test", scale, "--input", "0.5"})),
            "1 clasp lens: Forward transform failed\n  caused by: lens returned error: invalid input JSON\n");
  EXPECT_EQ(told(run({"test", scale, "--input", "1", "--params", "{}"})),
            "1 clasp lens: Forward transform failed\n  caused by: lens returned error: set_param: invalid params JSON\n");
  EXPECT_EQ(told(run({"test", lowpass, "--input", R"({"value":1})", "--fuel", "100"})),
            "1 clasp lens: Forward transform failed\n  caused by: lens stopped: more than 100 instructions\n");
  EXPECT_EQ(run({"test", lowpass}).code, 2);
  EXPECT_EQ(run({"tset", lowpass}).code, 2);
}

TEST_F(LensCommand, RunIsAFilterOfLines) {
  const std::string lines = file("{\"value\":3}\n\n{\"value\":6}\nno\n{\"other\":1}\n{\"value\":9}\n");
  const int input = open(lines.c_str(), O_RDONLY);
  const Ran ran = run({"run", folder + "/lens_moving_average.wasm", "--params", R"({"window":2})"}, input);
  close(input);
  EXPECT_EQ(ran.out, "{\"value\":3.0}\n{\"value\":4.5}\n{\"value\":7.5}\n");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, StartsWith("clasp lens: Failed to parse line 4 as JSON\n"));
}

TEST_F(LensCommand, Bench) {
  const Ran ran = run({"bench", folder + "/lens_lowpass.wasm", "--count", "100"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, StartsWith("100 calls in "));
}

TEST(LensModules, AreThereForTransformsAndMappings) {
  constexpr Command transform_row{"transform", "", "test", "", "", run_transform}, map_row{"map", "", "test FILE ADDRESS VALUE", "", "", run_map};
  const std::string scale = "double=" + folder + "/lens_scale.wasm",
                    spec = R"({"type":"wasm","module_id":"double","params":{"scale_factor":2,"offset":0}})";
  TestCall there(transform_row, {"test", "--lens-module", scale, "--spec", spec, "--input", "3"});
  EXPECT_EQ(transform_row.run(there.invocation()), ExitCode::ok) << there.captured.err();
  EXPECT_EQ(there.captured.out(), "6.0\n");
  TestCall back(transform_row, {"test", "--lens-module", scale, "--spec", spec, "--inverse", "--input", "3"});
  EXPECT_EQ(transform_row.run(back.invocation()), ExitCode::ok) << back.captured.err();
  EXPECT_EQ(back.captured.out(), "1.5\n");
  TestCall mapped(map_row, {"test", "osc:/fader <-> /light | json " + spec, "clasp:/light", "3", "--lens-module", scale});
  EXPECT_EQ(map_row.run(mapped.invocation()), ExitCode::ok) << mapped.captured.err();
  EXPECT_THAT(mapped.captured.out(), HasSubstr("= /fader 1.5"));
  TestCall missing(transform_row, {"test", "--lens-module", "double=/no/such.wasm", "--spec", spec, "--input", "3"});
  EXPECT_EQ(transform_row.run(missing.invocation()), ExitCode::failed);
  EXPECT_THAT(missing.captured.err(), HasSubstr("module double: Failed to read WASM lens: /no/such.wasm"));
}

}  // namespace
}  // namespace clasp::cli
