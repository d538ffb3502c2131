#include "home_assistant/entity.hpp"

#include <gmock/gmock.h>

#include "core/json.hpp"

namespace clasp::home_assistant {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

const EntityContext context{.router_id = "clasp", .topic = "desk/fader/1", .availability = {"clasp/status/router", "clasp/status/device/desk"}};

SignalDefinition signal(SignalType type, std::optional<std::string_view> datatype, std::optional<std::string_view> access = {}) {
  return {.address = "/desk/fader/1", .type = type, .datatype = datatype, .access = access, .meta = {}};
}
std::string components(const SignalDefinition& definition) {
  std::string text;
  for (const Entity& entity : entities_of(definition, context)) text += (text.empty() ? "" : " ") + entity.component;
  return text;
}

TEST(HomeAssistantEntity, ComponentFollowsTypeDatatypeAndAccess) {
  EXPECT_EQ(components(signal(SignalType::param, "bool")), "switch");
  EXPECT_EQ(components(signal(SignalType::param, "bool", "r")), "binary_sensor");
  EXPECT_EQ(components(signal(SignalType::param, "f32")), "number");
  EXPECT_EQ(components(signal(SignalType::param, "i32", "r")), "sensor");
  EXPECT_EQ(components(signal(SignalType::param, "str")), "text");
  EXPECT_EQ(components(signal(SignalType::param, "str", "r")), "sensor");
  EXPECT_EQ(components(signal(SignalType::event, {})), "event button");
  EXPECT_EQ(components(signal(SignalType::event, {}, "r")), "event");
  EXPECT_EQ(components(signal(SignalType::event, {}, "w")), "button");
  EXPECT_EQ(components(signal(SignalType::stream, "f64")), "sensor");
}

TEST(HomeAssistantEntity, NothingForWhatItHasNoWordFor) {
  EXPECT_EQ(components(signal(SignalType::param, {})), "");
  EXPECT_EQ(components(signal(SignalType::param, "blob")), "");
  EXPECT_EQ(components(signal(SignalType::param, "f32", "w")), "");
  EXPECT_EQ(components(signal(SignalType::gesture, "f32")), "");
  EXPECT_EQ(components(signal(SignalType::timeline, "f32")), "");
  SignalDefinition pattern = signal(SignalType::param, "f32");
  pattern.address = "/osc/**";
  EXPECT_EQ(components(pattern), "");
}

TEST(HomeAssistantEntity, ANumberHasRangeUnitAndRetainedCommands) {
  SignalDefinition fader = signal(SignalType::param, "f32");
  fader.meta = SignalMeta{.unit = "dB", .range = std::pair{-60.0, 12.0}, .default_value = {}, .description = "Main"};
  const Entity entity = entities_of(fader, context).at(0);
  EXPECT_EQ(entity.object_id, "desk_fader_1");
  EXPECT_EQ(to_json(entity.config),
            R"({"name":"Main","unique_id":"clasp_number_desk_fader_1","state_topic":"desk/fader/1","command_topic":"desk/fader/1","retain":true,)"
            R"("min":-60.0,"max":12.0,"step":0.072,"mode":"slider","unit_of_measurement":"dB",)"
            R"("availability":[{"topic":"clasp/status/router"},{"topic":"clasp/status/device/desk"}],"availability_mode":"all",)"
            R"("device":{"identifiers":["clasp_desk"],"name":"desk","manufacturer":"CLASP"},"origin":{"name":"CLASP"}})");
}

TEST(HomeAssistantEntity, AWholeNumberHasStepsOfOne) {
  SignalDefinition channel = signal(SignalType::param, "u8");
  channel.meta = SignalMeta{.unit = {}, .range = std::pair{0.0, 255.0}, .default_value = {}, .description = {}};
  EXPECT_THAT(to_json(entities_of(channel, context).at(0).config), HasSubstr(R"("name":"fader 1")"));
  EXPECT_THAT(to_json(entities_of(channel, context).at(0).config), HasSubstr(R"("min":0.0,"max":255.0,"step":1.0)"));
}

TEST(HomeAssistantEntity, AButtonsPressIsAnEvent) {
  EXPECT_THAT(to_json(entities_of(signal(SignalType::event, {}, "w"), context).at(0).config), Not(HasSubstr("retain")));
}

TEST(HomeAssistantEntity, IdsAreOfTheirLettersAndTellAddressesApart) {
  EXPECT_EQ(to_id("/a/b-c"), "a_b-c");
  EXPECT_THAT(to_id("/a/b_c"), MatchesRegex("a_b_c_[0-9a-f]+"));
  EXPECT_NE(to_id("/a/b c"), to_id("/a/b_c"));
  EXPECT_THAT(to_id("/lampe/größe"), MatchesRegex("[A-Za-z0-9_-]+"));
  EXPECT_LT(to_id("/" + std::string(1'000, 'x')).size(), 130u);
}

}  // namespace
}  // namespace clasp::home_assistant
