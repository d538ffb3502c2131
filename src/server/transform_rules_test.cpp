#include "server/transform_rules.hpp"

#include <fmt/format.h>

#include "core/json.hpp"
#include "router/router_fixture.hpp"

namespace clasp::server {
namespace {

using router::RouterTest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Result<TransformRules> compiled(std::initializer_list<std::string_view> tables) {
  std::vector<TransformEntry> entries;
  for (const std::string_view table : tables)
    entries.push_back({*parse_json(table), fmt::format("show.toml:{}: transform {}", entries.size() * 4 + 1, entries.size() + 1)});
  return TransformRules::compile(entries);
}

TEST(TransformRules, ErrorsNamePlaceAndMember) {
  const std::pair<const char*, const char*> mistakes[] = {
      {R"({"transform":"value"})", "show.toml:1: transform 1: /address: missing; a pattern of addresses is needed"},
      {R"({"address":"a","transform":"value"})", "show.toml:1: transform 1: /address: "},
      {R"({"address":"/a"})", "show.toml:1: transform 1: /transform: missing; a transform is needed"},
      {R"({"address":"/a","transform":{"type":"clamp"}})", "show.toml:1: transform 1: /transform/min: missing"},
      {R"({"address":"/a","transform":"value","event":true})", "show.toml:1: transform 1: /event: a transform of the router has no such member"},
      {R"({"address":"/a","transform":"value","on_error":"ignore"})", "show.toml:1: transform 1: /on_error: expected one of: pass, drop, reject"},
      {R"({"address":"/a","transform":"value","state":"none"})", "show.toml:1: transform 1: /state: expected one of: address, shared"},
      {R"([])", "show.toml:1: transform 1: expected a table"},
  };
  for (const auto& [table, message] : mistakes) {
    const auto rules = compiled({table});
    ASSERT_FALSE(rules) << table;
    EXPECT_THAT(rules.error().message, StartsWith(message)) << table;
  }
}

class TransformRulesTest : public RouterTest {
 protected:
  void use(std::initializer_list<std::string_view> tables) {
    auto rules = compiled(tables);
    ASSERT_TRUE(rules) << rules.error().message;
    rules_ = std::move(*rules);
    router().set_transform(&rules_);
  }
  ~TransformRulesTest() override { router().set_transform(nullptr); }
  TransformRules rules_;
};

constexpr const char* percent = R"({"address":"/lights/**","transform":{"type":"scale","from_min":0,"from_max":100,"to_min":0,"to_max":1}})";

TEST_F(TransformRulesTest, EverybodySeesWhatBecameOfAValueTheWriterToo) {
  use({percent});
  router::Peer& desk = connect("desk");
  desk.subscribe("/**");
  desk.forget();
  desk.set("/lights/1/dim", 50);
  desk.set("/sound/1", 50);
  EXPECT_THAT(desk.received(), ElementsAre("SET /lights/1/dim 0.5 rev=1", HasSubstr("ACK"), "SET /sound/1 50 rev=1", HasSubstr("ACK")));
}

TEST_F(TransformRulesTest, TheFirstEntryCountsUnlessItChains) {
  use({R"({"address":"/a","transform":"value + 1","chain":true})", R"({"address":"/a","transform":"value * 10"})",
       R"({"address":"/**","transform":"value - 1000"})"});
  router::Peer& desk = connect("desk");
  desk.set("/a", 1);
  desk.set("/b", 1);
  EXPECT_EQ(router::describe_value(router().find("/a")->value), "20.0");
  EXPECT_EQ(router::describe_value(router().find("/b")->value), "-999.0");
}

TEST_F(TransformRulesTest, EventsOnlyIfItSaysSo) {
  use({R"({"address":"/a","transform":"value + 1"})", R"({"address":"/b","transform":"value + 1","events":true})"});
  router::Peer& desk = connect("desk");
  router::Peer& ear = connect("ear");
  ear.subscribe("/**");
  ear.forget();
  desk.publish("/a", 1);
  desk.publish("/b", 1);
  EXPECT_THAT(ear.received(), ElementsAre("PUBLISH event /a 1", "PUBLISH event /b 2.0"));
}

TEST_F(TransformRulesTest, WhatCannotBeEvaluatedPassesIsDroppedOrRefused) {
  use({R"({"address":"/pass","transform":"1 / 0"})", R"({"address":"/drop","transform":"1 / 0","on_error":"drop"})",
       R"({"address":"/reject","transform":"1 / 0","on_error":"reject"})"});
  router::Peer& desk = connect("desk");
  desk.forget();
  desk.set("/pass", 5);
  desk.set("/drop", 5);
  desk.set("/reject", 5);
  EXPECT_EQ(router::describe_value(router().find("/pass")->value), "5");
  EXPECT_FALSE(router().find("/drop"));
  EXPECT_FALSE(router().find("/reject"));
  EXPECT_THAT(desk.received(), testing::Contains(HasSubstr("division by zero")));
}

TEST_F(TransformRulesTest, MemoryIsOfEachAddressOrShared) {
  use({R"({"address":"/a/*","transform":{"type":"rate_limit","max_delta":1}})",
       R"({"address":"/b/*","transform":{"type":"rate_limit","max_delta":1},"state":"shared"})"});
  router::Peer& desk = connect("desk");
  for (const char* address : {"/a/1", "/b/1"}) desk.set(address, 0);
  for (const char* address : {"/a/2", "/b/2"}) desk.set(address, 10);
  EXPECT_EQ(router::describe_value(router().find("/a/2")->value), "10.0");
  EXPECT_EQ(router::describe_value(router().find("/b/2")->value), "1.0");
}

TEST_F(TransformRulesTest, CanBeTakenAway) {
  use({percent});
  router().set_transform(nullptr);
  connect("desk").set("/lights/1/dim", 50);
  EXPECT_EQ(router::describe_value(router().find("/lights/1/dim")->value), "50");
}

}  // namespace
}  // namespace clasp::server
