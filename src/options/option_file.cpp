// The configuration file: TOML whose keys are the names of the rows.
#include "options/toml_library.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/address.hpp"
#include "options/option_set.hpp"

namespace clasp::options {

namespace {

// Whatever was given, an error is one line.
Error bad(std::string_view message) { return {ErrorCode::invalid_argument, printable(message, 1'000), {}}; }

// The text a flag would have had.
std::optional<std::string> scalar_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  return std::nullopt;
}

}  // namespace

Result<void> OptionSet::apply_toml(std::string_view text, std::string_view source, std::span<const std::string_view> elsewhere) const {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) return bad(fmt::format("{}:{}: {}", source, parsed.error().source().begin.line, parsed.error().description()));
  for (const auto& [key, node] : parsed.table()) {
    const std::string_view name = key.str();
    const auto where = [&] { return fmt::format("{}:{}: {}", source, node.source().begin.line, name); };
    if (std::ranges::find(elsewhere, name) != elsewhere.end()) continue;
    const Option* option = find(name);
    if (option == nullptr || !option->in_file) {
      const std::string hint = nearest(name);
      return bad(fmt::format("{}: unknown key{}", where(), hint.empty() || hint == name ? "" : fmt::format(", did you mean {}?", hint)));
    }
    if (const auto* items = node.as_array(); items != nullptr && option->repeatable) {
      for (const toml::node& item : *items) {
        const auto value = scalar_text(item);
        if (!value) return bad(fmt::format("{}: expected a list of texts or numbers", where()));
        if (const auto result = apply(*option, *value, where()); !result) return result;
      }
      continue;
    }
    const auto value = scalar_text(node);
    if (!value) return bad(fmt::format("{}: expected a {}", where(), option->repeatable ? "value or a list" : "single value"));
    if (const auto result = apply(*option, *value, where()); !result) return result;
  }
  return {};
}

}  // namespace clasp::options
