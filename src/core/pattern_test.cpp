#include "core/pattern.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <functional>
#include <map>
#include <span>

#include "core/vector_file.hpp"

namespace clasp {
namespace {

using test::load_vectors;
using test::VectorRow;
using testing::Ge;
using testing::SizeIs;

Pattern pattern(std::string_view text) {
  auto parsed = Pattern::parse(text);
  if (!parsed) ADD_FAILURE() << "not a pattern: " << text;
  return *std::move(parsed);
}

bool matches(std::string_view text, std::string_view address) { return pattern(text).matches(address); }
bool covers(std::string_view a, std::string_view b) { return pattern(a).covers(pattern(b)); }

// ---- Vectors ----

// The rows where we differ from the reference's live delivery on purpose (wire format, section 9, "recommended single semantics", and 22.5).
struct Deviation {
  bool valid;
  bool matches;
  const char* reason;
};
const std::map<std::pair<std::string, std::string>, Deviation> deviations{
    {{"/{a,b}/*", "/a/x"}, {true, false, "the reference refuses it, for a regular expression it never uses; here braces are literal"}},
    {{"/{a,b}/*", "/b/x"}, {true, false, "braces are literal"}},
    {{"/{a,b}/*", "/{a,b}/x"}, {true, true, "braces are literal"}},
    {{"/{a,b}/*", "/c/x"}, {true, false, "braces are literal"}},
    {{"/a(/*", "/a(/x"}, {true, true, "parentheses are literal, balanced or not"}},
    {{"/a)/*", "/a)/x"}, {true, true, "parentheses are literal, balanced or not"}},
    {{"/a\\*", "/a*"}, {true, false, "a backslash is literal and escapes nothing, so the address must have one"}},
    {{"/a\\*", "/a\\x"}, {true, true, "a backslash is literal and escapes nothing"}},
};

class PatternVector : public testing::TestWithParam<VectorRow> {};

TEST_P(PatternVector, MatchesAsLiveDeliveryDoesOrAsTheDeviationSays) {
  const auto& row = GetParam().json;
  const auto text = row.at("pattern").get<std::string>();
  const auto address = row.at("address").get<std::string>();
  bool valid = row.at("valid_pattern").get<bool>();
  bool expected = valid && row.at("live_delivery").get<bool>();
  std::string reason = "live delivery of the reference";
  if (const auto it = deviations.find({text, address}); it != deviations.end()) {
    ASSERT_TRUE(valid != it->second.valid || expected != it->second.matches) << "no deviation: remove the row";
    valid = it->second.valid;
    expected = it->second.matches;
    reason = it->second.reason;
  }
  const auto parsed = Pattern::parse(text);
  ASSERT_EQ(parsed.has_value(), valid) << reason;
  if (valid) {
    EXPECT_EQ(parsed->matches(address), expected) << reason;
  }
}
INSTANTIATE_TEST_SUITE_P(Wire, PatternVector, testing::ValuesIn(load_vectors("patterns")), test::row_name);

TEST(PatternVectors, AreAllThereAndEveryDeviationIsOneOfThem) {
  const auto rows = load_vectors("patterns");
  EXPECT_THAT(rows, SizeIs(Ge(168U)));
  for (const auto& [key, deviation] : deviations) {
    const auto same = [&key](const VectorRow& row) { return row.json.at("pattern") == key.first && row.json.at("address") == key.second; };
    EXPECT_TRUE(std::ranges::any_of(rows, same)) << key.first << " " << key.second << ": " << deviation.reason;
  }
}

// ---- Parsing ----

TEST(Pattern, IsValidWheneverItIsAnAddressApartFromItsStars) {
  EXPECT_EQ(Pattern::parse("").error(), AddressFault::empty);
  EXPECT_EQ(Pattern::parse("**").error(), AddressFault::no_leading_slash);
  EXPECT_EQ(Pattern::parse("!/a").error(), AddressFault::no_leading_slash);
  EXPECT_EQ(Pattern::parse("/a//*").error(), AddressFault::empty_segment);
  EXPECT_EQ(Pattern::parse("/a\n*").error(), AddressFault::control_character);
  EXPECT_EQ(Pattern::parse("/\xff*").error(), AddressFault::bad_utf8);
  EXPECT_EQ(Pattern::parse("/" + std::string(1024, '*')).error(), AddressFault::too_long);
  EXPECT_EQ(Pattern::parse("/abc", 3).error(), AddressFault::too_long);
  for (const char* text : {"/", "/a/", "/***", "/a(/*", "/[/*", "/a\\*", "/{/**", "/+/?/*"}) EXPECT_TRUE(Pattern::parse(text)) << text;
}

TEST(Pattern, KnowsItsSegmentsAndItsLiteralPrefix) {
  const Pattern p = pattern("/a/bc/*/");
  ASSERT_EQ(p.segment_count(), 4U);
  EXPECT_EQ(p.segment(0), "a");
  EXPECT_EQ(p.segment(1), "bc");
  EXPECT_EQ(p.segment(2), "*");
  EXPECT_EQ(p.segment(3), "");
  EXPECT_EQ(p.literal_prefix(), "/a/bc");
  EXPECT_FALSE(p.is_literal());
  EXPECT_EQ(pattern("/**").literal_prefix(), "");
  EXPECT_EQ(pattern("/a/zone5*/x").literal_prefix(), "/a");
  EXPECT_EQ(pattern("/a/b").literal_prefix(), "/a/b");
  EXPECT_TRUE(pattern("/a/b").is_literal());
  EXPECT_EQ(pattern("/").segment_count(), 1U);
}

TEST(Pattern, NeverMatchesWhatDoesNotStartWithASlash) {
  EXPECT_FALSE(matches("/**", ""));
  EXPECT_FALSE(matches("/**", "a"));
  EXPECT_FALSE(matches("/*", "xa"));
}

// ---- Work is bounded ----

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

// A matcher that tries every split would need more steps here than there are atoms: that this test ends is the assertion.
TEST(Pattern, ManyWildcardsAgainstALongAddressEndAtOnce) {
  const std::string deep = repeated("/a", 500);
  EXPECT_FALSE(matches(repeated("/**/a", 20) + "/b", deep));
  EXPECT_FALSE(matches(repeated("/**/a/*", 20) + "/**/b", deep));
  EXPECT_TRUE(matches(repeated("/**/a", 20) + "/**", deep));
  EXPECT_FALSE(matches("/" + repeated("*a", 300) + "b", "/" + repeated("a", 1000)));
  EXPECT_FALSE(covers(repeated("/**/a", 20) + "/b", repeated("/**/a", 100)));
  EXPECT_TRUE(covers(repeated("/**/a", 100), repeated("/a/**", 100) + "/a"));
}

// ---- Coverage ----

struct CoverCase {
  const char* a;
  const char* b;
  bool covered;
};
class Coverage : public testing::TestWithParam<CoverCase> {};

TEST_P(Coverage, IsASubsetTestOfTheirAddresses) {
  const auto& [a, b, covered] = GetParam();
  EXPECT_EQ(covers(a, b), covered) << a << " covers " << b;
}

const std::vector<CoverCase> cover_cases{

    // Router specification, section 19.
    {"/**", "/a/**", true},
    {"/a/**", "/a/b/**", true},
    {"/a/*", "/a/**", false},
    {"/a/b", "/a/*", false},
    {"/a/b/**", "/a/*/c", false},
    {"/**", "/", true},
    {"/a/../b", "/a/b", false},
    // What a scope grants.
    {"/a/**", "/a", true},
    {"/a/**", "/a/*/c", true},
    {"/a/**", "/a/**/c", true},
    {"/a/**", "/a/x*", true},
    {"/a/**", "/ab", false},
    {"/a/**", "/*", false},
    {"/a/**", "/**", false},
    {"/a/*", "/a/b", true},
    {"/a/*", "/a/*", true},
    {"/a/*", "/a/", true},
    {"/a/*", "/a", false},
    {"/a/*", "/a/*/b", false},
    {"/*/*", "/*", false},
    {"/a", "/a", true},
    {"/a", "/a/**", false},
    // "**" in the middle.
    {"/**/b", "/a/*/b", true},
    {"/**/b", "/a/**/b", true},
    {"/**/b", "/a/**", false},
    {"/a/**/c", "/a/b/**/c", true},
    {"/a/**/c", "/a/**/c/**/c", true},
    {"/a/**/c/**", "/a/**/c", true},
    {"/a/**/c", "/a/**/c/**", false},
    {"/**/a/**/b", "/**/a/b/**", false},
    // The same set written in different ways.
    {"/**", "/*/**", true},
    {"/*/**", "/**", true},
    {"/a/*/**", "/a/**/*", true},
    {"/a/**/*", "/a/*/**", true},
    {"/a/**/**", "/a/**", true},
    {"/a/**", "/a/**/**", true},
    {"/a/*/**", "/a/**", false},
    {"/***", "/*", true},
    {"/*", "/***", true},
    {"/***", "/**", false},
    // Partial wildcards.
    {"/zone*", "/zone5", true},
    {"/zone*", "/zone5*", true},
    {"/zone5*", "/zone*", false},
    {"/zone*", "/*", false},
    {"/*", "/zone*", true},
    {"/a*b*", "/aXb*", true},
    {"/a*b", "/a*cb", true},
    {"/a*b", "/a*", false},
    {"/zone*/x", "/zone*/**", false},
    {"/**/x*", "/a/**/xy*", true},
};

INSTANTIATE_TEST_SUITE_P(Router, Coverage, testing::ValuesIn(cover_cases));

// ---- Properties ----

// The definition, word by word; slow, and only for small inputs.
bool slow_segment(std::string_view text, std::string_view segment) {
  if (text.empty()) return segment.empty();
  if (text.front() != '*') return !segment.empty() && text.front() == segment.front() && slow_segment(text.substr(1), segment.substr(1));
  return slow_segment(text.substr(1), segment) || (!segment.empty() && slow_segment(text, segment.substr(1)));
}

using Segments = std::vector<std::string>;

bool slow_match(std::span<const std::string> p, std::span<const std::string> a) {
  if (p.empty()) return a.empty();
  if (p.front() == "**") return slow_match(p.subspan(1), a) || (!a.empty() && slow_match(p, a.subspan(1)));
  return !a.empty() && slow_segment(p.front(), a.front()) && slow_match(p.subspan(1), a.subspan(1));
}

std::string joined(const Segments& segments) {
  std::string out;
  for (const auto& segment : segments) out += "/" + segment;
  return out;
}

rc::Gen<Segments> segments_of(const std::vector<std::string>& choices, std::size_t count_max) {
  return rc::gen::mapcat(rc::gen::inRange<std::size_t>(1, count_max + 1),
                         [choices](std::size_t count) { return rc::gen::container<Segments>(count, rc::gen::elementOf(choices)); });
}

const std::vector<std::string> address_choices{"a", "b", "ab", "ba", "aba", "#"};
const std::vector<std::string> pattern_choices{"a", "b", "ab", "*", "**", "**", "a*", "*b", "a*a", "***"};
const std::vector<std::string> whole_choices{"a", "b", "*", "**"};

RC_GTEST_PROP(PatternProperty, MatchingAgreesWithTheDefinition, ()) {
  const auto p = *segments_of(pattern_choices, 6);
  const auto a = *segments_of(address_choices, 7);
  RC_CLASSIFY(slow_match(p, a), "matching");
  RC_ASSERT(matches(joined(p), joined(a)) == slow_match(p, a));
}

// Calls `check` for what `p` matches with up to `any_max` segments for each "**" and `fill` for each '*'.
void for_each_instance(const Segments& p, std::size_t any_max, const std::string& fill, const std::function<void(const Segments&)>& check) {
  const std::function<void(std::size_t, Segments)> extend = [&](std::size_t i, Segments sofar) {
    if (i == p.size()) {
      if (!sofar.empty()) check(sofar);
      return;
    }
    if (p[i] == "**") {
      for (std::size_t n = 0; n <= any_max; ++n) {
        extend(i + 1, sofar);
        sofar.push_back(fill.empty() ? "a" : fill);
      }
      return;
    }
    std::string segment;
    for (const char c : p[i]) segment += c == '*' ? fill : std::string(1, c);
    sofar.push_back(segment);
    extend(i + 1, std::move(sofar));
  };
  extend(0, {});
}

RC_GTEST_PROP(PatternProperty, EveryMatchStartsWithTheLiteralPrefix, ()) {
  const auto p = *segments_of(pattern_choices, 4);
  const Pattern parsed = pattern(joined(p));
  for_each_instance(p, 2, "b", [&](const Segments& address) { RC_ASSERT(joined(address).starts_with(parsed.literal_prefix())); });
}

RC_GTEST_PROP(PatternProperty, WhatACoveredPatternMatchesItsCovererMatchesToo, ()) {
  const auto a = *segments_of(pattern_choices, 5);
  const auto b = *segments_of(pattern_choices, 4);
  const bool covered = covers(joined(a), joined(b));
  RC_CLASSIFY(covered, "covered");
  if (!covered) return;
  for (const std::string fill : {"", "a", "b", "ab", "#"}) {
    for_each_instance(b, 3, fill, [&](const Segments& address) { RC_ASSERT(slow_match(a, address)); });
  }
}

// The truth about coverage. A segment that occurs in neither pattern can only be matched by a wildcard, so if all addresses made of it match,
// all addresses do; and a "**" need not stand for more segments than the coverer has.
bool is_subset(const Segments& a, const Segments& b) {
  bool subset = true;
  for_each_instance(b, a.size() + 1, "#", [&](const Segments& address) { subset = subset && slow_match(a, address); });
  return subset;
}

RC_GTEST_PROP(PatternProperty, CoverageIsExactForWholeSegmentWildcards, ()) {
  const auto a = *segments_of(whole_choices, 6);
  const auto b = *segments_of(whole_choices, 4);
  const bool subset = is_subset(a, b);
  RC_CLASSIFY(subset, "covered");
  RC_ASSERT(covers(joined(a), joined(b)) == subset);
}

std::vector<Segments> all_of(const std::vector<std::string>& choices, std::size_t count_max) {
  std::vector<Segments> out{{}};
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i].size() == count_max) continue;
    for (const auto& choice : choices) {
      Segments longer = out[i];
      longer.push_back(choice);
      out.push_back(std::move(longer));
    }
  }
  out.erase(out.begin());
  return out;
}

TEST(Pattern, CoverageIsExactForEveryPairOfShortPatterns) {
  const auto texts = all_of(whole_choices, 3);
  ASSERT_EQ(texts.size(), 84U);
  std::size_t covered = 0;
  for (const auto& a : texts) {
    for (const auto& b : texts) {
      const bool subset = is_subset(a, b);
      covered += subset ? 1 : 0;
      ASSERT_EQ(covers(joined(a), joined(b)), subset) << joined(a) << " covers " << joined(b);
    }
  }
  EXPECT_GT(covered, 1'000U);
}

RC_GTEST_PROP(PatternProperty, CoverageIsReflexiveAndTransitive, ()) {
  const auto a = joined(*segments_of(pattern_choices, 4));
  const auto b = joined(*segments_of(pattern_choices, 4));
  const auto c = joined(*segments_of(pattern_choices, 4));
  RC_ASSERT(covers(a, a));
  if (covers(a, b) && covers(b, c)) RC_ASSERT(covers(a, c));
}

}  // namespace
}  // namespace clasp
