#include "options/option_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "core/address.hpp"
#include "core/check.hpp"

namespace clasp::options {

namespace {

// Whatever was given, an error is one line.
Error bad(std::string_view message) { return {ErrorCode::invalid_argument, printable(message, 1'000), {}}; }

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitute = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({substitute, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::string text_of(std::chrono::milliseconds time) {
  if (time.count() % 1000 == 0) return fmt::format("{}s", time.count() / 1000);
  return fmt::format("{}ms", time.count());
}

}  // namespace

std::string environment_name(std::string_view option) {
  std::string name = "CLASP_";
  for (const char c : option) name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

std::string_view nearest_name(std::string_view name, std::span<const std::string_view> names) {
  std::size_t best = 1 + name.size() / 3;
  std::string_view nearest;
  for (const std::string_view candidate : names) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < best || (distance == best && nearest.empty())) best = distance, nearest = candidate;
  }
  return nearest;
}

OptionSet::OptionSet(std::vector<Option> rows) : rows_(std::move(rows)) {
  std::set<std::string_view> names;
  for (const Option& row : rows_) CLASP_CHECK(names.insert(row.name).second);
}

const Option* OptionSet::find(std::string_view name) const {
  const auto row = std::ranges::find(rows_, name, &Option::name);
  return row == rows_.end() ? nullptr : &*row;
}

const Option* OptionSet::find(char letter) const {
  const auto row = std::ranges::find(rows_, letter, &Option::letter);
  return row == rows_.end() || letter == 0 ? nullptr : &*row;
}

std::string OptionSet::nearest(std::string_view name) const {
  std::vector<std::string_view> names;
  for (const Option& row : rows_) names.push_back(row.name);
  return std::string(nearest_name(name, names));
}

Result<void> OptionSet::apply(const Option& option, std::string_view text, std::string_view as) const {
  const Result<void> result = option.apply(text);
  if (result) return {};
  return bad(fmt::format("{}: {} (given: \"{}\")", as, result.error().message, text));
}

Result<std::vector<std::string>> OptionSet::apply_arguments(std::span<const std::string> arguments) const {
  std::vector<std::string> positional;
  bool only_positional = false;
  std::set<const Option*> seen;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (only_positional || argument.size() < 2 || argument[0] != '-') {
      positional.emplace_back(argument);
      continue;
    }
    if (argument == "--") {
      only_positional = true;
      continue;
    }
    // One argument is one long flag, or several letters of which the last may take a value.
    std::vector<std::pair<const Option*, std::string>> flags;
    std::optional<std::string_view> attached;
    if (argument.starts_with("--")) {
      const std::size_t equals = argument.find('=');
      const std::string_view name = argument.substr(2, equals == std::string_view::npos ? equals : equals - 2);
      if (equals != std::string_view::npos) attached = argument.substr(equals + 1);
      const Option* option = find(name);
      if (option == nullptr) {
        const std::string hint = nearest(name);
        return bad(fmt::format("unknown option --{}{}", name, hint.empty() ? "" : fmt::format(", did you mean --{}?", hint)));
      }
      flags.emplace_back(option, fmt::format("--{}", name));
    } else {
      if (argument[1] >= '0' && argument[1] <= '9') {  // a negative number is a value
        positional.emplace_back(argument);
        continue;
      }
      for (std::size_t j = 1; j < argument.size(); ++j) {
        const Option* option = find(argument[j]);
        if (option == nullptr) return bad(fmt::format("unknown option -{}", argument[j]));
        flags.emplace_back(option, fmt::format("-{}", argument[j]));
        if (!option->value.empty() && j + 1 < argument.size()) {
          attached = argument.substr(j + 1);
          break;
        }
      }
    }
    for (std::size_t f = 0; f < flags.size(); ++f) {
      const auto& [option, as] = flags[f];
      const bool last = f + 1 == flags.size();
      std::string_view text = "true";
      if (!option->value.empty()) {
        if (last && attached) {
          text = *attached;
        } else if (last && i + 1 < arguments.size()) {
          text = arguments[++i];
        } else {
          return bad(fmt::format("{} needs a value: {}", as, option->value));
        }
      } else if (last && attached) {
        text = *attached;
      }
      if (!seen.insert(option).second && !option->repeatable) return bad(fmt::format("{} was given twice", as));
      if (const auto result = apply(*option, text, as); !result) return result.error();
    }
  }
  return positional;
}

Result<void> OptionSet::apply_environment(const std::function<const char*(const char*)>& lookup) const {
  const auto apply_variable = [&](const Option& row, const std::string& name) -> Result<void> {
    const char* value = name.empty() ? nullptr : lookup(name.c_str());
    if (value == nullptr || *value == '\0') return {};
    std::string_view rest = value;
    while (true) {
      const std::size_t comma = row.repeatable ? rest.find(',') : std::string_view::npos;
      if (const auto result = apply(row, rest.substr(0, comma), name); !result) return result;
      if (comma == std::string_view::npos) return {};
      rest.remove_prefix(comma + 1);
    }
  };
  for (const Option& row : rows_) {
    if (const auto result = apply_variable(row, row.variable); !result) return result;
    if (const auto result = apply_variable(row, row.in_file ? environment_name(row.name) : ""); !result) return result;
  }
  return {};
}

std::string OptionSet::help() const {
  std::vector<std::string> left;
  std::size_t width = 0;
  for (const Option& row : rows_) {
    std::string text = row.letter != 0 ? fmt::format("  -{}, --{}", row.letter, row.name) : fmt::format("      --{}", row.name);
    if (!row.value.empty()) text += " " + row.value;
    width = std::max(width, text.size());
    left.push_back(std::move(text));
  }
  std::string out;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    out += fmt::format("{:<{}}  {}", left[i], width, rows_[i].help);
    if (!rows_[i].default_text.empty()) out += fmt::format(" [{}]", rows_[i].default_text);
    out += '\n';
  }
  return out;
}

// ---- parsers ----

Result<std::uint64_t> parse_count(std::string_view text, Range<std::uint64_t> range) {
  std::uint64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || fault != std::errc{} || end != text.data() + text.size() || value < range.min || value > range.max)
    return bad(fmt::format("expected a whole number from {} to {}", range.min, range.max));
  return value;
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text, Range<std::chrono::milliseconds> range) {
  struct Unit {
    std::string_view suffix;
    double ms;
  };
  static constexpr Unit units[] = {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}, {"", 1000}};
  for (const Unit& unit : units) {
    if (!text.ends_with(unit.suffix)) continue;
    const auto number = parse_number(text.substr(0, text.size() - unit.suffix.size()));
    if (!number || *number < 0) break;
    const double ms = *number * unit.ms;
    if (ms < static_cast<double>(range.min.count()) || ms > static_cast<double>(range.max.count())) break;
    return std::chrono::milliseconds{static_cast<std::int64_t>(std::llround(ms))};
  }
  return bad(fmt::format("expected a time such as 250ms, 5s, 2m, 1h, from {} to {}", text_of(range.min), text_of(range.max)));
}

Result<std::uint64_t> parse_bytes(std::string_view text, Range<std::uint64_t> range) {
  std::string_view digits = text;
  if (digits.ends_with("iB")) digits.remove_suffix(2);
  else if (digits.ends_with('B')) digits.remove_suffix(1);
  std::uint64_t factor = 1;
  if (!digits.empty()) {
    switch (digits.back()) {
      case 'k': case 'K': factor = 1024; break;
      case 'M': factor = 1024 * 1024; break;
      case 'G': factor = 1024 * 1024 * 1024; break;
      default: break;
    }
    if (factor != 1) digits.remove_suffix(1);
  }
  const auto number = parse_number(digits);
  if (number && *number >= 0) {
    const double bytes = *number * static_cast<double>(factor);
    if (bytes >= static_cast<double>(range.min) && bytes <= static_cast<double>(range.max)) return static_cast<std::uint64_t>(bytes);
  }
  return bad(fmt::format("expected a size such as 4096, 64k, 8M, from {} to {} bytes", range.min, range.max));
}

Result<bool> parse_switch(std::string_view text) {
  for (const std::string_view yes : {"true", "on", "yes", "1"})
    if (text == yes) return true;
  for (const std::string_view no : {"false", "off", "no", "0"})
    if (text == no) return false;
  return bad("expected true or false");
}

Result<std::size_t> parse_choice(std::string_view text, std::span<const std::string_view> choices) {
  for (std::size_t i = 0; i < choices.size(); ++i)
    if (choices[i] == text) return i;
  return bad(fmt::format("expected one of: {}", fmt::join(choices, ", ")));
}

}  // namespace clasp::options
