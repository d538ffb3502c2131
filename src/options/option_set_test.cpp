#include "options/option_set.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace clasp::options {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Options : public ::testing::Test {
 protected:
  OptionSet set{{
      {.name = "max-params",
       .letter = 'm',
       .value = "N",
       .default_text = "10",
       .help = "How many.",
       .apply = [this](std::string_view text) -> Result<void> {
         const auto value = parse_count(text, {1, 100});
         if (!value) return value.error();
         seen.push_back(fmt::format("max={}", *value));
         return {};
       }},
      {.name = "osc", .value = "ADDRESS", .help = "Listen.", .apply = note("osc"), .repeatable = true},
      {.name = "verbose", .letter = 'v', .help = "Say more.", .apply = note("verbose")},
      {.name = "config", .letter = 'c', .value = "FILE", .help = "File.", .apply = note("config"), .in_file = false},
  }};
  Apply note(std::string name) {
    return [this, name](std::string_view text) -> Result<void> {
      seen.push_back(fmt::format("{}={}", name, text));
      return {};
    };
  }
  std::string failure(std::vector<std::string> arguments) {
    const auto result = set.apply_arguments(arguments);
    return result ? "" : result.error().message;
  }
  std::vector<std::string> seen;
};

TEST_F(Options, FlagsComeInAllTheUsualForms) {
  const auto rest =
      set.apply_arguments(std::vector<std::string>{"a", "--max-params=5", "--osc", "9000", "--osc", "9001", "-vc", "f.toml", "-1", "--", "-v"});
  ASSERT_TRUE(rest) << rest.error().message;
  EXPECT_THAT(*rest, ElementsAre("a", "-1", "-v"));
  EXPECT_THAT(seen, ElementsAre("max=5", "osc=9000", "osc=9001", "verbose=true", "config=f.toml"));
}

TEST_F(Options, ErrorsNameTheOptionAndWhatWasExpected) {
  EXPECT_EQ(failure({"--max-param", "5"}), "unknown option --max-param, did you mean --max-params?");
  EXPECT_EQ(failure({"--zzz"}), "unknown option --zzz");
  EXPECT_EQ(failure({"-x"}), "unknown option -x");
  EXPECT_EQ(failure({"--max-params"}), "--max-params needs a value: N");
  EXPECT_EQ(failure({"--max-params", "many"}), "--max-params: expected a whole number from 1 to 100 (given: \"many\")");
  EXPECT_EQ(failure({"-m", "5", "-m", "6"}), "-m was given twice");
}

TEST_F(Options, TheEnvironmentUsesTheSameNames) {
  const std::map<std::string, std::string> environment{{"CLASP_MAX_PARAMS", "7"}, {"CLASP_OSC", "1,2"}, {"CLASP_CONFIG", "not from here"}};
  const auto lookup = [&](const char* name) -> const char* {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  };
  ASSERT_TRUE(set.apply_environment(lookup));
  EXPECT_THAT(seen, ElementsAre("max=7", "osc=1", "osc=2"));
}

TEST_F(Options, AFileUsesTheSameNamesAndItsErrorsNameTheLine) {
  ASSERT_TRUE(set.apply_toml("max-params = 3\nosc = [9000, \"host:9001\"]\nverbose = true\n", "clasp.toml"));
  EXPECT_THAT(seen, ElementsAre("max=3", "osc=9000", "osc=host:9001", "verbose=true"));
  const auto failure_of = [&](std::string_view text) {
    const auto result = set.apply_toml(text, "clasp.toml");
    return result ? std::string() : result.error().message;
  };
  EXPECT_EQ(failure_of("\nmax-parms = 3\n"), "clasp.toml:2: max-parms: unknown key, did you mean max-params?");
  EXPECT_EQ(failure_of("config = \"x\"\n"), "clasp.toml:1: config: unknown key");
  EXPECT_THAT(failure_of("max-params = 0\n"), HasSubstr("clasp.toml:1: max-params: expected a whole number"));
  EXPECT_THAT(failure_of("max-params = [1]\n"), HasSubstr("expected a single value"));
  EXPECT_THAT(failure_of("max-params = \n"), HasSubstr("clasp.toml:1"));
}

TEST_F(Options, AnErrorIsOneLineWhateverWasGiven) {
  for (const auto& arguments : {std::vector<std::string>{"--max\nparams", "1"}, {"--max-params", "1\n2"}}) {
    const auto result = set.apply_arguments(arguments);
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message, AllOf(HasSubstr("\\x0a"), Not(HasSubstr("\n"))));
  }
  const auto result = set.apply_toml("\"max\\nparams\" = 3\n", "clasp.toml");
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, Not(HasSubstr("\n")));
}

TEST_F(Options, HelpComesFromTheRows) {
  EXPECT_THAT(set.help(), HasSubstr("  -m, --max-params N  How many. [10]"));
  EXPECT_THAT(set.help(), HasSubstr("      --osc ADDRESS   Listen."));
}

TEST_F(Options, ALetterOutsideOfAStringIsAnErrorOfItsLine) {
  for (const std::string_view letter : {"\u00f6", "\u0429", "\u1234", "\u2060", "\u3001", "\ufb00"}) {
    for (const std::string_view line : {"gr{}sse = 1", "max-params = {}", "max-params = 0{}", "{}"}) {
      const auto result = set.apply_toml("\n" + fmt::format(fmt::runtime(line), letter), "clasp.toml");
      ASSERT_FALSE(result) << line << ' ' << letter;
      EXPECT_THAT(result.error().message, StartsWith("clasp.toml:2: "));
    }
  }
}

TEST_F(Options, AValueThatIsNoneIsAnErrorOfItsLine) {
  for (const std::string_view line : {"osc = [[0],}", "osc = [,]", "osc = {,}", "osc = [}", "max-params = ]", "max-params = ,", "max-params = #", "osc = [1,,2]"}) {
    const auto result = set.apply_toml(line, "clasp.toml");
    ASSERT_FALSE(result) << line;
    EXPECT_THAT(result.error().message, StartsWith("clasp.toml:1: "));
  }
}

TEST(OptionParsers, ReadTimesSizesAndChoices) {
  EXPECT_EQ(*parse_duration("250ms", {0ms, 10s}), 250ms);
  EXPECT_EQ(*parse_duration("1.5s", {0ms, 10s}), 1500ms);
  EXPECT_EQ(*parse_duration("2", {0ms, 10s}), 2s);
  EXPECT_EQ(*parse_duration("1h", {0ms, 24h}), 1h);
  for (const char* wrong : {"", "s", "5x", "-1s", "11s", "nan"}) EXPECT_FALSE(parse_duration(wrong, {0ms, 10s})) << wrong;
  EXPECT_EQ(*parse_bytes("64k", {0, 1 << 20}), 65'536u);
  EXPECT_EQ(*parse_bytes("1MiB", {0, 1 << 20}), 1'048'576u);
  for (const char* wrong : {"", "k", "2M", "-1"}) EXPECT_FALSE(parse_bytes(wrong, {0, 1 << 20})) << wrong;
  EXPECT_EQ(*parse_switch("on"), true);
  EXPECT_FALSE(parse_switch("maybe"));
  static constexpr std::string_view choices[] = {"lru", "refuse"};
  EXPECT_EQ(*parse_choice("refuse", choices), 1u);
  EXPECT_EQ(parse_choice("x", choices).error().message, "expected one of: lru, refuse");
}

}  // namespace
}  // namespace clasp::options
