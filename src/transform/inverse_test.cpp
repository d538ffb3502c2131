// inverse(apply(x)) is x again, within what floating numbers can tell apart.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>

#include "transform/transform_testing.hpp"

namespace clasp::transform {
namespace {

using namespace test;

double through(Transform& transform, double x) {
  Value value = x;
  EXPECT_NE(transform.apply(value, "/a", Clock().now()), Outcome::drop);
  return value.as_number().value_or(std::nan(""));
}

void expect_undone(std::string_view spec, double x, double tolerance) {
  Transform there = compiled(spec);
  auto back = there.inverse();
  RC_ASSERT(back.has_value());
  const double again = through(*back, through(there, x));
  if (!(std::abs(again - x) <= tolerance)) RC_FAIL(fmt::format("{}: {} came back as {}", spec, x, again));
}

double some_number(double min, double max) { return min + (max - min) * static_cast<double>(*rc::gen::inRange(0, 1'000'001)) / 1e6; }

RC_GTEST_PROP(Inverse, UndoesScales, ()) {
  const double a = some_number(-1'000, 1'000);
  const double b = a + some_number(0.01, 1'000);
  const double c = some_number(-1'000, 1'000);
  const double d = c - some_number(0.01, 1'000);
  expect_undone(fmt::format(R"({{"type":"scale","from_min":{},"from_max":{},"to_min":{},"to_max":{}}})", a, b, c, d), some_number(-2'000, 2'000),
                1e-6);
  expect_undone(fmt::format(R"({{"Scale":{{"scale":{},"offset":{}}}}})", b - a, c), some_number(-2'000, 2'000), 1e-6);
  expect_undone(fmt::format(R"({{"Invert":{{"min":{},"max":{}}}}})", a, b), some_number(-2'000, 2'000), 1e-9);
}

RC_GTEST_PROP(Inverse, UndoesPowersAndLogarithms, ()) {
  expect_undone(fmt::format(R"({{"type":"power","exponent":{}}})", some_number(0.2, 5)), some_number(0, 50), 1e-6);
  expect_undone(fmt::format(R"({{"type":"log","base":{}}})", some_number(1.5, 20)), some_number(0.01, 1'000), 1e-6);
  expect_undone(R"({"type":"log"})", some_number(0.01, 1'000), 1e-6);
  expect_undone(R"({"type":"exp"})", some_number(-10, 10), 1e-6);
  expect_undone("\"negate\"", some_number(-10, 10), 0);
}

RC_GTEST_PROP(Inverse, UndoesCurvesThatRise, ()) {
  const auto name = *rc::gen::element<std::string>("linear", "ease_in", "ease_out", "ease_in_out", "cubic_in", "cubic_out", "cubic_in_out", "sine_in",
                                                   "sine_out", "sine_in_out", "exponential", "logarithmic", "expo_out");
  expect_undone(fmt::format(R"({{"type":"curve","curve_type":"{}"}})", name), some_number(0.02, 0.98), 1e-6);
  expect_undone(R"({"type":"curve","curve_type":{"bezier":{"x1":0.25,"y1":0.1,"x2":0.25,"y2":1}}})", some_number(0.02, 0.98), 1e-4);
}

RC_GTEST_PROP(Inverse, UndoesChainsFromTheEnd, ()) {
  expect_undone(R"({"type":"chain","transforms":[
      {"type":"scale","from_min":0,"from_max":127,"to_min":0,"to_max":1},
      {"type":"curve","curve_type":"ease_in"},
      {"type":"power","exponent":0.5},
      "invert",
      {"type":"scale","from_min":0,"from_max":1,"to_min":-60,"to_max":12},
      {"type":"clamp","min":-60,"max":12}]})",
                some_number(1, 126), 1e-4);
}

TEST(Inverse, RoundingIsUndoneByNothing) {
  for (const char* spec : {"\"to_int\"", "\"to_float\"", R"({"type":"round","decimals":1})", R"({"type":"quantize","steps":4})",
                           R"({"type":"map_type","to_type":"int"})"}) {
    auto back = compiled(spec).inverse();
    ASSERT_TRUE(back) << spec;
    EXPECT_EQ(to_json(back->to_json()), R"({"type":"identity"})") << spec;
  }
}

TEST(Inverse, LooksUpTheOtherWayIfValuesAreUnique) {
  Transform there = compiled(R"({"type":"lookup","table":{"0":"off","1":"on","auto":true}})");
  auto back = there.inverse();
  ASSERT_TRUE(back);
  EXPECT_EQ(sent_through(*back, "\"on\""), "1");
  EXPECT_EQ(sent_through(*back, "true"), "\"auto\"");
  EXPECT_FALSE(compiled(R"({"type":"lookup","table":{"0":"off","2":"off"}})").inverse());
  EXPECT_FALSE(compiled(R"({"type":"lookup","table":{"0":[1]}})").inverse());
}

TEST(Inverse, KeepsTheFlagsOfAnArray) {
  auto back = compiled(R"({"type":"scale","from_min":0,"from_max":1,"to_min":0,"to_max":2,"map":true})").inverse();
  ASSERT_TRUE(back);
  EXPECT_EQ(sent_through(*back, "[2, 1]"), "[1.0,0.5]");
}

TEST(Inverse, SaysWhatCannotBeUndone) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"type":"smooth","factor":0.5})", "smooth cannot be undone"},
      {R"("value * 2")", "expression cannot be undone"},
      {R"({"type":"curve","curve_type":"bounce_out"})", "curve cannot be undone"},
      {R"({"type":"scale","from_min":1,"from_max":1,"to_min":0,"to_max":1})", "scale cannot be undone"},
      {R"({"type":"power","exponent":0})", "power cannot be undone"},
      {R"({"type":"chain","transforms":["negate",{"type":"modulo","divisor":2}]})", "modulo cannot be undone"},
  };
  for (const auto& [spec, message] : cases) {
    const auto back = compiled(spec).inverse();
    ASSERT_FALSE(back) << spec;
    EXPECT_EQ(back.error().message, message) << spec;
  }
}

}  // namespace
}  // namespace clasp::transform
