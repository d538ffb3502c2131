// docs/mapping.md: every mapping in it loads.
#include <gtest/gtest.h>

#include <fstream>

#include "mapping/mapping_table.hpp"

namespace clasp::mapping {
namespace {

TEST(MappingDocs, EveryExampleLoads) {
  std::ifstream file(std::string(CLASP_TEST_DATA) + "/../../docs/mapping.md");
  std::string block;
  std::string kind;
  std::size_t mappings = 0;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("```")) {
      block += line + "\n";
      continue;
    }
    if (kind == "map" || kind == "toml") {
      MappingSource source;
      const auto read = read_mappings(block, "docs/mapping.md." + kind, source);
      ASSERT_TRUE(read) << read.error().message;
      const auto table = MappingTable::compile(source, {});
      ASSERT_TRUE(table) << table.error().message;
      mappings += table->size();
    }
    block.clear();
    kind = line.substr(3);
  }
  EXPECT_GE(mappings, 17U);
}

}  // namespace
}  // namespace clasp::mapping
