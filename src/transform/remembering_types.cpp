// Transforms whose result depends on earlier values of the same address. A number that is not finite passes them by: it would stay in their
// memory for ever.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "transform/aggregator.hpp"
#include "transform/compiler.hpp"

namespace clasp::transform {

namespace {

class RememberingNode : public Node {
 public:
  explicit RememberingNode(const Spec& from) : cell_(from.compiler().new_cell()) {}
  Outcome apply(Value& value, Run& run) const final {
    const auto number = value.as_number();
    if (!number || !std::isfinite(*number)) return Outcome::keep;
    return step(*number, value, (*run.cells)[cell_], run);
  }

 private:
  virtual Outcome step(double v, Value& value, Cell& cell, Run& run) const = 0;
  std::size_t cell_;
};

class SmoothNode final : public RememberingNode {
 public:
  SmoothNode(const Spec& from, double factor, double time_constant_ms)
      : RememberingNode(from), factor_(factor), time_constant_us_(time_constant_ms * 1'000) {}

 private:
  Outcome step(double v, Value& value, Cell& cell, Run& run) const override {
    double factor = factor_;
    if (time_constant_us_ > 0) factor = 1 - std::exp(-static_cast<double>((run.now.steady - cell.at).count()) / time_constant_us_);
    cell.number = cell.set ? cell.number + factor * (v - cell.number) : v;
    cell.set = true;
    cell.at = run.now.steady;
    value = Value(cell.number);
    return Outcome::value;
  }
  double factor_;
  double time_constant_us_;
};

std::unique_ptr<Node> build_smooth(const Spec& spec) {
  const double time_constant = spec.number("time_constant_ms", 0);
  if (time_constant < 0) spec.fail("time_constant_ms", "expected a time above 0");
  double factor = 0;
  if (time_constant == 0) factor = spec.has("smoothFactor") ? spec.number("smoothFactor") : spec.number("factor");
  auto node = std::make_unique<SmoothNode>(spec, factor, time_constant);
  node->spec = time_constant > 0 ? make_spec("smooth", {{"time_constant_ms", time_constant}}) : make_spec("smooth", {{"factor", factor}});
  return node;
}

class RateLimitNode final : public RememberingNode {
 public:
  RateLimitNode(const Spec& from, double max_delta) : RememberingNode(from), max_delta_(max_delta) {}

 private:
  Outcome step(double v, Value& value, Cell& cell, Run&) const override {
    if (!cell.set) cell.number = v;
    cell.set = true;
    cell.number += std::clamp(v - cell.number, -max_delta_, max_delta_);
    value = Value(cell.number);
    return Outcome::value;
  }
  double max_delta_;
};

std::unique_ptr<Node> build_rate_limit(const Spec& spec) {
  const double max_delta = spec.number("max_delta");
  if (max_delta < 0) spec.fail("max_delta", "expected a number that is not negative");
  auto node = std::make_unique<RateLimitNode>(spec, std::abs(max_delta));
  node->spec = make_spec("rate_limit", {{"max_delta", max_delta}});
  return node;
}

// Without latch: v > 0.5, and nothing is remembered. With latch: each rise through 0.5 changes sides.
class ToggleNode final : public RememberingNode {
 public:
  ToggleNode(const Spec& from, bool latch) : RememberingNode(from), latch_(latch) {}

 private:
  Outcome step(double v, Value& value, Cell& cell, Run&) const override {
    const bool high = v > 0.5;
    if (latch_) {
      if (high && !cell.set) cell.number = 1 - cell.number;
      cell.set = high;
    }
    value = Value(latch_ ? cell.number : high ? 1.0 : 0.0);
    return Outcome::value;
  }
  bool latch_;
};

std::unique_ptr<Node> build_toggle(const Spec& spec) {
  const bool latch = spec.flag("latch");
  auto node = std::make_unique<ToggleNode>(spec, latch);
  node->spec = make_spec("toggle", {{"latch", latch ? Value(true) : Value()}});
  return node;
}

class AggregateNode final : public RememberingNode {
 public:
  struct Emit {
    std::int64_t every = 1;
    Micros interval{0};
  };
  AggregateNode(const Spec& from, AggregatorConfig config, Emit emit) : RememberingNode(from), config_(config), emit_(emit) {}

 private:
  Outcome step(double v, Value& value, Cell& cell, Run& run) const override {
    if (!cell.aggregator) cell.aggregator = std::make_unique<Aggregator>(config_);
    value = Value(cell.aggregator->add(v, run.now.steady));
    return is_due(cell, run.now.steady) ? Outcome::value : Outcome::drop;
  }
  bool is_due(Cell& cell, SteadyTime now) const {
    if (emit_.interval.count() > 0) {
      if (cell.set && now - cell.at < emit_.interval) return false;
      cell.set = true;
      cell.at = now;
      return true;
    }
    if (++cell.count < emit_.every) return false;
    cell.count = 0;
    return true;
  }
  AggregatorConfig config_;
  Emit emit_;
};

// {"type":"aggregate","aggregator":{"type":"average","window_size":10,"window_ms":500,"unbounded":false},"emit":"every"|n|{"interval_ms":100}}
std::unique_ptr<Node> build_aggregate(const Spec& spec) {
  const Value* given = spec.find("aggregator");
  if (given == nullptr || given->map() == nullptr) {
    spec.fail("aggregator", "missing; an object with a \"type\" is needed");
    return nullptr;
  }
  const Spec inner(*given, spec.at("aggregator"), spec.compiler());
  const std::string type = inner.text("type");
  const auto kind = find_aggregator(type);
  if (!kind) inner.fail("type", "expected one of: average, sum, min, max, latest, first, count, moving_average, rate_of_change, std_dev");
  AggregatorConfig config{.kind = kind.value_or(AggregatorKind::average)};
  config.unbounded = inner.flag("unbounded");
  const bool by_time = inner.has("window_ms");
  constexpr auto most = static_cast<std::int64_t>(window_size_max);
  if (kind == AggregatorKind::moving_average && !by_time)
    config.window_size = static_cast<std::size_t>(inner.integer("window_size", 1, most));
  else
    config.window_size = static_cast<std::size_t>(inner.integer("window_size", 1, most, by_time ? most : 100));
  if (by_time) config.window_time = Micros{inner.integer("window_ms", 1, 86'400'000) * 1'000};
  if (config.unbounded && (by_time || inner.has("window_size"))) inner.fail("unbounded", "without a window; choose one of both");

  AggregateNode::Emit emit;
  Value emit_spec;
  if (const Value* when = spec.find("emit"); when != nullptr && when->map() != nullptr) {
    const Spec interval(*when, spec.at("emit"), spec.compiler());
    emit.interval = Micros{interval.integer("interval_ms", 1, 86'400'000) * 1'000};
    emit_spec = *when;
  } else if (when != nullptr && !(when->string() != nullptr && *when->string() == "every")) {
    if (when->integer() == nullptr)
      spec.fail("emit", "expected \"every\", a number of samples or {\"interval_ms\": N}");
    else
      emit.every = spec.integer("emit", 1, 1'000'000'000);
    emit_spec = *when;
  }
  Map window{{"type", type}};
  if (config.unbounded)
    window.emplace_back("unbounded", true);
  else if (!by_time || inner.has("window_size"))
    window.emplace_back("window_size", static_cast<std::int64_t>(config.window_size));
  if (by_time) window.emplace_back("window_ms", config.window_time->count() / 1'000);
  auto node = std::make_unique<AggregateNode>(spec, config, emit);
  node->spec = make_spec("aggregate", {{"aggregator", std::move(window)}, {"emit", std::move(emit_spec)}});
  return node;
}

// ---- the lenses that need no foreign code (11.3) ----

class LowPassNode final : public RememberingNode {
 public:
  LowPassNode(const Spec& from, double alpha) : RememberingNode(from), alpha_(alpha) {}

 private:
  Outcome step(double v, Value& value, Cell& cell, Run&) const override {
    cell.number = cell.set ? alpha_ * cell.number + (1 - alpha_) * v : v;
    cell.set = true;
    value = Value(cell.number);
    return Outcome::value;
  }
  double alpha_;
};

class HysteresisNode final : public RememberingNode {
 public:
  HysteresisNode(const Spec& from, double low, double high) : RememberingNode(from), low_(low), high_(high) {}

 private:
  Outcome step(double v, Value& value, Cell& cell, Run&) const override {
    if (v >= high_)
      cell.number = 1;
    else if (v <= low_)
      cell.number = 0;
    value = Value(cell.number);
    return Outcome::value;
  }
  double low_, high_;
};

class LensNode final : public Node {
 public:
  explicit LensNode(std::shared_ptr<Lens> lens) : lens_(std::move(lens)) {}
  Outcome apply(Value& value, Run& run) const override {
    fault_.clear();
    const Outcome outcome = lens_->apply(value, run.address, run.now, fault_);
    if (!fault_.empty()) {
      if (run.faults != nullptr) ++*run.faults;
      if (run.fault != nullptr) *run.fault = fault_.c_str();
    }
    return outcome;
  }

 private:
  std::shared_ptr<Lens> lens_;
  mutable std::string fault_;  // the last one; its text is told by pointer
};

std::unique_ptr<Node> foreign_lens(const Spec& spec, const std::string& module, const Value& params, bool inverse) {
  const LensLoader& loader = spec.compiler().options().lenses;
  if (!loader) {
    spec.fail("module_id", "no such module is built in (lowpass, hysteresis, moving-average), and this program runs no WASM modules");
    return nullptr;
  }
  auto lens = loader(module, params, inverse);
  if (lens) {
    const bool can_be_undone = (*lens)->has_inverse();
    auto node = std::make_unique<LensNode>(*std::move(lens));
    if (can_be_undone) node->inverse = make_spec("wasm", {{"module_id", module}, {"params", params}, {"inverse", inverse ? Value() : Value(true)}});
    return node;
  }
  spec.fail("module_id", lens.error().message);
  return nullptr;
}

std::unique_ptr<Node> build_wasm(const Spec& spec);

constexpr std::array rows{
    TypeRow{"smooth", build_smooth, true}, TypeRow{"rate_limit", build_rate_limit, true},
    TypeRow{"toggle", build_toggle, true}, TypeRow{"aggregate", build_aggregate, true},
    TypeRow{"wasm", build_wasm, true},
};

}  // namespace

std::span<const TypeRow> remembering_types() { return rows; }

namespace {

std::unique_ptr<Node> build_wasm(const Spec& spec) {
  const std::string module = spec.has("wasmModuleId") ? spec.text("wasmModuleId") : spec.text("module_id");
  const Value params = lens_params(spec);
  const bool inverse = spec.flag("inverse");
  const Spec reader(params, spec.at("params"), spec.compiler());
  std::unique_ptr<Node> node;
  if (module == "lowpass") {
    node = std::make_unique<LowPassNode>(spec, std::clamp(reader.number("alpha", 0.5), 0.0, 1.0));
  } else if (module == "hysteresis") {
    const bool both = reader.has("low") && reader.has("high");
    node = std::make_unique<HysteresisNode>(spec, both ? reader.number("low", 0.3) : 0.3, both ? reader.number("high", 0.7) : 0.7);
  } else if (module == "moving-average") {
    const AggregatorConfig config{
        .kind = AggregatorKind::moving_average,
        .window_size = static_cast<std::size_t>(reader.integer("window", 1, static_cast<std::int64_t>(window_size_max), 5))};
    node = std::make_unique<AggregateNode>(spec, config, AggregateNode::Emit{});
  } else {
    node = foreign_lens(spec, module, params, inverse);
    if (node) node->spec = make_spec("wasm", {{"module_id", module}, {"params", params}, {"inverse", inverse ? Value(true) : Value()}});
    return node;
  }
  if (inverse) spec.fail("inverse", fmt::format("{} cannot be undone", module));
  node->spec = make_spec("wasm", {{"module_id", module}, {"params", params}});
  return node;
}

}  // namespace

}  // namespace clasp::transform
