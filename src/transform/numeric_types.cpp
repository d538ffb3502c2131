// Transforms of one number into one number that remember nothing (transforms specification, 2.2, 3 and 13.1).
#include <algorithm>
#include <cmath>
#include <numbers>

#include "transform/compiler.hpp"
#include "transform/curve.hpp"
#include "transform/number_text.hpp"

namespace clasp::transform {

namespace {

struct Numbers {
  double a = 0, b = 0, c = 0, d = 0;
};
using Formula = double (*)(const Numbers& n, double v);

class NumericNode final : public Node {
 public:
  NumericNode(Formula formula, Numbers numbers) : formula_(formula), numbers_(numbers) {}
  Outcome apply(Value& value, Run&) const override {
    const auto number = value.as_number();
    if (!number) return Outcome::keep;
    value = Value(formula_(numbers_, *number));
    return Outcome::value;
  }

 private:
  Formula formula_;
  Numbers numbers_;
};

std::unique_ptr<Node> numeric(Formula formula, Numbers numbers, Value spec, std::optional<Value> inverse = std::nullopt) {
  auto node = std::make_unique<NumericNode>(formula, numbers);
  node->spec = std::move(spec);
  node->inverse = std::move(inverse);
  return node;
}

// ---- formulas ----

double round_away(double v) { return std::round(v); }
double round_up(double v) { return std::floor(v + 0.5); }  // as JavaScript does: half towards +infinity

double scaled(const Numbers& n, double v) { return n.c + (v - n.a) / (n.b - n.a) * (n.d - n.c); }
double scaled_clamped(const Numbers& n, double v) { return std::clamp(scaled(n, v), std::min(n.c, n.d), std::max(n.c, n.d)); }
double only_c(const Numbers& n, double) { return n.c; }
double linear(const Numbers& n, double v) { return v * n.a + n.b; }
double clamped(const Numbers& n, double v) { return std::isnan(v) ? v : std::clamp(v, n.a, n.b); }
double inverted(const Numbers& n, double v) { return n.b - (v - n.a); }
double quantized(const Numbers& n, double v) { return round_away(v * n.a) / n.a; }
double quantized_up(const Numbers& n, double v) { return round_up(v * n.a) / n.a; }
double unchanged(const Numbers&, double v) { return v; }
double above(const Numbers& n, double v) { return v > n.a ? 1 : 0; }
double below(const Numbers& n, double v) { return v < n.a ? 1 : 0; }
double about(const Numbers& n, double v) { return std::abs(v - n.a) < 0.001 ? 1 : 0; }
double at_least(const Numbers& n, double v) { return v >= n.a ? 1 : 0; }
double not_zero(const Numbers&, double v) { return v != 0 ? 1 : 0; }
double modulo(const Numbers& n, double v) { return std::fmod(v, n.a); }
double absolute(const Numbers&, double v) { return std::abs(v); }
double negated(const Numbers&, double v) { return -v; }
double raised(const Numbers& n, double v) { return std::pow(v, n.a); }
double exponential(const Numbers& n, double v) { return std::pow(n.a, v); }
double rounded(const Numbers& n, double v) { return round_away(v * n.a) / n.a; }
double rounded_up(const Numbers& n, double v) { return round_up(v * n.a) / n.a; }

// ---- builders ----

Value scale_spec(double from_min, double from_max, double to_min, double to_max, bool clamp) {
  return make_spec(
      "scale", {{"from_min", from_min}, {"from_max", from_max}, {"to_min", to_min}, {"to_max", to_max}, {"clamp", clamp ? Value(true) : Value()}});
}

std::unique_ptr<Node> build_scale(const Spec& spec) {
  if (spec.has("scale")) {  // v·scale + offset
    const Numbers n{.a = spec.number("scale"), .b = spec.number("offset", 0)};
    std::optional<Value> inverse;
    if (n.a != 0) inverse = make_spec("scale", {{"scale", 1 / n.a}, {"offset", -n.b / n.a}});
    return numeric(linear, n, make_spec("scale", {{"scale", n.a}, {"offset", n.b}}), std::move(inverse));
  }
  Numbers n;
  if (spec.has_any({"scaleInMin", "scaleInMax", "scaleOutMin", "scaleOutMax"}))
    n = {spec.number("scaleInMin", 0), spec.number("scaleInMax", 1), spec.number("scaleOutMin", 0), spec.number("scaleOutMax", 127)};
  else
    n = {spec.number("from_min"), spec.number("from_max"), spec.number("to_min"), spec.number("to_max")};
  const bool clamp = spec.flag("clamp");
  const auto [from_min, from_max, to_min, to_max] = n;
  std::optional<Value> inverse;
  if (from_min != from_max && to_min != to_max) inverse = scale_spec(to_min, to_max, from_min, from_max, clamp);
  const Formula formula = from_min == from_max ? only_c : clamp ? scaled_clamped : scaled;
  return numeric(formula, n, scale_spec(from_min, from_max, to_min, to_max, clamp), std::move(inverse));
}

// Bounds the wrong way round are swapped. What undoes it is the same clamp: within its range it changes nothing.
std::unique_ptr<Node> build_clamp(const Spec& spec) {
  Numbers n;
  if (spec.has_any({"clampMin", "clampMax"}))
    n = {.a = spec.number("clampMin", 0), .b = spec.number("clampMax", 1)};
  else
    n = {.a = spec.number("min"), .b = spec.number("max")};
  if (n.a > n.b) std::swap(n.a, n.b);
  Value made = make_spec("clamp", {{"min", n.a}, {"max", n.b}});
  return numeric(clamped, n, made, made);
}

std::unique_ptr<Node> build_invert(const Spec& spec) {
  const Numbers n{.a = spec.number("min", 0), .b = spec.number("max", 1)};
  Value made = n.a == 0 && n.b == 1 ? make_spec("invert") : make_spec("invert", {{"min", n.a}, {"max", n.b}});
  return numeric(inverted, n, made, made);
}

std::unique_ptr<Node> build_quantize(const Spec& spec) {
  constexpr std::int64_t most = 4'294'967'295;
  const bool desktop = spec.has("quantizeSteps");
  const auto steps = static_cast<double>(desktop ? spec.integer("quantizeSteps", 0, most) : spec.integer("steps", 0, most));
  constexpr std::array<std::string_view, 2> modes{"away", "up"};
  const bool up = spec.choice("rounding", modes, desktop ? 1 : 0) == 1;
  Value made = make_spec("quantize", {{"steps", static_cast<std::int64_t>(steps)}, {"rounding", up ? Value("up") : Value()}});
  return numeric(steps == 0 ? unchanged : up ? quantized_up : quantized, {.a = steps}, std::move(made), make_spec("identity"));
}

std::unique_ptr<Node> build_round(const Spec& spec) {
  const bool desktop = !spec.has("decimals");
  const std::int64_t decimals = spec.integer("decimals", 0, 300, 0);
  constexpr std::array<std::string_view, 2> modes{"away", "up"};
  const bool up = spec.choice("rounding", modes, desktop ? 1 : 0) == 1;
  Value made = make_spec("round", {{"decimals", decimals}, {"rounding", up ? Value("up") : Value()}});
  const Numbers n{.a = std::pow(10.0, static_cast<double>(decimals))};
  return numeric(up ? rounded_up : rounded, n, std::move(made), make_spec("identity"));
}

// "result":"bool" gives true and false.
class ThresholdNode final : public Node {
 public:
  ThresholdNode(Formula formula, double limit) : formula_(formula), limit_{.a = limit} {}
  Outcome apply(Value& value, Run&) const override {
    const auto number = value.as_number();
    if (!number) return Outcome::keep;
    value = Value(formula_(limit_, *number) != 0);
    return Outcome::value;
  }

 private:
  Formula formula_;
  Numbers limit_;
};

std::unique_ptr<Node> build_threshold(const Spec& spec) {
  constexpr std::array<std::string_view, 4> modes{"above", "below", "equal", "at_least"};
  constexpr std::array<Formula, 4> formulas{above, below, about, at_least};
  constexpr std::array<std::string_view, 2> results{"number", "bool"};
  const bool desktop = spec.has("threshold") && !spec.has("value");
  const double limit = desktop ? spec.number("threshold") : spec.number("value");
  const std::size_t mode = desktop ? spec.choice("mode", modes, 3) : spec.choice("mode", modes);
  const bool flag = spec.choice("result", results, 0) == 1;
  Value made = make_spec("threshold", {{"value", limit}, {"mode", modes[mode]}, {"result", flag ? Value("bool") : Value()}});
  if (!flag) return numeric(formulas[mode], {.a = limit}, std::move(made));
  auto node = std::make_unique<ThresholdNode>(formulas[mode], limit);
  node->spec = std::move(made);
  return node;
}

// |v| < threshold, or (desktop) v between two bounds: 0. Anything else as it came, integers too.
class DeadZoneNode final : public Node {
 public:
  DeadZoneNode(double min, double max, bool inclusive) : min_(min), max_(max), inclusive_(inclusive) {}
  Outcome apply(Value& value, Run&) const override {
    const auto number = value.as_number();
    if (!number || !(inclusive_ ? *number >= min_ && *number <= max_ : *number > min_ && *number < max_)) return Outcome::keep;
    value = Value(0.0);
    return Outcome::value;
  }

 private:
  double min_, max_;
  bool inclusive_;
};

std::unique_ptr<Node> build_dead_zone(const Spec& spec) {
  std::unique_ptr<Node> node;
  const bool by_name = spec.find("type")->string() != nullptr && *spec.find("type")->string() == "deadzone" && !spec.has("threshold");
  if (by_name || spec.has_any({"deadzoneMin", "deadzoneMax", "min", "max"})) {
    const bool canonical = spec.has_any({"min", "max"});
    const double min = canonical ? spec.number("min") : spec.number("deadzoneMin", 0.4);
    const double max = canonical ? spec.number("max") : spec.number("deadzoneMax", 0.6);
    node = std::make_unique<DeadZoneNode>(min, max, true);
    node->spec = make_spec("dead_zone", {{"min", min}, {"max", max}});
  } else {
    const double threshold = spec.number("threshold");
    node = std::make_unique<DeadZoneNode>(-threshold, threshold, false);
    node->spec = make_spec("dead_zone", {{"threshold", threshold}});
  }
  return node;
}

std::unique_ptr<Node> build_modulo(const Spec& spec) {
  const double divisor = spec.has("moduloDivisor") ? spec.number("moduloDivisor") : spec.number("divisor");
  return numeric(divisor == 0 ? unchanged : modulo, {.a = divisor}, make_spec("modulo", {{"divisor", divisor}}));
}

std::unique_ptr<Node> build_power(const Spec& spec) {
  const double exponent = spec.has("powerExponent") ? spec.number("powerExponent") : spec.number("exponent");
  std::optional<Value> inverse;
  if (exponent != 0) inverse = make_spec("power", {{"exponent", 1 / exponent}});
  return numeric(raised, {.a = exponent}, make_spec("power", {{"exponent", exponent}}), std::move(inverse));
}

// v ≤ 0 has no logarithm and stays as it came.
class LogNode final : public Node {
 public:
  explicit LogNode(std::optional<double> base) : base_(base) {}
  Outcome apply(Value& value, Run&) const override {
    const auto number = value.as_number();
    if (!number || !(*number > 0)) return Outcome::keep;
    value = Value(base_ ? std::log(*number) / std::log(*base_) : std::log(*number));
    return Outcome::value;
  }

 private:
  std::optional<double> base_;
};

std::unique_ptr<Node> build_log(const Spec& spec) {
  const double base = spec.number("base", std::numbers::e);
  if (!(base > 0) || base == 1) spec.fail("base", "expected a number above 0 other than 1");
  const bool given = spec.has("base");
  auto node = std::make_unique<LogNode>(given ? std::optional(base) : std::nullopt);
  node->spec = make_spec("log", {{"base", given ? Value(base) : Value()}});
  node->inverse = make_spec("exp", {{"base", given ? Value(base) : Value()}});
  return node;
}

std::unique_ptr<Node> build_exp(const Spec& spec) {
  const double base = spec.number("base", std::numbers::e);
  if (!(base > 0) || base == 1) spec.fail("base", "expected a number above 0 other than 1");
  const Value given = spec.has("base") ? Value(base) : Value();
  return numeric(exponential, {.a = base}, make_spec("exp", {{"base", given}}), make_spec("log", {{"base", given}}));
}

template <Formula formula>
std::unique_ptr<Node> build_plain(const Spec& spec) {
  return numeric(formula, {}, make_spec(*spec.find("type")->string()));
}
std::unique_ptr<Node> build_negate(const Spec&) { return numeric(negated, {}, make_spec("negate"), make_spec("negate")); }
std::unique_ptr<Node> build_gate(const Spec&) { return numeric(above, {.a = 0}, make_spec("gate")); }

class CurveNode final : public Node {
 public:
  CurveNode(Curve curve, bool backwards) : curve_(curve), backwards_(backwards) {}
  Outcome apply(Value& value, Run&) const override {
    const auto number = value.as_number();
    if (!number) return Outcome::keep;
    value = Value(backwards_ ? curve_.solve(*number) : curve_(*number));
    return Outcome::value;
  }

 private:
  Curve curve_;
  bool backwards_;
};

std::unique_ptr<Node> build_curve(const Spec& spec) {
  const std::string_view member = spec.has("curveType") ? "curveType" : "curve_type";
  const Value* given = spec.find(member);
  if (given == nullptr) {
    spec.fail(member, "missing; the name of a curve is needed");
    return nullptr;
  }
  const Result<Curve> curve = Curve::parse(*given);
  if (!curve) {
    spec.fail(member, curve.error().message);
    return nullptr;
  }
  const bool backwards = spec.flag("backwards");
  if (backwards && !curve->monotonic()) spec.fail("backwards", "this curve takes some values twice");
  auto node = std::make_unique<CurveNode>(*curve, backwards);
  const auto made = [&](bool back) { return make_spec("curve", {{"curve_type", curve->to_json()}, {"backwards", back ? Value(true) : Value()}}); };
  node->spec = made(backwards);
  if (curve->monotonic()) node->inverse = made(!backwards);
  return node;
}

constexpr std::array rows{
    TypeRow{"scale", build_scale},
    TypeRow{"clamp", build_clamp},
    TypeRow{"invert", build_invert},
    TypeRow{"curve", build_curve},
    TypeRow{"quantize", build_quantize},
    TypeRow{"dead_zone", build_dead_zone},
    TypeRow{"threshold", build_threshold},
    TypeRow{"modulo", build_modulo},
    TypeRow{"abs", build_plain<absolute>},
    TypeRow{"negate", build_negate},
    TypeRow{"power", build_power},
    TypeRow{"log", build_log},
    TypeRow{"exp", build_exp},
    TypeRow{"round", build_round},
    TypeRow{"gate", build_gate},
    TypeRow{"trigger", build_plain<not_zero>},
};

}  // namespace

std::span<const TypeRow> numeric_types() { return rows; }

}  // namespace clasp::transform
