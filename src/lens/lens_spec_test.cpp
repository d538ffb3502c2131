// How lenses are written down (lens specification, sections 4, 6.1, 12).
#include "lens/lens_spec.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "core/json.hpp"
#include "lens/lens_file.hpp"
#include "lens/module_set.hpp"

namespace clasp::lens {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string told(std::string_view text) {
  std::vector<LensTable> tables;
  const auto read = read_lenses(text, "l.json", tables);
  if (!read) return read.error().message;
  std::string out;
  for (const LensTable& table : tables) {
    const auto plan = read_lens(table);
    out += plan ? fmt::format("{} {} {};", plan->address.text(), plan->name, plan->stages.size()) : plan.error().message;
  }
  return out;
}
LensPlan plan_of(std::string_view json) {
  auto plan = read_lens({*parse_json(json), "l.json:1: lens 1"});
  EXPECT_TRUE(plan) << plan.error().message;
  return plan ? *plan : LensPlan{.address = *Pattern::parse("/**"), .stages = {}, .name = {}, .where = {}, .notes = {}};
}

TEST(LensFile, AsTheReferenceHasIt) {
  EXPECT_EQ(told("[]"), "");
  EXPECT_EQ(told(R"([{"address":"/sensors/*/temp","wasm":"/opt/lenses/lens_lowpass.wasm","params":{"alpha":0.3}},
                    {"address":"/audio/**","wasm":"gain.wasm","params":null}, {"address":"/b","wasm":"x.wasm"}])"),
            "/sensors/*/temp lens_lowpass.wasm 1;/audio/** gain.wasm 1;/b x.wasm 1;");
  const LensPlan plan = plan_of(R"({"address":"/a","wasm":"x.wasm","params":null})");
  EXPECT_EQ(std::get<StageSpec>(plan.stages[0]), StageSpec{.file = "x.wasm"});
  EXPECT_TRUE(plan.on_error == OnError::pass && !plan.null_ok && plan.signals.has(SignalType::param) && !plan.signals.has(SignalType::event));
}

TEST(LensFile, EveryMember) {
  const LensPlan plan =
      plan_of(R"({"address":"/a/**","wasm":"m/gain.wasm","params":{"g":2},"inverse":true,"payload":"bare","bytes":"base64","state":"shared",
    "on_error":"reject","null_ok":true,"signals":["param","event","stream"],"name":"gain","chain":true,"comment":"x",
    "limits":{"fuel":5000,"ms":20,"memory_mb":4,"output_kb":8,"instances":7,"instances_mb":64}})");
  const StageSpec wanted{.file = "m/gain.wasm",
                         .params = R"({"g":2})",
                         .direction = Direction::inverse,
                         .payload = Payload::bare,
                         .bytes = BytesAs::base64,
                         .state = State::shared,
                         .limits = {.fuel = 5'000, .milliseconds = 20, .memory_bytes = 4 << 20, .output_bytes = 8 << 10},
                         .instances_max = 7,
                         .instances_bytes_max = 64 << 20};
  EXPECT_EQ(std::get<StageSpec>(plan.stages[0]), wanted);
  EXPECT_TRUE(plan.on_error == OnError::reject && plan.null_ok && plan.goes_on && plan.name == "gain" && plan.notes.empty());
  EXPECT_TRUE(plan.signals.has(SignalType::stream) && !plan.signals.has(SignalType::gesture));
  EXPECT_EQ(std::get<StageSpec>(plan_of(R"({"address":"/a","wasm":"x","format":"wrapped"})").stages[0]).payload, Payload::wrapped);
}

TEST(LensFile, StagesInARow) {
  const LensPlan plan = plan_of(R"({"address":"/a","state":"none","chain":[{"wasm":"a.wasm","params":{"x":1}},{"wasm":"b.wasm","inverse":true},
    {"builtin":"lowpass","params":{"alpha":0.5}},{"transform":{"type":"clamp","min":0,"max":1}},{"lens_file":"more.json"}]})");
  EXPECT_EQ(plan.name, "a.wasm+b.wasm+lowpass+clamp+more.json");
  EXPECT_EQ(plan_of(R"({"address":"/a","wasm":"folder/"})").name, "folder/") << "a lens is never without a name";
  ASSERT_EQ(plan.stages.size(), 5U);
  EXPECT_EQ(std::get<StageSpec>(plan.stages[1]), (StageSpec{.file = "b.wasm", .direction = Direction::inverse, .state = State::none}));
  EXPECT_EQ(to_json(std::get<NativeStage>(plan.stages[2]).spec), R"({"type":"wasm","module_id":"lowpass","params":{"alpha":0.5}})");
  EXPECT_EQ(std::get<LensFileStage>(plan.stages[4]).path, "more.json");
}

TEST(LensFile, LensVm) {
  constexpr std::string_view stages =
      R"([{"path":"file:///opt/lenses/rename.wasm","arguments":{"src":"a","dst":"b"}},{"path":"s.wasm","inverse":true,"arguments":{}}])";
  EXPECT_EQ(told(fmt::format(R"({{"lenses":{}}})", stages)), "/** rename.wasm+s.wasm 2;");
  EXPECT_EQ(told(fmt::format(R"({{"address":"/s/**","payload":"bare","lenses":{}}})", stages)), "/s/** rename.wasm+s.wasm 2;");
  const auto read = read_lensvm_stages(*parse_json(fmt::format(R"({{"lenses":{}}})", stages)), {.payload = Payload::bare}, "f.json");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ((*read)[0], (StageSpec{.file = "/opt/lenses/rename.wasm", .params = R"({"src":"a","dst":"b"})", .payload = Payload::bare}));
  EXPECT_EQ((*read)[1], (StageSpec{.file = "s.wasm", .direction = Direction::inverse, .payload = Payload::bare}));
  const auto foreign = read_lensvm_stages(*parse_json(R"({"lenses":[{"path":"https://example.org/x.wasm"}]})"), {}, "f.json");
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().message, "f.json: /lenses/0/path: modules are read from files only: file:///…, or a path");
  EXPECT_EQ(told(R"({"lenses":[{"address":"/a","wasm":"x.wasm"}]})"), "/a x.wasm 1;") << "an object around ordinary lenses";
}

TEST(LensFile, MistakesNamePlaceAndMember) {
  const std::pair<const char*, const char*> mistakes[] = {
      {"", "Failed to parse lenses JSON from l.json: "},
      {"{}", "Failed to parse lenses JSON from l.json: expected an array of lenses, or an object with \"lenses\""},
      {"[{\n", "Failed to parse lenses JSON from l.json: l.json:2: "},
      {"[\n1]", "Failed to parse lenses JSON from l.json: l.json:2: lens 1: expected an object"},
      {R"([{"address":"/a"}])", "Failed to parse lenses JSON from l.json: l.json:1: lens 1: /wasm: missing; "},
      {R"([{"wasm":"x"}])", "Failed to parse lenses JSON from l.json: l.json:1: lens 1: /address: missing; a pattern of addresses is needed"},
      {R"([{"address":"a","wasm":"x"}])", "Failed to parse lenses JSON from l.json: l.json:1: lens 1: /address: "},
      {R"([{"address":"/a","wasm":"x","builtin":"lowpass"}])", "Failed to parse lenses JSON from l.json: l.json:1: lens 1: /wasm: one of these only"},
      {R"([{"address":"/a","builtin":"low"}])",
       "Failed to parse lenses JSON from l.json: l.json:1: lens 1: /builtin: expected one of: lowpass, hysteresis, moving-average"},
      {R"([{"address":"/a","wasm":"x","payload":"raw"}])",
       "Failed to parse lenses JSON from l.json: l.json:1: lens 1: /payload: expected one of: auto, wrapped, bare"},
      {R"([{"address":"/a","wasm":"x","limits":{"fuel":1}}])",
       "Failed to parse lenses JSON from l.json: l.json:1: lens 1: /limits/fuel: expected a number from 100 to "},
      {R"([{"address":"/a","wasm":"x","signals":["set"]}])",
       "Failed to parse lenses JSON from l.json: l.json:1: lens 1: /signals: expected some of: param, "},
      {R"([{"address":"/a","chain":[]}])", "Failed to parse lenses JSON from l.json: l.json:1: lens 1: /chain: expected 1 to 16 stages"},
      {R"([{"address":"/a","chain":[{"wasm":"x"},{"wasm":1}]}])",
       "Failed to parse lenses JSON from l.json: l.json:1: lens 1: /chain/1/wasm: expected a text"},
      {R"([{"address":"/a","wasm":"x","chain":[{"wasm":"y"}]}])",
       "Failed to parse lenses JSON from l.json: l.json:1: lens 1: /wasm: either this or an array in \"chain\""},
      {R"({"lenses":[{"path":1}]})", "Failed to parse lenses JSON from l.json: l.json: /lenses/0/path: expected a text"},
  };
  for (const auto& [text, message] : mistakes) EXPECT_THAT(told(text), StartsWith(message)) << text;
}

TEST(LensFile, WhatNobodyKnowsIsIgnoredAndTold) {
  const LensPlan plan = plan_of(R"({"address":"/a","wasm":"x","adress":"/b"})");
  ASSERT_EQ(plan.notes.size(), 1U);
  EXPECT_EQ(plan.notes[0], "l.json:1: lens 1: /adress: ignored, a lens has no such member");
}

TEST(ModuleFiles, AreNameAndFile) {
  ModuleFiles files;
  EXPECT_TRUE(add_module_file("gain=/opt/gain.wasm", files));
  EXPECT_EQ(files["gain"], "/opt/gain.wasm");
  for (const char* text : {"gain", "=x", "gain=", ""}) EXPECT_FALSE(add_module_file(text, files)) << text;
}

}  // namespace
}  // namespace clasp::lens
