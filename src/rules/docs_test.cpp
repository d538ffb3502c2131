// docs/rules.md: every rule in it loads, and every trial comes out as it stands there.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "core/json.hpp"
#include "rules/rule_source.hpp"
#include "rules/trial.hpp"

namespace clasp::rules {
namespace {

CompiledRules load(const std::string& text, const std::string& name) {
  RuleSource source;
  const auto read = read_rules(text, name, source);
  EXPECT_TRUE(read) << (read ? "" : read.error().message);
  auto compiled = compile_rules(source);
  EXPECT_TRUE(compiled) << (compiled ? "" : compiled.error().message) << "\n" << text;
  if (!compiled) return {};
  EXPECT_TRUE(compiled->notes.empty()) << compiled->notes.front();
  return std::move(*compiled);
}

Value value_of(const std::string& text) {
  auto value = parse_json(text);
  return value ? *std::move(value) : Value(text);
}

// "/a 1 --state /b=2 --for 40s --event"
TrialInput input_of(const std::string& line) {
  TrialInput input{.state = {},
                   .address = {},
                   .value = {},
                   .begin = {.steady = {1'000'000}, .unix_time = {1'700'000'000'000'000}, .received = {}},
                   .local_time = {}};
  std::istringstream words(line);
  std::string word;
  words >> input.address >> word;
  input.value = value_of(word);
  while (words >> word) {
    if (word == "--event") input.event = true;
    std::string argument;
    if (word == "--state" && words >> argument)
      input.state.emplace_back(argument.substr(0, argument.find('=')), value_of(argument.substr(argument.find('=') + 1)));
    if (word == "--for" && words >> argument) input.length = Micros{std::stoll(argument) * 1'000'000};
  }
  return input;
}

TEST(RulesDocs, EveryRuleLoadsAndEveryTrialComesOutAsItStandsThere) {
  std::ifstream file(std::string(CLASP_TEST_DATA) + "/../../docs/rules.md");
  std::string block, kind, rules;
  std::size_t trials = 0, loaded = 0;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("```")) {
      block += line + "\n";
      continue;
    }
    if (kind == "rules") rules = block;
    if (kind == "rules" || kind == "json") loaded += load(block, "docs.json").rules.size();
    if (kind == "toml") loaded += load(block, "docs.toml").rules.size();
    if (kind == "trial") {
      ++trials;
      const std::string call = block.substr(0, block.find('\n'));
      std::string out;
      const auto fired =
          try_rules(load(rules, "docs.json").rules, input_of(call), [&out](std::string_view told) { out += std::string(told) + "\n"; });
      EXPECT_TRUE(fired) << (fired ? "" : fired.error().message);
      EXPECT_EQ(out, block.substr(call.size() + 1)) << call;
    }
    block.clear();
    kind = line.substr(3);
  }
  EXPECT_GE(trials, 5U);
  EXPECT_GE(loaded, 9U);
}

}  // namespace
}  // namespace clasp::rules
