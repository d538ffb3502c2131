// Cooldowns, delays, intervals and times of day, with a clock that moves only when told.
#include "rules/rules_testing.hpp"

namespace clasp::rules {
namespace {

using namespace std::chrono_literals;

TEST_F(RulesTest, ACoolingRuleIsSilentAndWhatItMissedIsLost) {
  install_copy(R"({"type":"on_change","pattern":"/x/*"})", R"(,"cooldown":"60s")");
  Peer& desk = connect("desk");
  desk.set("/x/1", 1);
  desk.set("/x/2", 2);  // one clock for the rule, not one for each address
  EXPECT_THAT(heard(), ElementsAre("r: fires", "r: it has fired less than 60 s ago"));
  advance(59'999ms);
  desk.set("/x/1", 3);
  EXPECT_EQ(value("/out"), "1");
  advance(1ms);
  EXPECT_EQ(value("/out"), "1");
  desk.set("/x/1", 4);
  EXPECT_EQ(value("/out"), "4");
  EXPECT_EQ(stats("r").suppressed, 2u);
}

TEST_F(RulesTest, ACrossingWhileCoolingDownIsOver) {
  install_copy(R"({"type":"on_threshold","address":"/t","above":1})", R"(,"cooldown":10)");
  Peer& desk = connect("desk");
  for (const int v : {2, 0, 2}) desk.set("/t", v);
  advance(11s);
  desk.set("/t", 3);
  EXPECT_EQ(stats("r").fired, 1u);  // no late firing: it is beyond already
  desk.set("/t", 0);
  desk.set("/t", 2);
  EXPECT_EQ(stats("r").fired, 2u);
}

TEST_F(RulesTest, WhatFollowsADelayWaitsForIt) {
  install(
      R"({"id":"door","trigger":{"type":"on_change","pattern":"/door"},"actions":[{"type":"set","address":"/light","value":1},{"type":"delay","milliseconds":30000},
              {"type":"set","address":"/light","value":0},{"type":"set_from_trigger","address":"/was"},{"type":"delay","milliseconds":500},{"type":"publish","address":"/done"}]})");
  Peer& watcher = connect("watcher");
  watcher.subscribe("/**");
  watcher.forget();
  connect("desk").set("/door", "open");
  EXPECT_THAT(watcher.received(), ElementsAre(R"(SET /door "open" rev=1)", "SET /light 1 rev=1"));
  advance(29'999ms);
  EXPECT_THAT(watcher.received(), IsEmpty());
  advance(1ms);
  EXPECT_THAT(watcher.received(), ElementsAre("SET /light 0 rev=2", R"(SET /was "open" rev=1)"));
  advance(500ms);
  EXPECT_THAT(watcher.received(), ElementsAre("PUBLISH event /done"));
  EXPECT_EQ(engine.delayed(), 0u);
}

TEST_F(RulesTest, ADelayDoesNotBreakTheChain) {
  install(
      R"([{"id":"on","trigger":{"type":"on_change","pattern":"/a"},"actions":[{"type":"delay","milliseconds":100},{"type":"set","address":"/b","value":1}]},
              {"id":"off","trigger":{"type":"on_change","pattern":"/b"},"actions":[{"type":"delay","milliseconds":100},{"type":"set","address":"/a","value":0}]}])");
  connect("desk").set("/a", 1);
  advance(10s);
  EXPECT_THAT(heard(), ElementsAre("on: fires", "off: fires", "on: it has had a part in this already"));
  EXPECT_EQ(router().find("/a")->revision, 2u);
  EXPECT_EQ(engine.delayed(), 0u);
}

TEST_F(RulesTest, ARemovedRuleDoesNothingMore) {
  install(
      R"({"id":"r","trigger":{"type":"on_event","pattern":"/go"},"actions":[{"type":"delay","milliseconds":100},{"type":"set","address":"/out","value":1}]})");
  Peer& desk = connect("desk");
  desk.publish("/go", 1);
  desk.publish("/go", 1);
  EXPECT_EQ(engine.delayed(), 2u);
  engine.remove("r");
  EXPECT_EQ(engine.delayed(), 0u);
  advance(1s);
  EXPECT_EQ(value("/out"), "absent");
}

class RulesWithFewDelays : public RulesTest {
 protected:
  RulesWithFewDelays() : RulesTest({.delayed_max = 3}) {}
};
TEST_F(RulesWithFewDelays, DelaysAreBounded) {
  install(
      R"({"id":"r","trigger":{"type":"on_event","pattern":"/go"},"actions":[{"type":"delay","milliseconds":100},{"type":"publish","address":"/out"}]})");
  Peer& watcher = connect("watcher");
  watcher.subscribe("/out");
  watcher.forget();
  Peer& desk = connect("desk");
  for (int i = 0; i < 5; ++i) desk.publish("/go", 1);
  EXPECT_EQ(engine.delayed_dropped(), 2u);
  EXPECT_EQ(stats("r").failed, 2u);
  EXPECT_THAT(log, Contains(HasSubstr("rule r: its actions from 2 on were dropped: 3 rules wait")));
  advance(1s);
  EXPECT_EQ(watcher.received().size(), 3u);
}

TEST_F(RulesTest, AnIntervalBeginsAfterItsFirstPeriodAndSkipsWhatItMissed) {
  install(
      R"([{"id":"tick","trigger":{"type":"on_interval","seconds":2},"actions":[{"type":"set_from_trigger","address":"/out"},{"type":"publish","address":"/tick"}]},
              {"id":"now","trigger":{"type":"on_interval","seconds":2,"immediate":true},"actions":[{"type":"publish","address":"/now"}]}])");
  Peer& watcher = connect("watcher");
  watcher.subscribe("/tick");
  watcher.subscribe("/now");
  watcher.forget();
  advance(1us);
  EXPECT_THAT(watcher.received(), ElementsAre("PUBLISH event /now"));
  advance(1'999'998us);
  EXPECT_THAT(watcher.received(), IsEmpty());
  advance(2'000'001us);
  EXPECT_THAT(watcher.received(), ElementsAre("PUBLISH event /tick", "PUBLISH event /now", "PUBLISH event /tick", "PUBLISH event /now"));
  EXPECT_EQ(value("/out"), "null");
  EXPECT_EQ(router().find("/out")->writer, "interval:tick");
  world().stand_still(std::chrono::seconds(11));  // 5.5 periods: one, not five
  EXPECT_THAT(watcher.received(), ElementsAre("PUBLISH event /tick", "PUBLISH event /now"));
  advance(1s);
  EXPECT_THAT(watcher.received(), ElementsAre("PUBLISH event /tick", "PUBLISH event /now"));  // and in step again
}

TEST_F(RulesTest, AnIntervalCoolsDownHasConditionsAndCanBeDisabled) {
  install(
      R"({"id":"tick","trigger":{"type":"on_interval","seconds":1},"conditions":[{"address":"/on","op":"eq","value":true}],"actions":[{"type":"publish","address":"/tick"}],"cooldown":2.5})");
  Peer& desk = connect("desk");
  advance(3s);
  EXPECT_EQ(stats("tick").fired, 0u);
  desk.set("/on", true);
  advance(6s);
  EXPECT_EQ(stats("tick").fired, 2u);
  engine.enable("tick", false);
  advance(10s);
  EXPECT_EQ(stats("tick").fired, 2u);
}

TEST_F(RulesTest, ATimeOfDay) {  // the test's clock begins on 2023-11-14 at 22:13:20 UTC, a Tuesday
  install(R"([{"id":"night","trigger":{"type":"on_time","cron":"30 22 * * *"},"actions":[{"type":"publish","address":"/night"}]},
              {"id":"friday","trigger":{"type":"on_time","cron":"0 20 * * fri"},"actions":[{"type":"set","address":"/friday","value":true}]}])");
  advance(16min + 39s);
  EXPECT_EQ(stats("night").fired, 0u);
  advance(1s);
  EXPECT_EQ(stats("night").fired, 1u);
  advance(24h - 1s);
  EXPECT_EQ(stats("night").fired, 1u);
  advance(1s);
  EXPECT_EQ(stats("night").fired, 2u);
  EXPECT_EQ(value("/friday"), "absent");
  advance(48h);
  EXPECT_EQ(value("/friday"), "true");
  EXPECT_EQ(router().find("/friday")->writer, "interval:friday");
}

TEST_F(RulesTest, ATimeOfDayFollowsTheWallClockThatIsSet) {
  install(R"({"id":"night","trigger":{"type":"on_time","cron":"30 22 * * *"},"actions":[{"type":"publish","address":"/night"}]})");
  world().step_wall_clock(std::int64_t{20} * 60 * 1'000'000);  // past it
  advance(2min);
  EXPECT_EQ(stats("night").fired, 1u);  // late, but once
  advance(2min);
  world().step_wall_clock(-std::int64_t{60} * 60 * 1'000'000);  // summer time that somebody has set by hand
  advance(2min);
  EXPECT_EQ(stats("night").fired, 1u);
  advance(1h);
  EXPECT_EQ(stats("night").fired, 2u);
}

}  // namespace
}  // namespace clasp::rules
