#include "rules/pattern_overlap.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace clasp::rules {
namespace {

Pattern pattern(const std::string& text) { return *Pattern::parse(text); }

TEST(PatternOverlap, IsTrueIfAnAddressMatchesBoth) {
  struct Row {
    const char* a;
    const char* b;
    bool overlap;
  };
  for (const Row& row : {Row{"/a", "/a", true}, Row{"/a", "/b", false}, Row{"/a/*", "/a/b", true}, Row{"/a/*", "/*/b", true},
                         Row{"/a/*/c", "/a/b", false}, Row{"/a/**", "/a", true}, Row{"/a/**", "/**/c", true}, Row{"/a/**", "/b/**", false},
                         Row{"/zone5*", "/zone*7", true}, Row{"/zone5*", "/zone6*", false}, Row{"/**", "/x/y*/z", true}, Row{"/a*c", "/a", false},
                         Row{"/**/a/**", "/b/*/c", true}, Row{"/*/*", "/a/**/b/c", false}}) {
    EXPECT_EQ(overlap(pattern(row.a), pattern(row.b)), row.overlap) << row.a << " " << row.b;
    EXPECT_EQ(overlap(pattern(row.b), pattern(row.a)), row.overlap) << row.b << " " << row.a;
  }
}

// Against the definition: of all short addresses of two letters, is there one that both match? Two segments more than the patterns have are enough.
TEST(PatternOverlap, AgreesWithTryingEveryAddress) {
  const std::vector<std::string> segments{"a", "b", "*", "**", "a*", "*b", ""};
  std::vector<std::string> texts;
  for (const auto& one : segments) {
    texts.push_back("/" + one);
    if (one.empty()) continue;
    for (const auto& two : segments) texts.push_back("/" + one + "/" + two);
  }
  std::vector<std::string> addresses;
  const std::vector<std::string> words{"", "a", "b", "ab", "ba", "aab", "c"};
  std::function<void(std::string, int)> grow = [&](const std::string& address, int left) {
    for (const auto& word : words) {
      addresses.push_back(address + "/" + word);
      if (left > 0 && !word.empty()) grow(address + "/" + word, left - 1);
    }
  };
  grow("", 2);
  for (const auto& a : texts) {
    for (const auto& b : texts) {
      bool found = false;
      for (const auto& address : addresses) found = found || (pattern(a).matches(address) && pattern(b).matches(address));
      ASSERT_EQ(overlap(pattern(a), pattern(b)), found) << a << " " << b;
    }
  }
}

}  // namespace
}  // namespace clasp::rules
