// Every dialect of rules that is in circulation, each feature a row: the text as its author's tool writes it, and the rule it is read as.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "core/json.hpp"
#include "rules/rule_reader.hpp"
#include "rules/rule_source.hpp"

namespace clasp::rules {
namespace {

struct Row {
  const char* name;
  const char* given;
  const char* means;  // in the documented dialect
};

std::string read(std::string_view text) {
  const auto spec = parse_json(text);
  if (!spec) return spec.error().message;
  const auto rule = read_rule(*spec, "rule_1");
  return rule ? to_json(to_json(rule->rule)) : rule.error().message;
}

void expect_rows(std::initializer_list<Row> rows) {
  for (const Row& row : rows) {
    const std::string means = read(row.given);
    EXPECT_EQ(means, row.means) << row.name;
    EXPECT_EQ(read(means), means) << row.name << ": read again it is another rule";
  }
}

TEST(Dialects, Native) {
  expect_rows({
      {"everything",
       R"({"id":"hot","name":"Fan on when hot","enabled":true,"trigger":{"OnThreshold":{"address":"/room/temp","above":28.5}},
           "conditions":[{"address":"/room/mode","op":"Eq","value":"auto"}],
           "actions":[{"Set":{"address":"/room/fan","value":true}},{"Publish":{"address":"/alerts/hot","signal":"event","value":"hot"}},
                      {"SetFromTrigger":{"address":"/room/tempF","transform":{"Scale":{"scale":1.8,"offset":32}}}}],
           "cooldown":{"secs":60,"nanos":500000000}})",
       R"({"id":"hot","name":"Fan on when hot","enabled":true,"trigger":{"type":"on_threshold","address":"/room/temp","above":28.5},)"
       R"("conditions":[{"address":"/room/mode","op":"eq","value":"auto"}],)"
       R"("actions":[{"type":"set","address":"/room/fan","value":true},{"type":"publish","address":"/alerts/hot","value":"hot"},)"
       R"({"type":"set_from_trigger","address":"/room/tempF","transform":{"type":"scale","scale":1.8,"offset":32.0}}],"cooldown":60.5})"},
      {"change, publish of a stream without a value",
       R"({"id":"a","name":"A","enabled":false,"trigger":{"OnChange":{"pattern":"/x/**"}},"actions":[{"Publish":{"address":"/y","signal":"stream"}}]})",
       R"({"id":"a","name":"A","enabled":false,"trigger":{"type":"on_change","pattern":"/x/**"},"actions":[{"type":"publish","address":"/y","signal":"stream"}]})"},
      {"event, identity, delay, cooldown as an array",
       R"({"id":"a","name":"a","enabled":true,"trigger":{"OnEvent":{"pattern":"/cue/*"}},"actions":[{"SetFromTrigger":{"address":"/y","transform":"Identity"}},
           {"Delay":{"milliseconds":250}},{"SetFromTrigger":{"address":"/z"}}],"cooldown":[1,2000000000]})",
       R"({"id":"a","name":"a","enabled":true,"trigger":{"type":"on_event","pattern":"/cue/*"},"actions":[{"type":"set_from_trigger","address":"/y","transform":{"type":"identity"}},)"
       R"({"type":"delay","milliseconds":250},{"type":"set_from_trigger","address":"/z"}],"cooldown":3})"},
      {"interval, clamp, invert, threshold",
       R"({"id":"a","name":"a","enabled":true,"trigger":{"OnInterval":{"seconds":30}},"actions":[{"SetFromTrigger":{"address":"/c","transform":{"Clamp":{"min":0,"max":1}}}},
           {"SetFromTrigger":{"address":"/i","transform":{"Invert":{"min":0,"max":127}}}},{"SetFromTrigger":{"address":"/t","transform":{"Threshold":{"value":0.5}}}}],"cooldown":null})",
       R"({"id":"a","name":"a","enabled":true,"trigger":{"type":"on_interval","seconds":30},"actions":[{"type":"set_from_trigger","address":"/c","transform":{"type":"clamp","min":0.0,"max":1.0}},)"
       R"({"type":"set_from_trigger","address":"/i","transform":{"type":"invert","min":0.0,"max":127.0}},{"type":"set_from_trigger","address":"/t","transform":{"type":"threshold","value":0.5,"mode":"above","result":"bool"}}]})"},
  });
}

TEST(Dialects, DocumentedAndSdk) {
  expect_rows({
      {"what c.rule() returns",
       R"({"id":"alert","name":"alert","enabled":true,"trigger":{"type":"on_threshold","address":"/t","above":30,"below":5},"conditions":[],
           "actions":[{"type":"publish","address":"/alerts","value":"hot"}],"cooldown":300})",
       R"({"id":"alert","name":"alert","enabled":true,"trigger":{"type":"on_threshold","address":"/t","above":30,"below":5},"actions":[{"type":"publish","address":"/alerts","value":"hot"}],"cooldown":300})"},
      {"the shortest", R"({"id":"a","trigger":{"type":"on_change","pattern":"/x"},"actions":[{"type":"set","address":"/y","value":null}]})",
       R"({"id":"a","name":"a","enabled":true,"trigger":{"type":"on_change","pattern":"/x"},"actions":[{"type":"set","address":"/y","value":null}]})"},
      {"sessions",
       R"({"id":"a","trigger":{"type":"on_session_join","pattern":"/lights/**"},"actions":[{"type":"set_from_trigger","address":"/who"}]})",
       R"({"id":"a","name":"a","enabled":true,"trigger":{"type":"on_session_join","pattern":"/lights/**"},"actions":[{"type":"set_from_trigger","address":"/who"}]})"},
      {"sessions by name",
       R"({"id":"a","trigger":{"type":"on_session_leave","pattern":"desk*"},"actions":[{"type":"delay","milliseconds":1.5},{"type":"set","address":"/y","value":1}]})",
       R"({"id":"a","name":"a","enabled":true,"trigger":{"type":"on_session_leave","pattern":"desk*"},"actions":[{"type":"delay","milliseconds":1.5},{"type":"set","address":"/y","value":1}]})"},
      {"transforms",
       R"({"id":"a","trigger":{"type":"on_interval","seconds":0.5},"actions":[{"type":"set_from_trigger","address":"/1","transform":{"type":"scale","factor":255}},
           {"type":"set_from_trigger","address":"/2","transform":{"type":"threshold","value":0.5,"above":"on","below":"off"}},
           {"type":"set_from_trigger","address":"/3","transform":{"type":"threshold","value":0.5}},
           {"type":"set_from_trigger","address":"/4","transform":{"type":"map","table":{"1":"red"}}},
           {"type":"set_from_trigger","address":"/5","transform":{"type":"round","precision":2}},
           {"type":"set_from_trigger","address":"/6","transform":{"type":"abs"}},{"type":"set_from_trigger","address":"/7","transform":{"type":"invert"}}],"enabled":false})",
       R"({"id":"a","name":"a","enabled":false,"trigger":{"type":"on_interval","seconds":0.5},"actions":[{"type":"set_from_trigger","address":"/1","transform":{"type":"scale","scale":255.0,"offset":0.0}},)"
       R"({"type":"set_from_trigger","address":"/2","transform":{"type":"chain","transforms":[{"type":"threshold","value":0.5,"mode":"at_least","result":"bool"},{"type":"lookup","table":{"true":"on","false":"off"}}]}},)"
       R"({"type":"set_from_trigger","address":"/3","transform":{"type":"threshold","value":0.5,"mode":"at_least","result":"bool"}},)"
       R"({"type":"set_from_trigger","address":"/4","transform":{"type":"lookup","table":{"1":"red"}}},)"
       R"({"type":"set_from_trigger","address":"/5","transform":{"type":"round","decimals":2}},)"
       R"({"type":"set_from_trigger","address":"/6","transform":{"type":"abs"}},{"type":"set_from_trigger","address":"/7","transform":{"type":"invert"}}]})"},
      {"cooldown as a text",
       R"({"id":"a","trigger":{"type":"on_event","pattern":"/x"},"actions":[{"type":"set","address":"/y","value":1}],"cooldown":"1.5h"})",
       R"({"id":"a","name":"a","enabled":true,"trigger":{"type":"on_event","pattern":"/x"},"actions":[{"type":"set","address":"/y","value":1}],"cooldown":5400})"},
  });
}

TEST(Dialects, Configurator) {
  expect_rows({
      {"threshold with a direction, form values",
       R"({"id":"a","name":"A","trigger":{"type":"on_threshold","address":"/sensors/*/temperature","threshold":30,"direction":"below"},
           "conditions":[{"address":"/mode","operator":">=","value":"2"},{"address":"/who","operator":"eq","value":"2"}],
           "actions":[{"type":"set_from_trigger","address":"/y","transform":"value * 255"}],"cooldown_ms":1500})",
       R"({"id":"a","name":"A","enabled":true,"trigger":{"type":"on_threshold","address":"/sensors/*/temperature","below":30},)"
       R"("conditions":[{"address":"/mode","op":"gte","value":2},{"address":"/who","op":"eq","value":"2"}],)"
       R"("actions":[{"type":"set_from_trigger","address":"/y","transform":{"type":"expression","expr":"value * 255"}}],"cooldown":1.5})"},
      {"delay is a delayed set",
       R"({"id":"a","trigger":{"type":"on_change","address":"/x/*"},"actions":[{"type":"delay","address":"/y","value":0,"delay_ms":5000}]})",
       R"({"id":"a","name":"a","enabled":true,"trigger":{"type":"on_change","pattern":"/x/*"},"actions":[{"type":"delay","milliseconds":5000},{"type":"set","address":"/y","value":0}]})"},
      {"event by address",
       R"({"id":"a","trigger":{"type":"on_event","address":"/cue/go","event":"go"},"actions":[{"type":"publish","address":"/y","value":1}]})",
       R"({"id":"a","name":"a","enabled":true,"trigger":{"type":"on_event","pattern":"/cue/go"},"actions":[{"type":"publish","address":"/y","value":1}]})"},
      {"event by name", R"({"id":"a","trigger":{"type":"on_event","event":"go"},"actions":[{"type":"publish","address":"/y","value":1}]})",
       R"({"id":"a","name":"a","enabled":true,"trigger":{"type":"on_event","pattern":"/**/go"},"actions":[{"type":"publish","address":"/y","value":1}]})"},
  });
}

TEST(Dialects, Desktop) {
  expect_rows({
      {"no id, milliseconds, every member of the form",
       R"({"name":"Door light!","trigger":{"type":"on_threshold","address":"/d","threshold":0.5,"direction":"both","event":"","seconds":0},
           "conditions":[{"address":"/m","operator":"ne","value":true}],
           "actions":[{"type":"set","address":"/l","value":1,"transform":"","delayMs":0},{"type":"delay","address":"/l","value":0,"transform":"","delayMs":30000}],"cooldown":2500})",
       R"({"id":"door_light","name":"Door light!","enabled":true,"trigger":{"type":"on_threshold","address":"/d","above":0.5,"below":0.5},)"
       R"("conditions":[{"address":"/m","op":"ne","value":true}],)"
       R"("actions":[{"type":"set","address":"/l","value":1},{"type":"delay","milliseconds":30000},{"type":"set","address":"/l","value":0}],"cooldown":2.5})"},
      {"no name either",
       R"({"trigger":{"type":"on_interval","address":"","seconds":0.25},"actions":[{"type":"set","address":"/l","value":1}],"cooldown":0})",
       R"({"id":"rule_1","name":"rule_1","enabled":true,"trigger":{"type":"on_interval","seconds":0.25},"actions":[{"type":"set","address":"/l","value":1}],"cooldown":0})"},
      {"an id, but rising: still milliseconds",
       R"({"id":"a","trigger":{"type":"on_threshold","address":"/d","threshold":1,"direction":"rising"},"actions":[{"type":"set","address":"/l","value":1}],"cooldown":500})",
       R"({"id":"a","name":"a","enabled":true,"trigger":{"type":"on_threshold","address":"/d","above":1},"actions":[{"type":"set","address":"/l","value":1}],"cooldown":0.5})"},
  });
}

TEST(Dialects, StoreWithTexts) {
  expect_rows({
      {"parts are JSON in texts",
       R"({"configId":"c1","name":"n","enabled":true,"trigger":"{\"OnChange\":{\"pattern\":\"/x\"}}","conditions":"[]",
           "actions":"[{\"type\":\"set\",\"address\":\"/y\",\"value\":1}]","cooldownSecs":4,"owner":"me","updatedAt":1,"version":2})",
       R"({"id":"c1","name":"n","enabled":true,"trigger":{"type":"on_change","pattern":"/x"},"actions":[{"type":"set","address":"/y","value":1}],"cooldown":4})"},
      {"in snake case",
       R"({"config_id":"c1","trigger":{"type":"OnEvent","pattern":"/x"},"actions":[{"type":"set","address":"/y","value":1}],"cooldown_secs":0.5})",
       R"({"id":"c1","name":"c1","enabled":true,"trigger":{"type":"on_event","pattern":"/x"},"actions":[{"type":"set","address":"/y","value":1}],"cooldown":0.5})"},
  });
}

TEST(Dialects, OurAdditions) {
  expect_rows({
      {"only changes, a test, a scene, a webhook",
       R"({"id":"a","trigger":{"type":"on_change","pattern":"/x","only_changes":true},"conditions":[{"test":{"type":"in_range","min":0,"max":1}},{"address":"/n","test":{"type":"not","condition":{"type":"greater_than","value":3}}}],
           "actions":[{"type":"scene","values":{"/a":1,"/b":"red"}},{"type":"scene","address":"/scenes/1"},{"type":"webhook","url":"https://x.example/hook","body":{"a":1}}]})",
       R"({"id":"a","name":"a","enabled":true,"trigger":{"type":"on_change","pattern":"/x","only_changes":true},"conditions":[{"test":{"type":"in_range","min":0.0,"max":1.0}},)"
       R"({"address":"/n","test":{"type":"not","condition":{"type":"greater_than","value":3.0}}}],"actions":[{"type":"scene","values":{"/a":1,"/b":"red"}},{"type":"scene","address":"/scenes/1"},)"
       R"({"type":"webhook","url":"https://x.example/hook","body":{"a":1}}]})"},
      {"hysteresis, level",
       R"({"id":"a","trigger":{"type":"on_threshold","address":"/x","above":1,"hysteresis":0.1,"mode":"level"},"actions":[{"type":"set","address":"/y","value":1}]})",
       R"({"id":"a","name":"a","enabled":true,"trigger":{"type":"on_threshold","address":"/x","above":1,"hysteresis":0.1,"mode":"level"},"actions":[{"type":"set","address":"/y","value":1}]})"},
      {"time of day", R"({"id":"a","trigger":{"type":"on_time","cron":"30 8 * * mon-fri"},"actions":[{"type":"set","address":"/y","value":1}]})",
       R"({"id":"a","name":"a","enabled":true,"trigger":{"type":"on_time","cron":"30 8 * * mon-fri"},"actions":[{"type":"set","address":"/y","value":1}]})"},
      {"interval as a text, at once",
       R"({"id":"a","trigger":{"type":"on_interval","seconds":"5m","immediate":true},"actions":[{"type":"set","address":"/y","value":1}]})",
       R"({"id":"a","name":"a","enabled":true,"trigger":{"type":"on_interval","seconds":300,"immediate":true},"actions":[{"type":"set","address":"/y","value":1}]})"},
  });
}

// ---- files ----

std::vector<std::string> ids(std::string_view text, std::string_view name = "r.json") {
  RuleSource source;
  if (const auto done = read_rules(text, name, source); !done) return {done.error().message};
  const auto compiled = compile_rules(source);
  if (!compiled) return {compiled.error().message};
  std::vector<std::string> out;
  for (const Rule& rule : compiled->rules) out.push_back(rule.id);
  return out;
}

constexpr const char* one = R"({"id":"a","trigger":{"type":"on_change","pattern":"/x"},"actions":[{"type":"set","address":"/y","value":1}]})";
constexpr const char* unnamed = R"({"trigger":{"type":"on_change","pattern":"/x"},"actions":[{"type":"set","address":"/y","value":1}]})";
using testing::ElementsAre;

TEST(RuleFiles, AreAnArrayAnObjectOrOneRule) {
  EXPECT_THAT(ids("[]"), ElementsAre());
  EXPECT_THAT(ids(R"({"rules":[]})"), ElementsAre());
  EXPECT_THAT(ids(one), ElementsAre("a"));
  EXPECT_THAT(ids(fmt::format("[{}]", one)), ElementsAre("a"));
  EXPECT_THAT(ids(fmt::format("{{\"rules\":[{}]}}", one)), ElementsAre("a"));
  EXPECT_THAT(ids("[[rule]]\nid='b'\ntrigger={type='on_event',pattern='/x'}\nactions=[{type='set',address='/y',value=1}]\n[other]\n", "show.toml"),
              ElementsAre("b"));
}

TEST(RuleFiles, KeepTheirOrderAndGiveIdsToRulesWithout) {
  const std::string b = R"({"id":"rule_2","trigger":{"type":"on_change","pattern":"/x"},"actions":[{"type":"set","address":"/y","value":1}]})";
  EXPECT_THAT(ids(fmt::format("[{},{},{},{}]", one, unnamed, b, unnamed)), ElementsAre("a", "rule_2_2", "rule_2", "rule_4"));
  EXPECT_THAT(ids(fmt::format("[{},{},{}]", one, b, one)), ElementsAre("a", "rule_2"));  // the later one takes the place of the first
}

TEST(RuleFiles, ErrorsNameFileLineRuleAndMember) {
  EXPECT_THAT(ids("[\n {\"id\":\"hot\",\n  \"trigger\":{\"type\":\"on_change\",\n   \"pattern\":\"x\"},\n  \"actions\":[]}]"),
              ElementsAre("r.json:4: rule \"hot\": /trigger/pattern: invalid address: address must start with '/': x"));
  EXPECT_THAT(ids("[{\n\"trigger\":{\"OnInterval\":{\"seconds\":0}}}]"),
              ElementsAre(testing::StartsWith("r.json:2: rule 1: /trigger/OnInterval/seconds: expected a time of at least 1 ms")));
  EXPECT_THAT(ids("[\n1,]"), ElementsAre(testing::StartsWith("r.json:2: ")));
  EXPECT_THAT(ids("[1,2,3]"), ElementsAre("r.json:1: rule 1: /: expected a rule as an object, not 1"));
  EXPECT_THAT(ids("{\"a\":1}"), ElementsAre("r.json: expected an array of rules, an object with \"rules\", or one rule"));
  EXPECT_THAT(ids("{\n\"rules\":1}"), ElementsAre("r.json:2: /rules: expected an array of rules"));
  EXPECT_THAT(ids("[{\"id\":\"a\",\n\"id\":\"b\"}]"), ElementsAre("r.json:2: /0/id stands there twice"));
  EXPECT_THAT(ids("# show\n[[rule]]\nid = 'b'\n[rule.trigger]\ntype = 'on_event'\n", "show.toml"),
              ElementsAre(testing::StartsWith("show.toml:4: rule \"b\": /trigger/pattern: missing")));
}

}  // namespace
}  // namespace clasp::rules
