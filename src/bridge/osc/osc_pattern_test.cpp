#include "bridge/osc/osc_pattern.hpp"

#include <gtest/gtest.h>

namespace clasp::bridge::osc {
namespace {

struct Row {
  std::string_view pattern;
  std::string_view name;
  bool matches;
};

TEST(DispatchPattern, MatchesAsOscSays) {
  const Row rows[] = {
      {"/ch/*/gain", "/ch/1/gain", true},
      {"/ch/*/gain", "/ch/1/2/gain", false},
      {"/ch/*", "/ch/", true},
      {"/ch/?", "/ch/1", true},
      {"/ch/?", "/ch/12", false},
      {"/ch/?", "/ch/", false},
      {"/a?b", "/a/b", false},
      {"/ch/[1-3]", "/ch/2", true},
      {"/ch/[1-3]", "/ch/4", false},
      {"/ch/[!1-3]", "/ch/4", true},
      {"/ch/[!1-3]", "/ch/2", false},
      {"/ch/[abc-]", "/ch/-", true},
      {"/{foo,bar}/x", "/bar/x", true},
      {"/{foo,bar}/x", "/foo/x", true},
      {"/{foo,bar}/x", "/baz/x", false},
      {"/{foo,bar}/x", "/foobar/x", false},
      {"/{foo,,b}x", "/x", true},
      {"/{a}{b,c}", "/ac", true},
      {"/a**b*", "/a-b-b", true},
      {"/*a*b*c", "/xaybzc", true},
      {"/*a*b*c", "/xaybz", false},
      {"/same", "/same", true},
      {"/same", "/same/", false},
      {"/a]}", "/a]}", true},
      {"/{*}", "/*", true},
      {"/{*}", "/a", false},
      {"/[!/]", "//", false},
  };
  for (const Row& row : rows) {
    const auto pattern = DispatchPattern::parse(row.pattern);
    ASSERT_TRUE(pattern) << row.pattern;
    EXPECT_EQ(pattern->matches(row.name), row.matches) << row.pattern << " on " << row.name;
  }
}

TEST(DispatchPattern, RefusesWhatIsNotClosed) {
  for (const std::string_view text : {"/a[1-3", "/a{b,c", "/[", "/{"}) EXPECT_FALSE(DispatchPattern::parse(text)) << text;
}

TEST(DispatchPattern, TakesNoMoreStepsThanItSays) {
  std::string text = "/";
  for (int i = 0; i < 200; ++i) text += "*a";
  const auto pattern = DispatchPattern::parse(text);
  ASSERT_TRUE(pattern);
  const std::string name = "/" + std::string(1000, 'a') + "b";
  EXPECT_FALSE(pattern->matches(name));  // would not end within the lifetime of the sun if it backtracked
  EXPECT_LE(pattern->cost(name), 401 * 1003U);
}

TEST(DispatchPattern, PlainAddressesAskForNoDispatching) {
  EXPECT_FALSE(is_dispatch_pattern("/mixer/1/gain"));
  for (const std::string_view text : {"/a*", "/a?", "/[a]", "/{a}"}) EXPECT_TRUE(is_dispatch_pattern(text));
}

}  // namespace
}  // namespace clasp::bridge::osc
