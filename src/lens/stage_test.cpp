// Instances by address, their bounds, and how values are handed over (lens specification, sections 3 and 12).
#include "lens/stage.hpp"

#include <gmock/gmock.h>

#include "core/json.hpp"
#include "lens/lens_testing.hpp"

namespace clasp::lens {
namespace {

using test::lens_text;
using testing::HasSubstr;

std::shared_ptr<Stage> stage_of(const std::string& text, StageSpec spec = {}) {
  auto made = Stage::make(test::module_of(text), std::move(spec));
  EXPECT_TRUE(made) << made.error().text();
  return made ? *made : nullptr;
}

std::string sent(Stage& stage, std::string_view address, const std::string& json, SteadyTime now = {}) {
  auto result = stage.apply(address, *parse_json(json), now);
  return result ? to_json(*result) : result.error().text();
}

std::string all_sent(Stage& stage, std::initializer_list<const char*> addresses) {
  std::string out;
  for (const char* address : addresses) out += sent(stage, address, "7");
  return out;
}

// Answers with how often it has been called, as {"value":N} with one digit, or bare.
std::string counter(bool wrapped, std::string_view more = "") {
  return lens_text(
      std::string(R"((global $count (mut i32) (i32.const 48)) (data (i32.const 16) ")") +
      (wrapped ? R"(\01\0b\00\00\00{\22value\22:0})" : R"(\01\01\00\00\000)") +
      R"(") (func (export "transform") (result i32) (drop (call $next)) (global.set $count (i32.add (global.get $count) (i32.const 1))) )" +
      std::string(more) + "(i32.store8 (i32.const " + (wrapped ? "30" : "21") + ") (global.get $count)) (i32.const 16))");
}

TEST(Stage, EachAddressHasAMemoryOfItsOwn) {
  const auto stage = stage_of(counter(true));
  EXPECT_EQ(sent(*stage, "/a", "7"), "1");
  EXPECT_EQ(sent(*stage, "/a", "7"), "2");
  EXPECT_EQ(sent(*stage, "/b", "7"), "1");
  EXPECT_EQ(sent(*stage, "/a", "7"), "3");
  EXPECT_EQ(stage->instances(), 2U);
  const auto shared = stage_of(counter(true), {.state = State::shared});
  EXPECT_EQ(all_sent(*shared, {"/a", "/b"}), "12");
  const auto none = stage_of(counter(true), {.state = State::none});
  EXPECT_EQ(all_sent(*none, {"/a", "/a"}), "11");
  EXPECT_EQ(none->instances(), 0U);
}

TEST(Stage, TheOneUnusedForLongestIsForgotten) {
  const auto stage = stage_of(counter(true), {.instances_max = 2});
  EXPECT_EQ(all_sent(*stage, {"/a", "/b", "/a"}), "112");
  EXPECT_EQ(sent(*stage, "/c", "7"), "1");  // b goes
  EXPECT_EQ(sent(*stage, "/a", "7"), "3");
  EXPECT_EQ(sent(*stage, "/b", "7"), "1");
  EXPECT_EQ(stage->instances(), 2U);
  EXPECT_EQ(stage->stats().forgotten, 2U);
  const auto small = stage_of(counter(true), {.instances_bytes_max = 3 * 65'536});
  for (int i = 0; i < 100; ++i) sent(*small, "/" + std::to_string(i), "7");
  EXPECT_EQ(small->instances(), 3U);
}

TEST(Stage, AfterATrapThereIsANewOne) {
  const auto stage = stage_of(counter(true, "(if (i32.eq (global.get $count) (i32.const 51)) (then unreachable))"));
  EXPECT_EQ(all_sent(*stage, {"/a", "/a"}), "12");
  EXPECT_THAT(sent(*stage, "/a", "7"), HasSubstr("unreachable"));
  EXPECT_EQ(stage->instances(), 0U);
  EXPECT_EQ(sent(*stage, "/a", "7"), "1");
  EXPECT_EQ(stage->stats().trapped, 1U);
  EXPECT_EQ(stage->stats().errors, 1U);
}

TEST(Stage, OneThatHadToBeStoppedRests) {
  const auto stage = stage_of(lens_text(R"((func (export "transform") (result i32) (local $p i32) (local.set $p (call $next))
    (if (i32.eq (i32.load8_u offset=14 (local.get $p)) (i32.const 0x39)) (then (loop $l (br $l)))) (local.get $p)))"),
                              {.limits = test::patient()});
  const SteadyTime begin{1'000'000'000};
  EXPECT_EQ(sent(*stage, "/a", "1", begin), "1");
  EXPECT_EQ(sent(*stage, "/a", "9", begin), "lens stopped: more than 10000000 instructions");
  EXPECT_EQ(sent(*stage, "/a", "1", begin), "lens stopped: it rests, for it was stopped a moment ago");
  EXPECT_EQ(sent(*stage, "/b", "1", begin), "lens stopped: it rests, for it was stopped a moment ago");
  EXPECT_EQ(sent(*stage, "/a", "1", begin + Micros{3'600'000'000}), "1");
  EXPECT_EQ(stage->stats().rested, 2U);
  EXPECT_EQ(stage->stats().calls, 3U);
}

TEST(Stage, OneThatLeaksIsRecycledBeforeItHasNoMemory) {
  // A page more with each call.
  const auto stage = stage_of(counter(true, "(drop (memory.grow (i32.const 1)))"), {.limits = {.memory_bytes = 8 * 65'536}});
  for (int i = 0; i < 60; ++i) EXPECT_EQ(sent(*stage, "/a", "7"), std::to_string(i % 6 + 1));
  EXPECT_EQ(stage->stats().recycled, 10U);
  EXPECT_EQ(stage->stats().trapped, 0U);
}

TEST(Stage, FindsOutWhetherTheModuleWantsItsValuesWrapped) {
  EXPECT_EQ(stage_of(counter(true))->spec().payload, Payload::wrapped);
  EXPECT_EQ(stage_of(test::identity())->spec().payload, Payload::wrapped);
  // Looks for a digit where a bare number has one, and knows nothing else.
  const std::string bare = lens_text(R"((func (export "transform") (result i32) (local $p i32) (local.set $p (call $next))
    (if (i32.eq (i32.load8_u offset=5 (local.get $p)) (i32.const 0x7b)) (then (i32.store8 (local.get $p) (i32.const 127)))) (local.get $p)))");
  EXPECT_EQ(stage_of(bare)->spec().payload, Payload::bare);
  EXPECT_EQ(sent(*stage_of(bare), "/a", "0.25"), "0.25");
  EXPECT_EQ(sent(*stage_of(bare, {.payload = Payload::wrapped}), "/a", "0.25"), "lens returned end of stream (no output)");
  EXPECT_EQ(stage_of(lens_text(R"((data (i32.const 16) "\7f") (func (export "transform") (result i32) (i32.const 16)))"))->spec().payload,
            Payload::wrapped)
      << "neither";
}

TEST(Stage, ValuesKeepTheirKinds) {
  for (const Payload payload : {Payload::wrapped, Payload::bare}) {
    const auto stage = stage_of(test::identity(), {.payload = payload});
    for (const char* json : {"1", "1.0", "-0.5", "1e300", "9223372036854775807", "true", "null", R"("a\"b\u00e9")", "[1,2.0,[]]", R"({"value":1})",
                             R"({"a":{"value":2}})", "{}", "\"\""})
      EXPECT_EQ(sent(*stage, "/a", json), to_json(*parse_json(json)));
  }
}

std::string unwrapped(std::string_view json) {
  const auto value = value_of({.kind = ItemKind::json, .payload = json, .bytes = 0}, Payload::wrapped);
  return value ? to_json(*value) : value.error().text();
}

TEST(Payload, AWrappedResultIsAnObjectWithAValue) {
  EXPECT_EQ(unwrapped(R"({"value":0.75})"), "0.75");
  EXPECT_EQ(unwrapped(R"({"value":1,"unit":"C"})"), "1");
  EXPECT_EQ(unwrapped(R"({"unit":"C","value":1})"), "1");
  EXPECT_EQ(unwrapped(R"( { "value" : [1] } )"), "[1]");
  EXPECT_EQ(unwrapped(R"({"value":{"a":1},"b":{"c":2}})"), R"({"a":1})");
  const std::string none = "JSON serialization error: the result is no object with a member \"value\"; see \"payload\"";
  for (const char* json : {"0.5", "{}", R"({"val":1})", "[1]"}) EXPECT_EQ(unwrapped(json), none) << json;
  for (const char* json : {"", "{", R"({"value":})", R"({"value":1}})", "{\"value\":\"\xff\"}", R"({"value":1)"})
    EXPECT_THAT(unwrapped(json), testing::StartsWith("JSON serialization error: ")) << json;
  EXPECT_THAT(unwrapped("{\"value\":" + std::string(30'000, '[') + std::string(30'000, ']') + "}"),
              testing::StartsWith("JSON serialization error: "));
}

TEST(Payload, NumbersAreReadAsTheJsonParserReadsThem) {
  for (const char* text : {"0",
                           "-0",
                           "7",
                           "-7",
                           "007",
                           "1.",
                           ".5",
                           "1.5",
                           "-0.0",
                           "1e3",
                           "1E+3",
                           "1e-3",
                           "1e",
                           "1e+",
                           "--1",
                           "+1",
                           "1.5.5",
                           "1e400",
                           "-1e400",
                           "1e-400",
                           "5e-324",
                           "9223372036854775807",
                           "9223372036854775808",
                           "-9223372036854775808",
                           "18446744073709551616",
                           "0.1",
                           "0.30000000000000004",
                           "inf",
                           "nan",
                           "0x10",
                           "1 ",
                           " 1",
                           "1_0"}) {
    const auto expected = parse_json(text);
    const std::string read = unwrapped("{\"value\":" + std::string(text) + "}");
    if (expected)
      EXPECT_EQ(read, to_json(*expected)) << text;
    else
      EXPECT_THAT(read, testing::StartsWith("JSON serialization error: ")) << text;
  }
}

TEST(Payload, WhatJsonCannotSayDoesNotFit) {
  const auto fits = [](const Value& value, BytesAs bytes = BytesAs::skip) {
    const EncodedValue encoded(value);
    EXPECT_EQ(fits_json(value, bytes), fits_json(encoded.view(), bytes));
    return fits_json(value, bytes);
  };
  EXPECT_TRUE(fits(1.5) && fits(1) && fits("x") && fits(nullptr) && fits(Array{1, Map{{"a", 2.0}}}));
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinite = std::numeric_limits<double>::infinity();
  EXPECT_FALSE(fits(nan) || fits(infinite) || fits(Array{1, nan}) || fits(Map{{"a", Array{infinite}}}));
  EXPECT_FALSE(fits(Blob{}) || fits(Array{Blob{}}) || fits(Map{{"$bytes", "AA=="}}));
  EXPECT_TRUE(fits(Blob{}, BytesAs::base64) && fits(Array{Blob{}}, BytesAs::base64));
  const auto stage = stage_of(test::identity(), {.bytes = BytesAs::base64});
  EXPECT_EQ(*stage->apply("/a", Value(Blob{std::byte{1}, std::byte{255}}), {}), Value(Blob{std::byte{1}, std::byte{255}}));
}

TEST(Stage, WhatIsWrongIsKnownWhenItIsMade) {
  const auto refused = [](const std::string& text, StageSpec spec) {
    const auto made = Stage::make(test::module_of(text), std::move(spec));
    return made ? "made" : made.error().text();
  };
  EXPECT_EQ(refused(test::identity(), {.direction = Direction::inverse}), "WASM module missing required export: inverse");
  const std::string strict =
      lens_text(R"((data (i32.const 16) "\ff\06\00\00\00no way") (func (export "set_param") (param i32) (result i32) (i32.const 16))
    (func (export "transform") (result i32) (call $next)))");
  EXPECT_EQ(refused(strict, {.params = "{}"}), "lens returned error: set_param: no way");
  EXPECT_EQ(refused(strict, {}), "made");
  const auto ignoring = stage_of(test::identity(), {.params = "{}"});
  ASSERT_EQ(ignoring->notes().size(), 1U);
  EXPECT_THAT(ignoring->notes()[0], HasSubstr("set_param"));
}

}  // namespace
}  // namespace clasp::lens
