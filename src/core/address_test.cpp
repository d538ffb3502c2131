#include "core/address.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/utf8_walk.hpp"
#include "core/vector_file.hpp"

namespace clasp {
namespace {

using test::load_vectors;
using test::VectorRow;
using testing::ElementsAre;
using testing::Ge;
using testing::SizeIs;

std::vector<std::string> segments_of(std::string_view address) {
  std::vector<std::string> out;
  for (SegmentCursor segments(address); !segments.done();) out.emplace_back(segments.next());
  return out;
}

// The bare grammar of wire format, section 8: none of the rules that we add.
constexpr AddressRules grammar_only{.bytes_max = 65'535, .wildcards = true, .control_characters = true};

class AddressVector : public testing::TestWithParam<VectorRow> {};

TEST_P(AddressVector, IsAcceptedOrRefusedAsTheGrammarSays) {
  const auto& row = GetParam().json;
  const auto address = row.at("address").get<std::string>();
  const auto fault = check_address(address, grammar_only);
  ASSERT_EQ(!fault, row.at("valid").get<bool>());
  if (fault) {
    const std::map<std::string, AddressFault> faults{
        {"empty", AddressFault::empty}, {"no leading slash", AddressFault::no_leading_slash}, {"empty segment", AddressFault::empty_segment}};
    EXPECT_EQ(*fault, faults.at(row.at("error")));
    return;
  }
  const auto segments = row.at("segments").get<std::vector<std::string>>();
  EXPECT_EQ(segments_of(address), segments);
  EXPECT_EQ(is_pattern(address), row.at("is_pattern").get<bool>());
  EXPECT_EQ(first_segment(address), segments.front());
  EXPECT_EQ(last_segment(address), segments.back());
}
INSTANTIATE_TEST_SUITE_P(Wire, AddressVector, testing::ValuesIn(load_vectors("addresses")), test::row_name);

TEST(AddressVectors, AreAllThere) { EXPECT_THAT(load_vectors("addresses"), SizeIs(Ge(27U))); }

struct StrictCase {
  const char* name;
  std::string address;
  std::optional<AddressFault> fault;
};

class StrictAddress : public testing::TestWithParam<StrictCase> {};

TEST_P(StrictAddress, IsCheckedByTheDefaultRules) { EXPECT_EQ(check_address(GetParam().address), GetParam().fault); }

const std::vector<StrictCase> strict_cases{
    {"ordinary", "/lights/1/dim", std::nullopt},
    {"root", "/", std::nullopt},
    {"trailing_slash", "/a/", std::nullopt},
    {"space_dot_and_brackets", "/a b/../[x]{y}?", std::nullopt},
    {"unicode", "/日本/🎵", std::nullopt},
    {"star", "/a/*", AddressFault::wildcard},
    {"star_inside", "/zone5*/x", AddressFault::wildcard},
    {"tab", "/a\tb", AddressFault::control_character},
    {"newline", "/a\n", AddressFault::control_character},
    {"delete", "/a\x7f", AddressFault::control_character},
    {"zero_byte", std::string("/a\0b", 4), AddressFault::control_character},
    {"first_printable", "/ ", std::nullopt},
    {"last_control", "/\x1f", AddressFault::control_character},
    {"raw_ff", "/a\xff", AddressFault::bad_utf8},
    {"cut_character", "/a\xe6\x97", AddressFault::bad_utf8},
    {"overlong_slash", "/a\xc0\xaf", AddressFault::bad_utf8},
    {"surrogate", "/\xed\xa0\x80", AddressFault::bad_utf8},
    {"longest", "/" + std::string(1023, 'x'), std::nullopt},
    {"one_too_long", "/" + std::string(1024, 'x'), AddressFault::too_long},
    {"long_before_anything_else", std::string(2000, '\xff'), AddressFault::too_long},
    {"double_slash", "/a//b", AddressFault::empty_segment},
    {"empty", "", AddressFault::empty},
    {"no_slash", "lights/1", AddressFault::no_leading_slash},
};

INSTANTIATE_TEST_SUITE_P(Rules, StrictAddress, testing::ValuesIn(strict_cases), [](const auto& row) { return std::string(row.param.name); });

TEST(Address, FaultsAreDescribedWithTheAddress) {
  EXPECT_EQ(describe_address_fault(AddressFault::empty, ""), "invalid address: empty address");
  EXPECT_EQ(describe_address_fault(AddressFault::no_leading_slash, "a"), "invalid address: address must start with '/': a");
  EXPECT_EQ(describe_address_fault(AddressFault::empty_segment, "/a//b"), "invalid address: empty segment in address: /a//b");
  EXPECT_EQ(describe_address_fault(AddressFault::wildcard, "/*"), "invalid address: wildcard in address: /*");
  EXPECT_EQ(describe_address_fault(AddressFault::control_character, "/a\n"), "invalid address: control character in address: /a\\x0a");
  EXPECT_EQ(describe_address_fault(AddressFault::bad_utf8, "/\xff"), "invalid address: address is not UTF-8: /\\xff");
  EXPECT_EQ(describe_address_fault(AddressFault::too_long, std::string(2000, 'x')),
            "invalid address: address too long: " + std::string(117, 'x') + "...");
}

TEST(Address, PrintableEscapesWhatWouldHarmALog) {
  EXPECT_EQ(printable("/日本/x"), "/日本/x");
  EXPECT_EQ(printable("a\r\nb\x7f"), "a\\x0d\\x0ab\\x7f");
  EXPECT_EQ(printable("\xc2\x9b[2J"), "\\xc2\\x9b[2J") << "an 8-bit terminal control";
  EXPECT_EQ(printable("\xe6\x97"), "\\xe6\\x97");
  EXPECT_EQ(printable("\xc3("), "\\xc3(");
  EXPECT_EQ(printable(""), "");
}

TEST(Address, PrintableNeverExceedsItsLimitNorCutsACharacter) {
  const std::string text = "ab日本\xff\n🎵xyz";
  for (std::size_t limit = 0; limit < 40; ++limit) {
    const std::string shown = printable(text, limit);
    EXPECT_LE(shown.size(), limit);
    EXPECT_TRUE(valid_utf8(shown)) << shown;
  }
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("abcdefg", 6), "abc...");
  EXPECT_EQ(printable("a日本語", 8), "a日...");
}

TEST(Address, SegmentsAndHelpersOfOddAddresses) {
  EXPECT_THAT(segments_of("/a/b/"), ElementsAre("a", "b", ""));
  EXPECT_THAT(segments_of("/"), ElementsAre(""));
  EXPECT_THAT(segments_of(""), ElementsAre());
  EXPECT_EQ(first_segment("/lights/1/dim"), "lights");
  EXPECT_EQ(last_segment("/lights/1/dim"), "dim");
  EXPECT_EQ(first_segment(""), "");
  EXPECT_EQ(last_segment(""), "");
}

TEST(Address, OrderKeepsASubtreeTogether) {
  // '!' and '-' are smaller than '/', so plain byte order would put "/a!" and "/a-b" between "/a" and "/a/b".
  std::vector<std::string> addresses{"/b", "/a-b", "/a/b/c", "/a", "/a!", "/a/b", "/", "/a/", "/ab", "/a\xff"};
  std::ranges::sort(addresses, [](const auto& a, const auto& b) { return compare_addresses(a, b) < 0; });
  EXPECT_THAT(addresses, ElementsAre("/", "/a", "/a/", "/a/b", "/a/b/c", "/a!", "/a-b", "/ab", "/a\xff", "/b"));
}

TEST(Address, OrderIsTotalAndAntisymmetric) {
  const std::vector<std::string> texts{"", "/", "/a", "/a/", "/a!", "/a/b", "/\xff", "//"};
  for (const auto& a : texts) {
    for (const auto& b : texts) {
      EXPECT_EQ(compare_addresses(a, b), -compare_addresses(b, a));
      EXPECT_EQ(compare_addresses(a, b) == 0, a == b) << a << " " << b;
    }
  }
}

TEST(Utf8Walk, FindsWholeCharactersOnly) {
  EXPECT_EQ(utf8_bytes_at("a", 0), 1U);
  EXPECT_EQ(utf8_bytes_at("é", 0), 2U);
  EXPECT_EQ(utf8_bytes_at("日", 0), 3U);
  EXPECT_EQ(utf8_bytes_at("🎵", 0), 4U);
  EXPECT_EQ(utf8_bytes_at("é", 1), 0U) << "a continuation byte";
  EXPECT_EQ(utf8_bytes_at("\xff", 0), 0U);
  EXPECT_EQ(utf8_bytes_at("\xf0\x9f\x8e", 0), 0U) << "cut short";
}

}  // namespace
}  // namespace clasp
