#include "clasp/timeline.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "core/json.hpp"
#include "core/vector_file.hpp"

namespace clasp {
namespace {

using test::load_vectors;
using test::value_of;
using test::VectorRow;
using testing::Ge;
using testing::SizeIs;
using State = TimelinePlayer::State;

// ---- Vectors ----

Timeline timeline_of(const test::Json& json) {
  Timeline timeline;
  for (const auto& item : json.at("keyframes")) {
    Keyframe keyframe{.time_us = item.at("time").get<std::uint64_t>(), .value = value_of(item.at("value")), .easing = Easing::linear, .bezier = {}};
    keyframe.easing = find_easing(item.at("easing").get<std::string>()).value();
    if (item.contains("bezier")) keyframe.bezier = item.at("bezier").get<std::array<double, 4>>();
    timeline.keyframes.push_back(std::move(keyframe));
  }
  timeline.loop = json.value("loop", false);
  if (json.contains("duration")) timeline.duration_us = json.at("duration").get<std::uint64_t>();
  return timeline;
}

const std::map<std::string, State> states{
    {"Stopped", State::stopped}, {"Playing", State::playing}, {"Paused", State::paused}, {"Finished", State::finished}};

class TimelineVector : public testing::TestWithParam<VectorRow> {};

TEST_P(TimelineVector, PlaysAsListed) {
  constexpr std::uint64_t start = 1'700'000'000'000'000;
  const auto& row = GetParam().json;
  TimelinePlayer player(timeline_of(row.at("timeline")));
  player.start(start);
  ASSERT_FALSE(row.at("samples").empty());
  for (const auto& sample : row.at("samples")) {
    SCOPED_TRACE(sample.dump());
    const std::optional<Value> value = player.sample(start + sample.at("t").get<std::uint64_t>());
    if (sample.at("value") == "none") {
      EXPECT_EQ(value, std::nullopt);
    } else {
      ASSERT_TRUE(value);
      EXPECT_EQ(*value, value_of(sample.at("value"))) << to_json(*value);
    }
    EXPECT_EQ(player.state(), states.at(sample.at("state")));
    EXPECT_EQ(player.loops(), sample.at("loops").get<std::uint64_t>());
  }
}

TEST_P(TimelineVector, SurvivesTheTripThroughAValue) {
  const Timeline timeline = timeline_of(GetParam().json.at("timeline"));
  const Result<Timeline> parsed = parse_timeline(to_value(timeline));
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(*parsed, timeline);
}
INSTANTIATE_TEST_SUITE_P(Wire, TimelineVector, testing::ValuesIn(load_vectors("timeline")), test::row_name);

TEST(TimelineVectors, AreAllThere) { EXPECT_THAT(load_vectors("timeline"), SizeIs(Ge(29U))); }

// ---- Reading and writing ----

Value json(std::string_view text) {
  Result<Value> value = parse_json(text);
  if (!value) ADD_FAILURE() << value.error().message;
  return *std::move(value);
}

TEST(Timeline, IsWrittenAsTheMapOfTheWireFormat) {
  const Timeline timeline{.keyframes = {{.time_us = 0, .value = 0.0, .easing = Easing::cubic_bezier, .bezier = {{0.25, 0.1, 0.25, 1.0}}},
                                        {.time_us = 1'000'000, .value = 1, .easing = Easing::ease_in_out, .bezier = {}}},
                          .loop = true,
                          .start_time_us = 1'700'000'000'000'000,
                          .duration_us = 2'000'000};
  EXPECT_EQ(to_json(to_value(timeline)),
            R"({"keyframes":[{"time":0,"value":0.0,"easing":"cubic-bezier","bezier":[0.25,0.1,0.25,1.0]},)"
            R"({"time":1000000,"value":1,"easing":"ease-in-out"}],"loop":true,"start_time":1700000000000000,"duration":2000000})");
  EXPECT_EQ(*parse_timeline(to_value(timeline)), timeline);
  EXPECT_EQ(to_json(to_value(Timeline{})), R"({"keyframes":[],"loop":false})");
}

TEST(Timeline, ReadsWhatOtherClientsWrite) {
  const Result<Timeline> timeline =
      parse_timeline(json(R"({"keyframes":[{"time":2e6,"value":null,"bezier":null},{"time":5,"value":"x","easing":"step","more":1}],
                              "loop_":true,"start_time":null,"extra":0})"));
  ASSERT_TRUE(timeline) << timeline.error().message;
  const Timeline expected{.keyframes = {{.time_us = 5, .value = "x", .easing = Easing::step, .bezier = {}},
                                        {.time_us = 2'000'000, .value = {}, .easing = Easing::linear, .bezier = {}}},
                          .loop = true,
                          .start_time_us = {},
                          .duration_us = {}};
  EXPECT_EQ(*timeline, expected) << "sorted by time, floats as times, null as absent, unknown keys ignored";
  EXPECT_EQ(timeline->duration(), 2'000'000U);
}

TEST(Timeline, KeepsTheOrderOfKeyframesAtTheSameTime) {
  const Result<Timeline> timeline = parse_timeline(json(R"({"keyframes":[{"time":9,"value":"c"},{"time":5,"value":"a"},{"time":5,"value":"b"}]})"));
  ASSERT_TRUE(timeline);
  EXPECT_EQ(timeline->keyframes[0].value, Value("a"));
  EXPECT_EQ(timeline->keyframes[1].value, Value("b"));
  EXPECT_EQ(timeline->keyframes[2].value, Value("c"));
}

struct BadTimeline {
  const char* text;
  const char* message;
};
class RefusedTimeline : public testing::TestWithParam<BadTimeline> {};

TEST_P(RefusedTimeline, NamesTheField) {
  const Result<Timeline> timeline = parse_timeline(json(GetParam().text));
  ASSERT_FALSE(timeline);
  EXPECT_EQ(timeline.error().code, ErrorCode::invalid_value);
  EXPECT_EQ(timeline.error().message, GetParam().message);
}
const std::vector<BadTimeline> bad_timelines{
    {"[]", "timeline is not a map"},
    {"{}", "keyframes is missing"},
    {R"({"keyframes":{}})", "keyframes is not an array"},
    {R"({"keyframes":[7]})", "keyframes[0] is not a map"},
    {R"({"keyframes":[{"time":0,"value":1},{"time":1,"value":1},{"value":1}]})", "keyframes[2].time is missing"},
    {R"({"keyframes":[{"time":null,"value":1}]})", "keyframes[0].time is missing"},
    {R"({"keyframes":[{"time":"0","value":1}]})", "keyframes[0].time is not a number"},
    {R"({"keyframes":[{"time":-1,"value":1}]})", "keyframes[0].time is negative or not a number"},
    {R"({"keyframes":[{"time":-0.5,"value":1}]})", "keyframes[0].time is negative or not a number"},
    {R"({"keyframes":[{"time":1e19,"value":1}]})", "keyframes[0].time is too large"},
    {R"({"keyframes":[{"time":0}]})", "keyframes[0].value is missing"},
    {R"({"keyframes":[{"time":0,"value":1,"easing":"bounce"}]})",
     "keyframes[0].easing is not linear, ease-in, ease-out, ease-in-out, step or cubic-bezier"},
    {R"({"keyframes":[{"time":0,"value":1,"easing":2}]})", "keyframes[0].easing is not linear, ease-in, ease-out, ease-in-out, step or cubic-bezier"},
    {R"({"keyframes":[{"time":0,"value":1,"bezier":[0,0,1]}]})", "keyframes[0].bezier is not an array of four numbers"},
    {R"({"keyframes":[{"time":0,"value":1,"bezier":[0,0,"1",1]}]})", "keyframes[0].bezier[2] is not a finite number"},
    {R"({"keyframes":[],"loop":1})", "loop is not true or false"},
    {R"({"keyframes":[],"loop_":"yes"})", "loop_ is not true or false"},
    {R"({"keyframes":[],"start_time":"now"})", "start_time is not a number"},
    {R"({"keyframes":[],"duration":-5})", "duration is negative or not a number"},
};

INSTANTIATE_TEST_SUITE_P(Fields, RefusedTimeline, testing::ValuesIn(bad_timelines));

TEST(Timeline, RefusesNumbersThatAreNone) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const auto with_time = [](Value time) { return Value(Map{{"keyframes", Array{Map{{"time", std::move(time)}, {"value", 1}}}}}); };
  EXPECT_EQ(parse_timeline(with_time(nan)).error().message, "keyframes[0].time is negative or not a number");
  EXPECT_EQ(parse_timeline(with_time(infinity)).error().message, "keyframes[0].time is too large");
  const Value bezier = Map{{"keyframes", Array{Map{{"time", 0}, {"value", 1}, {"bezier", Array{0.0, nan, 0.0, 0.0}}}}}};
  EXPECT_EQ(parse_timeline(bezier).error().message, "keyframes[0].bezier[1] is not a finite number");
}

TEST(Timeline, TimesBeyondTheWiresIntegersAreWrittenAsTheLargest) {
  Timeline timeline;
  timeline.duration_us = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(*to_value(timeline).find("duration"), Value(std::numeric_limits<std::int64_t>::max()));
}

// ---- Easing and interpolation ----

TEST(Easing, NamesAndValuesBelongTogether) {
  for (const char* name : {"linear", "ease-in", "ease-out", "ease-in-out", "step", "cubic-bezier"}) {
    const auto easing = find_easing(name);
    ASSERT_TRUE(easing) << name;
    EXPECT_EQ(easing_name(*easing), name);
    EXPECT_EQ(ease(*easing, {}, 0.0), 0.0) << name;
    EXPECT_EQ(ease(*easing, {}, 1.0), 1.0) << name;
    EXPECT_EQ(ease(*easing, {}, -7.0), 0.0) << name;
    EXPECT_EQ(ease(*easing, {}, 7.0), 1.0) << name;
    EXPECT_EQ(ease(*easing, {}, std::numeric_limits<double>::quiet_NaN()), 0.0) << name;
  }
  EXPECT_FALSE(find_easing("Linear"));
  EXPECT_FALSE(find_easing(""));
}

TEST(Easing, HostileControlPointsGiveANumberOrInfinityButEnd) {
  const double big = std::numeric_limits<double>::max();
  for (const std::array<double, 4> points : {std::array{big, 0.0, -big, 1.0}, std::array{-big, big, big, -big}, std::array{0.0, 0.0, 0.0, 0.0}}) {
    for (const double t : {0.0, 0.3, 0.5, 1.0})
      EXPECT_NO_FATAL_FAILURE((void)interpolate(Value(0), Value(100), ease(Easing::cubic_bezier, points, t)));
  }
  EXPECT_EQ(interpolate(Value(5), Value(100), std::numeric_limits<double>::quiet_NaN()), Value(5));
}

TEST(Interpolation, OfIntegersNeverOverflows) {
  constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(interpolate(lowest, highest, 0.0), Value(lowest));
  EXPECT_EQ(interpolate(lowest, highest, 0.5), Value(0)) << "their distance has no i64";
  EXPECT_EQ(interpolate(highest, lowest, 2.0), Value(lowest));
  EXPECT_EQ(interpolate(std::int64_t{0}, highest, 1.5), Value(highest)) << "a bezier may overshoot";
  EXPECT_EQ(interpolate(std::int64_t{10}, std::int64_t{20}, -0.5), Value(std::int64_t{5}));
}

TEST(Interpolation, OfUnlikeKindsTakesTheNearer) {
  EXPECT_EQ(interpolate(Value(true), Value("x"), 0.49), Value(true));
  EXPECT_EQ(interpolate(Value(true), Value("x"), 0.5), Value("x"));
  const Value nested = interpolate(Array{Array{0.0, 1}, "a"}, Array{Array{1.0, 3}, "b"}, 0.5);
  EXPECT_EQ(nested, Value(Array{Array{0.5, 2}, "b"}));
}

// ---- The player ----

TimelinePlayer ramp(bool loop = false) {
  Timeline timeline;
  timeline.keyframes = {{.time_us = 0, .value = 0.0, .easing = Easing::linear, .bezier = {}},
                        {.time_us = 1'000, .value = 100.0, .easing = Easing::linear, .bezier = {}}};
  timeline.loop = loop;
  return TimelinePlayer(timeline);
}

TEST(TimelinePlayer, IsSilentUntilStartedAndAfterStop) {
  TimelinePlayer player = ramp();
  EXPECT_EQ(player.state(), State::stopped);
  EXPECT_EQ(player.sample(5'000), std::nullopt);
  player.start(5'000);
  EXPECT_EQ(player.sample(5'250), Value(25.0));
  player.stop();
  EXPECT_EQ(player.sample(5'300), std::nullopt);
}

TEST(TimelinePlayer, StandsStillWhilePausedAndGoesOnWhereItWas) {
  TimelinePlayer player = ramp();
  player.start(5'000);
  player.pause(5'300);
  EXPECT_EQ(player.state(), State::paused);
  EXPECT_EQ(player.sample(5'300), Value(30.0));
  EXPECT_EQ(player.sample(9'000), Value(30.0));
  player.resume(9'000);
  EXPECT_EQ(player.state(), State::playing);
  EXPECT_EQ(player.sample(9'000), Value(30.0));
  EXPECT_EQ(player.sample(9'100), Value(40.0));
}

TEST(TimelinePlayer, IgnoresPauseAndResumeInOtherStates) {
  TimelinePlayer player = ramp();
  player.pause(1);
  EXPECT_EQ(player.state(), State::stopped);
  player.resume(1);
  EXPECT_EQ(player.state(), State::stopped);
  player.start(0);
  player.resume(500);
  EXPECT_EQ(player.sample(500), Value(50.0)) << "resume without pause moves nothing";
  player.sample(2'000);
  EXPECT_EQ(player.state(), State::finished);
  player.pause(2'000);
  EXPECT_EQ(player.state(), State::finished);
}

TEST(TimelinePlayer, TreatsAClockThatGoesBackAsTheStart) {
  TimelinePlayer player = ramp();
  player.start(5'000);
  EXPECT_EQ(player.sample(4'000), Value(0.0));
  player.pause(5'500);
  player.resume(5'400);
  EXPECT_EQ(player.sample(5'500), Value(50.0)) << "resumed before it was paused: no shift";
}

TEST(TimelinePlayer, CountsLoopsUpwardsOnlyAndAnewFromEachStart) {
  TimelinePlayer player = ramp(true);
  player.start(0);
  EXPECT_EQ(player.sample(3'250), Value(25.0));
  EXPECT_EQ(player.loops(), 3U);
  player.sample(1'000);
  EXPECT_EQ(player.loops(), 3U);
  player.start(10'000);
  EXPECT_EQ(player.loops(), 0U);
}

TEST(TimelinePlayer, SortsWhatItIsGiven) {
  Timeline timeline;
  timeline.keyframes = {{.time_us = 1'000, .value = 100.0, .easing = Easing::linear, .bezier = {}},
                        {.time_us = 0, .value = 0.0, .easing = Easing::linear, .bezier = {}}};
  TimelinePlayer player(timeline);
  player.start(0);
  EXPECT_EQ(player.sample(250), Value(25.0));
}

TEST(TimelinePlayer, SurvivesTheEndsOfTime) {
  constexpr std::uint64_t end = std::numeric_limits<std::uint64_t>::max();
  TimelinePlayer player = ramp(true);
  player.start(end - 10);
  player.pause(5);
  player.resume(end);
  EXPECT_EQ(player.sample(end), Value(0.0));
}

}  // namespace
}  // namespace clasp
