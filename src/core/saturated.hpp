// From a double to an integer without the undefined part of the language: 0 for NaN, the nearest there is for what is too far, else towards zero.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

namespace clasp {

inline std::int64_t saturated(double number) {
  constexpr double beyond = 9'223'372'036'854'775'808.0;  // 2^63
  if (std::isnan(number)) return 0;
  if (number >= beyond) return std::numeric_limits<std::int64_t>::max();
  if (number < -beyond) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(number);
}

}  // namespace clasp
