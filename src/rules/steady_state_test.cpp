// What rules cost a write they have nothing to do with: nothing from the allocator.
#include <gtest/gtest.h>

#include "core/allocations_testing.hpp"
#include "rules/rules_testing.hpp"

namespace clasp::rules {
namespace {

TEST_F(RulesTest, AWriteThatNoRuleIsAboutAllocatesNothing) {
  engine.watch({});
  for (int i = 0; i < 1'000; ++i)
    install(fmt::format(
        R"({{"id":"r{0}","trigger":{{"type":"on_change","pattern":"/zone/{0}/*/level"}},"actions":[{{"type":"set","address":"/out","value":1}}]}})",
        i));
  const EncodedValue value(Value(0.5));
  std::vector<std::string> addresses;
  for (int i = 0; i < 1'000; ++i) addresses.push_back(fmt::format("/zone/{}/lamp/hue", i));
  std::vector<router::Effect> effects;
  const auto write_all = [&] {
    for (const std::string& address : addresses)
      engine.react({.seq = 1, .address = address, .value = value.view(), .writer = "desk"}, world().now(), effects);
  };
  write_all();
  const auto before = allocations_so_far();
  write_all();
  EXPECT_EQ(allocations_so_far(), before);
  EXPECT_TRUE(effects.empty());
}

}  // namespace
}  // namespace clasp::rules
