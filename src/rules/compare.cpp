#include <algorithm>
#include <array>
#include <cmath>
#include <compare>

#include "rules/rule.hpp"

namespace clasp::rules {

namespace {

constexpr std::array<std::string_view, 6> names{"eq", "ne", "gt", "gte", "lt", "lte"};

// Exact, whatever does not fit a double.
std::partial_ordering compare(std::int64_t integer, double floating) {
  constexpr double limit = 9'223'372'036'854'775'808.0;  // 2^63
  if (std::isnan(floating)) return std::partial_ordering::unordered;
  if (floating >= limit) return std::partial_ordering::less;
  if (floating < -limit) return std::partial_ordering::greater;
  const double whole = std::trunc(floating);
  const auto order = integer <=> static_cast<std::int64_t>(whole);
  return order == std::strong_ordering::equal ? 0.0 <=> (floating - whole) : order;
}

std::partial_ordering reversed(std::partial_ordering order) {
  return order < 0 ? std::partial_ordering::greater : order > 0 ? std::partial_ordering::less : order;
}

std::partial_ordering compare_numbers(const Value& left, const Value& right) {
  const std::int64_t* i = left.integer();
  const std::int64_t* j = right.integer();
  const double* f = left.floating();
  const double* g = right.floating();
  if (i != nullptr && j != nullptr) return *i <=> *j;
  if (f != nullptr && g != nullptr) return *f <=> *g;
  if (i != nullptr && g != nullptr) return compare(*i, *g);
  if (f != nullptr && j != nullptr) return reversed(compare(*j, *f));
  return std::partial_ordering::unordered;
}

bool is_nan(const Value& value) { return value.floating() != nullptr && std::isnan(*value.floating()); }

}  // namespace

std::string_view comparison_name(Comparison comparison) { return names[static_cast<std::size_t>(comparison)]; }

bool equal_values(const Value& left, const Value& right) {
  if (left.as_number() && right.as_number())
    return compare_numbers(left, right) == std::partial_ordering::equivalent || (is_nan(left) && is_nan(right));
  if (left.kind() != right.kind()) return false;
  if (const Array* items = left.array()) return std::ranges::equal(*items, *right.array(), equal_values);
  if (const Map* members = left.map()) {  // in whatever order
    return members->size() == right.map()->size() && std::ranges::all_of(*members, [&right](const MapEntry& member) {
             const Value* other = right.find(member.first);
             return other != nullptr && equal_values(member.second, *other);
           });
  }
  return left == right;
}

bool holds(const Value& left, Comparison comparison, const Value& right) {
  if (comparison == Comparison::eq) return equal_values(left, right);
  if (comparison == Comparison::ne) return !equal_values(left, right);
  const std::partial_ordering order = compare_numbers(left, right);
  switch (comparison) {
    case Comparison::gt: return order > 0;
    case Comparison::gte: return order >= 0;
    case Comparison::lt: return order < 0;
    default: return order <= 0;
  }
}

}  // namespace clasp::rules
