#include "core/json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

#include "core/limits.hpp"

namespace clasp {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr std::int64_t int_max = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t int_min = std::numeric_limits<std::int64_t>::min();

Blob blob(std::initializer_list<int> bytes) {
  Blob out;
  for (const int byte : bytes) out.push_back(static_cast<std::byte>(byte));
  return out;
}

Value parsed(std::string_view text) {
  Result<Value> value = parse_json(text);
  if (!value) ADD_FAILURE() << text << ": " << value.error().message;
  return value ? *std::move(value) : Value();
}

// ---- Value to text, and back ----

struct TextCase {
  const char* name;
  Value value;
  std::string text;
};
class JsonText : public testing::TestWithParam<TextCase> {};

TEST_P(JsonText, IsWrittenLikeThisAndReadBack) {
  EXPECT_EQ(to_json(GetParam().value), GetParam().text);
  EXPECT_EQ(parsed(GetParam().text), GetParam().value);
}
const std::vector<TextCase> text_cases{
    {"null", {}, "null"},
    {"yes", true, "true"},
    {"no", false, "false"},
    {"zero", 0, "0"},
    {"negative", -17, "-17"},
    {"int_max", int_max, "9223372036854775807"},
    {"int_min", int_min, "-9223372036854775808"},
    {"beyond_2_53", std::int64_t{9'007'199'254'740'993}, "9007199254740993"},
    {"integral_float", 1.0, "1.0"},
    {"negative_zero", -0.0, "-0.0"},
    {"tenth", 0.1, "0.1"},
    {"shortest", 0.1 + 0.2, "0.30000000000000004"},
    {"huge", 1e300, "1e+300"},
    {"tiny", 5e-324, "5e-324"},
    {"float_beyond_i64", 18446744073709551616.0, "1.8446744073709552e+19"},
    {"empty_string", "", R"("")"},
    {"escapes", "a\"b\\c/d\n\r\t\b\f", R"("a\"b\\c/d\n\r\t\u0008\u000c")"},
    {"control", std::string("\0\x1f\x7f", 3), "\"\\u0000\\u001f\x7f\""},
    {"line_separator_stays", "\u2028", "\"\u2028\""},
    {"unicode", "é日🎵", "\"é日🎵\""},
    {"bytes", blob({0xde, 0xad, 0xbe, 0xef}), R"({"$bytes":"3q2+7w=="})"},
    {"no_bytes", Blob{}, R"({"$bytes":""})"},
    {"empty_array", Array{}, "[]"},
    {"array", Array{1, "x", Array{}, Value()}, R"([1,"x",[],null])"},
    {"empty_map", Map{}, "{}"},
    {"map_keeps_its_order", Map{{"z", 1}, {"a\n", Map{{"", 2.5}}}}, R"({"z":1,"a\n":{"":2.5}})"},
    {"bytes_key_beside_another", Map{{"$bytes", "AA=="}, {"x", 1}}, R"({"$bytes":"AA==","x":1})"},
    {"bytes_key_with_a_number", Map{{"$bytes", 7}}, R"({"$bytes":7})"},
};

INSTANTIATE_TEST_SUITE_P(Kinds, JsonText, testing::ValuesIn(text_cases), [](const auto& row) { return std::string(row.param.name); });

TEST(ToJson, WritesNonFiniteNumbersAsNull) {
  EXPECT_EQ(to_json(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(to_json(Array{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()}), "[null,null]");
}

TEST(ToJson, RepairsIllFormedTextOfOurOwn) {
  EXPECT_EQ(to_json("a\xff"
                    "b"),
            "\"a\xef\xbf\xbd"
            "b\"");
  EXPECT_EQ(to_json("\xe6\x97"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
  EXPECT_TRUE(parse_json(to_json("\xed\xa0\x80")));
}

// ---- Reading ----

TEST(ParseJson, TellsIntegersFromFloats) {
  EXPECT_EQ(parsed("1"), Value(1));
  EXPECT_EQ(parsed("1.0"), Value(1.0));
  EXPECT_EQ(parsed("1e3"), Value(1000.0));
  EXPECT_EQ(parsed("-0"), Value(0));
  EXPECT_EQ(parsed("9223372036854775808"), Value(9223372036854775808.0));
  EXPECT_EQ(parsed("18446744073709551615"), Value(18446744073709551615.0));
  EXPECT_EQ(parsed("-9223372036854775809"), Value(-9223372036854775808.0));
  EXPECT_EQ(parsed("123456789012345678901234567890"), Value(123456789012345678901234567890.0));
  EXPECT_EQ(parsed("1e-400"), Value(0.0));
}

TEST(ParseJson, TakesWhitespaceAndEscapes) {
  EXPECT_EQ(parsed(" \t\r\n[ 1 , 2 ]\n"), Value(Array{1, 2}));
  EXPECT_EQ(parsed(R"("\u00e9\u65e5\ud83c\udfb5\/\b\f\u0000")"), Value(std::string("é日🎵/\b\f\0", 13)));
}

TEST(ParseJson, OfEqualKeysTheLastWinsAtThePlaceOfTheFirst) {
  EXPECT_EQ(parsed(R"({"a":1,"b":2,"a":3,"c":4,"a":5,"b":6})"), Value(Map{{"a", 5}, {"b", 6}, {"c", 4}}));
  EXPECT_EQ(parsed(R"({"a":1,"\u0061":2})"), Value(Map{{"a", 2}}));
  EXPECT_EQ(parsed(R"({"$bytes":1,"$bytes":"AQ=="})"), Value(blob({1}))) << "one key is left";
}

TEST(ParseJson, TakesNestingUpToTheWiresLimit) {
  const std::size_t deepest = wire::value_depth_max;
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(to_json(parsed(nested(deepest))), nested(deepest));
  const Result<Value> deeper = parse_json(nested(deepest + 1));
  ASSERT_FALSE(deeper);
  EXPECT_EQ(deeper.error().message, "invalid JSON at byte 64: nested deeper than 64 levels");
}

struct BadCase {
  const char* name;
  std::string text;
  std::size_t byte;
  const char* says;
};
class BadJson : public testing::TestWithParam<BadCase> {};

TEST_P(BadJson, IsRefusedWithThePlace) {
  const Result<Value> value = parse_json(GetParam().text);
  ASSERT_FALSE(value) << to_json(*value);
  EXPECT_EQ(value.error().code, ErrorCode::invalid_value);
  EXPECT_THAT(value.error().message, StartsWith("invalid JSON at byte " + std::to_string(GetParam().byte) + ": "));
  EXPECT_THAT(value.error().message, HasSubstr(GetParam().says));
  EXPECT_LE(value.error().message.size(), 260U);
}
const std::vector<BadCase> bad_cases{
    {"empty", "", 0, "end of input"},
    {"only_space", "  ", 2, "end of input"},
    {"half_a_word", "nul", 3, "literal"},
    {"trailing_garbage", "1 x", 2, "literal"},
    {"two_values", "1 2", 2, "end of input"},
    {"trailing_comma", "[1,]", 3, "']'"},
    {"missing_colon", R"({"a" 1})", 5, "':'"},
    {"bare_key", "{a:1}", 1, "string literal"},
    {"open_array", "[1", 2, "end of input"},
    {"not_a_number", "NaN", 0, "literal"},
    {"infinity", "-Infinity", 1, "after '-'"},
    {"plus", "+1", 0, "literal"},
    {"leading_zero", "01", 1, "number"},
    {"bare_point", "1.", 2, "'.'"},
    {"hex", "0x10", 1, "literal"},
    {"overflow", "1e400", 4, "overflow"},
    {"overflow_inside", "[0,-1e999]", 8, "overflow"},
    {"single_quotes", "'a'", 0, "literal"},
    {"comment", "/*x*/1", 0, "literal"},
    {"byte_order_mark",
     "\xef\xbb\xbf"
     "1",
     0, "byte order mark"},
    {"zero_byte", std::string("1\0", 2), 1, "zero byte"},
    {"zero_byte_in_string", std::string("\"a\0\"", 4), 2, "zero byte"},
    {"raw_newline", "\"a\nb\"", 2, "control character"},
    {"high_surrogate_alone", R"("\ud800")", 7, "surrogate"},
    {"low_surrogate_alone", R"("\udc00")", 6, "surrogate"},
    {"two_high_surrogates", R"("\ud800\ud800")", 12, "surrogate"},
    {"raw_ff", "\"\xff\"", 1, "UTF-8"},
    {"overlong", "\"\xc0\xaf\"", 1, "UTF-8"},
    {"surrogate_as_utf8", "\"\xed\xa0\x80\"", 2, "UTF-8"},
    {"ff_outside", "[\xff]", 1, "literal"},
    {"unknown_escape", R"("\x41")", 2, "backslash"},
    {"short_escape", R"("\u12")", 5, "hex"},
    {"open_string", "\"abc", 4, "quote"},
    {"bad_base64", R"({"$bytes":"AA"})", 14, "base64"},
    {"million_arrays", std::string(1'000'000, '['), 64, "nested deeper"},
    {"deep_objects",
     [] {
       std::string text;
       for (int i = 0; i < 100'000; ++i) text += R"({"a":)";
       return text;
     }(),
     320, "nested deeper"},
    {"million_quotes_unclosed", "\"" + std::string(1'000'000, 'x'), 1'000'001, "quote"},
};

INSTANTIATE_TEST_SUITE_P(Hostile, BadJson, testing::ValuesIn(bad_cases), [](const auto& row) { return std::string(row.param.name); });

TEST(ParseJson, RefusesEveryPrefixOfAContainer) {
  const std::string text = R"({"a":[1,2.5e3,"é\n\ud83c\udfb5",true,null,{"$bytes":"AQID"}],"b":{}})";
  ASSERT_TRUE(parse_json(text));
  for (std::size_t n = 0; n < text.size(); ++n) EXPECT_FALSE(parse_json(std::string_view(text).substr(0, n))) << "cut after " << n;
}

TEST(ParseJson, ErrorsShowNoRawBytes) {
  const Result<Value> value = parse_json("\"\x1b[2J\xff");
  ASSERT_FALSE(value);
  for (const char c : value.error().message) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << value.error().message;
}

// With a look-up by scanning this would be 2·10^10 comparisons: that the test ends in time is the assertion.
TEST(ParseJson, ManyKeysCostNoSquare) {
  std::string text = "{";
  for (int i = 0; i < 200'000; ++i) text += "\"" + std::to_string(i) + "\":0,";
  text += "\"0\":1}";
  const Value value = parsed(text);
  ASSERT_TRUE(value.map());
  EXPECT_EQ(value.map()->size(), 200'000U);
  EXPECT_EQ(value.map()->front(), MapEntry("0", 1));
}

// ---- Property: what we write we read back ----

rc::Gen<Value> any_value(int depth) {
  const auto leaf = rc::gen::oneOf(
      rc::gen::just(Value()), rc::gen::map(rc::gen::arbitrary<bool>(), [](bool b) { return Value(b); }),
      rc::gen::map(rc::gen::arbitrary<std::int64_t>(), [](std::int64_t i) { return Value(i); }),
      rc::gen::map(rc::gen::arbitrary<double>(), [](double d) { return Value(std::isfinite(d) ? d : 0.5); }),
      rc::gen::map(rc::gen::container<std::string>(rc::gen::inRange<char>(0, 0x7f)), [](std::string s) { return Value(std::move(s)); }),
      rc::gen::map(rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 256)), [](const std::vector<int>& bytes) {
        Blob out;
        for (const int byte : bytes) out.push_back(static_cast<std::byte>(byte));
        return Value(std::move(out));
      }));
  if (depth == 0) return leaf;
  const auto array = rc::gen::map(rc::gen::container<Array>(any_value(depth - 1)), [](Array items) { return Value(std::move(items)); });
  const auto map = rc::gen::map(rc::gen::container<Array>(any_value(depth - 1)), [](Array items) {
    Map entries;
    for (Value& item : items) entries.emplace_back("k" + std::to_string(entries.size()), std::move(item));
    return Value(std::move(entries));
  });
  return rc::gen::oneOf(leaf, array, map);
}

RC_GTEST_PROP(JsonProperty, EveryValueSurvivesTheTripThroughText, ()) {
  const auto value = *rc::gen::scale(0.3, any_value(3));
  const Result<Value> back = parse_json(to_json(value));
  RC_ASSERT(back.has_value());
  RC_ASSERT(*back == value);
}

TEST(AppendJson, WritesBytesAsTheSurfaceWantsThem) {
  const Value value{Map{{"b", Blob{std::byte{0}, std::byte{255}}}, {"e", Blob{}}}};
  std::string numbers;
  append_json(value, JsonBytes::numbers, numbers);
  EXPECT_EQ(numbers, R"({"b":[0,255],"e":[]})");
  std::string base64;
  append_json(value, JsonBytes::base64, base64);
  EXPECT_EQ(base64, to_json(value));
}

TEST(AppendJson, WritesEachByteAsItsNumber) {
  Blob blob;
  std::string expected = "x[";
  for (int i = 0; i < 256; ++i) {
    blob.push_back(static_cast<std::byte>(i));
    expected += std::to_string(i) + (i < 255 ? "," : "]");
  }
  std::string out = "x";
  append_json(Value(blob), JsonBytes::numbers, out);
  EXPECT_EQ(out, expected);
}

TEST(AppendJson, SaysOfEncodedValuesWhatItSaysOfTrees) {
  for (const Value& value : {Value(), Value(true), Value(std::int64_t{-7}), Value(1.0), Value(0.25), Value(std::nan("")), Value("a\"\n\xe2\x80\xa8"),
                             Value(Array{1, "x"}), Value(Map{{"k", 1.5}}), Value(Blob{std::byte{7}})}) {
    std::string tree;
    append_json(value, JsonBytes::numbers, tree);
    std::string view;
    append_json(EncodedValue(value).view(), JsonBytes::numbers, view);
    EXPECT_EQ(view, tree);
  }
}

TEST(ParseJson, StopsAtMoreValuesThanItsCallerCanUse) {
  EXPECT_TRUE(parse_json("[1,2,{\"a\":3}]", 5));
  const auto refused = parse_json("[1,2,{\"a\":3}]", 4);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "invalid JSON at byte 12: more values than may be here");
  EXPECT_FALSE(parse_json("1", 0));
}

}  // namespace
}  // namespace clasp
