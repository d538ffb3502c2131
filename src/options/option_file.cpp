// The configuration file: TOML whose keys are the names of the rows.
#include <fmt/format.h>

#include <algorithm>

#include "core/address.hpp"
#include "options/option_set.hpp"

namespace clasp::options {

namespace {

// Whatever was given, an error is one line.
Error bad(std::string_view message) { return {ErrorCode::invalid_argument, printable(message, 1'000), {}}; }

// The text a flag would have had.
std::optional<std::string> scalar_text(const Value& value) {
  if (const auto* text = value.string()) return *text;
  if (const auto* number = value.integer()) return fmt::format("{}", *number);
  if (const auto* number = value.floating()) return fmt::format("{}", *number);
  if (const auto* flag = value.boolean()) return *flag ? "true" : "false";
  return std::nullopt;
}

}  // namespace

Result<void> OptionSet::apply_member(std::string_view name, const Value& value, std::string_view where, bool all_rows) const {
  const Option* option = find(name);
  if (option == nullptr || !(option->in_file || all_rows)) {
    const std::string hint = nearest(name);
    return bad(fmt::format("{}: unknown key{}", where, hint.empty() || hint == name ? "" : fmt::format(", did you mean {}?", hint)));
  }
  if (const Array* items = value.array(); items != nullptr && option->repeatable) {
    for (const Value& item : *items) {
      const auto text = scalar_text(item);
      if (!text) return bad(fmt::format("{}: expected a list of texts or numbers", where));
      if (const auto result = apply(*option, *text, where); !result) return result;
    }
    return {};
  }
  const auto text = scalar_text(value);
  if (!text) return bad(fmt::format("{}: expected a {}", where, option->repeatable ? "value or a list" : "single value"));
  return apply(*option, *text, where);
}

Result<void> OptionSet::apply_toml(std::string_view text, std::string_view source, std::span<const std::string_view> elsewhere) const {
  const auto tree = read_toml(text, source);
  if (!tree) return tree.error();
  for (const auto& [name, value] : *tree->root.map()) {
    if (std::ranges::find(elsewhere, name) != elsewhere.end()) continue;
    const std::string where = fmt::format("{}:{}: {}", source, tree->line("/" + name), name);
    if (const auto result = apply_member(name, value, where, false); !result) return result;
  }
  return {};
}

Result<void> OptionSet::apply_table(const TomlTree& tree, const std::string& pointer, std::string_view source,
                                    std::span<const std::string_view> elsewhere) const {
  const Value* table = tree.at(pointer);
  if (table == nullptr || table->map() == nullptr) return bad(fmt::format("{}:{}: {}: expected a table", source, tree.line(pointer), pointer));
  for (const auto& [name, value] : *table->map()) {
    if (std::ranges::find(elsewhere, name) != elsewhere.end()) continue;
    const std::string where = fmt::format("{}:{}: {}", source, tree.line(pointer + "/" + name), name);
    if (const auto result = apply_member(name, value, where, true); !result) return result;
  }
  return {};
}

Result<void> OptionSet::apply_one(std::string_view name, std::string_view text, std::string_view as) const {
  const Option* option = find(name);
  if (option != nullptr) return apply(*option, text, as);
  const std::string hint = nearest(name);
  return bad(fmt::format("{}: unknown option{}", as, hint.empty() || hint == name ? "" : fmt::format(", did you mean {}?", hint)));
}

}  // namespace clasp::options
