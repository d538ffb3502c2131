#include "cli/value_text.hpp"

#include <gmock/gmock.h>

#include <limits>

namespace clasp::cli {
namespace {

using testing::HasSubstr;

Blob blob(std::initializer_list<int> bytes) {
  Blob out;
  for (const int byte : bytes) out.push_back(static_cast<std::byte>(byte));
  return out;
}

struct Good {
  const char* name;
  std::string text;
  ValueType type;
  Value value;
};

class GoodValue : public testing::TestWithParam<Good> {};
TEST_P(GoodValue, BecomesWhatItLooksLike) {
  const auto value = parse_value(GetParam().text, GetParam().type);
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(*value, GetParam().value) << to_json(*value);
}

using enum ValueType;
INSTANTIATE_TEST_SUITE_P(
    Texts, GoodValue,
    testing::Values(Good{"integer", "1", automatic, 1}, Good{"negative", "-5", automatic, -5}, Good{"floating", "0.8", automatic, 0.8},
                    Good{"floating_one", "1.0", automatic, 1.0}, Good{"exponent", "1e3", automatic, 1000.0}, Good{"yes", "true", automatic, true},
                    Good{"null", "null", automatic, nullptr}, Good{"quoted", "\"a b\"", automatic, "a b"},
                    Good{"quoted_number", "\"1\"", automatic, "1"}, Good{"array", "[1,\"x\"]", automatic, Array{1, "x"}},
                    Good{"map", "{\"a\":1}", automatic, Map{{"a", 1}}}, Good{"word", "hello", automatic, "hello"},
                    Good{"words", "hello world", automatic, "hello world"}, Good{"empty", "", automatic, ""},
                    Good{"almost_number", "1.2.3", automatic, "1.2.3"}, Good{"almost_json", "[1,", automatic, "[1,"},
                    Good{"plus", "+5", automatic, "+5"}, Good{"json_bytes", R"({"$bytes":"AP8="})", automatic, blob({0, 255})},
                    Good{"int", "9223372036854775807", integer, INT64_MAX}, Good{"float_of_whole", "1", ValueType::floating, 1.0},
                    Good{"infinity", "-inf", ValueType::floating, -std::numeric_limits<double>::infinity()},
                    Good{"string_of_number", "1", ValueType::string, "1"}, Good{"raw_bytes", "ab", bytes, blob({'a', 'b'})},
                    Good{"no_bytes", "", bytes, blob({})}, Good{"hex", "hex:00fF", bytes, blob({0, 255})},
                    Good{"base64", "base64:AP8=", bytes, blob({0, 255})}, Good{"json", " 1 ", json, 1}, Good{"boolean", "off", boolean, false}),
    [](const auto& test) { return test.param.name; });

struct Bad {
  const char* name;
  std::string text;
  ValueType type;
  const char* message;
};

class BadValue : public testing::TestWithParam<Bad> {};
TEST_P(BadValue, IsRefusedWithWhatWasExpected) {
  const auto value = parse_value(GetParam().text, GetParam().type);
  ASSERT_FALSE(value);
  EXPECT_THAT(value.error().message, HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Texts, BadValue,
    testing::Values(Bad{"int_fraction", "1.5", integer, "whole number"}, Bad{"int_large", "9223372036854775808", integer, "whole number"},
                    Bad{"int_empty", "", integer, "whole number"}, Bad{"float_word", "x", ValueType::floating, "expected a number"},
                    Bad{"float_rest", "1 ", ValueType::floating, "expected a number"}, Bad{"json_word", "hello", json, "byte"},
                    Bad{"hex_odd", "hex:0", bytes, "even number"}, Bad{"hex_letter", "hex:0g", bytes, "\"0g\""},
                    Bad{"base64_cut", "base64:AP8", bytes, "base64"}, Bad{"boolean", "maybe", boolean, "true or false"},
                    Bad{"not_utf8", "\xff", automatic, "not UTF-8"}, Bad{"string_not_utf8", "\xff", ValueType::string, "not UTF-8"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace clasp::cli
