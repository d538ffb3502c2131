#include "options/json_tree.hpp"

#include <gtest/gtest.h>

namespace clasp::options {
namespace {

TEST(JsonTree, KnowsTheLineOfEveryValue) {
  const auto tree = read_json_tree("[\n  {\"a\": 1,\n   \"b\": [true,\n {\"c/d\": \"x\\\"]\\n\"}, {}, []]},\r\n 2 ]", "t.json");
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_EQ(tree->line(""), 1u);
  EXPECT_EQ(tree->line("/0/a"), 2u);
  EXPECT_EQ(tree->line("/0/b/0"), 3u);
  EXPECT_EQ(tree->line("/0/b/1/c~1d"), 4u);
  EXPECT_EQ(tree->line("/0/b/3"), 4u);
  EXPECT_EQ(tree->line("/1"), 5u);
  EXPECT_EQ(tree->line("/1/not/there"), 5u);
}

TEST(JsonTree, SaysOnWhichLineAMistakeIs) {
  const auto broken = read_json_tree("{\n \"a\": 1,\n \"b\": tru\n}", "t.json");
  ASSERT_FALSE(broken);
  EXPECT_TRUE(broken.error().message.starts_with("t.json:3: ")) << broken.error().message;
  const auto twice = read_json_tree("{\n \"a\": {\"x\": 1,\n \"x\": 2}}", "t.json");
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().message, "t.json:3: /a/x stands there twice");
  EXPECT_TRUE(read_json_tree(R"({"a":{"b":1},"a/b":2})", "t.json"));
}

}  // namespace
}  // namespace clasp::options
