#include "mqtt/topics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "core/pattern.hpp"

namespace clasp::mqtt {
namespace {

const TopicMap plain{bridge::NamespaceMap{}};

bool reaches(const TopicMap& map, std::string_view filter, std::string_view topic) {
  std::string address;
  EXPECT_TRUE(map.to_address(topic, address)) << topic;
  const std::vector<std::string> patterns = map.patterns_of(filter);
  return std::ranges::any_of(patterns, [&](const std::string& text) {
    const auto pattern = Pattern::parse(text);
    EXPECT_TRUE(pattern) << text << " of " << filter;
    return pattern && pattern->matches(address);
  });
}

TEST(MqttTopics, FiltersAndNames) {
  for (const std::string_view good : {"#", "+", "a/#", "+/+", "/", "//", "a/+/b", "+/#", "a b", "$SYS/#"}) EXPECT_TRUE(is_topic_filter(good)) << good;
  for (const std::string_view bad : {"", "a+", "+a", "a/#/b", "#/", "a#", "a/b+/c"}) EXPECT_FALSE(is_topic_filter(bad)) << bad;
  EXPECT_TRUE(is_topic_name("a/*/b"));
  for (const std::string_view bad : {"", "a/+", "#", "a/b#"}) EXPECT_FALSE(is_topic_name(bad)) << bad;
}

TEST(MqttTopics, SharedFilters) {
  EXPECT_FALSE(parse_shared("a/b"));
  EXPECT_EQ(parse_shared("$share/g/a/+")->group, "g");
  EXPECT_EQ(parse_shared("$share/g/a/+")->filter, "a/+");
  EXPECT_TRUE(parse_shared("$share/g/a/+")->valid);
  for (const std::string_view bad : {"$share/g", "$share//a", "$share/g/", "$share/+/a", "$share/g/a+"})
    EXPECT_FALSE(parse_shared(bad)->valid) << bad;
}

TEST(MqttTopics, EveryTopicComesBackAsItWas) {
  for (const char* ns : {"/", "/mqtt"}) {
    const TopicMap map{*bridge::NamespaceMap::parse(ns)};
    for (const std::string_view topic :
         {"a", "a/b", "/a", "a/", "a//b", "//", "/", "a/*/b", "**", "%", "%2F", "a%2Ab", "a\nb", "\u00e4/\u20ac", "$t/x"}) {
      std::string address;
      std::string scratch;
      ASSERT_TRUE(map.to_address(topic, address)) << topic;
      const auto back = map.to_topic(address, scratch);
      ASSERT_TRUE(back) << address;
      EXPECT_EQ(*back, topic) << address;
    }
  }
}

TEST(MqttTopics, WhatIsOutsideTheNamespaceHasNoTopic) {
  const TopicMap map{*bridge::NamespaceMap::parse("/mqtt")};
  std::string scratch;
  for (const std::string_view address : {"/mqtt", "/mqtt/", "/mqttx/a", "/a", "/mqtt/a+b", "/mqtt/%2Fa#"}) {
    const auto topic = map.to_topic(address, scratch);
    EXPECT_TRUE(!topic || !is_topic_name(*topic) || *topic == "a+b") << address;
  }
}

// The router's patterns, with the check behind them, are the standard's filters: random filters against random topics of few letters.
TEST(MqttTopics, PatternsReachWhateverTheFilterMatches) {
  std::mt19937 random(20'261'129);
  const auto pick = [&random](std::initializer_list<std::string_view> from) { return *(from.begin() + random() % from.size()); };
  for (int round = 0; round < 20'000; ++round) {
    std::string filter;
    std::string topic;
    for (std::size_t levels = 1 + random() % 5, i = 0; i < levels; ++i)
      filter += (i > 0 ? "/" : "") + std::string(pick({"a", "b", "", "+", "+", "*", "%2F"}));
    if (random() % 3 == 0) filter += "/#";
    for (std::size_t levels = 1 + random() % 5, i = 0; i < levels; ++i)
      topic += (i > 0 ? "/" : "") + std::string(pick({"a", "b", "", "", "*", "%2F", "%2Fa"}));
    if (filter.empty() || topic.empty() || !filter_matches(filter, topic)) continue;
    EXPECT_TRUE(reaches(plain, filter, topic)) << filter << " on " << topic;
  }
}

TEST(MqttTopics, AFilterThatNeedsNoCheckMatchesWhereItsPatternDoes) {
  for (const std::string_view filter : {"a", "a/b", "a/#", "*", "a/%2F/b"}) {
    EXPECT_FALSE(filter_needs_check(filter)) << filter;
    for (const std::string_view topic : {"a", "a/", "a/b", "a/b/c", "a//b", "*", "x", "a/%2F/b", "ab"})
      EXPECT_EQ(reaches(plain, filter, topic), filter_matches(filter, topic)) << filter << " on " << topic;
  }
}

}  // namespace
}  // namespace clasp::mqtt
