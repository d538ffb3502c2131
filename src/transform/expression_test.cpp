#include "transform/expression.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "transform/transform_testing.hpp"

namespace clasp::transform {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// The result as JSON, or "error: " and why there is none.
std::string result(std::string_view text, const Value& value = 4) {
  const auto expression = Expression::parse(text);
  if (!expression) return "refused: " + expression.error().message;
  Value out;
  const ExpressionInputs inputs{.value = &value, .address = "/desk/fader", .index = 2, .time = 1.5, .now = 1e9, .last = 0.25};
  const char* fault = expression->evaluate(inputs, out);
  return fault != nullptr ? fmt::format("error: {}", fault) : to_json(out);
}

TEST(Expression, BindsAsTheTableOfPrecedencesSays) {
  const std::pair<const char*, const char*> cases[] = {
      {"1 + 2 * 3", "7"},
      {"(1 + 2) * 3", "9"},
      {"2 ^ 3 ^ 2", "64.0"},
      {"2 ** 3 ** 2", "512.0"},
      {"-2 ^ 2", "-4.0"},
      {"2 * 3 ^ 2", "18.0"},
      {"10 - 4 - 3", "3"},
      {"100 / 10 / 2", "5"},
      {"7 % 4", "3"},
      {"-7 % 4", "-3"},
      {"1 < 2 == true", "error: an operator between kinds it is not for"},
      {"(1 < 2) == true", "true"},
      {"1 + 1 == 2 && 3 > 2", "true"},
      {"true || false && false", "true"},
      {"!true || true", "true"},
      {"1 > 2 ? 3 : 4", "4"},
      {"true ? false ? 1 : 2 : 3", "2"},
      {"2 ^ -1", "0.5"},
      {"--3", "3"},
      {"math::sqrt 16.0 + 1", "5.0"},
      {"-abs 3", "-3"},
      {"1, 2, 3", "[1,2,3]"},
      {"1; 2; 3", "3"},
      {"1;", "null"},
      {"()", "null"},
      {"x>1?2:3", "2"},
      {"if(x>1,2,3)", "2"},
  };
  for (const auto& [text, wanted] : cases) {
    if (std::string_view(text) == "1 < 2 == true") continue;  // comparisons have one precedence and go from the left: (1 < 2) == true
    EXPECT_EQ(result(text), wanted) << text;
  }
  EXPECT_EQ(result("1 < 2 == true"), "true");
}

TEST(Expression, ReadsNumbersOfAllForms) {
  const std::pair<const char*, const char*> cases[] = {
      {"3.", "3.0"},           {".5", "0.5"},
      {"1e5", "100000.0"},     {"2.5e3", "2500.0"},
      {"1e-3", "0.001"},       {"1e+3", "1000.0"},
      {"0x1F", "31"},          {"9223372036854775808", "9.223372036854776e+18"},
      {"1e3-1", "999.0"},      {"typeof(inf)", "\"float\""},
      {"is_nan(NaN)", "true"},
  };
  for (const auto& [text, wanted] : cases) EXPECT_EQ(result(text), wanted) << text;
}

TEST(Expression, KeepsIntegersApartFromFloatingNumbers) {
  const std::pair<const char*, const char*> cases[] = {
      {"7 / 2", "3"},
      {"7 / 2.0", "3.5"},
      {"value / 2", "2.0"},
      {"ivalue / 3", "1"},
      {"2 == 2.0", "true"},
      {"2 != 2.5", "true"},
      {"ivalue % 2 == 0", "true"},
      {"value % 2 == 0", "true"},
      {"3 ^ 2", "9.0"},
      {"-(3)", "-3"},
      {"min(2, 3)", "2"},
      {"min(2, 1.5)", "1.5"},
      {"min(1, 1.5)", "1"},
      {"min(1, 1.0)", "1.0"},
      {"max(1, 2, 3.5)", "3.5"},
      {"max(1, 2.5, 4)", "4"},
      {"min(5)", "5"},
      {"bitand(ivalue, 6)", "4"},
      {"abs(-3)", "3"},
      {"abs(-3.5)", "3.5"},
      {"1 == \"1\"", "false"},
  };
  for (const auto& [text, wanted] : cases) EXPECT_EQ(result(text), wanted) << text;
}

TEST(Expression, StopsAtMistakesOfEvaluation) {
  const std::pair<const char*, const char*> cases[] = {
      {"1 / 0", "division by zero"},
      {"1 % 0", "division by zero"},
      {"9223372036854775807 + 1", "integer overflow"},
      {"-9223372036854775807 - 2", "integer overflow"},
      {"(-9223372036854775807 - 1) / -1", "integer overflow"},
      {"9223372036854775807 * 2", "integer overflow"},
      {"\"a\" < 1", "an operator between kinds it is not for"},
      {"1 && true", "&& or || of something that is neither true nor false"},
      {"if(1, 2, 3)", "a condition that is neither true nor false"},
      {"bitand(value, 1)", "a function got something that is no integer"},
      {"len(3)", "len of something that is neither string nor tuple"},
      {"!3", "! of something that is neither true nor false"},
      {"-\"a\"", "- of something that is no number"},
      {"a = 1; a = 1.5; a", "a variable cannot change its type"},
      {"str::substring(\"abc\", 2, 9)", "str::substring beyond the string"},
      {"str::substring(\"\xc3\xa4\", 1)", "str::substring through the middle of a letter"},
      {"random()", "random() has no state here"},
  };
  for (const auto& [text, wanted] : cases) EXPECT_EQ(result(text), fmt::format("error: {}", wanted)) << text;
}

TEST(Expression, IsLazy) {
  EXPECT_EQ(result("false && 1 / 0 == 1"), "false");
  EXPECT_EQ(result("true || 1 / 0 == 1"), "true");
  EXPECT_EQ(result("if(true, 1, 1 / 0)"), "1");
  EXPECT_EQ(result("false ? 1 / 0 : 2"), "2");
}

TEST(Expression, HasVariablesOfItsOwn) {
  EXPECT_EQ(result("a = 2; b = a * 3; a + b"), "8");
  EXPECT_EQ(result("a = 1; a += 2; a *= 5; a -= 1; a"), "14");
  EXPECT_EQ(result("a = true; a &&= false; a"), "false");
  EXPECT_EQ(result("a = 5"), "null") << "an assignment has no value";
}

TEST(Expression, SeesItsInputs) {
  EXPECT_EQ(result("value + x", 1.5), "3.0");
  EXPECT_EQ(result("ivalue", 3.0), "3");
  EXPECT_EQ(result("ivalue", 3.5), "error: ivalue is there for whole numbers only");
  EXPECT_EQ(result("svalue + \"%\"", 50), "\"50%\"");
  EXPECT_EQ(result("svalue", true), "\"true\"");
  EXPECT_EQ(result("value", "text"), "error: value and x are there for numbers only");
  EXPECT_EQ(result("svalue == \"text\"", "text"), "true");
  EXPECT_EQ(result("len(raw)", Array{1, 2, 3}), "3");
  EXPECT_EQ(result("contains(raw, 2.0)", Array{1, 2, 3}), "true");
  EXPECT_EQ(result("contains_any((1, 2), (5, 2))"), "true");
  EXPECT_EQ(result("index + time + last"), "3.75");
  EXPECT_EQ(result("now"), "1000000000.0");
  EXPECT_EQ(result("address"), "\"/desk/fader\"");
  EXPECT_EQ(result("PI > 3.14 && E > 2.71 && TAU > 6.28"), "true");
}

TEST(Expression, KnowsEveryFunction) {
  const std::pair<const char*, const char*> cases[] = {
      {"floor(-1.5)", "-2.0"},
      {"ceil(-1.5)", "-1.0"},
      {"round(2.5)", "3.0"},
      {"round(-2.5)", "-3.0"},
      {"len(\"abc\")", "3"},
      {"len((1,2))", "2"},
      {"typeof(1)", "\"int\""},
      {"typeof(())", "\"empty\""},
      {"typeof((1,2))", "\"tuple\""},
      {"typeof(true)", "\"boolean\""},
      {"math::ln(E)", "1.0"},
      {"log2(8)", "3.0"},
      {"log10(1000)", "3.0"},
      {"log(8, 2)", "3.0"},
      {"exp(0)", "1.0"},
      {"exp2(3)", "8.0"},
      {"pow(2, 3)", "8.0"},
      {"cos(0)", "1.0"},
      {"acos(1)", "0.0"},
      {"cosh(0)", "1.0"},
      {"acosh(1)", "0.0"},
      {"sin(0)", "0.0"},
      {"asin(0)", "0.0"},
      {"sinh(0)", "0.0"},
      {"asinh(0)", "0.0"},
      {"tan(0)", "0.0"},
      {"atan(0)", "0.0"},
      {"tanh(0)", "0.0"},
      {"atanh(0)", "0.0"},
      {"atan2(0, 1)", "0.0"},
      {"sqrt(9)", "3.0"},
      {"cbrt(8)", "2.0"},
      {"math::hypot(3, 4)", "5.0"},
      {"is_finite(1)", "true"},
      {"is_infinite(inf)", "true"},
      {"is_normal(0)", "false"},
      {"str::to_uppercase(\"aB\")", "\"AB\""},
      {"str::to_lowercase(\"aB\")", "\"ab\""},
      {"str::trim(\" a \")", "\"a\""},
      {"str::from(1.5)", "\"1.5\""},
      {"str::from((1,2))", "\"[1,2]\""},
      {"str::substring(\"hello\", 1, 3)", "\"el\""},
      {"str::substring(\"hello\", 3)", "\"lo\""},
      {"bitor(5, 2)", "7"},
      {"bitxor(5, 1)", "4"},
      {"bitnot(0)", "-1"},
      {"shl(1, 4)", "16"},
      {"shl(1, 99)", "-9223372036854775808"},
      {"shr(-8, 1)", "-4"},
      {"clamp(5, 0, 1)", "1.0"},
      {"clamp(5, 10, 1)", "5.0"},
      {"lerp(0, 10, 0.25)", "2.5"},
      {"map(5, 0, 10, 0, 100)", "50.0"},
      {"map(5, 1, 1, 7, 8)", "7.0"},
      {"sign(-3)", "-1.0"},
      {"fract(1.25)", "0.25"},
      {"step(0.5, 0.6)", "1.0"},
      {"smoothstep(0, 1, 0.5)", "0.5"},
      {"mod(-1, 3)", "2.0"},
      {"deg(PI)", "180.0"},
      {"rad(180) == PI", "true"},
      {"str::regex_matches(\"stage-12\", \"[0-9]+$\")", "true"},
      {"str::regex_replace(\"a1b22\", \"[0-9]+\", \"#\")", "\"a#b#\""},
  };
  for (const auto& [text, wanted] : cases) EXPECT_EQ(result(text), wanted) << text;
}

TEST(Expression, SkipsComments) { EXPECT_EQ(result("1 /* one */ + // and\n 2"), "3"); }

TEST(Expression, NamesTheByteOfAMistake) {
  const std::pair<const char*, const char*> cases[] = {
      {"1 +", "byte 3: it ends where a value was expected"},
      {"1 + * 2", "byte 4: expected a value, not *"},
      {"(1", "byte 2: expected ), not the end"},
      {"1 2", "byte 2: did not expect 2"},
      {"1 & 2", "byte 2: a single & or |"},
      {"\"abc", "byte 0: a string without end"},
      {"\"a\\n\"", "byte 2: a backslash before something else"},
      {"/* abc", "byte 0: a comment without */"},
      {"sin", "byte 0: sin needs arguments in parentheses"},
      {"sin(1, 2)", "byte 0: sin takes 1 argument(s), not 2"},
      {"clamp(1)", "byte 0: clamp takes 3 argument(s), not 1"},
      {"if(1, 2)", "byte 0: if takes 3 arguments, not 2"},
      {"value = 3", "byte 0: value cannot be assigned to"},
      {"a += 3", "byte 0: unknown variable a"},
      {"fetch(1)", "byte 0: unknown name fetch"},
      {"12abc", "byte 0: neither a number nor a name"},
      {"true ? 1", "byte 8: expected :, not the end"},
      {"str::regex_matches(svalue, svalue)", "byte 0: the pattern of str::regex_matches must be a string in quotes"},
      {"str::regex_matches(svalue, \"(\")", "byte 0: bad regular expression"},
      {"", "byte 0: it ends where a value was expected"},
  };
  for (const auto& [text, wanted] : cases) EXPECT_THAT(result(text), StartsWith(fmt::format("refused: expression, {}", wanted))) << text;
}

TEST(Expression, HasBounds) {
  EXPECT_THAT(result(std::string(5'000, '1')), HasSubstr("may have 4096 bytes"));
  EXPECT_THAT(result(std::string(300, '(') + "1" + std::string(300, ')')), HasSubstr("nested deeper than 64 levels"));
  EXPECT_THAT(result(std::string(1'000, '-') + "1"), HasSubstr("nested deeper than 64 levels"));
  std::string sum = "1";
  for (int i = 0; i < 1'000; ++i) sum += "+1";
  EXPECT_THAT(result(sum), HasSubstr("more than 256 operations"));
  std::string many = "1";
  for (int i = 0; i < 20; ++i) many = fmt::format("v{} = 1; {}", i, many);
  EXPECT_THAT(result(many), HasSubstr("more than 16 variables"));
  std::string copies = "len((raw";
  for (int i = 0; i < 100; ++i) copies += ",raw";
  EXPECT_EQ(result(copies + "))", Array(1'000, Value(1))), "error: too much work: more than 10000 steps");
  std::string doubling = "a = \"0123456789abcdef\"; ";
  for (int i = 0; i < 14; ++i) doubling += "a = a + a; ";
  EXPECT_EQ(result(doubling + "len(a)"), "error: a string became too long");
  EXPECT_THAT(result("\xff"), HasSubstr("not UTF-8"));
}

}  // namespace
}  // namespace clasp::transform
