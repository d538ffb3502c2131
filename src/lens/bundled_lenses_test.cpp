// The bundled lenses as modules and as what is built in: the same vectors, the same results (lens specification, section 5); and the lens "scale" of
// the tests.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <sstream>

#include "core/json.hpp"
#include "lens/lens_testing.hpp"
#include "lens/module_shelf.hpp"
#include "lens/stage.hpp"
#include "transform/transform.hpp"

namespace clasp::lens {
namespace {

std::shared_ptr<const Module> bundled(const std::string& name) {
  static ModuleShelf shelf;
  auto module = shelf.module(fmt::format("{}/lens_{}.wasm", CLASP_LENSES, name));
  EXPECT_TRUE(module) << module.error().message;
  return module ? *module : nullptr;
}

struct Vector {
  const char* name;
  const char* file;
  const char* params;
  const char* inputs;
  const char* outputs;
};
constexpr Vector vectors[] = {
    {"lowpass", "lowpass", R"({"alpha":0.5})", "0 1 1 1", "0.0 0.5 0.75 0.875"},
    {"lowpass", "lowpass", R"({"alpha":0.9})", "10 0", "10.0 9.0"},
    {"lowpass", "lowpass", R"({"alpha":0})", "3 7", "3.0 7.0"},
    {"lowpass", "lowpass", R"({"alpha":7})", "3 7", "3.0 3.0"},
    {"lowpass", "lowpass", R"({"alpha":-1,"unknown":{"a":[1,"]}"]}})", "3 7", "3.0 7.0"},
    {"lowpass", "lowpass", "", "0 1", "0.0 0.5"},
    {"hysteresis", "hysteresis", R"({"low":0.3,"high":0.7})", "0.5 0.7 0.5 0.31 0.3 0.69", "0.0 1.0 1.0 1.0 0.0 0.0"},
    {"hysteresis", "hysteresis", R"({"low":0.1})", "0.2 0.8 0.2", "0.0 1.0 0.0"},
    {"moving-average", "moving_average", R"({"window":3})", "3 6 9 12", "3.0 4.5 6.0 9.0"},
    {"moving-average", "moving_average", "", "1 2 3 4 5 6", "1.0 1.5 2.0 2.5 3.0 4.0"},
};

TEST(BundledLenses, GiveWhatTheSpecificationSaysAsModulesAndBuiltIn) {
  for (const Vector& vector : vectors) {
    auto stage = Stage::make(bundled(vector.file), {.params = *vector.params != '\0' ? std::optional<std::string>(vector.params) : std::nullopt});
    ASSERT_TRUE(stage) << stage.error().text();
    EXPECT_EQ((*stage)->spec().payload, Payload::wrapped);
    Map spec{{"type", "wasm"}, {"module_id", vector.name}};
    if (*vector.params != '\0') spec.emplace_back("params", *parse_json(vector.params));
    auto native = transform::Transform::compile(Value(spec));
    ASSERT_TRUE(native) << native.error().message;
    std::istringstream inputs(vector.inputs);
    std::string module_out, native_out;
    for (std::string input; inputs >> input;) {
      Value value = *parse_json(input);
      const auto result = (*stage)->apply("/a", value, {});
      module_out += (module_out.empty() ? "" : " ") + (result ? to_json(*result) : result.error().text());
      native->apply(value, "/a", {});
      native_out += (native_out.empty() ? "" : " ") + to_json(value);
    }
    EXPECT_EQ(module_out, vector.outputs) << vector.name << " " << vector.params;
    EXPECT_EQ(native_out, vector.outputs) << vector.name << " " << vector.params << " built in";
  }
}

std::string outputs(const std::string& name, std::initializer_list<const char*> inputs, const char* params = nullptr,
                    Direction direction = Direction::forward) {
  auto instance = Instance::create(bundled(name), test::patient(), params != nullptr ? std::optional<std::string_view>(params) : std::nullopt);
  if (!instance) return instance.error().text();
  std::string out;
  for (const char* input : inputs) out += (out.empty() ? "" : " ") + test::text_of((*instance)->run(direction, input));
  return out;
}

TEST(BundledLenses, WhatIsNoNumberIsTheEndOfTheStream) {
  for (const char* name : {"lowpass", "hysteresis", "moving_average"}) {
    for (const char* input : {"0.5", "null", R"({"value":"x"})", R"({"val":1})", "{}", "[]", "[1,2]", R"({"value":null})", R"({"value":[1]})"})
      EXPECT_EQ(outputs(name, {input}), "lens returned end of stream (no output)") << name << " " << input;
  }
  EXPECT_EQ(outputs("lowpass", {"[3]", R"( { "unit" : "a\"b" , "value" : 4e0 , "x":{"value":9} } )"}, R"({"alpha":0})"),
            R"({"value":3.0} {"value":4.0})");
}

TEST(BundledLenses, ParametersThatAreWrongAreIgnoredAsAWhole) {
  EXPECT_EQ(outputs("moving_average", {"[2]", "[4]"}, R"({"window":0})"), R"({"value":2.0} {"value":4.0})");
  for (const char* params : {R"({"window":5.0})", R"({"window":-1})", R"({"window":"2"})", "[]", "7", "{}"})
    EXPECT_EQ(outputs("moving_average", {"[2]", "[4]"}, params), R"({"value":2.0} {"value":3.0})") << params;
  EXPECT_EQ(outputs("lowpass", {"[0]", "[1]"}, R"({"alpha":"x"})"), R"({"value":0.0} {"value":0.5})");
}

TEST(BundledLenses, AWindowOfManyValues) {
  auto stage = Stage::make(bundled("moving_average"), {.params = R"({"window":20000})", .limits = test::patient()});
  ASSERT_TRUE(stage);
  Value last;
  for (int i = 1; i <= 20'100; ++i) {
    auto result = (*stage)->apply("/a", Value(i), {});
    ASSERT_TRUE(result) << result.error().text();
    last = *result;
  }
  EXPECT_EQ(last, Value(10'100.5));  // of 101 to 20100
}

TEST(BundledLenses, LeakNothing) {
  for (const char* name : {"lowpass", "hysteresis", "moving_average"}) {
    auto instance = Instance::create(bundled(name), test::patient(), {});
    ASSERT_TRUE(instance);
    ASSERT_TRUE((*instance)->run(Direction::forward, "[1]"));
    const std::size_t begin = (*instance)->memory_bytes();
    for (int i = 0; i < 20'000; ++i) ASSERT_TRUE((*instance)->run(Direction::forward, R"({"value":0.25})"));
    EXPECT_EQ((*instance)->memory_bytes(), begin) << name;
  }
}

// What the reference's tests assert of their lens "scale" (lens specification, section 10).
TEST(ScaleLens, ForwardAndBack) {
  const auto scaled = [](const char* input, const char* params, Direction direction = Direction::forward) {
    return outputs("scale", {input}, params, direction);
  };
  EXPECT_EQ(scaled(R"({"value":0.5})", nullptr), R"({"value":0.5})");
  EXPECT_EQ(scaled(R"({"value":0.25})", R"({"scale_factor":2,"offset":0.5})"), R"({"value":1.0})");
  EXPECT_EQ(scaled(R"({"value":3})", R"({"scale_factor":-1,"offset":0})"), R"({"value":-3.0})");
  EXPECT_EQ(scaled(R"({"value":0})", R"({"scale_factor":5,"offset":-10})"), R"({"value":-10.0})");
  EXPECT_EQ(scaled(R"({"value":999.999})", R"({"scale_factor":1000,"offset":0})"), R"({"value":999999.0})");
  EXPECT_EQ(scaled(R"({"value":1e-15})", nullptr), R"({"value":1e-15})");
  EXPECT_EQ(scaled(R"({"value":1})", R"({"scale_factor":0,"offset":0})", Direction::inverse), "lens returned error: scale_factor is zero");
  EXPECT_EQ(scaled("0.5", nullptr), "lens returned error: invalid input JSON");
  EXPECT_EQ(scaled("{}", R"({"scale_factor":2})"), "lens returned error: set_param: invalid params JSON");
  EXPECT_TRUE(bundled("scale")->description().has_inverse && bundled("scale")->description().alloc_takes_i64);
}

TEST(ScaleLens, InverseUndoesIt) {
  auto forward = Stage::make(bundled("scale"), {.params = R"({"scale_factor":3.7,"offset":-1.3})"});
  auto back = Stage::make(bundled("scale"), {.params = R"({"scale_factor":3.7,"offset":-1.3})", .direction = Direction::inverse});
  ASSERT_TRUE(forward && back);
  for (int i = -10; i < 10; ++i) {
    const double x = i * 0.37;
    const auto there = (*forward)->apply("/a", Value(x), {});
    ASSERT_TRUE(there);
    const auto again = (*back)->apply("/a", *there, {});
    ASSERT_TRUE(again);
    EXPECT_NEAR(*again->as_number(), x, 1e-10);
  }
}

}  // namespace
}  // namespace clasp::lens
