// docs/bridges/http.md: every command and table in it describes a bridge.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "bridge/http/http_plan.hpp"
#include "bridge/http/rule_line.hpp"
#include "options/toml_tree.hpp"

namespace clasp::bridge::http {
namespace {

Result<std::string> no_file(const std::string& path) { return Error{ErrorCode::invalid_argument, "no file " + path, {}}; }

std::string faults_of_command(const std::string& line) {
  auto words = split_words(line);
  if (!words) return words.error().message;
  words->erase(words->begin(), words->begin() + 2);  // clasp http
  if (const auto router = std::ranges::find(*words, "--router"); router != words->end()) words->erase(router, router + 2);
  HttpPlan plan;
  const options::OptionSet rows(plan.rows(no_file));
  const auto rest = rows.apply_arguments(*words);
  if (!rest) return rest.error().message;
  const auto checked = plan.check();
  return checked ? "" : checked.error().message;
}

std::string faults_of_table(const std::string& text) {
  const auto tree = options::read_toml(text, "docs");
  if (!tree) return tree.error().message;
  HttpPlan plan;
  const options::OptionSet rows(plan.rows(no_file));
  constexpr std::string_view elsewhere[] = {"type"};
  if (const auto applied = rows.apply_table(*tree, "/bridge/0", "docs", elsewhere); !applied) return applied.error().message;
  const auto checked = plan.check();
  return checked ? "" : checked.error().message;
}

TEST(HttpBridgeDocs, EveryExampleIsABridge) {
  std::ifstream file(std::string(CLASP_TEST_DATA) + "/../../docs/bridges/http.md");
  std::string table;
  int commands = 0;
  for (std::string line; std::getline(file, line);) {
    const std::string code = line.starts_with("    ") ? line.substr(4) : "";
    if (code.starts_with("clasp http")) {
      ++commands;
      EXPECT_EQ(faults_of_command(code), "") << code;
    } else if (code.starts_with("[[bridge]]") || (!table.empty() && !code.empty())) {
      table += code + "\n";
    }
  }
  EXPECT_GE(commands, 8);
  EXPECT_EQ(faults_of_table(table), "") << table;
}

}  // namespace
}  // namespace clasp::bridge::http
