#include "rules/members.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/address.hpp"
#include "options/option_set.hpp"

namespace clasp::rules {

namespace {
constexpr Micros time_max{std::int64_t{10} * 366 * 86'400 * 1'000'000};
}

void Findings::fail(std::string_view pointer, std::string_view what) {
  if (!mistake) mistake = fmt::format("{}: {}", pointer.empty() ? "/" : printable(pointer, 200), what);
}

std::string shown(const Value& value) { return printable(to_json(value), 60); }

const Value* Members::find_even_null(Names names) {
  const Value* found = nullptr;
  for (const std::string_view name : names) {
    asked_.push_back(name);
    if (found == nullptr) found = object_.find(name);
  }
  return found;
}

const Value* Members::find(Names names) {
  const Value* found = nullptr;
  for (const std::string_view name : names) {
    asked_.push_back(name);
    const Value* value = object_.find(name);
    if (found == nullptr && value != nullptr && !value->is_null()) found = value;
  }
  return found;
}

std::string Members::place(Names names) {
  for (const std::string_view name : names) {
    if (object_.find(name) != nullptr) return at(name);
  }
  return at(*names.begin());
}

std::string Members::text(Names names) {
  const Value* value = find(names);
  if (value != nullptr && value->string() != nullptr && !value->string()->empty()) return *value->string();
  fail(names, value == nullptr ? "missing; a text is needed" : fmt::format("expected a text, not {}", shown(*value)));
  return "";
}

std::optional<double> Members::number(Names names) {
  const Value* value = find(names);
  if (value == nullptr) return std::nullopt;
  const auto number = value->as_number();
  if (number && std::isfinite(*number)) return number;
  fail(names, fmt::format("expected a number, not {}", shown(*value)));
  return std::nullopt;
}

bool Members::flag(Names names, bool absent) {
  const Value* value = find(names);
  if (value == nullptr) return absent;
  if (value->boolean() != nullptr) return *value->boolean();
  fail(names, fmt::format("expected true or false, not {}", shown(*value)));
  return absent;
}

Pattern Members::pattern(Names names) {
  const Value* value = find(names);
  const std::string* text = value != nullptr ? value->string() : nullptr;
  if (text == nullptr) {
    fail(names,
         value == nullptr ? "missing; a pattern of addresses is needed, as \"/lights/*\"" : fmt::format("expected a text, not {}", shown(*value)));
    return *Pattern::parse("/");
  }
  const auto pattern = Pattern::parse(*text);
  if (pattern) return *pattern;
  fail(names, describe_address_fault(pattern.error(), *text));
  return *Pattern::parse("/");
}

std::string Members::address(Names names) {
  const Value* value = find(names);
  const std::string* text = value != nullptr ? value->string() : nullptr;
  if (text == nullptr) {
    fail(names, value == nullptr ? "missing; an address is needed, as \"/lights/1\"" : fmt::format("expected a text, not {}", shown(*value)));
    return "";
  }
  if (const auto fault = check_address(*text)) fail(names, describe_address_fault(*fault, *text));
  return *text;
}

std::optional<Micros> Members::time(Names names, double unit_us, Micros min) {
  const Value* value = find(names);
  if (value == nullptr) return std::nullopt;
  double us = -1;
  if (const auto number = value->as_number()) us = *number * unit_us;
  if (const std::string* text = value->string(); text != nullptr && !text->empty()) {
    std::string joined;  // "5 m" is written, too
    std::ranges::copy_if(*text, std::back_inserter(joined), [](char c) { return c != ' '; });
    const auto parsed =
        options::parse_duration(joined, {std::chrono::milliseconds{0}, std::chrono::duration_cast<std::chrono::milliseconds>(time_max)});
    if (parsed) us = static_cast<double>(Micros(*parsed).count());
  }
  if (us >= static_cast<double>(min.count()) && us <= static_cast<double>(time_max.count())) return Micros{std::llround(us)};
  fail(names, fmt::format("expected a time of at least {} ms, as a number of {} or a text (\"250ms\", \"5m\"), not {}", min.count() / 1'000,
                          unit_us < 1'000'000 ? "milliseconds" : "seconds", shown(*value)));
  return std::nullopt;
}

void Members::note_unknown() {
  if (object_.map() == nullptr) return;
  for (const auto& [name, value] : *object_.map()) {
    if (std::ranges::find(asked_, name) != asked_.end()) continue;
    const std::string_view meant = options::nearest_name(name, asked_);
    findings_.notes.push_back(fmt::format("{}: ignored{}", printable(at(name)), meant.empty() ? "" : fmt::format("; was \"{}\" meant?", meant)));
  }
}

}  // namespace clasp::rules
