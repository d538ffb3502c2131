// What sets rules off, what keeps them from acting, and what they do: against the router itself (rules specification 8–15, 17, 19).
#include "rules/rules_testing.hpp"

namespace clasp::rules {
namespace {

// ---- triggers ----

TEST_F(RulesTest, AChangeSetsOffWithEveryAcceptedSet) {
  install_copy(R"({"type":"on_change","pattern":"/lights/*/dim"})");
  Peer& desk = connect("desk");
  Peer& watcher = connect("watcher");
  watcher.subscribe("/**");
  watcher.forget();
  desk.set("/lights/1/dim", 0.5);
  desk.set("/lights/1/dim", 0.5);
  desk.set("/lights/1/hue", 0.5);
  EXPECT_THAT(watcher.received(), ElementsAre("SET /lights/1/dim 0.5 rev=1", "SET /out 0.5 rev=1", "SET /lights/1/dim 0.5 rev=2",
                                              "SET /out 0.5 rev=2", "SET /lights/1/hue 0.5 rev=1"));
  EXPECT_EQ(router().find("/out")->writer, "rule:r");
  EXPECT_EQ(stats("r").fired, 2u);
}

TEST_F(RulesTest, TheWriterHearsItsEchoThenTheEffectsThenItsAck) {
  install_copy(R"({"type":"on_change","pattern":"/x"})");
  Peer& desk = connect("desk");
  desk.subscribe("/**");
  desk.forget();
  desk.set("/x", 1);
  EXPECT_THAT(desk.received(), ElementsAre("SET /x 1 rev=1", "SET /out 1 rev=1", "ACK /x rev=1"));
}

TEST_F(RulesTest, OnlyChangesPassesOverTheSameValue) {
  connect("earlier").set("/x", 1);
  install_copy(R"({"type":"on_change","pattern":"/**","only_changes":true})");
  Peer& desk = connect("desk");
  for (const Value& value : {Value(1), Value(1.0), Value(2), Value(std::nan("")), Value(std::nan("")), Value(2)}) desk.set("/x", value);
  EXPECT_EQ(stats("r").fired, 3u);  // 2, NaN, 2: what is there already is known, and NaN is the same as NaN
}

TEST_F(RulesTest, EventsAreEventsAndChangesAreChanges) {
  install(R"([{"id":"c","trigger":{"type":"on_change","pattern":"/**"},"actions":[{"type":"delay","milliseconds":1}]},
              {"id":"e","trigger":{"type":"on_event","pattern":"/**"},"actions":[{"type":"delay","milliseconds":1}]}])");
  Peer& desk = connect("desk");
  desk.set("/a", 1);
  EXPECT_THAT(heard(), ElementsAre("c: fires"));
  desk.publish("/a", 1);
  EXPECT_THAT(heard(), ElementsAre("e: fires"));
  desk.publish("/a", 1, SignalType::stream);
  desk.gesture("/a", 1, GesturePhase::start, 1);
  EXPECT_THAT(heard(), IsEmpty());
}

TEST_F(RulesTest, ARemovedParamIsAChangeToNull) {
  install_copy(R"({"type":"on_change","pattern":"/x"})");
  Peer& desk = connect("desk");
  const EncodedValue one(1);
  desk.set(Set{.address = "/x", .value = one.view(), .ttl = Ttl{Ttl::Mode::absolute, 5}});
  EXPECT_EQ(value("/out"), "1");
  advance(std::chrono::seconds(20));
  EXPECT_EQ(value("/x"), "absent");
  EXPECT_EQ(value("/out"), "null");
}

// Field case C34, with numbers of both kinds.
TEST_F(RulesTest, AThresholdFiresOncePerCrossingAlsoAfterARestart) {
  install_copy(R"({"type":"on_threshold","address":"/r/t","below":10})");
  Peer& desk = connect("desk");
  const auto fires = [&](const Value& value) {
    desk.set("/r/t", value);
    const auto lines = heard();
    return lines.size() == 1 && lines[0] == "r: fires";
  };
  EXPECT_FALSE(fires(12));
  EXPECT_TRUE(fires(9.0));
  EXPECT_FALSE(fires(8));
  EXPECT_FALSE(fires(7.0));
  const auto param = *router().find("/r/t");
  const auto kept = to_value(param.value);
  ASSERT_TRUE(engine.remove("r"));  // a restart: the state comes back, then the rules
  const EncodedValue restored(kept);
  ASSERT_TRUE(router().restore("/r/t", restored.view(), 4, "desk", UnixTime{1}, {}, world().now()));
  install_copy(R"({"type":"on_threshold","address":"/r/t","below":10})");
  EXPECT_THAT(heard(), IsEmpty());
  EXPECT_FALSE(fires(6));
  EXPECT_FALSE(fires(Value()));
  EXPECT_FALSE(fires(5.0));
  EXPECT_FALSE(fires("unavailable"));
  EXPECT_FALSE(fires(4));
  EXPECT_FALSE(fires(12.0));
  EXPECT_TRUE(fires(9.5));
  EXPECT_FALSE(fires(10));
  EXPECT_TRUE(fires(9));
}

TEST_F(RulesTest, AThresholdIsNotCrossedByWhatIsNoNumber) {  // field case C31
  install_copy(R"({"type":"on_threshold","address":"/n","above":1})");
  Peer& desk = connect("desk");
  desk.set("/n", std::nan(""));
  EXPECT_EQ(stats("r").fired, 0u);
  desk.set("/n", std::numeric_limits<double>::infinity());
  EXPECT_EQ(stats("r").fired, 1u);
}

TEST_F(RulesTest, ThresholdsWithHysteresisBothBoundsAndPatterns) {
  install_copy(R"({"type":"on_threshold","address":"/t/*","above":30,"below":10,"hysteresis":2})");
  Peer& desk = connect("desk");
  const auto fired = [&](std::string_view address, std::initializer_list<double> values) {
    std::string out;
    for (const double v : values) {
      const auto before = stats("r").fired;
      desk.set(address, v);
      out += stats("r").fired > before ? 'F' : '.';
    }
    return out;
  };
  EXPECT_EQ(fired("/t/1", {20, 31, 29, 31, 28, 31, 5, 11, 9, 12, 9, 40}), ".F...FF...FF");
  EXPECT_EQ(fired("/t/2", {31, 32}), "F.");  // each address has a side of its own
}

TEST_F(RulesTest, ALevelThresholdFiresWithEverySetBeyond) {
  install_copy(R"({"type":"on_threshold","address":"/t","above":30,"mode":"level"})");
  Peer& desk = connect("desk");
  for (const int v : {25, 31, 32, 30, 33}) desk.set("/t", v);
  EXPECT_EQ(stats("r").fired, 3u);
}

TEST_F(RulesTest, SessionsJoinWithTheirFirstSubscriptionThatOverlapsAndLeaveWhenTheyEnd) {
  install(R"([{"id":"join","trigger":{"type":"on_session_join","pattern":"/lights/**"},"actions":[{"type":"set_from_trigger","address":"/joined"}]},
              {"id":"leave","trigger":{"type":"on_session_leave","pattern":"/lights/**"},"actions":[{"type":"set_from_trigger","address":"/left"}]}])");
  Peer& desk = connect("desk");
  EXPECT_THAT(heard(), IsEmpty());
  desk.subscribe("/sound/**");
  EXPECT_THAT(heard(), IsEmpty());
  desk.subscribe("/*/1/dim");
  desk.subscribe("/lights/2");
  EXPECT_THAT(heard(), ElementsAre("join: fires"));
  EXPECT_EQ(value("/joined"), fmt::format(R"({{"session":"{}","name":"desk"}})", desk.session_id()));
  desk.leave();
  EXPECT_THAT(heard(), ElementsAre("leave: fires"));
  Peer& other = connect("other");
  other.subscribe("/sound/**");
  other.leave();
  EXPECT_THAT(heard(), IsEmpty());
}

TEST_F(RulesTest, SessionsByName) {
  install(R"([{"id":"join","trigger":{"type":"on_session_join","pattern":"desk*"},"actions":[{"type":"set","address":"/desks","value":true}]},
              {"id":"leave","trigger":{"type":"on_session_leave","pattern":"*"},"actions":[{"type":"set_from_trigger","address":"/left"}]}])");
  connect("phone").leave();
  EXPECT_THAT(heard(), ElementsAre("leave: fires"));
  connect("desk-1");
  EXPECT_THAT(heard(), ElementsAre("join: fires"));
}

// ---- conditions ----

TEST_F(RulesTest, ConditionsSeeTheStateAfterTheWrite) {
  install(
      R"({"id":"r","trigger":{"type":"on_change","pattern":"/x"},"conditions":[{"address":"/x","op":"gt","value":1},{"address":"/mode","op":"ne","value":"off"},
              {"test":{"type":"in_range","min":0,"max":5}}],"actions":[{"type":"set","address":"/out","value":1}]})");
  Peer& desk = connect("desk");
  desk.set("/x", 1);
  EXPECT_THAT(heard(), ElementsAre("r: condition 1 does not hold: /x is 1, not gt 1"));
  desk.set("/x", 2.0);
  EXPECT_THAT(heard(), ElementsAre("r: fires"));  // a param that is not there is null, which is not "off"
  desk.set("/mode", "off");
  desk.set("/x", 3);
  EXPECT_THAT(heard(), ElementsAre(R"(r: condition 2 does not hold: /mode is "off", not ne "off")"));
  desk.set("/mode", "on");
  desk.set("/x", 6);
  EXPECT_THAT(heard(), ElementsAre("r: condition 3 does not hold: the value is 6"));
}

TEST_F(RulesTest, AMissingParamIsNullAndNothingElse) {
  install(
      R"([{"id":"null","trigger":{"type":"on_event","pattern":"/go"},"conditions":[{"address":"/no","op":"eq","value":null}],"actions":[{"type":"set","address":"/a","value":1}]},
              {"id":"less","trigger":{"type":"on_event","pattern":"/go"},"conditions":[{"address":"/no","op":"lt","value":5}],"actions":[{"type":"set","address":"/b","value":1}]}])");
  connect("desk").publish("/go", 1);
  EXPECT_THAT(heard(), ElementsAre("null: fires", "less: condition 1 does not hold: /no is not set, not lt 5"));
}

TEST_F(RulesTest, NoConditionSeesHalfABundle) {
  install(
      R"({"id":"r","trigger":{"type":"on_change","pattern":"/a"},"conditions":[{"address":"/b","op":"eq","value":2}],"actions":[{"type":"set","address":"/out","value":1}]})");
  Peer& desk = connect("desk");
  const EncodedValue one(1), two(2);
  desk.bundle({Message{Set{.address = "/a", .value = one.view()}}, Message{Set{.address = "/b", .value = two.view()}}});
  EXPECT_THAT(heard(), ElementsAre("r: fires"));
}

// ---- actions ----

TEST_F(RulesTest, ActionsRunInTheirOrder) {
  install(
      R"({"id":"r","trigger":{"type":"on_event","pattern":"/go"},"actions":[{"type":"set","address":"/a","value":[1,{"b":2}]},{"type":"publish","address":"/b"},
              {"type":"publish","address":"/c","signal":"stream","value":0.5},{"type":"set_from_trigger","address":"/d","transform":"value * 2"},
              {"type":"webhook","url":"http://x.example/hook"},{"type":"webhook","url":"http://x.example/other","body":{"on":true}}]})");
  Peer& watcher = connect("watcher");
  watcher.subscribe("/**");
  watcher.forget();
  connect("desk").publish("/go", 21);
  EXPECT_THAT(watcher.received(),
              ElementsAre("PUBLISH event /go 21", R"(SET /a [1,{"b":2}] rev=1)", "PUBLISH event /b", "PUBLISH stream /c 0.5", "SET /d 42.0 rev=1"));
  EXPECT_THAT(calls, ElementsAre(testing::StartsWith(R"(r http://x.example/hook {"rule":"r","address":"/go","value":21,"time":)"),
                                 R"(r http://x.example/other {"on":true})"));
}

TEST_F(RulesTest, TransformsOfTheReference) {
  struct Row {
    const char* transform;
    Value in;
    const char* out;
  };
  for (const Row& row : {
           Row{R"({"Scale":{"scale":255,"offset":0}})", 0.5, "127.5"},
           Row{R"({"Clamp":{"min":0,"max":1}})", 1.5, "1.0"},
           Row{R"({"Clamp":{"min":0,"max":1}})", -0.5, "0.0"},
           Row{R"({"Threshold":{"value":0.5}})", 0.8, "true"},
           Row{R"({"Threshold":{"value":0.5}})", 0.3, "false"},
           Row{R"({"Threshold":{"value":0.5}})", 0.5, "false"},
           Row{R"({"Invert":{"min":0,"max":1}})", 0.25, "0.75"},
           Row{R"("Identity")", "text", "\"text\""},
           Row{R"({"Scale":{"scale":2,"offset":1}})", "text", "\"text\""},
           Row{R"({"Scale":{"scale":2,"offset":1}})", 3, "7.0"},
           Row{R"({"type":"threshold","value":0.5})", 0.5, "true"},
           Row{R"({"type":"threshold","value":0.5,"above":"hi","below":"lo"})", 0.5, "\"hi\""},
           Row{R"({"type":"threshold","value":0.5,"above":"hi","below":"lo"})", 0.4, "\"lo\""},
           Row{R"({"type":"map","table":{"1":"red","true":"yes"}})", 1.0, "\"red\""},
           Row{R"({"type":"map","table":{"1":"red","true":"yes"}})", true, "\"yes\""},
           Row{R"({"type":"map","table":{"1":"red"}})", 2, "2"},
           Row{R"({"type":"round","precision":1})", 0.25, "0.3"},
           Row{R"({"type":"round"})", -2.5, "-3.0"},
           Row{R"({"type":"abs"})", -4, "4.0"},
           Row{R"({"type":"invert"})", 0.25, "0.75"},
           Row{R"("Identity")", std::nan(""), "null"},
       }) {
    install(fmt::format(
        R"({{"id":"r","trigger":{{"type":"on_event","pattern":"/go"}},"actions":[{{"type":"set_from_trigger","address":"/out","transform":{}}}]}})",
        row.transform));
    connect("desk").publish("/go", row.in);
    EXPECT_EQ(value("/out"), row.out) << row.transform << " of " << clasp::to_json(row.in);
  }
}

TEST_F(RulesTest, ASceneIsSetAsAWhole) {
  install(R"([{"id":"scene","trigger":{"type":"on_event","pattern":"/go"},"actions":[{"type":"scene","values":{"/a":1,"/b":2}}]},
              {"id":"stored","trigger":{"type":"on_event","pattern":"/stored"},"actions":[{"type":"scene","address":"/scenes/1"}]},
              {"id":"after","trigger":{"type":"on_change","pattern":"/a"},"conditions":[{"address":"/b","op":"eq","value":2}],"actions":[{"type":"set","address":"/whole","value":true}]}])");
  Peer& desk = connect("desk");
  desk.publish("/go", 1);
  EXPECT_EQ(value("/whole"), "true");
  desk.publish("/stored", 1);
  EXPECT_THAT(log, Contains(HasSubstr("rule stored: /scenes/1 holds no scene")));
  desk.set("/scenes/1", Map{{"/a", 5}, {"/c", "x"}});
  desk.publish("/stored", 1);
  EXPECT_EQ(value("/a"), "5");
  EXPECT_EQ(value("/c"), "\"x\"");
  EXPECT_EQ(stats("stored").failed, 1u);
}

TEST_F(RulesTest, WhatCannotBeDoneIsCountedAndTold) {
  install_copy(R"({"type":"on_event","pattern":"/go"})");
  Peer& desk = connect("desk");
  const EncodedValue one(1);
  desk.set(Set{.address = "/out", .value = one.view(), .lock = true});
  connect("other").publish("/go", 2);
  EXPECT_EQ(value("/out"), "1");
  EXPECT_EQ(stats("r").failed, 1u);
  EXPECT_THAT(world().log_lines, Contains(HasSubstr("could not set /out: LockHeld")));
}

TEST_F(RulesTest, RulesRunInTheirOrderAndReplacementsKeepTheirPlace) {
  const auto rule = [](std::string_view id, int value) {
    return fmt::format(R"({{"id":"{}","trigger":{{"type":"on_event","pattern":"/go"}},"actions":[{{"type":"set","address":"/out","value":{}}}]}})",
                       id, value);
  };
  for (const char* id : {"c", "a", "b"}) install(rule(id, 1));
  install(rule("a", 2));
  ASSERT_TRUE(engine.remove("c"));
  EXPECT_FALSE(engine.remove("c"));
  install(rule("d", 3));
  connect("desk").publish("/go", 1);
  EXPECT_THAT(heard(), ElementsAre("a: fires", "b: fires", "d: fires"));
}

TEST_F(RulesTest, ADisabledRuleDoesNotActButKnowsWhereItIs) {
  install_copy(R"({"type":"on_threshold","address":"/t","above":1})", R"(,"enabled":false)");
  Peer& desk = connect("desk");
  desk.set("/t", 2);
  EXPECT_THAT(heard(), ElementsAre("r: it is disabled"));
  ASSERT_TRUE(engine.enable("r", true));
  desk.set("/t", 3);
  EXPECT_THAT(heard(), ElementsAre("r: it was beyond its threshold already"));
  EXPECT_FALSE(engine.enable("x", true));
}

TEST_F(RulesTest, TheSameRuleAgainGoesOnWithWhatItRemembers) {
  const char* trigger = R"({"type":"on_threshold","address":"/t","above":1})";
  install_copy(trigger, R"(,"cooldown":60)");
  Peer& desk = connect("desk");
  desk.set("/t", 2);
  EXPECT_EQ(stats("r").fired, 1u);
  install_copy(trigger, R"(,"cooldown":60)");
  EXPECT_EQ(stats("r").fired, 1u);
  install_copy(trigger, R"(,"cooldown":61)");
  EXPECT_EQ(stats("r").fired, 0u);
  desk.set("/t", 3);
  EXPECT_EQ(stats("r").fired, 0u);  // another rule, but 2 was there when it came
}

// ---- chains ----

constexpr const char* ring = R"([{"id":"a","trigger":{"type":"on_change","pattern":"/a"},"actions":[{"type":"set_from_trigger","address":"/b"}]},
  {"id":"b","trigger":{"type":"on_change","pattern":"/b"},"actions":[{"type":"set_from_trigger","address":"/c"}]},
  {"id":"c","trigger":{"type":"on_change","pattern":"/c"},"actions":[{"type":"set_from_trigger","address":"/a"}]}])";

TEST_F(RulesTest, RulesSetOffOthersButNoneTwice) {
  install(ring);
  connect("desk").set("/a", 1);
  EXPECT_THAT(heard(), ElementsAre("a: fires", "b: fires", "c: fires", "a: it has had a part in this already"));
  EXPECT_EQ(router().find("/a")->revision, 2u);
  EXPECT_EQ(router().find("/a")->writer, "rule:c");
  connect("desk").set("/b", 2);  // and a new chain begins anew
  EXPECT_THAT(heard(), ElementsAre("b: fires", "c: fires", "a: fires", "b: it has had a part in this already"));
}

TEST_F(RulesTest, ARuleNeverSetsItselfOff) {
  install(R"({"id":"r","trigger":{"type":"on_change","pattern":"/**"},"actions":[{"type":"set","address":"/x","value":1}]})");
  connect("desk").set("/y", 1);
  EXPECT_THAT(heard(), ElementsAre("r: fires", "r: it has had a part in this already"));
}

std::string chain_of(int length) {
  std::string text = "[";
  for (int i = 0; i < length; ++i)
    text += fmt::format(R"({}{{"id":"r{}","trigger":{{"type":"on_change","pattern":"/{}"}},"actions":[{{"type":"set","address":"/{}","value":1}}]}})",
                        i > 0 ? "," : "", i, i, i + 1);
  return text + "]";
}

TEST_F(RulesTest, AChainEndsAfterEightRules) {
  install(chain_of(12));
  Peer& desk = connect("desk");
  desk.set("/0", 1);
  EXPECT_EQ(value("/8"), "1");
  EXPECT_EQ(value("/9"), "absent");
  desk.set("/0", 1);
  EXPECT_THAT(log, ElementsAre("rule r8 was not run: a chain of rules ends after 8; this is told once"));
  EXPECT_EQ(router().stats().effects_dropped, 0u);
}

class RulesWithoutChains : public RulesTest {
 protected:
  RulesWithoutChains() : RulesTest({.chain_max = 0}) {}
};
TEST_F(RulesWithoutChains, WhatRulesWriteSetsOffNone) {
  install(ring);
  connect("desk").set("/a", 1);
  EXPECT_EQ(value("/b"), "1");
  EXPECT_EQ(value("/c"), "absent");
}

TEST_F(RulesTest, TenThousandRulesOnOneWrite) {
  std::string text = "[";
  for (int i = 0; i < 10'000; ++i)
    text += fmt::format(
        R"({}{{"id":"r{}","trigger":{{"type":"on_change","pattern":"/**"}},"conditions":[{{"address":"/go","op":"eq","value":1}}],"actions":[{{"type":"publish","address":"/e","value":{}}}]}})",
        i > 0 ? "," : "", i, i);
  engine.watch({});
  install(text + "]");
  Peer& watcher = connect("watcher");
  watcher.subscribe("/e");
  watcher.forget();
  connect("desk").set("/go", 1);
  const auto lines = watcher.received();
  ASSERT_EQ(lines.size(), 10'000u);
  EXPECT_EQ(lines.back(), "PUBLISH event /e 9999");
  const auto one_more = read_rules("[" + chain_of(1).substr(1), "x", *std::make_unique<RuleSource>());
  EXPECT_TRUE(one_more);
}

TEST_F(RulesTest, EffectsAreShownToTheJournalWithTheRuleAsWriter) {
  class Journal final : public router::Observer {
   public:
    void committed(std::span<const router::Commit> commits) override {
      for (const router::Commit& commit : commits)
        lines.push_back(fmt::format("{} by {} origin {}", commit.address, commit.writer, commit.provenance.origin != 0));
    }
    std::vector<std::string> lines;
  } journal;
  configure({}, {.observer = &journal, .reactor = &engine});
  engine.writes_as(router().open_session({.name = "rules", .writer = "rules"}, unused, world().now()));
  install_copy(R"({"type":"on_change","pattern":"/x"})");
  Peer& desk = connect("desk");
  desk.set("/x", 1);
  EXPECT_THAT(journal.lines, ElementsAre("/x by " + desk.session_id() + " origin false", "/out by rule:r origin true"));
}

}  // namespace
}  // namespace clasp::rules
