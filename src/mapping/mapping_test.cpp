#include "mapping/mapping.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include "mapping/mapping_line.hpp"
#include "mapping/mapping_table.hpp"
#include "transform/transform_testing.hpp"

namespace clasp::mapping {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using transform::test::Clock;
using transform::test::json;

std::string refusal(std::string_view spec) {
  const auto mapping = Mapping::compile(json(spec));
  return mapping ? "" : mapping.error().message;
}

TEST(MappingLoad, NamesTheMemberAndWhatWasExpected) {
  const std::pair<const char*, const char*> mistakes[] = {
      {R"([1])", ": expected an object"},
      {R"({"to":"/b"})", "/from: missing; an address is needed"},
      {R"({"from":"/a"})", "/to: missing; an address is needed"},
      {R"({"from":1,"to":"/b"})", "/from: expected a text"},
      {R"({"from":"/a","to":"/b","dirction":"in"})", "/dirction: a mapping has no such member"},
      {R"({"from":"/a","to":"/b","direction":"up"})", "/direction: expected in, out or both"},
      {R"({"from":"a","to":"/b"})", "/from: a: byte 0: an address begins with /"},
      {R"({"from":"/a/{x}","to":"/b/{y}"})", "/to: nothing in /a/{x} fills {y}"},
      {R"({"from":"/a/*/*","to":"/b/*","direction":"both"})", "/from: nothing in /b/* fills *"},
      {R"({"from":"osc:/a","to":"midi:/b"})", "/to: one of both sides must be the router's"},
      {R"({"from":"clasp:/a","to":"osc:/b","direction":"in"})", "/direction: in leads from the device to the router"},
      {R"({"from":"osc:/a","to":"/b","direction":"out"})", "/direction: out leads from the router to the device"},
      {R"({"from":"/a","to":"/b","transform":{"type":"scale"}})", "/transform/from_min: missing"},
      {R"({"from":"/a","to":"/b","direction":"both","transform":{"type":"smooth","factor":0.5}})",
       "/transform: smooth cannot be undone, so the other direction has none; give an \"inverse\""},
      {R"({"from":"/a","to":"/b","inverse":"value"})", "/inverse: only for a mapping in both directions"},
      {R"({"from":"/a","to":"/b","when":{"type":"in_range","min":0}})", "/when/max: missing"},
      {R"({"from":"/a","to":"/b","kind":"gesture"})", "/kind: expected param, event or stream"},
      {R"({"from":"/a","to":"/b","stop":1})", "/stop: expected true or false"},
      {R"({"from":"/a","to":"/b","template":{"v":"$.["}})", "/template: path, byte 2: expected a name or *"},
      {R"({"from":"/a/{n}","to":"/b","template":{"v":"{m}"}})", "/template: there is no {m} in /a/{n}"},
      {R"({"from":"/a","to":"/b","direction":"both","template":{}})", "/template: only for the direction in"},
      {R"({"from":"/a","to":"/b","surface":{"touch_hold":1}})", "/surface/touch_hold: a surface has no such member"},
      {R"({"from":"/a","to":"/b","surface":{"feedback_hz":-1}})", "/surface/feedback_hz: expected a number from 0 to 10000"},
      {R"({"from":"/a","to":"/b","surface":{"feedback_hz":1e-300}})", "/surface/feedback_hz: expected 0 (no limit), or 0.001 to 10000"},
      {R"({"from":"/a","to":"/b","surface":{"touch_hold_ms":3e37}})", "/surface/touch_hold_ms: expected a number from 0 to 60000"},
      {R"({"from":"/a","to":"/b","surface":{"pickup":true}})", "/surface/pickup: needs the direction both"},
      {R"({"from":"/a","to":"/b","direction":"both","surface":{"pickup":true,"latch":true}})", "/surface/latch: a button has no position"},
      {R"({"from":"/a/{n}","to":"/b/{n}","direction":"both","surface":{"touch":"/touch"}})", "/surface/touch: nothing in /touch fills {n}"},
  };
  for (const auto& [spec, message] : mistakes) EXPECT_THAT(refusal(spec), StartsWith(message)) << spec;
}

TEST(MappingLoad, KnowsTheDeviceBySchemeElseByDirection) {
  const auto sides = [](const char* spec) {
    const auto mapping = Mapping::compile(json(spec));
    if (!mapping) return mapping.error().message;
    return fmt::format("{} {} {} {}", mapping->protocol(), mapping->device().text(), mapping->router().text(),
                       static_cast<int>(mapping->direction()));
  };
  EXPECT_EQ(sides(R"({"from":"/d","to":"/r"})"), " /d /r 1");
  EXPECT_EQ(sides(R"({"from":"/r","to":"/d","direction":"out"})"), " /d /r 2");
  EXPECT_EQ(sides(R"({"from":"osc:/d","to":"/r"})"), "osc /d /r 1");
  EXPECT_EQ(sides(R"({"from":"/r","to":"osc:/d"})"), "osc /d /r 2");
  EXPECT_EQ(sides(R"({"from":"clasp:/r","to":"mqtt:/d","direction":"both"})"), "mqtt /d /r 3");
}

// ---- tables ----

class TableTest : public testing::Test {
 protected:
  void load(std::string_view text, std::string_view source = "show.map") {
    MappingSource entries;
    const auto read = read_mappings(text, source, entries);
    ASSERT_TRUE(read) << read.error().message;
    auto made = MappingTable::compile(entries, {.protocol = "osc", .ns = "/osc", .transforms = {}});
    ASSERT_TRUE(made) << made.error().message;
    table_ = std::move(*made);
  }
  std::string in(std::string_view address, std::string_view value) {
    std::string out;
    const bool mapped = table_.in(address, json(value), clock_.now(), [&](const std::string& to, const Value& what, std::optional<SignalType> kind) {
      out += fmt::format("{}{} {}{}", out.empty() ? "" : ", ", to, to_json(what), kind ? fmt::format(" {}", signal_name(*kind)) : "");
    });
    return mapped ? out : "unmapped";
  }
  std::string out(std::string_view address, std::string_view value, bool own = false) {
    std::string text;
    const bool mapped = table_.out(address, json(value), {.own = own}, clock_.now(), [&](const std::string& to, const Value& what) {
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", to, to_json(what));
    });
    return mapped ? text : "unmapped";
  }
  MappingTable table_;
  Clock clock_;
};

TEST_F(TableTest, MapsAFaderBankBothWays) {
  load("osc:/fader/{1..8} <-> /lights/{n}/dim | scale 0..1 0..255 | clamp 0 255");
  EXPECT_EQ(in("/fader/3", "0.5"), "/lights/3/dim 127.5");
  EXPECT_EQ(in("/fader/3", "2.0"), "/lights/3/dim 255.0");
  EXPECT_EQ(out("/lights/3/dim", "51"), "/fader/3 0.2");
  EXPECT_EQ(in("/fader/9", "0.5"), "unmapped");
  EXPECT_EQ(out("/lights/9/dim", "51"), "unmapped") << "there is no such fader";
  EXPECT_EQ(out("/lights/x/dim", "51"), "unmapped");
  EXPECT_THAT(table_.subscriptions(), ElementsAre("/lights/*/dim"));
}

TEST_F(TableTest, TheFirstMatchWinsUnlessItGoesOn) {
  load("osc:/a/{n} -> /first/{n} | continue\nosc:/a/1 -> /second\nosc:/** -> /rest/**\n");
  EXPECT_EQ(in("/a/1", "1"), "/first/1 1, /second 1");
  EXPECT_EQ(in("/a/2", "1"), "/first/2 1, /rest/a/2 1");
  EXPECT_EQ(in("/b", "1"), "/rest/b 1");
  EXPECT_THAT(table_.subscriptions(), IsEmpty());
}

TEST_F(TableTest, AConditionLooksAtTheValueOfTheLeftInBothDirections) {
  load("osc:/a <-> /b | when value >= 0.5 | scale 0..1 0..100");
  EXPECT_EQ(in("/a", "0.6"), "/b 60.0");
  EXPECT_EQ(in("/a", "0.4"), "") << "mapped, and stopped: it does not pass under its own name";
  EXPECT_EQ(out("/b", "60"), "/a 0.6");
  EXPECT_EQ(out("/b", "40"), "");
}

TEST_F(TableTest, ConditionsChooseBetweenMappings) {
  load("osc:/note -> /on | when value > 0\nosc:/note -> /off | when value == 0\n");
  EXPECT_EQ(in("/note", "1"), "/on 1");
  EXPECT_EQ(in("/note", "0"), "/off 0");
}

TEST_F(TableTest, OtherProtocolsAndDisabledOnesAreLeftOut) {
  load(R"([{"from":"mqtt:/a","to":"/m"},{"from":"osc:/a","to":"/x","enabled":false},{"from":"/a","to":"/any"}])", "show.json");
  EXPECT_EQ(in("/a", "1"), "/any 1");
  EXPECT_EQ(table_.size(), 1U);
}

TEST_F(TableTest, TheNamespaceInFrontIsTheSameAsNone) {
  load("osc:/osc/fader/{n} <-> /lights/{n} | touch osc:/osc/touch/{n}");
  EXPECT_EQ(in("/fader/1", "1"), "/lights/1 1");
  EXPECT_EQ(out("/lights/1", "1"), "/fader/1 1");
}

TEST_F(TableTest, BuildsPayloads) {
  load(R"([{"from":"osc:/xy/{n}","to":"/pos","template":{"x":"$[0]","y":"$[1]","all":"$","pad":"pad {n}/{1}","fix":[1,true]},"kind":"event"}])",
       "show.json");
  EXPECT_EQ(in("/xy/7", "[0.25, 0.75]"), R"(/pos {"x":0.25,"y":0.75,"all":[0.25,0.75],"pad":"pad 7/7","fix":[1,true]} event)");
}

TEST_F(TableTest, AnInverseOfItsOwnServesWhereThereIsNone) {
  load(R"([{"from":"osc:/a","to":"/b","direction":"both","transform":"value * 2 + 1","inverse":"(value - 1) / 2"}])", "show.json");
  EXPECT_EQ(in("/a", "3"), "/b 7.0");
  EXPECT_EQ(out("/b", "7"), "/a 3.0");
}

TEST_F(TableTest, TheRouterOnTheLeftTurnsTheTransformRound) {
  load("/lights/{n} <-> osc:/fader/{n} | scale 0..255 0..1");
  EXPECT_EQ(in("/fader/1", "1"), "/lights/1 255.0");
  EXPECT_EQ(out("/lights/1", "255"), "/fader/1 1.0");
}

TEST_F(TableTest, SurfacesWorkForEachControlApart) {
  load("osc:/fader/{n} <-> /lights/{n} | pickup 0.01 | scale 0..1 0..100 | feedback 10hz");
  EXPECT_EQ(out("/lights/1", "50"), "/fader/1 0.5");
  EXPECT_EQ(in("/fader/1", "0.1"), "") << "not picked up";
  EXPECT_EQ(in("/fader/2", "0.1"), "/lights/2 10.0");
  EXPECT_EQ(in("/fader/1", "0.51"), "/lights/1 51.0");
  EXPECT_EQ(out("/lights/1", "90"), "") << "too soon after the last";
  ASSERT_TRUE(table_.next_deadline());
  clock_.pass(Micros{100'000});
  std::string late;
  table_.advance(clock_.now(), [&](const std::string& to, const Value& value) { late += fmt::format("{} {}", to, to_json(value)); });
  EXPECT_EQ(late, "/fader/1 0.9");
  EXPECT_FALSE(table_.next_deadline());
}

TEST_F(TableTest, ATouchMessageIsNoValue) {
  load("osc:/fader/{n} <-> /lights/{n} | touch osc:/touch/{n}");
  EXPECT_EQ(in("/touch/1", "1"), "");
  EXPECT_EQ(out("/lights/1", "1"), "") << "held while it is touched";
  EXPECT_EQ(in("/touch/1", "0"), "");
  EXPECT_TRUE(table_.next_deadline());
}

TEST_F(TableTest, ALatchKnowsFlags) {
  load("osc:/button <-> /mute | latch");
  EXPECT_EQ(in("/button", "true"), "/mute true");
  EXPECT_EQ(in("/button", "false"), "");
  EXPECT_EQ(in("/button", "true"), "/mute 0.0");
}

TEST_F(TableTest, CountsExpressionsThatCannotBeEvaluated) {
  load("osc:/fine -> /x | expr value + 1\nosc:/a <-> /b | json {\"type\":\"identity\"}\nosc:/bad -> /y | expr ivalue / 0\n");
  EXPECT_EQ(in("/fine", "1"), "/x 2.0");
  EXPECT_EQ(table_.faults(), 0U);
  EXPECT_EQ(in("/bad", "1"), "/y 1") << "the value stays as it was";
  EXPECT_EQ(table_.faults(), 1U);
  EXPECT_EQ(table_.last_fault(), "show.map:3: mapping 3: division by zero");
}

TEST_F(TableTest, ExplainsWhatHappensToOneValue) {
  load("osc:/a -> /x | when value > 9\nosc:/a -> /b | scale 0..1 0..100 | round | kind event\n");
  std::vector<std::string> lines;
  table_.explain(Direction::in, "/a", 0.123, clock_.now(), [&](std::string_view line) { lines.emplace_back(line); });
  EXPECT_THAT(lines, ElementsAre("show.map:1: mapping 1: /a -> /x", HasSubstr("does not hold, goes no further"), "show.map:2: mapping 2: /a -> /b",
                                 HasSubstr(R"("type":"scale")"), HasSubstr("-> 12.0"), "  = /b 12.0 as event"));
  lines.clear();
  table_.explain(Direction::out, "/b", 1, clock_.now(), [&](std::string_view line) { lines.emplace_back(line); });
  EXPECT_THAT(lines, ElementsAre("no mapping has this address: it passes as it is"));
}

TEST_F(TableTest, RemembersNoMoreAddressesThanItMay) {
  load("osc:/** -> /x/**");
  for (int i = 0; i < 25'000; ++i) EXPECT_EQ(in(fmt::format("/{}", i), "1"), fmt::format("/x/{} 1", i));
}

RC_GTEST_PROP(MappingProperty, WhatGoesInComesBackOut, ()) {
  MappingSource source;
  RC_ASSERT(read_mappings("osc:/f/{a}/{b**} <-> /x/{b**}/y/{a} | scale 0..127 -1..1 | invert", "p.map", source).has_value());
  auto table = MappingTable::compile(source, {});
  RC_ASSERT(table.has_value());
  std::string address = fmt::format("/f/{}", *rc::gen::inRange(0, 50));
  for (int i = *rc::gen::inRange(0, 4); i > 0; --i) address += fmt::format("/{}", *rc::gen::inRange(0, 3) == 0 ? "y" : "k");
  const double value = *rc::gen::inRange(0, 1'270) / 10.0;
  std::string back;
  double back_value = -1;
  const Clock clock;
  table->in(address, value, clock.now(), [&](const std::string& to, const Value& what, std::optional<SignalType>) {
    table->out(to, what, {}, clock.now(), [&](const std::string& from, const Value& again) {
      back = from;
      back_value = *again.as_number();
    });
  });
  // /x/…/y/a can be read in several ways; the one that does not lead back is no mapping.
  if (!back.empty()) RC_ASSERT(back == address && std::abs(back_value - value) < 1e-9);
  if (address.find("/y") == std::string::npos) RC_ASSERT(!back.empty());
}

// ---- files ----

TEST(MappingSource, ErrorsNameFileLineMappingAndMember) {
  const auto failure = [](std::string_view text, std::string_view name) {
    MappingSource source;
    const auto read = read_mappings(text, name, source);
    if (!read) return read.error().message;
    const auto table = MappingTable::compile(source, {});
    return table ? std::string() : table.error().message;
  };
  EXPECT_EQ(failure("# bank\n\nosc:/a -> /b\nosc:/c => /d\n", "a.map"), "a.map:4: mapping 2: column 8: expected ->, <-> or <-");
  EXPECT_EQ(failure("osc:/a -> /b | scael 0..1 0..2", "a.map"), "a.map:1: mapping 1: column 16: there is no step \"scael\"");
  EXPECT_EQ(failure("osc:/a -> /b | expr 1 +", "a.map"),
            "a.map:1: mapping 1: /transform/expr: expression, byte 3: it ends where a value was expected");
  EXPECT_EQ(failure("[[mapping]]\nfrom = \"/a\"\nto = \"/b\"\n[mapping.transform]\ntype = \"clamp\"\nmin = \"0\"\n", "s.toml"),
            "s.toml:6: mapping 1: /transform/min: expected a number, not \"0\"");
  EXPECT_EQ(failure("mapping = 3\n", "s.toml"), "s.toml:1: mapping: expected [[mapping]], or a list of lines");
  EXPECT_EQ(failure("mapping-default = \"ignore\"\n", "s.toml"), "s.toml:1: mapping-default: expected \"pass\" or \"drop\"");
  EXPECT_THAT(failure("[{]", "m.json"), StartsWith("m.json: invalid JSON at byte"));
  EXPECT_EQ(failure("{}", "m.json"), "m.json: expected an array, or an object with \"mappings\"");
  EXPECT_EQ(failure(R"([{"from":"/a"}])", "m.json"), "m.json: mapping 1: /to: missing; an address is needed");
}

TEST(MappingSource, ReadsAllForms) {
  MappingSource source;
  ASSERT_TRUE(read_mappings("mapping-default = \"drop\"\nname = \"show\"\nmapping = [ \"osc:/a -> /b\", { from = \"/c\", to = \"/d\" } ]\n", "s.toml",
                            source));
  ASSERT_TRUE(read_mappings(R"({"mappings":["osc:/a -> /b",{"from":"/c","to":"/d"}]})", "m.json", source));
  ASSERT_TRUE(read_mapping("osc:/a <- /b", "--map", source));
  ASSERT_TRUE(read_mapping("/mixer/*=/desk/*", "--map", source));
  EXPECT_FALSE(source.pass_unmatched);
  ASSERT_EQ(source.entries.size(), 6U);
  EXPECT_EQ(to_json(source.entries[5].spec), R"({"from":"/mixer/*","to":"/desk/*","direction":"both"})");
  EXPECT_TRUE(MappingTable::compile(source, {}));
}

// ---- lines ----

TEST(MappingLine, IsTheObjectFormInShort) {
  const std::pair<const char*, const char*> lines[] = {
      {"osc:/a -> /b", R"({"from":"osc:/a","to":"/b"})"},
      {"/b <- osc:/a", R"({"from":"osc:/a","to":"/b"})"},
      {"/a <- /b", R"({"from":"/b","to":"/a","direction":"out"})"},
      {"osc:/a <-> /b", R"({"from":"osc:/a","to":"/b","direction":"both"})"},
      {"/a -> /b | scale 0..127 -60..6 clamp",
       R"({"from":"/a","to":"/b","transform":{"type":"scale","from_min":0.0,"from_max":127.0,"to_min":-60.0,"to_max":6.0,"clamp":true}})"},
      {"/a -> /b | clamp 0..1 | invert",
       R"({"from":"/a","to":"/b","transform":{"type":"chain","transforms":[{"type":"clamp","min":0.0,"max":1.0},{"type":"invert"}]}})"},
      {"/a -> /b | curve ease_in", R"({"from":"/a","to":"/b","transform":{"type":"curve","curve_type":"ease_in"}})"},
      {"/a -> /b | curve bezier 0.1 0 1 1",
       R"({"from":"/a","to":"/b","transform":{"type":"curve","curve_type":{"bezier":{"x1":0.1,"y1":0.0,"x2":1.0,"y2":1.0}}}})"},
      {"/a -> /b | smooth 200ms", R"({"from":"/a","to":"/b","transform":{"type":"smooth","time_constant_ms":200.0}})"},
      {"/a -> /b | smooth 0.3", R"({"from":"/a","to":"/b","transform":{"type":"smooth","factor":0.3}})"},
      {"/a -> /b | threshold 0.5 at_least", R"({"from":"/a","to":"/b","transform":{"type":"threshold","value":0.5,"mode":"at_least"}})"},
      {"/a -> /b | lookup 0=off 1=on else=unknown",
       R"({"from":"/a","to":"/b","transform":{"type":"lookup","table":{"0":"off","1":"on"},"default":"unknown"}})"},
      {"/a -> /b | quantize 4", R"({"from":"/a","to":"/b","transform":{"type":"quantize","steps":4.0}})"},
      {"/a -> /b | expr value > 1 || value < 0", R"({"from":"/a","to":"/b","transform":{"type":"expression","expr":"value > 1 || value < 0"}})"},
      {"/a -> /b | json {\"type\":\"abs\"}", R"({"from":"/a","to":"/b","transform":{"type":"abs"}})"},
      {"/a -> /b | when {\"type\":\"exists\"} | kind event | id m1 | continue",
       R"({"from":"/a","to":"/b","when":{"type":"exists"},"kind":"event","id":"m1","stop":false})"},
      {"/a <-> /b | feedback 30hz | touch 300ms | echo 0.4s | pickup 2",
       R"({"from":"/a","to":"/b","direction":"both","surface":{"feedback_hz":30.0,"touch_hold_ms":300.0,"echo_window_ms":400.0,"pickup":true,"tolerance":2.0}})"},
      {"/a <-> /b | touch osc:/t | latch", R"({"from":"/a","to":"/b","direction":"both","surface":{"touch":"osc:/t","latch":true}})"},
  };
  for (const auto& [line, wanted] : lines) {
    const auto object = parse_mapping_line(line);
    ASSERT_TRUE(object) << line << ": " << object.error().message;
    EXPECT_EQ(to_json(*object), wanted) << line;
    EXPECT_TRUE(Mapping::compile(*object)) << line << ": " << Mapping::compile(*object).error().message;
  }
}

TEST(MappingLine, NamesTheColumnOfAMistake) {
  const std::pair<const char*, const char*> mistakes[] = {
      {"", "column 1: expected an address"},
      {"/a /b", "column 1: expected ADDRESS -> ADDRESS"},
      {"/a -> /b | ", "column 12: expected a step behind |"},
      {"/a -> /b | scale 0..1", "column 18: expected scale MIN..MAX MIN..MAX"},
      {"/a -> /b | scale 0-1 0..1", "column 18: expected a range as 0..127, not \"0-1\""},
      {"/a -> /b | scale 0..x 0..1", "column 21: expected a number, not \"x\""},
      {"/a -> /b | power", "column 17: expected power exponent"},
      {"/a -> /b | invert 3", "column 19: invert takes nothing more"},
      {"/a -> /b | touch 300", "column 18: expected a time as 300ms or 1.5s, not \"300\""},
      {"/a -> /b | feedback 30", "column 21: expected feedback RATE (30hz)"},
      {"/a -> /b | json {", "column 17: invalid JSON"},
      {"/a -> /b | lookup a", "column 19: expected KEY=VALUE"},
      {"/a -> /b | id 1 | id 2", "column 1: id is there twice"},
  };
  for (const auto& [line, message] : mistakes) {
    const auto object = parse_mapping_line(line);
    ASSERT_FALSE(object) << line;
    EXPECT_THAT(object.error().message, StartsWith(message)) << line;
  }
}

}  // namespace
}  // namespace clasp::mapping
