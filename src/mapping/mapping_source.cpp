#include "mapping/mapping_source.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/address.hpp"
#include "core/json.hpp"
#include "mapping/mapping_line.hpp"
#include "options/toml_tree.hpp"

namespace clasp::mapping {

namespace {

Error bad(std::string message) { return {ErrorCode::invalid_argument, std::move(message), {}}; }

std::string place(std::string_view source, unsigned line) { return line == 0 ? std::string(source) : fmt::format("{}:{}", source, line); }

Result<void> add(MappingEntry entry, MappingSource& out) {
  if (out.entries.size() == mappings_max) return bad(fmt::format("{}: more than {} mappings", entry.source, mappings_max));
  entry.number = out.entries.size() + 1;
  if (const std::string* text = entry.spec.string()) {
    auto object = parse_mapping_line(*text);
    if (!object) return bad(fmt::format("{}: {}", entry.where(), object.error().message));
    entry.spec = *std::move(object);
  }
  out.entries.push_back(std::move(entry));
  return {};
}

Result<void> read_default(const Value* given, std::string_view where, MappingSource& out) {
  if (given == nullptr) return {};
  const std::string* text = given->string();
  if (text == nullptr || (*text != "pass" && *text != "drop")) return bad(fmt::format("{}: expected \"pass\" or \"drop\"", where));
  out.pass_unmatched = *text == "pass";
  return {};
}

Result<void> read_lines(std::string_view text, std::string_view source, MappingSource& out) {
  unsigned number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos || line[begin] == '#') continue;
    if (auto result = add({.spec = line, .source = std::string(source), .line = number}, out); !result) return result;
  }
  return {};
}

Result<void> read_json(std::string_view text, std::string_view source, MappingSource& out) {
  auto root = parse_json(text);
  if (!root) return bad(fmt::format("{}: {}", source, root.error().message));
  const Value* list = root->array() != nullptr ? &*root : root->find("mappings");
  if (list == nullptr || list->array() == nullptr) return bad(fmt::format("{}: expected an array, or an object with \"mappings\"", source));
  if (auto result = read_default(root->find("default"), fmt::format("{}: default", source), out); !result) return result;
  for (const Value& spec : *list->array()) {
    if (auto result = add({.spec = spec, .source = std::string(source)}, out); !result) return result;
  }
  return {};
}

Result<void> read_toml(std::string_view text, std::string_view source, MappingSource& out) {
  const auto tree = options::read_toml(text, source);
  if (!tree) return tree.error();
  const Value* other = tree->root.find("mapping-default");
  if (auto result = read_default(other, fmt::format("{}: mapping-default", place(source, tree->line("/mapping-default"))), out); !result)
    return result;
  const Value* list = tree->root.find("mapping");
  if (list == nullptr) return {};
  if (list->array() == nullptr)
    return bad(fmt::format("{}: mapping: expected [[mapping]], or a list of lines", place(source, tree->line("/mapping"))));
  for (std::size_t i = 0; i < list->array()->size(); ++i) {
    const std::string pointer = fmt::format("/mapping/{}", i);
    MappingEntry entry{.spec = (*list->array())[i], .source = std::string(source), .line = tree->line(pointer)};
    for (auto line = tree->lines.lower_bound(pointer + "/"); line != tree->lines.end() && line->first.starts_with(pointer + "/"); ++line)
      entry.lines.emplace_back(line->first.substr(pointer.size()), line->second);
    if (auto result = add(std::move(entry), out); !result) return result;
  }
  return {};
}

}  // namespace

std::string MappingEntry::where() const { return fmt::format("{}: mapping {}", place(source, line), number); }

std::string MappingEntry::describe(std::string_view message) const {
  unsigned at = line;
  std::size_t longest = 0;
  for (const auto& [pointer, its_line] : lines) {
    if (message.starts_with(pointer) && pointer.size() > longest) {
      longest = pointer.size();
      at = its_line;
    }
  }
  return fmt::format("{}: mapping {}: {}", place(source, at), number, message);
}

Result<void> read_mappings(std::string_view text, std::string_view source, MappingSource& out) {
  if (source.ends_with(".toml")) return read_toml(text, source, out);
  if (source.ends_with(".json")) return read_json(text, source, out);
  return read_lines(text, source, out);
}

bool is_mapping_text(std::string_view text) {
  for (const std::string_view arrow : {" -> ", " <- ", " <-> "}) {
    if (text.find(arrow) != std::string_view::npos) return true;
  }
  const std::size_t equals = text.find('=');
  return equals != std::string_view::npos && (text.starts_with('/') || text.substr(0, equals).find(":/") != std::string_view::npos);
}

Result<void> read_mapping(std::string_view text, std::string_view source, MappingSource& out) {
  const std::size_t equals = text.find('=');
  const bool is_pair = text.find(' ') == std::string_view::npos && equals != std::string_view::npos;
  if (!is_pair) return add({.spec = text, .source = std::string(source)}, out);
  return add({.spec = Map{{"from", text.substr(0, equals)}, {"to", text.substr(equals + 1)}, {"direction", "both"}}, .source = std::string(source)},
             out);
}

}  // namespace clasp::mapping
