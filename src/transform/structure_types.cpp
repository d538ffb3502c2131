// Transforms made of transforms, and conditions.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/address.hpp"
#include "core/pattern.hpp"
#include "transform/compiler.hpp"
#include "transform/regex.hpp"

namespace clasp::transform {

namespace {

class ChainNode final : public Node {
 public:
  std::vector<NodePtr> members;

  Outcome apply(Value& value, Run& run) const override {
    Outcome outcome = Outcome::keep;
    const Trace* trace = std::exchange(run.trace, nullptr);  // of the outermost chain only
    for (const NodePtr& member : members) {
      const Outcome step = member->apply(value, run);
      if (trace != nullptr) (*trace)(*member, value, step);
      if (step == Outcome::drop) return step;
      if (step == Outcome::value) outcome = step;
    }
    return outcome;
  }
};

std::unique_ptr<Node> build_chain(const Spec& spec) {
  auto node = std::make_unique<ChainNode>();
  const Array& given = spec.array("transforms");
  Array specs;
  Array inverses;
  for (std::size_t i = 0; i < given.size() && !spec.compiler().failed(); ++i) {
    NodePtr member = spec.compiler().transform(given[i], fmt::format("{}/{}", spec.at("transforms"), i));
    if (!member) return nullptr;
    specs.push_back(member->spec);
    if (member->inverse) inverses.insert(inverses.begin(), *member->inverse);
    node->members.push_back(std::move(member));
  }
  if (inverses.size() == specs.size()) node->inverse = make_spec("chain", {{"transforms", std::move(inverses)}});
  node->spec = make_spec("chain", {{"transforms", std::move(specs)}});
  return node;
}

class ConditionalNode final : public Node {
 public:
  ConditionPtr condition;
  NodePtr yes;
  NodePtr no;
  Outcome apply(Value& value, Run& run) const override { return (condition->holds(value, run) ? yes : no)->apply(value, run); }
};

std::unique_ptr<Node> build_conditional(const Spec& spec) {
  auto node = std::make_unique<ConditionalNode>();
  const Value* condition = spec.find("condition");
  if (condition == nullptr) {
    spec.fail("condition", "missing; a condition is needed");
    return nullptr;
  }
  node->condition = spec.compiler().condition(*condition, spec.at("condition"));
  node->yes = spec.transform("if_true");
  node->no = spec.transform("if_false");
  if (spec.compiler().failed()) return nullptr;
  node->spec = make_spec("conditional", {{"condition", node->condition->spec}, {"if_true", node->yes->spec}, {"if_false", node->no->spec}});
  return node;
}

constexpr std::array rows{TypeRow{"chain", build_chain, true}, TypeRow{"conditional", build_conditional, true}};

// ---- conditions ----

using Build = std::unique_ptr<Condition> (*)(const Spec& spec);

// About a number; false for everything else.
class NumberTest final : public Condition {
 public:
  using Test = bool (*)(double v, double a, double b);
  NumberTest(Test test, double a, double b = 0) : test_(test), a_(a), b_(b) {}
  bool holds(const Value& value, Run&) const override {
    const auto number = value.as_number();
    return number && test_(*number, a_, b_);
  }

 private:
  Test test_;
  double a_, b_;
};

std::unique_ptr<Condition> number_test(NumberTest::Test test, double a, double b, Value spec) {
  auto condition = std::make_unique<NumberTest>(test, a, b);
  condition->spec = std::move(spec);
  return condition;
}

std::unique_ptr<Condition> build_greater(const Spec& spec) {
  const double limit = spec.number("value");
  return number_test([](double v, double a, double) { return v > a; }, limit, 0, make_spec("greater_than", {{"value", limit}}));
}
std::unique_ptr<Condition> build_less(const Spec& spec) {
  const double limit = spec.number("value");
  return number_test([](double v, double a, double) { return v < a; }, limit, 0, make_spec("less_than", {{"value", limit}}));
}
std::unique_ptr<Condition> build_equals(const Spec& spec) {
  const double wanted = spec.number("value");
  const double tolerance = spec.number("tolerance", 0.001);
  return number_test([](double v, double a, double b) { return std::abs(v - a) < b; }, wanted, tolerance,
                     make_spec("equals", {{"value", wanted}, {"tolerance", spec.has("tolerance") ? Value(tolerance) : Value()}}));
}
std::unique_ptr<Condition> build_in_range(const Spec& spec) {
  const double min = spec.number("min");
  const double max = spec.number("max");
  return number_test([](double v, double a, double b) { return a <= v && v <= b; }, min, max, make_spec("in_range", {{"min", min}, {"max", max}}));
}

class ExpressionTest final : public Condition {
 public:
  explicit ExpressionTest(Expression expression) : expression_(std::move(expression)) {}
  bool holds(const Value& value, Run& run) const override {
    const ExpressionInputs inputs{.value = &value, .address = run.address, .now = static_cast<double>(run.now.unix_time.us) / 1e6};
    Value result;
    if (const char* fault = expression_.evaluate(inputs, result)) {
      if (run.faults != nullptr) ++*run.faults;
      if (run.fault != nullptr) *run.fault = fault;
      return false;
    }
    return result.boolean() != nullptr && *result.boolean();
  }

 private:
  Expression expression_;
};
std::unique_ptr<Condition> build_expression(const Spec& spec) {
  const Result<Expression> expression = Expression::parse(spec.text("expr"));
  if (!expression) {
    spec.fail("expr", expression.error().message);
    return nullptr;
  }
  if (expression->remembers()) spec.fail("expr", "index, time, last and random() are for transforms: a condition remembers nothing");
  auto condition = std::make_unique<ExpressionTest>(*expression);
  condition->spec = make_spec("expression", {{"expr", expression->text()}});
  return condition;
}

class Combination final : public Condition {
 public:
  explicit Combination(bool all) : all_(all) {}
  std::vector<ConditionPtr> members;
  bool holds(const Value& value, Run& run) const override {
    for (const ConditionPtr& member : members) {
      if (member->holds(value, run) != all_) return !all_;
    }
    return all_;
  }

 private:
  bool all_;
};
template <bool all>
std::unique_ptr<Condition> build_combination(const Spec& spec) {
  auto condition = std::make_unique<Combination>(all);
  Array specs;
  const Array& given = spec.array("conditions");
  for (std::size_t i = 0; i < given.size() && !spec.compiler().failed(); ++i) {
    ConditionPtr member = spec.compiler().condition(given[i], fmt::format("{}/{}", spec.at("conditions"), i));
    if (!member) return nullptr;
    specs.push_back(member->spec);
    condition->members.push_back(std::move(member));
  }
  condition->spec = make_spec(all ? "and" : "or", {{"conditions", std::move(specs)}});
  return condition;
}

class Negation final : public Condition {
 public:
  explicit Negation(ConditionPtr inner) : inner_(std::move(inner)) {}
  bool holds(const Value& value, Run& run) const override { return !inner_->holds(value, run); }

 private:
  ConditionPtr inner_;
};
std::unique_ptr<Condition> build_not(const Spec& spec) {
  const Value* given = spec.find("condition");
  if (given == nullptr) {
    spec.fail("condition", "missing; a condition is needed");
    return nullptr;
  }
  ConditionPtr inner = spec.compiler().condition(*given, spec.at("condition"));
  if (!inner) return nullptr;
  Value made = make_spec("not", {{"condition", inner->spec}});
  auto condition = std::make_unique<Negation>(std::move(inner));
  condition->spec = std::move(made);
  return condition;
}

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

class StringEquals final : public Condition {
 public:
  StringEquals(std::string wanted, bool ignore_case) : wanted_(ignore_case ? lowered(wanted) : std::move(wanted)), ignore_case_(ignore_case) {}
  bool holds(const Value& value, Run&) const override {
    const std::string* text = value.string();
    return text != nullptr && (ignore_case_ ? lowered(*text) : *text) == wanted_;
  }

 private:
  std::string wanted_;
  bool ignore_case_;
};
std::unique_ptr<Condition> build_string_equals(const Spec& spec) {
  const bool ignore_case = spec.flag("ignore_case");
  auto condition = std::make_unique<StringEquals>(spec.text("value"), ignore_case);
  condition->spec = make_spec("string_equals", {{"value", spec.text("value")}, {"ignore_case", ignore_case ? Value(true) : Value()}});
  return condition;
}

class Matches final : public Condition {
 public:
  explicit Matches(Regex regex) : regex_(std::move(regex)) {}
  bool holds(const Value& value, Run&) const override { return value.string() != nullptr && regex_.found_in(*value.string()); }

 private:
  Regex regex_;
};
std::unique_ptr<Condition> build_matches(const Spec& spec) {
  const Result<Regex> regex = Regex::compile(spec.text("regex"));
  if (!regex) {
    spec.fail("regex", regex.error().message);
    return nullptr;
  }
  auto condition = std::make_unique<Matches>(*regex);
  condition->spec = make_spec("matches", {{"regex", regex->pattern()}});
  return condition;
}

constexpr std::array<std::string_view, 9> kind_names{"null", "bool", "int", "float", "string", "bytes", "array", "map", "number"};
class IsType final : public Condition {
 public:
  explicit IsType(std::size_t kind) : kind_(kind) {}
  bool holds(const Value& value, Run&) const override {
    return kind_ == 8 ? value.as_number().has_value() : static_cast<std::size_t>(value.kind()) == kind_;
  }

 private:
  std::size_t kind_;
};
std::unique_ptr<Condition> build_is_type(const Spec& spec) {
  const std::size_t kind = spec.choice("value", kind_names);
  auto condition = std::make_unique<IsType>(kind);
  condition->spec = make_spec("is_type", {{"value", kind_names[kind]}});
  return condition;
}

class Exists final : public Condition {
 public:
  bool holds(const Value& value, Run&) const override { return !value.is_null(); }
};
std::unique_ptr<Condition> build_exists(const Spec&) {
  auto condition = std::make_unique<Exists>();
  condition->spec = make_spec("exists");
  return condition;
}

// Numbers that differ by more than epsilon from the last one that counted as a change. The first is one.
class Changed final : public Condition {
 public:
  Changed(std::size_t cell, double epsilon) : cell_(cell), epsilon_(epsilon) {}
  bool holds(const Value& value, Run& run) const override {
    const auto number = value.as_number();
    if (!number || !std::isfinite(*number)) return false;
    Cell& cell = (*run.cells)[cell_];
    if (cell.set && std::abs(*number - cell.number) <= epsilon_) return false;
    cell.set = true;
    cell.number = *number;
    return true;
  }

 private:
  std::size_t cell_;
  double epsilon_;
};
std::unique_ptr<Condition> build_changed(const Spec& spec) {
  const double epsilon = spec.number("epsilon", 0);
  if (epsilon < 0) spec.fail("epsilon", "expected a number that is not negative");
  auto condition = std::make_unique<Changed>(spec.compiler().new_cell(), epsilon);
  condition->spec = make_spec("changed", {{"epsilon", spec.has("epsilon") ? Value(epsilon) : Value()}});
  return condition;
}

class AddressTest final : public Condition {
 public:
  explicit AddressTest(Pattern pattern) : pattern_(std::move(pattern)) {}
  bool holds(const Value&, Run& run) const override { return pattern_.matches(run.address); }

 private:
  Pattern pattern_;
};
std::unique_ptr<Condition> build_address(const Spec& spec) {
  const std::string text = spec.text("pattern");
  const auto pattern = Pattern::parse(text);
  if (!pattern) {
    spec.fail("pattern", describe_address_fault(pattern.error(), text));
    return nullptr;
  }
  auto condition = std::make_unique<AddressTest>(*pattern);
  condition->spec = make_spec("address", {{"pattern", text}});
  return condition;
}

struct ConditionRow {
  std::string_view name;
  Build build;
};
constexpr std::array conditions{
    ConditionRow{"greater_than", build_greater},
    ConditionRow{"less_than", build_less},
    ConditionRow{"equals", build_equals},
    ConditionRow{"in_range", build_in_range},
    ConditionRow{"expression", build_expression},
    ConditionRow{"and", build_combination<true>},
    ConditionRow{"or", build_combination<false>},
    ConditionRow{"not", build_not},
    ConditionRow{"string_equals", build_string_equals},
    ConditionRow{"matches", build_matches},
    ConditionRow{"is_type", build_is_type},
    ConditionRow{"exists", build_exists},
    ConditionRow{"changed", build_changed},
    ConditionRow{"address", build_address},
};

}  // namespace

std::span<const TypeRow> structure_types() { return rows; }

ConditionPtr Compiler::condition(const Value& spec, const std::string& pointer) {
  if (++depth_ > transform_depth_max) fail(pointer, fmt::format("nested deeper than {} levels", transform_depth_max));
  if (++nodes_ > transform_nodes_max) fail(pointer, fmt::format("more than {} transforms and conditions", transform_nodes_max));
  ConditionPtr out;
  const Value* type = spec.find("type");
  if (spec.string() != nullptr) {
    const Value tagged = make_spec("expression", {{"expr", spec}});
    if (!failed()) out = build_expression(Spec(tagged, pointer, *this));
  } else if (type == nullptr || type->string() == nullptr) {
    fail(pointer, "expected a condition: an object with a \"type\", or the text of an expression");
  } else if (const auto row = std::ranges::find(conditions, *type->string(), &ConditionRow::name); row == conditions.end()) {
    fail(pointer + "/type", fmt::format("there is no condition \"{}\"", printable(*type->string(), 40)));
  } else if (!failed()) {
    out = row->build(Spec(spec, pointer, *this));
  }
  --depth_;
  return failed() ? nullptr : std::move(out);
}

}  // namespace clasp::transform
