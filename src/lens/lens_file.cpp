#include "lens/lens_file.hpp"

#include <fmt/format.h>

#include "options/json_tree.hpp"

namespace clasp::lens {

namespace {

constexpr std::size_t lenses_max = 1'000;

Error unparsed(std::string_view source, std::string_view why) {
  return {ErrorCode::invalid_argument, fmt::format("Failed to parse lenses JSON from {}: {}", source, why), {}};
}

// Stages in a row rather than lenses: {"lenses":[{"path":…}]}.
bool is_lensvm(const Array& lenses) { return !lenses.empty() && lenses.front().find("path") != nullptr && lenses.front().find("address") == nullptr; }

// LensVM's stages as this file's: one lens, for the addresses beside "lenses", or all.
Result<Value> one_lens(const Value& root, std::string_view source) {
  auto stages = read_lensvm_stages(root, {}, std::string(source));
  if (!stages) return unparsed(source, stages.error().message);
  Array chain;
  for (std::size_t i = 0; i < stages->size(); ++i) {
    const Value& given = (*root.find("lenses")->array())[i];
    Map stage{{"wasm", (*stages)[i].file}, {"inverse", (*stages)[i].direction == Direction::inverse}};
    if ((*stages)[i].params) stage.emplace_back("params", *given.find("arguments"));
    chain.emplace_back(std::move(stage));
  }
  Map lens;
  for (const auto& [name, value] : *root.map()) {
    if (name != "lenses") lens.emplace_back(name, value);
  }
  if (root.find("address") == nullptr) lens.emplace_back("address", "/**");
  lens.emplace_back("chain", std::move(chain));
  return Value(std::move(lens));
}

}  // namespace

Result<void> read_lenses(std::string_view text, std::string_view source, std::vector<LensTable>& out) {
  const auto tree = options::read_json_tree(text, source);
  if (!tree) return unparsed(source, tree.error().message);
  const Value* lenses = tree->root.array() != nullptr ? &tree->root : tree->root.find("lenses");
  if (lenses == nullptr || lenses->array() == nullptr) return unparsed(source, "expected an array of lenses, or an object with \"lenses\"");
  const bool inside = lenses != &tree->root;
  if (inside && is_lensvm(*lenses->array())) {
    auto lens = one_lens(tree->root, source);
    if (!lens) return lens.error();
    out.push_back({*std::move(lens), std::string(source)});
    return {};
  }
  for (std::size_t i = 0; i < lenses->array()->size(); ++i) {
    if (out.size() == lenses_max) return unparsed(source, fmt::format("more than {} lenses", lenses_max));
    LensTable table{(*lenses->array())[i],
                    fmt::format("{}:{}: lens {}", source, tree->line(fmt::format("{}/{}", inside ? "/lenses" : "", i)), i + 1)};
    if (const auto plan = read_lens(table); !plan) return unparsed(source, plan.error().message);
    out.push_back(std::move(table));
  }
  return {};
}

}  // namespace clasp::lens
