#include "mapping/json_template.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "transform/json_path.hpp"
#include "transform/number_text.hpp"

namespace clasp::mapping {

namespace {

bool is_path(std::string_view text) { return text.starts_with("$.") || text.starts_with("$["); }

std::optional<std::size_t> find_capture(const AddressPattern& pattern, std::string_view name) {
  const std::vector<Capture>& captures = pattern.captures();
  const auto same = std::ranges::find(captures, name, &Capture::name);
  if (!name.empty() && same != captures.end()) return static_cast<std::size_t>(same - captures.begin());
  const auto number = transform::parse_integer(name);
  if (!number || *number < 1 || *number > static_cast<std::int64_t>(captures.size())) return std::nullopt;
  return static_cast<std::size_t>(*number - 1);
}

// Calls with each {name} and each piece of other text.
template <typename Text, typename Name>
void walk(std::string_view text, Text on_text, Name on_name) {
  while (!text.empty()) {
    const std::size_t open = text.find('{');
    const std::size_t close = text.find('}', open == std::string_view::npos ? 0 : open);
    if (open == std::string_view::npos || close == std::string_view::npos) return on_text(text);
    on_text(text.substr(0, open));
    on_name(text.substr(open + 1, close - open - 1));
    text.remove_prefix(close + 1);
  }
}

}  // namespace

std::optional<std::string> check_template(const Value& form, const AddressPattern& pattern) {
  if (const Array* items = form.array()) {
    for (const Value& item : *items) {
      if (auto fault = check_template(item, pattern)) return fault;
    }
  }
  if (const Map* entries = form.map()) {
    for (const auto& [key, item] : *entries) {
      if (auto fault = check_template(item, pattern)) return fault;
    }
  }
  const std::string* text = form.string();
  if (text == nullptr || *text == "$") return std::nullopt;
  if (is_path(*text)) {
    const auto path = transform::JsonPath::parse(*text);
    return path ? std::nullopt : std::optional(path.error().message);
  }
  std::optional<std::string> fault;
  walk(
      *text, [](std::string_view) {},
      [&](std::string_view name) {
        if (!fault && !find_capture(pattern, name)) fault = fmt::format("there is no {{{}}} in {}", name, pattern.text());
      });
  return fault;
}

Value fill_template(const Value& form, const Value& value, const AddressPattern& pattern, const Captured& captured) {
  if (const Array* items = form.array()) {
    Array out;
    for (const Value& item : *items) out.push_back(fill_template(item, value, pattern, captured));
    return out;
  }
  if (const Map* entries = form.map()) {
    Map out;
    for (const auto& [key, item] : *entries) out.emplace_back(key, fill_template(item, value, pattern, captured));
    return out;
  }
  const std::string* text = form.string();
  if (text == nullptr) return form;
  if (*text == "$") return value;
  if (is_path(*text)) {
    const auto found = transform::JsonPath::parse(*text)->find(value);
    return found && found->size() == 1 ? *found->front() : Value();
  }
  std::string out;
  walk(*text, [&](std::string_view piece) { out += piece; }, [&](std::string_view name) { out += captured[*find_capture(pattern, name)]; });
  return out;
}

}  // namespace clasp::mapping
