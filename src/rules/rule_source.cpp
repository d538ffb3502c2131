#include "rules/rule_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "core/address.hpp"
#include "options/json_tree.hpp"
#include "rules/rule_reader.hpp"

namespace clasp::rules {

namespace {

Error bad(std::string message) { return {ErrorCode::invalid_argument, std::move(message), {}}; }

Result<void> add_all(const Value& list, const std::string& pointer, std::string_view source, const std::shared_ptr<const options::TomlTree>& tree,
                     RuleSource& out) {
  for (std::size_t i = 0; i < list.array()->size(); ++i) {
    if (out.entries.size() == rules_max) return bad(fmt::format("{}: more than {} rules", source, rules_max));
    out.entries.push_back({.spec = (*list.array())[i],
                           .source = std::string(source),
                           .pointer = fmt::format("{}/{}", pointer, i),
                           .tree = tree,
                           .number = out.entries.size() + 1});
  }
  return {};
}

std::string line_of(std::string_view source, const options::TomlTree& tree, const std::string& pointer) {
  const unsigned line = tree.line(pointer);
  return line == 0 ? std::string(source) : fmt::format("{}:{}", source, line);
}

// The name people know it by.
std::string label(const RuleEntry& entry) {
  for (const char* name : {"id", "config_id", "name"}) {
    const Value* value = entry.spec.map() != nullptr ? entry.spec.find(name) : nullptr;
    if (value != nullptr && value->string() != nullptr && !value->string()->empty())
      return fmt::format("rule \"{}\"", printable(*value->string(), 60));
  }
  return fmt::format("rule {}", entry.number);
}

}  // namespace

std::string RuleEntry::describe(std::string_view message) const {
  const std::string place = tree ? line_of(source, *tree, pointer + std::string(message.substr(0, message.find(": ")))) : source;
  return fmt::format("{}: {}: {}", place, label(*this), message);
}

Result<void> read_rules(std::string_view text, std::string_view source, RuleSource& out) {
  const bool is_toml = source.ends_with(".toml");
  auto read = is_toml ? options::read_toml(text, source) : options::read_json_tree(text, source);
  if (!read) return read.error();
  const auto tree = std::make_shared<const options::TomlTree>(std::move(*read));
  const Value& root = tree->root;
  if (root.array() != nullptr) return add_all(root, "", source, tree, out);
  const char* name = is_toml ? "rule" : "rules";
  if (const Value* list = root.find(name)) {
    if (list->array() != nullptr) return add_all(*list, fmt::format("/{}", name), source, tree, out);
    return bad(
        fmt::format("{}: /{}: expected {}", line_of(source, *tree, fmt::format("/{}", name)), name, is_toml ? "[[rule]]" : "an array of rules"));
  }
  if (is_toml) return {};
  if (root.find("trigger") != nullptr || root.find("actions") != nullptr) {
    out.entries.push_back({.spec = root, .source = std::string(source), .pointer = "", .tree = tree, .number = out.entries.size() + 1});
    return {};
  }
  return bad(fmt::format("{}: expected an array of rules, an object with \"rules\", or one rule", source));
}

Result<CompiledRules> compile_rules(const RuleSource& source) {
  CompiledRules out;
  std::unordered_map<std::string, std::size_t> places;
  std::unordered_set<std::string> given;  // ids that rules have of their own
  for (const RuleEntry& entry : source.entries) {
    const Value* id = entry.spec.map() != nullptr ? entry.spec.find("id") : nullptr;
    if (id != nullptr && id->string() != nullptr) given.insert(*id->string());
  }
  for (const RuleEntry& entry : source.entries) {
    auto read = read_rule(entry.spec, fmt::format("rule_{}", entry.number), source.lenses);
    if (!read) return bad(entry.describe(read.error().message));
    for (const std::string& note : read->notes) out.notes.push_back(entry.describe(note));
    Rule& rule = read->rule;
    if (!read->has_id) {  // made ids make way
      const std::string made = rule.id;
      for (int n = 2; given.contains(rule.id) || places.contains(rule.id); ++n) rule.id = fmt::format("{}_{}", made, n);
    }
    const auto [place, is_new] = places.try_emplace(rule.id, out.rules.size());
    if (is_new) {
      out.rules.push_back(std::move(rule));
    } else {
      out.notes.push_back(entry.describe("/id: there was one before; this one takes its place"));
      out.rules[place->second] = std::move(rule);
    }
  }
  return out;
}

}  // namespace clasp::rules
