// What the rows of an option set do with their text, for the usual kinds of target. Each target outlives the row.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "options/option_set.hpp"

namespace clasp::options {

Error bad_option(std::string message);  // an Apply's error: what was expected

Apply apply_text(std::string& target);
// For names of files and secrets: an empty one is a variable that was not set, and must not mean "none".
Apply apply_filled_text(std::string& target);
Apply apply_switch(bool& target);

// T: an unsigned integer, or an optional of one.
template <typename T>
Apply apply_count(T& target, std::uint64_t min, std::uint64_t max) {
  return [&target, min, max](std::string_view text) -> Result<void> {
    const auto value = parse_count(text, {min, max});
    if (!value) return value.error();
    if constexpr (requires { typename T::value_type; }) target = static_cast<typename T::value_type>(*value);
    else target = static_cast<T>(*value);
    return {};
  };
}

template <typename T>
Apply apply_bytes(T& target, std::uint64_t min, std::uint64_t max) {
  return [&target, min, max](std::string_view text) -> Result<void> {
    const auto value = parse_bytes(text, {min, max});
    if (!value) return value.error();
    target = static_cast<T>(*value);
    return {};
  };
}

// Duration: a std::chrono::duration, or an optional of one.
template <typename Duration>
Apply apply_duration(Duration& target, std::chrono::milliseconds min, std::chrono::milliseconds max) {
  return [&target, min, max](std::string_view text) -> Result<void> {
    const auto value = parse_duration(text, {min, max});
    if (!value) return value.error();
    if constexpr (requires { typename Duration::value_type; }) target = std::chrono::duration_cast<typename Duration::value_type>(*value);
    else target = std::chrono::duration_cast<Duration>(*value);
    return {};
  };
}

// `names` in the order of the enumerators, from 0.
template <typename Enum>
Apply apply_choice(Enum& target, std::span<const std::string_view> names) {
  return [&target, names](std::string_view text) -> Result<void> {
    const auto index = parse_choice(text, names);
    if (!index) return index.error();
    target = static_cast<Enum>(*index);
    return {};
  };
}

}  // namespace clasp::options
