#include "options/toml_tree.hpp"

#include <gmock/gmock.h>

#include "options/option_set.hpp"

namespace clasp::options {
namespace {

using testing::HasSubstr;

constexpr const char* show = R"(max-params = 5

[[mapping]]
from = "/a"
transform = { type = "scale", to_max = 1.5, flags = [true, 2] }

[[mapping]]
from = "/b"
since = 2024-05-01
)";

TEST(TomlTree, IsValuesWithTheirLines) {
  const auto tree = read_toml(show, "show.toml");
  ASSERT_TRUE(tree) << tree.error().message;
  const Value* mappings = tree->root.find("mapping");
  ASSERT_NE(mappings, nullptr);
  EXPECT_EQ(to_json((*mappings->array())[0]), R"({"from":"/a","transform":{"flags":[true,2],"to_max":1.5,"type":"scale"}})");
  EXPECT_EQ(to_json((*mappings->array())[1]), R"({"from":"/b","since":"2024-05-01"})");
  EXPECT_EQ(tree->line("/mapping/0/transform/to_max"), 5U);
  EXPECT_EQ(tree->line("/mapping/1/from"), 8U);
  EXPECT_EQ(tree->line("/mapping/1/to"), 7U) << "what is missing belongs where its table begins";
}

TEST(TomlTree, NamesTheLineOfAMistake) {
  const auto tree = read_toml("a = 1\nb = [\n", "show.toml");
  ASSERT_FALSE(tree);
  EXPECT_THAT(tree.error().message, HasSubstr("show.toml:"));
}

TEST(TomlTree, KeysReadElsewhereAreNoOptions) {
  std::uint64_t params = 0;
  const OptionSet set({{.name = "max-params", .value = "N", .apply = [&](std::string_view text) -> Result<void> {
                          const auto count = parse_count(text, {0, 10});
                          if (!count) return count.error();
                          params = *count;
                          return {};
                        }}});
  constexpr std::string_view elsewhere[] = {"mapping"};
  EXPECT_TRUE(set.apply_toml(show, "show.toml", elsewhere));
  EXPECT_EQ(params, 5U);
  const auto refused = set.apply_toml(show, "show.toml");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("mapping: unknown key"));
}

}  // namespace
}  // namespace clasp::options
