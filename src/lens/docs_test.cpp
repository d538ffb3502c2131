// docs/lenses.md: its entries load, its examples come out as they stand there, its bytes are those of the protocol.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/json.hpp"
#include "lens/lens_file.hpp"
#include "lens/lens_testing.hpp"
#include "lens/module_shelf.hpp"
#include "lens/pipeline.hpp"
#include "options/toml_tree.hpp"

namespace clasp::lens {
namespace {

Result<std::string> bundled(const std::string& path) { return read_module_file(fmt::format("{}/{}", CLASP_LENSES, path)); }

void expect_loads(const std::vector<LensTable>& tables, std::size_t& loaded) {
  ModuleShelf shelf(bundled);
  const auto pipeline = Pipeline::compile(tables, shelf);
  ASSERT_TRUE(pipeline) << pipeline.error().message;
  EXPECT_TRUE(pipeline->notes().empty()) << pipeline->notes().front();
  loaded += pipeline->size();
}

void expect_examples(std::unique_ptr<Instance>& instance, std::string_view line, std::size_t& examples) {
  if (line.find(" -> ") == std::string_view::npos) {
    const std::size_t space = line.find(' ');
    ModuleShelf shelf(bundled);
    const auto module = shelf.module(fmt::format("lens_{}.wasm", line.substr(0, space)));
    ASSERT_TRUE(module) << module.error().message;
    auto made = Instance::create(*module, test::patient(), line.substr(space + 1));
    ASSERT_TRUE(made) << made.error().text();
    instance = *std::move(made);
    return;
  }
  for (std::size_t at = 0; at != std::string_view::npos;) {
    const std::size_t end = line.find(" | ", at);
    const std::string_view example = line.substr(at, end == std::string_view::npos ? end : end - at);
    const std::size_t arrow = example.find(" -> ");
    const auto result = instance->run(Direction::forward, example.substr(0, arrow));
    const bool ended = !result && result.error().fault == Fault::end_of_stream;
    EXPECT_EQ(ended ? "end" : test::text_of(result), example.substr(arrow + 4)) << example;
    ++examples;
    at = end == std::string_view::npos ? end : end + 3;
  }
}

void expect_bytes(std::string_view row, std::size_t& items) {
  const std::size_t bar = row.find(" | `");
  const std::string_view name = row.substr(2, bar - 2), bytes = row.substr(bar + 4, row.rfind('`') - bar - 4);
  std::string item;
  if (name == "nil" || name == "end of the stream") {
    item.resize(1);
    write_item(name == "nil" ? ItemKind::nil : ItemKind::end, {}, reinterpret_cast<std::uint8_t*>(item.data()));
  } else {
    const bool error = name.starts_with("error");
    const std::string_view payload = error ? name.substr(7, name.size() - 8) : name.substr(1, name.size() - 2);
    item.resize(item_bytes(ItemKind::json, payload.size()));
    write_item(error ? ItemKind::error : ItemKind::json, payload, reinterpret_cast<std::uint8_t*>(item.data()));
  }
  std::string shown;
  for (const char byte : item) shown += fmt::format("{}{:02x}", shown.empty() ? "" : " ", static_cast<std::uint8_t>(byte));
  EXPECT_EQ(shown, bytes) << name;
  ++items;
}

TEST(LensDocs, WhatTheyShowIsSo) {
  std::ifstream file(std::string(CLASP_TEST_DATA) + "/../../docs/lenses.md");
  std::string block, kind;
  std::size_t loaded = 0, examples = 0, items = 0, modules = 0;
  std::unique_ptr<Instance> instance;
  bool bytes = false;
  for (std::string line; std::getline(file, line);) {
    if (line == "| item | bytes |") bytes = true;
    if (line.empty()) bytes = false;
    if (bytes && line.find(" | `") != std::string::npos) expect_bytes(line, items);
    if (!line.starts_with("```")) {
      if (kind == "lens") expect_examples(instance, line, examples);
      block += line + "\n";
      continue;
    }
    std::vector<LensTable> tables;
    if (kind == "json") {
      const auto read = read_lenses(block, "docs.json", tables);
      ASSERT_TRUE(read) << read.error().message;
      expect_loads(tables, loaded);
    }
    if (kind == "toml") {
      const auto tree = options::read_toml(block, "docs.toml");
      ASSERT_TRUE(tree) << tree.error().message;
      for (const Value& lens : *tree->root.find("lens")->array()) tables.push_back({lens, "docs.toml"});
      expect_loads(tables, loaded);
    }
    if (kind == "wat") {
      EXPECT_EQ(test::running(block).run(R"({"value":0.5})"), R"({"value":0.5})");
      ++modules;
    }
    block.clear();
    kind = line.substr(3);
  }
  EXPECT_EQ(loaded, 4U);
  EXPECT_EQ(examples, 9U);
  EXPECT_EQ(items, 4U);
  EXPECT_EQ(modules, 1U);
}

}  // namespace
}  // namespace clasp::lens
