#include "transform/curve.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace clasp::transform {

namespace {

using Shape = double (*)(double);
using std::numbers::pi;

double square(double t) { return t * t; }
double cube(double t) { return t * t * t; }

double linear(double t) { return t; }
double quad_in(double t) { return t * t; }
double quad_out(double t) { return 1 - square(1 - t); }
double quad_in_out(double t) { return t < 0.5 ? 2 * t * t : 1 - square(2 - 2 * t) / 2; }
double cubic_in(double t) { return cube(t); }
double cubic_out(double t) { return 1 - cube(1 - t); }
double cubic_in_out(double t) { return t < 0.5 ? 4 * cube(t) : 1 - cube(2 - 2 * t) / 2; }
double expo_in(double t) { return t == 0 ? 0 : std::exp2(10 * t - 10); }
double expo_out(double t) { return t == 1 ? 1 : 1 - std::exp2(-10 * t); }
double expo_in_out(double t) {
  if (t == 0 || t == 1) return t;
  return t < 0.5 ? std::exp2(20 * t - 10) / 2 : (2 - std::exp2(10 - 20 * t)) / 2;
}
double sine_in(double t) { return 1 - std::cos(pi * t / 2); }
double sine_out(double t) { return std::sin(pi * t / 2); }
double sine_in_out(double t) { return (1 - std::cos(pi * t)) / 2; }
double circ_in(double t) { return 1 - std::sqrt(1 - t * t); }
double circ_out(double t) { return std::sqrt(1 - square(t - 1)); }
double circ_in_out(double t) { return t < 0.5 ? (1 - std::sqrt(1 - 4 * t * t)) / 2 : (std::sqrt(1 - square(2 - 2 * t)) + 1) / 2; }

double elastic_in(double t) {
  if (t == 0 || t == 1) return t;
  return -std::exp2(10 * t - 10) * std::sin((10 * t - 10.75) * 2 * pi / 3);
}
double elastic_out(double t) {
  if (t == 0 || t == 1) return t;
  return std::exp2(-10 * t) * std::sin((10 * t - 0.75) * 2 * pi / 3) + 1;
}
double bounce_out(double t) {
  constexpr double n = 7.5625;
  constexpr double d = 2.75;
  if (t < 1 / d) return n * t * t;
  if (t < 2 / d) return n * square(t - 1.5 / d) + 0.75;
  if (t < 2.5 / d) return n * square(t - 2.25 / d) + 0.9375;
  return n * square(t - 2.625 / d) + 0.984375;
}
double bounce_in(double t) { return 1 - bounce_out(1 - t); }
double back_in(double t) { return 2.70158 * cube(t) - 1.70158 * t * t; }
double back_out(double t) { return 1 - back_in(1 - t); }

// The first half backwards from `in`, the second from its mirror image.
template <Shape in>
double both_halves(double t) {
  return t < 0.5 ? in(2 * t) / 2 : 1 - in(2 - 2 * t) / 2;
}

double exponential(double t) { return t == 0 ? 0 : std::exp2(10 * (t - 1)); }
double logarithmic(double t) { return std::log(1 + t * (std::numbers::e - 1)); }

double on_bezier(double a, double b, double u) { return ((3 * a - 3 * b + 1) * u + (3 * b - 6 * a)) * u * u + 3 * a * u; }

double bezier(const std::array<double, 4>& p, double t) {
  const auto [x1, y1, x2, y2] = p;
  double u = t;
  for (int step = 0; step < 8; ++step) {  // Newton, from u = t
    const double miss = on_bezier(x1, x2, u) - t;
    if (std::abs(miss) < 1e-6) return on_bezier(y1, y2, u);
    const double slope = (3 * (3 * x1 - 3 * x2 + 1) * u + 2 * (3 * x2 - 6 * x1)) * u + 3 * x1;
    if (std::abs(slope) < 1e-6) break;
    u -= miss / slope;
  }
  double low = 0;  // x(u) rises as x1 and x2 are within [0, 1]
  double high = 1;
  for (int step = 0; step < 60; ++step) {
    u = (low + high) / 2;
    (on_bezier(x1, x2, u) < t ? low : high) = u;
  }
  return on_bezier(y1, y2, u);
}

}  // namespace

struct Curve::Row {
  std::string_view name;
  Shape shape;
  bool monotonic = true;
};

namespace {

constexpr std::array rows{
    Curve::Row{"linear", linear},
    Curve::Row{"ease_in", quad_in},
    Curve::Row{"ease_out", quad_out},
    Curve::Row{"ease_in_out", quad_in_out},
    Curve::Row{"quad_in", quad_in},
    Curve::Row{"quad_out", quad_out},
    Curve::Row{"quad_in_out", quad_in_out},
    Curve::Row{"cubic_in", cubic_in},
    Curve::Row{"cubic_out", cubic_out},
    Curve::Row{"cubic_in_out", cubic_in_out},
    Curve::Row{"expo_in", expo_in},
    Curve::Row{"expo_out", expo_out},
    Curve::Row{"expo_in_out", expo_in_out},
    Curve::Row{"sine_in", sine_in},
    Curve::Row{"sine_out", sine_out},
    Curve::Row{"sine_in_out", sine_in_out},
    Curve::Row{"circ_in", circ_in},
    Curve::Row{"circ_out", circ_out},
    Curve::Row{"circ_in_out", circ_in_out},
    Curve::Row{"elastic_in", elastic_in, false},
    Curve::Row{"elastic_out", elastic_out, false},
    Curve::Row{"elastic_in_out", both_halves<elastic_in>, false},
    Curve::Row{"bounce_in", bounce_in, false},
    Curve::Row{"bounce_out", bounce_out, false},
    Curve::Row{"bounce_in_out", both_halves<bounce_in>, false},
    Curve::Row{"back_in", back_in, false},
    Curve::Row{"back_out", back_out, false},
    Curve::Row{"back_in_out", both_halves<back_in>, false},
    Curve::Row{"exponential", exponential},
    Curve::Row{"logarithmic", logarithmic},
};
constexpr Curve::Row bezier_row{"bezier", nullptr};

Error bad(std::string message) { return {ErrorCode::invalid_value, std::move(message), {}}; }

}  // namespace

Result<Curve> Curve::parse(const Value& value) {
  if (const std::string* text = value.string()) {
    std::string name = *text;
    std::ranges::replace(name, '-', '_');
    const auto row = std::ranges::find(rows, name, &Row::name);
    if (row == rows.end())
      return bad(fmt::format("no curve has the name \"{}\" (linear, ease_in, cubic_out, sine_in_out, ...)", text->substr(0, 64)));
    return Curve(&*row);
  }
  const Value* points = value.find("bezier");
  if (points == nullptr) return bad(R"(expected the name of a curve or {"bezier":{"x1":...,"y1":...,"x2":...,"y2":...}})");
  Curve curve(&bezier_row);
  constexpr std::array names{"x1", "y1", "x2", "y2"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Value* coordinate = points->find(names[i]);
    const auto number = coordinate != nullptr ? coordinate->as_number() : std::nullopt;
    if (!number || !std::isfinite(*number)) return bad(fmt::format("bezier: {} must be a number", names[i]));
    curve.bezier_[i] = i % 2 == 0 ? std::clamp(*number, 0.0, 1.0) : *number;
  }
  return curve;
}

double Curve::operator()(double t) const {
  if (std::isnan(t)) return t;
  t = std::clamp(t, 0.0, 1.0);
  return row_->shape != nullptr ? row_->shape(t) : bezier(bezier_, t);
}

bool Curve::monotonic() const {
  if (row_->shape != nullptr) return row_->monotonic;
  const auto inside = [](double y) { return y >= 0 && y <= 1; };
  return inside(bezier_[1]) && inside(bezier_[3]);
}

double Curve::solve(double y) const {
  if (std::isnan(y)) return y;
  if (y <= 0) return 0;
  if (y >= 1) return 1;
  double low = 0;
  double high = 1;
  for (int step = 0; step < 60; ++step) {
    const double middle = (low + high) / 2;
    ((*this)(middle) < y ? low : high) = middle;
  }
  return (low + high) / 2;
}

Value Curve::to_json() const {
  if (row_->shape != nullptr) return row_->name;
  return Map{{"bezier", Map{{"x1", bezier_[0]}, {"y1", bezier_[1]}, {"x2", bezier_[2]}, {"y2", bezier_[3]}}}};
}

}  // namespace clasp::transform
