#include "rules/rule_reader.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>

#include "core/json.hpp"

namespace clasp::rules {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string with(std::string_view trigger, std::string_view rest) { return fmt::format(R"({{"id":"r","trigger":{},{}}})", trigger, rest); }
constexpr const char* change = R"({"type":"on_change","pattern":"/x"})";
constexpr const char* set = R"("actions":[{"type":"set","address":"/y","value":1}])";

std::string refusal(std::string_view text) {
  const auto spec = parse_json(text);
  if (!spec) return spec.error().message;
  const auto rule = read_rule(*spec, "rule_1");
  return rule ? "accepted" : rule.error().message;
}

struct Row {
  std::string given;
  const char* error;  // how it begins
};

TEST(RuleReader, SaysWhatIsWrongAndWhere) {
  for (const Row& row : {
           Row{R"("hot")", "/: expected a rule as an object, not \"hot\""},
           Row{R"({"id":"","trigger":{"type":"on_change","pattern":"/x"},"actions":[{"type":"set","address":"/y","value":1}]})",
               "/id: expected a text, not \"\""},
           Row{R"({"id":"a/b","trigger":1})", "/id: it becomes part of an address: no / and no *"},
           Row{R"({"id":"a*"})", "/id: it becomes part"},
           Row{R"({"id":"r","actions":[]})", "/trigger: missing"},
           Row{with("\"invalid\"", set), "/trigger: expected a trigger as an object with a \"type\", not \"invalid\""},
           Row{with(R"({"type":"on_chnage","pattern":"/x"})", set), "/trigger: there is no trigger \"chnage\"; there are on_change"},
           Row{with(R"({"OnNothing":{}})", set), "/trigger/OnNothing: there is no trigger"},
           Row{with(R"({"type":"on_change"})", set), "/trigger/pattern: missing; a pattern of addresses is needed"},
           Row{with(R"({"type":"on_change","pattern":7})", set), "/trigger/pattern: expected a text, not 7"},
           Row{with(R"({"type":"on_change","pattern":"/x","only_changes":1})", set), "/trigger/only_changes: expected true or false"},
           Row{with(R"({"type":"on_threshold","address":"/x"})", set), "/trigger/above: missing; a threshold needs \"above\" or \"below\""},
           Row{with(R"({"type":"on_threshold","address":"/x","above":"hot"})", set), "/trigger/above: expected a number, not \"hot\""},
           Row{with(R"({"type":"on_threshold","address":"/x","above":1,"below":2})", set), "/trigger/below: 2 is more than \"above\", 1"},
           Row{with(R"({"type":"on_threshold","address":"/x","above":1,"hysteresis":-1})", set),
               "/trigger/hysteresis: expected a number of at least 0"},
           Row{with(R"({"type":"on_threshold","address":"/x","above":1,"mode":"often"})", set), "/trigger/mode: expected one of: crossing, level"},
           Row{with(R"({"type":"on_threshold","address":"/x","threshold":1,"direction":"up"})", set), "/trigger/direction: expected one of: above"},
           Row{with(R"({"type":"on_interval"})", set), "/trigger/seconds: missing"},
           Row{with(R"({"type":"on_interval","seconds":0})", set),
               "/trigger/seconds: expected a time of at least 1 ms, as a number of seconds or a text"},
           Row{with(R"({"type":"on_interval","seconds":"5S"})", set), "/trigger/seconds: expected a time"},
           Row{with(R"({"type":"on_interval","seconds":-5})", set), "/trigger/seconds: expected a time"},
           Row{with(R"({"type":"on_interval","seconds":1e300})", set), "/trigger/seconds: expected a time"},
           Row{with(R"({"type":"on_time","cron":"61 * * * *"})", set), "/trigger/cron: minute: expected"},
           Row{with(R"({"type":"on_session_join"})", set), "/trigger/pattern: missing"},
           Row{with(change, R"("actions":[])"), "/actions: a rule must have at least one action"},
           Row{with(change, R"("actions":{})"), "/actions: expected an array, not {}"},
           Row{with(change, R"("actions":[{"type":"sett"}])"), "/actions/0: there is no action \"sett\"; there are set, publish"},
           Row{with(change, R"("actions":[5])"), "/actions/0: expected an action as an object"},
           Row{with(change, R"("actions":[{"type":"set","address":"/y/*","value":1}])"), "/actions/0/address: invalid address: "},
           Row{with(change, R"("actions":[{"type":"set","address":"/y"}])"), "/actions/0/value: missing"},
           Row{with(change, R"("actions":[{"Set":{"value":1}}])"), "/actions/0/Set/address: missing"},
           Row{with(change, R"("actions":[{"type":"publish","address":"/y","signal":"evnt"}])"), "/actions/0/signal: expected one of: param, event"},
           Row{with(change, R"("actions":[{"type":"delay"}])"), "/actions/0/milliseconds: missing"},
           Row{with(change, R"("actions":[{"type":"delay","milliseconds":-1}])"),
               "/actions/0/milliseconds: expected a time of at least 0 ms, as a number of milliseconds"},
           Row{with(change, R"("actions":[{"type":"set_from_trigger","address":"/y","transform":{"type":"clamp","min":2,"max":1}}])"),
               "/actions/0/transform/min: 2 is more than \"max\", 1"},
           Row{with(change, R"("actions":[{"SetFromTrigger":{"address":"/y","transform":{"Clamp":{"min":2,"max":1}}}}])"),
               "/actions/0/SetFromTrigger/transform/min: 2 is more"},
           Row{with(change, R"("actions":[{"SetFromTrigger":{"address":"/y","transform":{"Invert":{"min":4}}}}])"),
               "/actions/0/SetFromTrigger/transform/min: 4.0 is more than \"max\", 1.0"},
           Row{with(change, R"("actions":[{"type":"set_from_trigger","address":"/y","transform":{"type":"invert","max":-1}}])"),
               "/actions/0/transform/min: 0.0 is more"},
           Row{with(change, R"("actions":[{"type":"set_from_trigger","address":"/y","transform":{"type":"sclae"}}])"),
               "/actions/0/transform/type: there is no transform \"sclae\""},
           Row{with(change, R"("actions":[{"type":"set_from_trigger","address":"/y","transform":"value *"}])"), "/actions/0/transform"},
           Row{with(change, R"("actions":[{"type":"scene"}])"), "/actions/0/values: missing"},
           Row{with(change, R"("actions":[{"type":"scene","values":{"a":1}}])"), "/actions/0/values: invalid address"},
           Row{with(change, R"("actions":[{"type":"webhook","url":"ftp://x"}])"), "/actions/0/url: expected a URL that begins with http://"},
           Row{with(change, R"("actions":[{"type":"webhook","url":"http://hooks:70000/a"}])"), "/actions/0/url: invalid URL \"http://hooks:70000/a\": \"70000\" is no port"},
           Row{with(change, fmt::format(R"("conditions":[{{"address":"/c","op":"like","value":1}}],{})", set)),
               "/conditions/0/op: expected one of: eq, ne"},
           Row{with(change, fmt::format(R"("conditions":[{{"address":"/c","op":"eq"}}],{})", set)), "/conditions/0/value: missing"},
           Row{with(change, fmt::format(R"("conditions":[{{"address":"/c","op":"gt","value":"hot"}}],{})", set)),
               "/conditions/0/value: \"hot\" has no order; expected a number"},
           Row{with(change, fmt::format(R"("conditions":[{{"address":"/c/**","op":"eq","value":1}}],{})", set)),
               "/conditions/0/address: invalid address"},
           Row{with(change, fmt::format(R"("conditions":[{{"test":{{"type":"in_rnage"}}}}],{})", set)), "/conditions/0/test"},
           Row{with(change, fmt::format(R"({},"cooldown":"soon")", set)), "/cooldown: expected a time"},
           Row{with(change, fmt::format(R"({},"cooldown":{{"secs":1}})", set)), "/cooldown: expected {\"secs\":…,\"nanos\":…}"},
           Row{with(change, fmt::format(R"({},"enabled":"yes")", set)), "/enabled: expected true or false"},
       })
    EXPECT_THAT(refusal(row.given), StartsWith(row.error)) << row.given;
}

TEST(RuleReader, TellsWhatItDoesNotUnderstand) {
  const auto rule = read_rule(
      *parse_json(
          R"({"id":"r","cooldwon":5,"trigger":{"type":"on_change","pattern":"/x","abov":1},"actions":[{"type":"set","address":"/y","value":1,"vlaue":2}]})"),
      "");
  ASSERT_TRUE(rule) << rule.error().message;
  EXPECT_THAT(rule->notes, testing::ElementsAre("/trigger/abov: ignored", R"(/actions/0/vlaue: ignored; was "value" meant?)",
                                                R"(/cooldwon: ignored; was "cooldown" meant?)"));
}

TEST(RuleReader, IsNotImpressedByTexts) {
  // Every text cut off, and every byte of it another one: an answer, never more.
  const std::string text = with(
      R"({"type":"on_threshold","address":"/x","above":1e3})",
      R"("conditions":[{"address":"/c","op":"eq","value":[1,{"a":2}]}],"actions":[{"type":"scene","values":{"/a":1}},{"Delay":{"milliseconds":5}}],"cooldown":[1,2])");
  for (std::size_t n = 0; n < text.size(); ++n) {
    static_cast<void>(refusal(text.substr(0, n)));
    for (const char c : {'0', '"', '{', 'n', '-'}) {
      std::string other = text;
      other[n] = c;
      static_cast<void>(refusal(other));
    }
  }
}

TEST(Comparison, IsOfNumbersWhateverTheirKind) {
  struct Pair {
    Value left, right;
    bool eq, gt;
  };
  const std::int64_t big = 9'007'199'254'740'993;  // 2^53 + 1: no double
  for (const Pair& pair : {
           Pair{1, 1.0, true, false},
           Pair{2, 1.5, false, true},
           Pair{1.5, 1, false, true},
           Pair{big, 9'007'199'254'740'992.0, false, true},
           Pair{9'007'199'254'740'992.0, big, false, false},
           Pair{1, 1e300, false, false},
           Pair{-1e300, 1, false, false},
           Pair{1, -1e300, false, true},
           Pair{Value(), Value(), true, false},
           Pair{Value(), 0, false, false},
           Pair{"b", "a", false, false},
           Pair{"a", "a", true, false},
           Pair{true, 1, false, false},
           Pair{Array{1, 2.0}, Array{1.0, 2}, true, false},
           Pair{Array{1}, Array{1, 2}, false, false},
           Pair{Map{{"a", 1}, {"b", 2}}, Map{{"b", 2.0}, {"a", 1}}, true, false},
           Pair{Map{{"a", 1}}, Map{{"b", 1}}, false, false},
           Pair{Value(std::nan("")), Value(std::nan("")), true, false},
           Pair{Value(std::nan("")), 1, false, false},
           Pair{1, Value(std::nan("")), false, false},
       }) {
    const std::string what = to_json(pair.left) + " and " + to_json(pair.right);
    EXPECT_EQ(holds(pair.left, Comparison::eq, pair.right), pair.eq) << what;
    EXPECT_EQ(holds(pair.left, Comparison::ne, pair.right), !pair.eq) << what;
    EXPECT_EQ(holds(pair.left, Comparison::gt, pair.right), pair.gt) << what;
    EXPECT_EQ(holds(pair.right, Comparison::lt, pair.left), pair.gt) << what;
  }
  EXPECT_TRUE(holds(1, Comparison::gte, 1.0) && holds(1, Comparison::lte, 1.0));
  EXPECT_FALSE(holds("a", Comparison::lte, "a"));
}

}  // namespace
}  // namespace clasp::rules
