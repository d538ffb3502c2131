#include "transform/transform.hpp"

#include <fmt/format.h>

#include <cmath>

#include "transform/compiler.hpp"
#include "transform/state_table.hpp"

namespace clasp::transform {

namespace {

constexpr std::array<std::string_view, 4> nonfinite_names{"drop", "pass", "hold", "value"};

struct Ending {
  NonFinite rule = NonFinite::drop;
  double replacement = 0;
  bool given = false;
};

// "on_nonfinite": "drop" | "pass" | "hold" | "value" with "nonfinite_value".
Ending read_ending(const Value& spec, const std::string& pointer, Compiler& compiler) {
  const Spec reader(spec, pointer, compiler);
  Ending ending{.rule = compiler.options().on_nonfinite};
  if (!reader.has("on_nonfinite")) return ending;
  ending.given = true;
  ending.rule = static_cast<NonFinite>(reader.choice("on_nonfinite", nonfinite_names));
  if (ending.rule == NonFinite::replace) ending.replacement = reader.number("nonfinite_value");
  return ending;
}

bool is_number(ValueTag tag) { return tag == ValueTag::i64 || tag == ValueTag::f64; }

}  // namespace

struct Transform::Parts {
  NodePtr root;
  Value spec;
  Ending ending;
  CompileOptions options;
  std::vector<std::string> notes;
  StateTable states;
  std::size_t own_cell = 0;  // the last finite result, for "hold"
  bool has_cells = false;
  std::uint64_t faults = 0;
  const char* last_fault = "";

  Parts(std::size_t cells, std::size_t addresses_max) : states(cells, addresses_max), has_cells(cells > 0) {}

  Outcome apply(Value& value, std::string_view address, const Now& now, const Trace* trace) {
    Run run{
        .address = address, .now = now, .cells = has_cells ? &states.of(address) : nullptr, .faults = &faults, .fault = &last_fault, .trace = trace};
    const Outcome outcome = root->apply(value, run);
    const double* floating = value.floating();
    if (outcome == Outcome::drop) return outcome;
    if (ending.rule == NonFinite::hold) return hold(value, outcome, (*run.cells)[own_cell]);
    if (floating == nullptr || std::isfinite(*floating) || ending.rule == NonFinite::pass) return outcome;
    if (ending.rule == NonFinite::drop) return Outcome::drop;
    value = Value(ending.replacement);
    return Outcome::value;
  }

  static Outcome hold(Value& value, Outcome outcome, Cell& last) {
    const double* floating = value.floating();
    if (floating == nullptr) return outcome;
    if (std::isfinite(*floating)) {
      last.set = true;
      last.number = *floating;
      return outcome;
    }
    if (!last.set) return Outcome::drop;
    value = Value(last.number);
    return Outcome::value;
  }
};

Result<Transform> Transform::compile(const Value& spec, const CompileOptions& options, std::string_view pointer) {
  Compiler compiler(options);
  const std::string place(pointer);
  NodePtr root = compiler.transform(spec, place);
  const Ending ending = read_ending(spec, place, compiler);
  if (compiler.failed()) return compiler.error();
  const std::size_t own_cell = ending.rule == NonFinite::hold ? compiler.new_cell() : 0;
  auto parts = std::make_unique<Parts>(compiler.cells(), options.addresses_max);
  parts->spec = root->spec;
  if (ending.given && parts->spec.map() != nullptr) {
    Map members = *parts->spec.map();
    members.emplace_back("on_nonfinite", nonfinite_names[static_cast<std::size_t>(ending.rule)]);
    if (ending.rule == NonFinite::replace) members.emplace_back("nonfinite_value", ending.replacement);
    parts->spec = Value(std::move(members));
  }
  parts->root = std::move(root);
  parts->ending = ending;
  parts->own_cell = own_cell;
  parts->options = options;
  parts->notes = std::move(compiler.notes());
  return Transform(std::move(parts));
}

Transform::Transform(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Transform::Transform(Transform&&) noexcept = default;
Transform& Transform::operator=(Transform&&) noexcept = default;
Transform::~Transform() = default;

Outcome Transform::apply(const ValueView& in, std::string_view address, const Now& now, Value& out) {
  if (is_number(in.tag)) {
    if (const auto integer = in.as_integer())
      out = Value(*integer);
    else
      out = Value(*in.as_number());
  } else {
    out = to_value(in);
  }
  return parts_->apply(out, address, now, nullptr);
}

Outcome Transform::apply(Value& value, std::string_view address, const Now& now) { return parts_->apply(value, address, now, nullptr); }

Outcome Transform::trace(Value& value, std::string_view address, const Now& now, const Step& step) {
  bool told = false;
  const Trace each = [&](const Node& node, const Value& after, Outcome outcome) {
    told = true;
    step(node.spec, after, outcome);
  };
  const Outcome outcome = parts_->apply(value, address, now, &each);
  if (!told) step(parts_->spec, value, outcome);
  return outcome;
}

Result<Transform> Transform::inverse() const {
  if (parts_->root->inverse) return compile(*parts_->root->inverse, parts_->options);
  std::string_view type = "?";
  if (const Value* name = parts_->spec.find("type"); name != nullptr && name->string() != nullptr) type = *name->string();
  if (const Value* members = parts_->spec.find("transforms"); members != nullptr && members->array() != nullptr) {
    for (std::size_t i = 0; i < members->array()->size(); ++i) {
      const Value& member = (*members->array())[i];
      const auto alone = compile(member, parts_->options, fmt::format("/transforms/{}", i));
      if (!alone || alone->parts_->root->inverse) continue;
      const auto why = alone->inverse();
      return Error{ErrorCode::invalid_value, why.error().message, {}};
    }
  }
  return Error{ErrorCode::invalid_value, fmt::format("{} cannot be undone", type), {}};
}

const Value& Transform::to_json() const { return parts_->spec; }
const std::vector<std::string>& Transform::notes() const { return parts_->notes; }
bool Transform::remembers() const { return parts_->has_cells; }
std::uint64_t Transform::faults() const { return parts_->faults; }
std::string_view Transform::last_fault() const { return parts_->last_fault; }
std::size_t Transform::addresses() const { return parts_->states.size(); }
void Transform::reset() { parts_->states.clear(); }

struct ConditionTest::Parts {
  ConditionPtr condition;
  StateTable states;
  bool has_cells = false;
  explicit Parts(std::size_t cells) : states(cells, CompileOptions{}.addresses_max), has_cells(cells > 0) {}
};

Result<ConditionTest> ConditionTest::compile(const Value& spec, std::string_view pointer) {
  const CompileOptions options;
  Compiler compiler(options);
  ConditionPtr condition = compiler.condition(spec, std::string(pointer));
  if (compiler.failed()) return compiler.error();
  auto parts = std::make_unique<Parts>(compiler.cells());
  parts->condition = std::move(condition);
  return ConditionTest(std::move(parts));
}

ConditionTest::ConditionTest(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ConditionTest::ConditionTest(ConditionTest&&) noexcept = default;
ConditionTest& ConditionTest::operator=(ConditionTest&&) noexcept = default;
ConditionTest::~ConditionTest() = default;

bool ConditionTest::holds(const Value& value, std::string_view address, const Now& now) {
  Run run{.address = address, .now = now, .cells = parts_->has_cells ? &parts_->states.of(address) : nullptr};
  return parts_->condition->holds(value, run);
}

const Value& ConditionTest::to_json() const { return parts_->condition->spec; }

}  // namespace clasp::transform
