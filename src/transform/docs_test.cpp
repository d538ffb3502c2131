// docs/transforms.md: what it shows is what happens, and it shows every type.
#include <gmock/gmock.h>

#include <fstream>
#include <set>

#include "transform/compiler.hpp"
#include "transform/transform_testing.hpp"

namespace clasp::transform {
namespace {

void expect_example(Transform& transform, std::string_view example) {
  const std::size_t arrow = example.rfind(" -> ");
  ASSERT_NE(arrow, std::string_view::npos) << example;
  const std::string in = to_json(test::json(example.substr(0, arrow)));
  const std::string wanted = to_json(test::json(example.substr(arrow + 4)));
  const std::string out = test::sent_through(transform, in);
  EXPECT_EQ(out == "keep" ? in : out, wanted) << to_json(transform.to_json()) << " of " << in;
}

TEST(TransformDocs, EveryExampleIsTrueAndEveryTypeHasOne) {
  std::ifstream file(std::string(CLASP_TEST_DATA) + "/../../docs/transforms.md");
  std::set<std::string> shown;
  std::optional<Transform> transform;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("```")) {
      inside = line == "```transform";
      continue;
    }
    if (!inside) continue;
    if (line.find(" -> ") == std::string::npos) {
      transform.emplace(test::compiled(line));
      shown.insert(*transform->to_json().find("type")->string());
      continue;
    }
    ASSERT_TRUE(transform) << line;
    for (std::size_t at = 0; at != std::string::npos;) {
      const std::size_t end = line.find(" | ", at);
      expect_example(*transform, std::string_view(line).substr(at, end == std::string::npos ? end : end - at));
      at = end == std::string::npos ? end : end + 3;
    }
  }
  for (const std::span<const TypeRow> rows : {numeric_types(), remembering_types(), value_types(), structure_types()}) {
    for (const TypeRow& row : rows) EXPECT_TRUE(shown.contains(std::string(row.name))) << "no example of " << row.name;
  }
}

}  // namespace
}  // namespace clasp::transform
