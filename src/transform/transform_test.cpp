#include "transform/transform.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "transform/transform_testing.hpp"

namespace clasp::transform {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

TEST(TransformLoad, NamesThePlaceAndWhatWasExpected) {
  const std::pair<const char*, const char*> mistakes[] = {
      {R"({"type":"scale","from_min":0,"from_max":1,"to_min":0})", "/to_max: missing; a number is needed"},
      {R"({"type":"scale","from_min":"0","from_max":1,"to_min":0,"to_max":1})", "/from_min: expected a number, not \"0\""},
      {R"({"type":"chain","transforms":["abs",{"type":"clamp","min":0}]})", "/transforms/1/max: missing"},
      {R"({"type":"chain"})", "/transforms: missing; an array is needed"},
      {R"({"type":"sclae"})", "/type: there is no transform \"sclae\""},
      {R"({"kind":"scale"})", "/: expected an object with a \"type\", or the text of an expression"},
      {R"([1])", "/: expected an object"},
      {R"("value *")", "/expr: expression, byte 7: it ends where a value was expected"},
      {R"({"type":"expression","expr":"valeu + 1"})", "/expr: expression, byte 0: unknown name valeu"},
      {R"({"type":"curve","curve_type":"eese_in"})", "/curve_type: no curve has the name \"eese_in\""},
      {R"({"type":"curve","curve_type":{"bezier":{"x1":0}}})", "/curve_type: bezier: y1 must be a number"},
      {R"({"type":"curve","curve_type":"bounce_out","backwards":true})", "/backwards: this curve takes some values twice"},
      {R"({"type":"json_path","path":"$.a["})", "/path: path, byte 4: expected a name in quotes, an index, a slice, * or ?"},
      {R"({"type":"json_path","path":"a"})", "/path: path, byte 0: a path begins with $"},
      {R"({"type":"path","path":"$","inject":{"path":"$..a"}})", "/inject/path: expected a path of names and indexes only"},
      {R"({"type":"conditional","condition":{"type":"greater_than"},"if_true":"1","if_false":"0"})", "/condition/value: missing"},
      {R"({"type":"conditional","condition":{"type":"and","conditions":[{"type":"matches","regex":"("}]},"if_true":"1","if_false":"0"})",
       "/condition/conditions/0/regex: bad regular expression"},
      {R"({"type":"conditional","condition":{"type":"address","pattern":"a"},"if_true":"1","if_false":"0"})", "/condition/pattern: "},
      {R"({"type":"conditional","condition":"random() > 0.5","if_true":"1","if_false":"0"})",
       "/condition/expr: index, time, last and random() are for transforms"},
      {R"({"type":"quantize","steps":-1})", "/steps: expected an integer from 0 to 4294967295, not -1"},
      {R"({"type":"round","decimals":1.5})", "/decimals: expected an integer"},
      {R"({"type":"log","base":1})", "/base: expected a number above 0 other than 1"},
      {R"({"type":"rate_limit","max_delta":-1})", "/max_delta: expected a number that is not negative"},
      {R"({"type":"lookup"})", "/table: missing; an object of keys and values is needed"},
      {R"({"type":"bitwise","operation":"nand"})", "/operation: expected one of: and, or, xor"},
      {R"({"type":"threshold","value":1,"mode":"abvoe"})", "/mode: expected one of: above, below, equal, at_least"},
      {R"({"type":"aggregate","aggregator":{"type":"median"}})", "/aggregator/type: expected one of: average"},
      {R"({"type":"aggregate","aggregator":{"type":"moving_average","window_size":0}})", "/aggregator/window_size: expected an integer from 1"},
      {R"({"type":"aggregate","aggregator":{"type":"sum"},"emit":"never"})", "/emit: expected \"every\", a number of samples"},
      {R"({"type":"smooth","factor":0.5,"map":true})", "/map: not for a transform that remembers earlier values"},
      {R"({"type":"invert","map":1})", "/map: expected true or false"},
      {R"({"type":"wasm","module_id":"reverb"})", "/module_id: no such module is built in (lowpass, hysteresis, moving-average)"},
      {R"({"type":"abs","on_nonfinite":"explode"})", "/on_nonfinite: expected one of: drop, pass, hold, value"},
      {R"({"type":"abs","on_nonfinite":"value"})", "/nonfinite_value: missing"},
  };
  for (const auto& [spec, message] : mistakes) EXPECT_THAT(refusal(spec), StartsWith(message)) << spec;
}

TEST(TransformLoad, StandsWhereItsPointerSays) {
  const auto transform = Transform::compile(json(R"({"type":"clamp"})"), {}, "/mapping/3/transform");
  ASSERT_FALSE(transform);
  EXPECT_THAT(transform.error().message, StartsWith("/mapping/3/transform/min: missing"));
}

TEST(TransformLoad, HasBounds) {
  Value deep = "abs";
  for (int i = 0; i < 40; ++i) deep = Map{{"type", "chain"}, {"transforms", Array{deep}}};
  const auto too_deep = Transform::compile(deep);
  ASSERT_FALSE(too_deep);
  EXPECT_THAT(too_deep.error().message, HasSubstr("nested deeper than 32 levels"));
  const auto too_many = Transform::compile(Map{{"type", "chain"}, {"transforms", Array(1'001, Value("abs"))}});
  ASSERT_FALSE(too_many);
  EXPECT_THAT(too_many.error().message, HasSubstr("more than 1000 transforms"));
  EXPECT_TRUE(Transform::compile(Map{{"type", "chain"}, {"transforms", Array(900, Value("abs"))}}));
}

TEST(TransformLoad, TakesJavaScriptAndSaysThatNothingRunsIt) {
  const Transform transform = compiled(R"({"type":"chain","transforms":["abs",{"type":"javascript","javascriptCode":"transform = x => x"}]})");
  EXPECT_THAT(transform.notes(), ElementsAre("/transforms/1: script engine unavailable, values pass through"));
  EXPECT_THAT(compiled(R"("value")").notes(), IsEmpty());
}

TEST(TransformLoad, UnknownMembersAndNullAreAbsent) {
  Transform transform = compiled(R"({"type":"lookup","table":{"1":"a"},"default":null,"comment":"hello"})");
  EXPECT_EQ(sent_through(transform, "2"), "keep");
}

TEST(TransformState, IsKeptForEachAddress) {
  Transform transform = compiled(R"({"type":"smooth","factor":0.5})");
  EXPECT_EQ(sent_through(transform, "1", {}, "/fader/1"), "1.0");
  EXPECT_EQ(sent_through(transform, "0", {}, "/fader/2"), "0.0");
  EXPECT_EQ(sent_through(transform, "0", {}, "/fader/1"), "0.5");
  EXPECT_EQ(sent_through(transform, "0", {}, "/fader/2"), "0.0");
}

TEST(TransformState, IsKeptForEachMemberOfAChain) {
  Transform transform = compiled(R"({"type":"chain","transforms":[{"type":"smooth","factor":0.5},{"type":"smooth","factor":0.5}]})");
  sent_through(transform, "1");
  EXPECT_EQ(sent_through(transform, "0"), "0.75") << "0.5 smoothed against the second one's own 1";
}

TEST(TransformState, ForgetsTheAddressUnusedForLongest) {
  Transform transform = compiled(R"({"type":"rate_limit","max_delta":1})", {.addresses_max = 2});
  for (const char* address : {"/a", "/b"}) sent_through(transform, "0", {}, address);
  EXPECT_EQ(sent_through(transform, "10", {}, "/a"), "1.0");
  sent_through(transform, "0", {}, "/c");  // /b has to go
  EXPECT_EQ(transform.addresses(), 2U);
  EXPECT_EQ(sent_through(transform, "10", {}, "/a"), "2.0");
  EXPECT_EQ(sent_through(transform, "10", {}, "/b"), "10.0") << "as if it had never been there";
}

TEST(TransformState, CanBeReset) {
  Transform transform = compiled(R"({"type":"rate_limit","max_delta":1})");
  EXPECT_TRUE(transform.remembers());
  sent_through(transform, "0");
  transform.reset();
  EXPECT_EQ(transform.addresses(), 0U);
  EXPECT_EQ(sent_through(transform, "10"), "10.0");
  Transform forgetful = compiled(R"("value")");
  sent_through(forgetful, "10");
  EXPECT_EQ(forgetful.addresses(), 0U) << "nothing to remember";
  EXPECT_FALSE(forgetful.remembers());
}

class NonFiniteEnding : public testing::Test {
 protected:
  static std::string ending(std::string_view rule, std::initializer_list<double> values) {
    Transform transform = compiled(fmt::format(R"({{"type":"chain","transforms":["value"]{}}})", rule));
    std::string out;
    for (const double value : values) {
      Value result = value;
      const Outcome outcome = transform.apply(result, "/a", Clock().now());
      out += fmt::format("{}{}", out.empty() ? "" : " ", outcome == Outcome::drop ? "drop" : fmt::format("{}", *result.floating()));
    }
    return out;
  }
  static constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  static constexpr double inf = std::numeric_limits<double>::infinity();
};

TEST_F(NonFiniteEnding, IsDroppedPassedHeldOrReplaced) {
  EXPECT_EQ(ending("", {1, nan, inf}), "1 drop drop");
  EXPECT_EQ(ending(R"(,"on_nonfinite":"pass")", {1, nan, inf}), "1 nan inf");
  EXPECT_EQ(ending(R"(,"on_nonfinite":"hold")", {nan, 1, nan, 2, inf}), "drop 1 1 2 2");
  EXPECT_EQ(ending(R"(,"on_nonfinite":"value","nonfinite_value":-1)", {1, nan}), "1 -1");
}

TEST_F(NonFiniteEnding, DoesNotPoisonWhatRemembers) {
  for (const char* spec : {R"({"type":"smooth","factor":0.5})", R"({"type":"rate_limit","max_delta":5})",
                           R"({"type":"aggregate","aggregator":{"type":"sum"}})", R"({"type":"wasm","module_id":"lowpass"})"}) {
    Transform transform = compiled(spec);
    sent_through(transform, "1");
    Value poison = nan;
    EXPECT_EQ(transform.apply(poison, "/a", Clock().now()), Outcome::drop);
    EXPECT_NE(sent_through(transform, "1"), "drop") << spec;
  }
}

TEST_F(NonFiniteEnding, IsPartOfTheCanonicalForm) {
  const Transform transform = compiled(R"({"type":"abs","on_nonfinite":"value","nonfinite_value":0.5})");
  EXPECT_EQ(to_json(transform.to_json()), R"({"type":"abs","on_nonfinite":"value","nonfinite_value":0.5})");
}

TEST(TransformTime, SmoothsByTimeConstant) {
  Transform transform = compiled(R"({"type":"smooth","time_constant_ms":100})");
  Clock clock;
  sent_through(transform, "0", clock);
  clock.pass(Micros{100'000});
  EXPECT_THAT(sent_through(transform, "1", clock), StartsWith("0.632"));  // 1 - 1/e
  clock.pass(Micros{10'000'000});
  EXPECT_THAT(sent_through(transform, "1", clock), StartsWith("1.0"));
}

TEST(TransformTime, AggregatesEmitEveryNthOrAtIntervals) {
  Transform third = compiled(R"({"type":"aggregate","aggregator":{"type":"sum"},"emit":3})");
  std::string seen;
  for (const char* value : {"1", "2", "3", "4", "5", "6"}) seen += sent_through(third, value) + " ";
  EXPECT_EQ(seen, "drop drop 6.0 drop drop 21.0 ");

  Transform timed = compiled(R"({"type":"aggregate","aggregator":{"type":"count"},"emit":{"interval_ms":100}})");
  Clock clock;
  seen.clear();
  for (int i = 0; i < 6; ++i, clock.pass(Micros{50'000})) seen += sent_through(timed, "1", clock) + " ";
  EXPECT_EQ(seen, "1.0 drop 3.0 drop 5.0 drop ");
}

TEST(TransformExpression, KnowsItsSamplesTimeAndLastResult) {
  Transform transform = compiled(R"("index * 100 + time * 10 + last * 0.5")");
  Clock clock;
  EXPECT_EQ(sent_through(transform, "0", clock), "0.0");
  clock.pass(Micros{2'000'000});
  EXPECT_EQ(sent_through(transform, "0", clock), "120.0");
  EXPECT_EQ(sent_through(transform, "0", clock), "280.0");
  EXPECT_EQ(sent_through(transform, "0", clock, "/b"), "0.0") << "another address";
}

TEST(TransformExpression, CountsWhatCannotBeEvaluatedAndKeepsTheValue) {
  Transform transform = compiled(R"("ivalue / 0")");
  EXPECT_EQ(sent_through(transform, "3"), "keep");
  EXPECT_EQ(transform.faults(), 1U);
  EXPECT_EQ(transform.last_fault(), "division by zero");
  EXPECT_EQ(sent_through(transform, "\"a\""), "keep");
  EXPECT_EQ(transform.faults(), 2U);
}

TEST(TransformExpression, RandomNumbersDependOnTheSeedOnly) {
  const auto three = [](std::uint64_t seed) {
    Transform transform = compiled("\"random()\"", {.seed = seed});
    return sent_through(transform, "0") + sent_through(transform, "0") + sent_through(transform, "0");
  };
  EXPECT_EQ(three(1), three(1));
  EXPECT_NE(three(1), three(2));
}

TEST(TransformTrace, TellsEachMemberOfTheOutermostChain) {
  Transform transform =
      compiled(R"({"type":"chain","transforms":[{"type":"chain","transforms":["value * 2","value + 1"]},{"type":"clamp","min":0,"max":5}]})");
  Value value = 10;
  std::vector<std::string> steps;
  transform.trace(value, "/a", Clock().now(), [&](const Value& spec, const Value& after, Outcome) {
    steps.push_back(fmt::format("{} -> {}", *spec.find("type")->string(), to_json(after)));
  });
  EXPECT_THAT(steps, ElementsAre("chain -> 21.0", "clamp -> 5.0"));
  Transform alone = compiled(R"("value * 2")");
  steps.clear();
  alone.trace(value, "/a", Clock().now(), [&](const Value& spec, const Value& after, Outcome) {
    steps.push_back(fmt::format("{} -> {}", *spec.find("type")->string(), to_json(after)));
  });
  EXPECT_THAT(steps, ElementsAre("expression -> 10.0"));
}

class Doubling final : public Lens {
 public:
  Outcome apply(Value& value, std::string_view, const Now&, std::string& fault) override {
    if (!value.as_number()) {
      fault = "no number";
      return Outcome::keep;
    }
    value = Value(*value.as_number() * 2);
    return Outcome::value;
  }
};

TEST(TransformLens, OtherModulesComeFromALoader) {
  const LensLoader loader = [](std::string_view module, const Value& params, bool) -> Result<std::shared_ptr<Lens>> {
    if (module != "double") return Error{ErrorCode::invalid_value, fmt::format("cannot read {}", module), {}};
    EXPECT_EQ(to_json(params), R"({"a":1})");
    return std::shared_ptr<Lens>(std::make_shared<Doubling>());
  };
  Transform transform = compiled(R"({"type":"wasm","module_id":"double","params":{"a":1}})", {.lenses = loader});
  EXPECT_EQ(sent_through(transform, "3"), "6.0");
  EXPECT_EQ(transform.faults(), 0U);
  EXPECT_EQ(sent_through(transform, R"("x")"), "keep");
  EXPECT_EQ(transform.faults(), 1U);
  EXPECT_EQ(transform.last_fault(), "no number");
  const auto missing = Transform::compile(json(R"({"type":"wasm","module_id":"x.wasm"})"), {.lenses = loader});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, "/module_id: cannot read x.wasm");
}

TEST(ConditionTest, AsksAboutTheAddressToo) {
  auto condition = ConditionTest::compile(json(R"({"type":"address","pattern":"/a/*"})"));
  ASSERT_TRUE(condition) << condition.error().message;
  EXPECT_TRUE(condition->holds(1, "/a/b", Clock().now()));
  EXPECT_FALSE(condition->holds(1, "/b/b", Clock().now()));
  EXPECT_EQ(to_json(condition->to_json()), R"({"type":"address","pattern":"/a/*"})");
  const auto wrong = ConditionTest::compile(json(R"({"type":"adress"})"), "/when");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message, "/when/type: there is no condition \"adress\"");
}

}  // namespace
}  // namespace clasp::transform
