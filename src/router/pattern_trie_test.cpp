#include "router/pattern_trie.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

namespace clasp::router {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr std::uint64_t seed = 0x5eed;

Pattern pattern(std::string_view text) {
  auto parsed = Pattern::parse(text);
  EXPECT_TRUE(parsed) << text;
  return *parsed;
}

std::vector<PatternTrie::Item> matches(const PatternTrie& trie, std::string_view address) {
  std::vector<PatternTrie::Item> items;
  trie.match(address, items);
  return items;
}

TEST(PatternTrie, FindsEveryKindOfPattern) {
  PatternTrie trie(seed);
  trie.add(pattern("/a/b"), 0);
  trie.add(pattern("/a/*"), 1);
  trie.add(pattern("/a/**"), 2);
  trie.add(pattern("/**"), 3);
  trie.add(pattern("/a/b*"), 4);
  trie.add(pattern("/**/b"), 5);
  EXPECT_THAT(matches(trie, "/a/b"), UnorderedElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(matches(trie, "/a/bc"), UnorderedElementsAre(1, 2, 3, 4));
  EXPECT_THAT(matches(trie, "/a"), UnorderedElementsAre(2, 3));
  EXPECT_THAT(matches(trie, "/a/"), UnorderedElementsAre(1, 2, 3));
  EXPECT_THAT(matches(trie, "/b"), UnorderedElementsAre(3, 5));
  EXPECT_THAT(matches(trie, "/x/y/b"), UnorderedElementsAre(3, 5));
  EXPECT_THAT(matches(trie, "/"), UnorderedElementsAre(3));
  EXPECT_THAT(matches(trie, ""), IsEmpty());
  EXPECT_THAT(matches(trie, "a/b"), IsEmpty());
}

TEST(PatternTrie, TakesAWildcardInAnAddressLiterally) {
  PatternTrie trie(seed);
  trie.add(pattern("/zone5*"), 0);
  trie.add(pattern("/*"), 1);
  trie.add(pattern("/**"), 2);
  EXPECT_THAT(matches(trie, "/zone5*"), UnorderedElementsAre(0, 1, 2));
  EXPECT_THAT(matches(trie, "/*"), UnorderedElementsAre(1, 2));
}

TEST(PatternTrie, HoldsManyItemsOfOnePattern) {
  PatternTrie trie(seed);
  for (PatternTrie::Item item = 0; item < 100; ++item) trie.add(pattern("/a"), item);
  for (PatternTrie::Item item = 0; item < 100; item += 2) trie.remove(item);
  std::vector<PatternTrie::Item> left = matches(trie, "/a");
  std::ranges::sort(left);
  ASSERT_EQ(left.size(), 50U);
  for (std::size_t i = 0; i < left.size(); ++i) EXPECT_EQ(left[i], 2 * i + 1);
}

TEST(PatternTrie, LeavesNothingBehindOfWhatWasRemoved) {
  PatternTrie trie(seed);
  const std::vector<std::string> patterns{"/a/b/c", "/a/b", "/a/*/c", "/**/c", "/a/**/**", "/a/x*/c", "/a/y*", "/a/x*"};
  for (std::size_t i = 0; i < patterns.size(); ++i) trie.add(pattern(patterns[i]), static_cast<PatternTrie::Item>(i));
  EXPECT_EQ(trie.segment_count(), 5U);  // a b c x* y*
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    trie.remove(static_cast<PatternTrie::Item>(i));
    for (std::size_t k = 0; k < patterns.size(); ++k) {
      const bool found = std::ranges::count(matches(trie, "/a/b/c"), static_cast<PatternTrie::Item>(k)) == 1;
      EXPECT_EQ(found, k > i && pattern(patterns[k]).matches("/a/b/c")) << patterns[k] << " after removal of " << patterns[i];
    }
  }
  EXPECT_EQ(trie.node_count(), 1U);
  EXPECT_EQ(trie.segment_count(), 0U);
}

TEST(PatternTrie, VisitsEachNodeOncePerSegmentHoweverManyRunsAreNested) {
  PatternTrie trie(seed);
  std::string nested;
  for (int i = 0; i < 20; ++i) nested += "/**/a";
  std::string runs;
  for (int i = 0; i < 20; ++i) runs += "/**";
  trie.add(pattern(nested), 0);
  trie.add(pattern(nested + "/b"), 1);
  trie.add(pattern(runs + "/b"), 2);
  std::string address;
  for (int i = 0; i < 200; ++i) address += "/a";

  EXPECT_THAT(matches(trie, address), ElementsAre(0));
  EXPECT_LE(trie.visits(), 201 * trie.node_count());
  EXPECT_THAT(matches(trie, address + "/b"), UnorderedElementsAre(1, 2));
  EXPECT_LE(trie.visits(), 403 * trie.node_count());
}

TEST(PatternTrie, AgreesWithTheVectorsOfTheWireFormat) {
  std::ifstream file(CLASP_TEST_DATA "/wire.json");
  const nlohmann::json vectors = nlohmann::json::parse(file).at("patterns");
  int checked = 0;
  for (const nlohmann::json& vector : vectors) {
    const auto text = vector.at("pattern").get<std::string>();
    const auto address = vector.at("address").get<std::string>();
    const auto parsed = Pattern::parse(text);
    if (!parsed) continue;
    PatternTrie trie(seed);
    trie.add(*parsed, 0);
    const bool matched = !matches(trie, address).empty();
    EXPECT_EQ(matched, parsed->matches(address)) << text << " " << address;
    if (!vector.at("valid_pattern").get<bool>()) continue;
    // The reference checks a partial wildcard with its glob, where a backslash is an escape; here it is a character.
    const bool expected = text.find('\\') == std::string::npos ? vector.at("live_delivery").get<bool>() : parsed->matches(address);
    EXPECT_EQ(matched, expected) << text << " " << address;
    ++checked;
  }
  EXPECT_GE(checked, 140);
}

// Random patterns and addresses over few segments, so that they often meet; also added and removed at random.
TEST(PatternTrie, AnswersAsAskingEveryPatternWould) {
  std::mt19937 random(4'711);
  const auto below = [&random](std::size_t n) { return random() % n; };
  const std::vector<std::string> literals{"a", "b", "ab", "abc", "ba", "zone5", "zone51"};
  const std::vector<std::string> wild{"*", "**", "**", "a*", "*b", "*a*", "zone5*", "a*c", "***", "*5*1"};
  const auto text = [&](bool with_wildcards) {
    std::string result;
    for (std::size_t i = 1 + below(6); i > 0; --i) {
      const auto& from = with_wildcards && below(2) == 0 ? wild : literals;
      result += "/" + from[below(from.size())];
    }
    return below(12) == 0 ? result + "/" : result;
  };

  PatternTrie trie(seed);
  std::map<PatternTrie::Item, Pattern> model;
  std::size_t found = 0;
  for (int round = 0; round < 3'000; ++round) {
    const auto item = static_cast<PatternTrie::Item>(below(200));
    if (const auto known = model.find(item); known != model.end()) {
      trie.remove(item);
      model.erase(known);
    } else {
      model.emplace(item, pattern(text(true)));
      trie.add(model.at(item), item);
    }
    ASSERT_EQ(trie.size(), model.size());

    const std::string address = text(false);
    std::vector<PatternTrie::Item> expected;
    for (const auto& [number, known] : model) {
      if (known.matches(address)) expected.push_back(number);
    }
    std::vector<PatternTrie::Item> actual = matches(trie, address);
    std::ranges::sort(actual);
    ASSERT_EQ(actual, expected) << address;
    found += actual.size();
  }
  EXPECT_GT(found, 3'000U);
  for (const auto& [number, known] : model) trie.remove(number);
  EXPECT_EQ(trie.node_count(), 1U);
}

}  // namespace
}  // namespace clasp::router
