#include "rules/managed_rules.hpp"

#include "rules/rules_testing.hpp"

namespace clasp::rules {
namespace {

class ManagedRulesTest : public RulesTest {
 protected:
  ManagedRulesTest() { begin(true); }

  void begin(bool changeable) {
    managed = std::make_unique<ManagedRules>(engine, changeable, [this](const std::string& address, const std::optional<Value>& value) {
      const EncodedValue encoded(value.value_or(Value()));
      router().submit(session, Message{Set{.address = address, .value = encoded.view()}}, Qos::fire, {}, world().now());
    });
    session = router().open_session({.name = "rules", .null_removes = true, .writer = "rules"}, sink, world().now());
    managed->writes_as(session);
    router().set_reactor(managed.get());
    router().set_transform(managed.get());
  }
  void use(std::string_view text) {
    RuleSource source;
    ASSERT_TRUE(read_rules(text, "test.json", source));
    auto compiled = compile_rules(source);
    ASSERT_TRUE(compiled) << compiled.error().message;
    ASSERT_TRUE(managed->use(std::move(compiled->rules), world().now()));
  }
  static Value rule(std::string_view out, std::string_view id = "") {
    return *parse_json(fmt::format(R"({{{}"trigger":{{"type":"on_change","pattern":"/x"}},"actions":[{{"type":"set","address":"{}","value":1}}]}})",
                                   id.empty() ? "" : fmt::format(R"("id":"{}",)", id), out));
  }

  std::unique_ptr<ManagedRules> managed;
  router::SessionId session = router::nobody;
  FakeSink sink;
};

TEST_F(ManagedRulesTest, SettingARuleInstallsItAndNullRemovesIt) {
  Peer& desk = connect("desk");
  Peer& watcher = connect("watcher");
  watcher.subscribe("/clasp/rules/*");
  watcher.forget();
  desk.set("/clasp/rules/r", rule("/out"));
  EXPECT_THAT(
      watcher.received(),
      ElementsAre(
          R"(SET /clasp/rules/r {"id":"r","name":"r","enabled":true,"trigger":{"type":"on_change","pattern":"/x"},"actions":[{"type":"set","address":"/out","value":1}]} rev=1)"));
  desk.set("/x", 1);
  EXPECT_EQ(value("/out"), "1");
  desk.set("/clasp/rules/r", rule("/other", "r"));
  desk.set("/x", 1);
  EXPECT_EQ(value("/other"), "1");
  desk.set("/clasp/rules/r", nullptr);
  EXPECT_EQ(engine.size(), 0u);
  EXPECT_EQ(value("/clasp/rules/r"), "absent");
}

TEST_F(ManagedRulesTest, HowManyThereAreIsAParam) {
  use(R"({"id":"a","trigger":{"type":"on_change","pattern":"/x"},"actions":[{"type":"set","address":"/a","value":1}]})");
  EXPECT_EQ(value("/clasp/rules"), "1");
  Peer& desk = connect("desk");
  desk.set("/clasp/rules/r", rule("/out"));
  EXPECT_EQ(value("/clasp/rules"), "2");
  desk.set("/clasp/rules/r/enabled", false);
  EXPECT_EQ(value("/clasp/rules"), "2");
  desk.set("/clasp/rules/r", nullptr);
  EXPECT_EQ(value("/clasp/rules"), "1");
  desk.forget();
  desk.set("/clasp/rules", 7);
  EXPECT_THAT(desk.received(), ElementsAre(HasSubstr("ERROR 403")));
  use("[]");
  EXPECT_EQ(value("/clasp/rules"), "0");
}

TEST_F(ManagedRulesTest, ATextOfJsonIsARuleAsWell) {
  connect("desk").set("/clasp/rules/r", clasp::to_json(rule("/out")));
  EXPECT_EQ(engine.size(), 1u);
}

TEST_F(ManagedRulesTest, TheSwitchIsAParamToo) {
  Peer& desk = connect("desk");
  desk.set("/clasp/rules/r", rule("/out"));
  desk.set("/clasp/rules/r/enabled", false);
  EXPECT_THAT(value("/clasp/rules/r"), HasSubstr(R"("enabled":false)"));
  desk.set("/x", 1);
  EXPECT_EQ(value("/out"), "absent");
  desk.set("/clasp/rules/r/enabled", true);
  EXPECT_THAT(value("/clasp/rules/r"), HasSubstr(R"("enabled":true)"));
  desk.set("/x", 1);
  EXPECT_EQ(value("/out"), "1");
  desk.set("/clasp/rules/r", nullptr);
  EXPECT_EQ(value("/clasp/rules/r/enabled"), "absent");
}

TEST_F(ManagedRulesTest, WhatIsNoRuleIsRefusedAndNothingChanges) {
  Peer& desk = connect("desk");
  desk.set("/clasp/rules/r", rule("/out"));
  desk.forget();
  Value bad = Map{{"trigger", Map{{"type", "on_change"}}}, {"actions", Array{}}};
  desk.set("/clasp/rules/r", bad);
  EXPECT_THAT(desk.received(), ElementsAre(HasSubstr(R"(ERROR 400 rule "r": /trigger/pattern: missing)")));
  desk.set("/clasp/rules/r", rule("/out", "other"));
  EXPECT_THAT(desk.received(), ElementsAre(HasSubstr(R"(ERROR 400 the rule's id is "other", its address ends in "r")")));
  desk.set("/clasp/rules/a/b", 1);
  EXPECT_THAT(desk.received(), ElementsAre(HasSubstr("ERROR 400 a rule is at /clasp/rules/<id>")));
  desk.set("/clasp/rules/no/enabled", true);
  EXPECT_THAT(desk.received(), ElementsAre(HasSubstr("ERROR 400 there is no rule \"no\"")));
  desk.set("/clasp/rules/r/enabled", 1);
  EXPECT_THAT(desk.received(), ElementsAre(HasSubstr("ERROR 400 expected true or false")));
  EXPECT_EQ(router().find("/clasp/rules/r")->revision, 1u);
}

TEST_F(ManagedRulesTest, RulesOfFilesAreShownAndReplacedTogether) {
  use(R"([{"id":"a","trigger":{"type":"on_change","pattern":"/x"},"actions":[{"type":"set","address":"/a","value":1}]},
          {"id":"b","trigger":{"type":"on_change","pattern":"/x"},"actions":[{"type":"set","address":"/b","value":1}]}])");
  EXPECT_THAT(value("/clasp/rules/a"), HasSubstr("/a"));
  EXPECT_EQ(router().find("/clasp/rules/b")->writer, "rules");
  connect("desk").set("/clasp/rules/run", rule("/run"));
  use(R"([{"id":"b","trigger":{"type":"on_change","pattern":"/x"},"actions":[{"type":"set","address":"/b2","value":1}]}])");
  EXPECT_EQ(value("/clasp/rules/a"), "absent");
  EXPECT_THAT(value("/clasp/rules/b"), HasSubstr("/b2"));
  connect("desk").set("/x", 1);
  EXPECT_EQ(value("/a"), "absent");
  EXPECT_EQ(value("/b2"), "1");
  EXPECT_EQ(value("/run"), "1");
}

TEST_F(ManagedRulesTest, ARestartTakesUpWhatWasInstalledAtRunTime) {
  const auto warnings = managed->take_up({{"/clasp/rules/run", rule("/run"), "6f1c"},
                                          {"/clasp/rules/old", rule("/old"), "rules"},
                                          {"/clasp/rules/run/enabled", true, "6f1c"},
                                          {"/clasp/rules/broken", Map{{"id", "broken"}}, "6f1c"}},
                                         world().now());
  EXPECT_NE(engine.find("run"), nullptr);
  EXPECT_EQ(engine.size(), 1u);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("/clasp/rules/broken is not understood and was removed: /trigger: missing")));
}

TEST_F(ManagedRulesTest, WithoutLeaveARestartTakesUpNothingButKeepsItWhereItIs) {
  begin(false);
  const EncodedValue kept(rule("/run"));
  ASSERT_TRUE(router().restore("/clasp/rules/run", kept.view(), 3, "6f1c", UnixTime{1}, {}, world().now()));
  const auto warnings = managed->take_up({{"/clasp/rules/run", rule("/run"), "6f1c"}}, world().now());
  EXPECT_EQ(engine.size(), 0u);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("/clasp/rules/run is not in force")));
  EXPECT_THAT(value("/clasp/rules/run"), HasSubstr("/run"));
}

TEST_F(ManagedRulesTest, WithoutLeaveNobodyChangesThem) {
  begin(false);
  use(R"({"id":"a","trigger":{"type":"on_change","pattern":"/x"},"actions":[{"type":"set","address":"/a","value":1}]})");
  Peer& desk = connect("desk");
  desk.set("/clasp/rules/r", rule("/out"));
  EXPECT_THAT(desk.received(), ElementsAre(HasSubstr("ERROR 403 rules are not changed at run time here (--rules-runtime)")));
  desk.set("/clasp/rules/a/enabled", false);
  EXPECT_THAT(desk.received(), ElementsAre(HasSubstr("ERROR 403")));
  // A protocol that removes without asking: the list shows what is in force, still.
  FakeSink other;
  const auto http = router().open_session({.name = "http", .null_removes = true}, other, world().now());
  ASSERT_TRUE(router().remove(http, "/clasp/rules/a", world().now()));
  EXPECT_THAT(value("/clasp/rules/a"), HasSubstr("\"id\":\"a\""));
  desk.set("/x", 1);
  EXPECT_EQ(value("/a"), "1");
}

TEST_F(ManagedRulesTest, RulesSwitchOthersButDoNotInstallNonsense) {
  use(R"([{"id":"night","trigger":{"type":"on_event","pattern":"/night"},"actions":[{"type":"set","address":"/clasp/rules/day/enabled","value":false}]},
          {"id":"bad","trigger":{"type":"on_event","pattern":"/bad"},"actions":[{"type":"set","address":"/clasp/rules/day","value":7},{"type":"set","address":"/clasp/rules/x","value":7}]},
          {"id":"day","trigger":{"type":"on_change","pattern":"/x"},"actions":[{"type":"set","address":"/out","value":1}]}])");
  Peer& desk = connect("desk");
  desk.publish("/night", 1);
  EXPECT_FALSE(engine.find("day")->enabled);
  desk.publish("/bad", 1);
  EXPECT_THAT(value("/clasp/rules/day"), HasSubstr(R"("enabled":false)"));
  EXPECT_EQ(value("/clasp/rules/x"), "absent");
}

TEST_F(ManagedRulesTest, OtherValuesGoOnToOtherTransforms) {
  class Doubling final : public router::Transform {
    router::Transformed transform(std::string_view, SignalType, const ValueView& value, const Now&) override {
      return Value(value.as_number().value_or(0) * 2);
    }
  } doubling;
  managed->go_on_with(&doubling);
  connect("desk").set("/y", 2);
  EXPECT_EQ(value("/y"), "4.0");
}

}  // namespace
}  // namespace clasp::rules
