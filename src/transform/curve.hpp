// Curves from [0, 1] to numbers (transforms specification, section 10).
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "clasp/error.hpp"
#include "clasp/value.hpp"

namespace clasp::transform {

class Curve {
 public:
  // "ease_in", "ease-in", or {"bezier":{"x1":…,"y1":…,"x2":…,"y2":…}}. The error says what is wrong.
  static Result<Curve> parse(const Value& value);

  double operator()(double t) const;  // t is clamped to [0, 1]; NaN stays NaN
  bool monotonic() const;             // rises from 0 to 1: what solve() needs
  double solve(double y) const;       // the t with curve(t) = y, by bisection; y is clamped to [0, 1]

  Value to_json() const;

  struct Row;  // of the table of names

 private:
  explicit Curve(const Row* row) : row_(row) {}
  const Row* row_;
  std::array<double, 4> bezier_{};  // x1, y1, x2, y2
};

}  // namespace clasp::transform
