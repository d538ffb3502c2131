#include "options/toml_library.hpp"

#include "options/toml_tree.hpp"

#include <fmt/format.h>

#include <charconv>
#include <sstream>

#include "core/address.hpp"

namespace clasp::options {

namespace {

class TreeReader {
 public:
  explicit TreeReader(TomlTree& tree) : tree_(tree) {}

  // The library bounds how deep tables and arrays nest.
  Value read(const toml::node& node, const std::string& pointer) {
    tree_.lines.emplace(pointer, node.source().begin.line);
    if (const auto* table = node.as_table()) {
      Map out;
      for (const auto& [key, item] : *table) out.emplace_back(key.str(), read(item, fmt::format("{}/{}", pointer, key.str())));
      return out;
    }
    if (const auto* array = node.as_array()) {
      Array out;
      for (const toml::node& item : *array) out.push_back(read(item, fmt::format("{}/{}", pointer, out.size())));
      return out;
    }
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* number = node.as_integer()) return std::int64_t{number->get()};
    if (const auto* number = node.as_floating_point()) return number->get();
    if (const auto* flag = node.as_boolean()) return flag->get();
    std::ostringstream text;
    if (const auto* date = node.as_date()) text << date->get();
    if (const auto* time = node.as_time()) text << time->get();
    if (const auto* moment = node.as_date_time()) text << moment->get();
    return text.str();
  }

 private:
  TomlTree& tree_;
};

}  // namespace

const Value* TomlTree::at(std::string_view pointer) const {
  const Value* value = &root;
  while (!pointer.empty() && value != nullptr) {
    pointer.remove_prefix(1);  // the slash
    const std::string_view name = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(name.size());
    if (const Array* items = value->array()) {
      std::size_t index = 0;
      const auto [end, fault] = std::from_chars(name.data(), name.data() + name.size(), index);
      value = fault == std::errc{} && end == name.data() + name.size() && index < items->size() ? &(*items)[index] : nullptr;
    } else {
      value = value->map() != nullptr ? value->find(name) : nullptr;
    }
  }
  return value;
}

unsigned TomlTree::line(const std::string& pointer) const {
  for (std::string at = pointer;; at.resize(at.rfind('/'))) {
    if (const auto found = lines.find(at); found != lines.end()) return found->second;
    if (at.find('/') == std::string::npos) return 0;
  }
}

Result<TomlTree> read_toml(std::string_view text, std::string_view source) {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    return Error{ErrorCode::invalid_argument,
                 printable(fmt::format("{}:{}: {}", source, parsed.error().source().begin.line, parsed.error().description()), 1'000),
                 {}};
  }
  TomlTree tree;
  tree.root = TreeReader(tree).read(parsed.table(), "");
  return tree;
}

}  // namespace clasp::options
