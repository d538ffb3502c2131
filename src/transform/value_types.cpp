// Transforms of values of any kind: look-ups, kinds, bits, paths, expressions.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>

#include "core/base64.hpp"
#include "core/json.hpp"
#include "core/saturated.hpp"
#include "transform/compiler.hpp"
#include "transform/json_path.hpp"
#include "transform/number_text.hpp"

namespace clasp::transform {

namespace {

class IdentityNode final : public Node {
 public:
  Outcome apply(Value&, Run&) const override { return Outcome::keep; }
};

std::unique_ptr<Node> build_identity(const Spec&) {
  auto node = std::make_unique<IdentityNode>();
  node->spec = make_spec("identity");
  node->inverse = node->spec;
  return node;
}

// Accepted so that a desktop's configuration loads; there is no engine that could run it.
std::unique_ptr<Node> build_javascript(const Spec& spec) {
  auto node = std::make_unique<IdentityNode>();
  const std::string_view member = spec.has("javascriptCode") ? "javascriptCode" : "code";
  node->spec = make_spec("javascript", {{"code", spec.text(member, "")}});
  spec.compiler().note(fmt::format("{}: script engine unavailable, values pass through", spec.pointer().empty() ? "/" : spec.pointer()));
  return node;
}

class ToIntNode final : public Node {
 public:
  Outcome apply(Value& value, Run&) const override {
    const double* floating = value.floating();
    if (floating == nullptr) return Outcome::keep;
    value = Value(saturated(*floating));
    return Outcome::value;
  }
};
std::unique_ptr<Node> build_to_int(const Spec&) {
  auto node = std::make_unique<ToIntNode>();
  node->spec = make_spec("to_int");
  node->inverse = make_spec("identity");
  return node;
}

class ToFloatNode final : public Node {
 public:
  explicit ToFloatNode(bool truncate) : truncate_(truncate) {}
  Outcome apply(Value& value, Run&) const override {
    const auto number = value.as_number();
    if (!number || (value.floating() != nullptr && !truncate_)) return Outcome::keep;
    value = Value(truncate_ ? static_cast<double>(saturated(*number)) : *number);
    return Outcome::value;
  }

 private:
  bool truncate_;
};
std::unique_ptr<Node> build_to_float(const Spec& spec) {
  const bool truncate = spec.flag("legacy_truncate");
  auto node = std::make_unique<ToFloatNode>(truncate);
  node->spec = make_spec("to_float", {{"legacy_truncate", truncate ? Value(true) : Value()}});
  node->inverse = make_spec("identity");
  return node;
}

class LookupNode final : public Node {
 public:
  std::unordered_map<std::string, Value> table;
  std::optional<Value> otherwise;

  Outcome apply(Value& value, Run&) const override {
    if (const auto key = text_of(value)) {
      if (const auto found = table.find(*key); found != table.end()) {
        value = found->second;
        return Outcome::value;
      }
    }
    if (!otherwise) return Outcome::keep;
    value = *otherwise;
    return Outcome::value;
  }
};

// The other way round, if each value has a text and no two have the same.
std::optional<Value> inverse_table(const Map& table) {
  Map out;
  for (const auto& [key, value] : table) {
    const auto text = text_of(value);
    if (!text || std::ranges::find(out, *text, &MapEntry::first) != out.end()) return std::nullopt;
    out.emplace_back(*text, guess_value(key));
  }
  return make_spec("lookup", {{"table", std::move(out)}});
}

std::unique_ptr<Node> build_lookup(const Spec& spec) {
  const Value* table = spec.find("table");
  auto node = std::make_unique<LookupNode>();
  if (table == nullptr || table->map() == nullptr) {
    spec.fail("table", "missing; an object of keys and values is needed");
    return node;
  }
  for (const auto& [key, value] : *table->map()) node->table.insert_or_assign(key, value);
  if (const Value* otherwise = spec.find("default")) node->otherwise = *otherwise;
  node->spec = make_spec("lookup", {{"table", *table}, {"default", node->otherwise.value_or(Value())}});
  constexpr std::size_t invertible_entries_max = 1'000;  // finding equal values compares all with all
  if (table->map()->size() <= invertible_entries_max) node->inverse = inverse_table(*table->map());
  return node;
}

class MapTypeNode final : public Node {
 public:
  enum class To : std::uint8_t { integer, floating, boolean, string };
  MapTypeNode(To to, bool truncate) : to_(to), truncate_(truncate) {}

  Outcome apply(Value& value, Run&) const override {
    std::optional<Value> made = converted(value);
    if (!made || *made == value) return Outcome::keep;
    value = *std::move(made);
    return Outcome::value;
  }

 private:
  std::optional<Value> converted(const Value& value) const {
    const auto number = value.as_number();
    const std::string* text = value.string();
    switch (to_) {
      case To::integer:
        if (value.integer() != nullptr) return std::nullopt;
        if (number) return Value(saturated(*number));
        if (const auto parsed = text != nullptr ? parse_integer(*text) : std::nullopt) return Value(*parsed);
        return std::nullopt;
      case To::floating:
        if (number) return Value(truncate_ ? static_cast<double>(saturated(*number)) : *number);
        if (const auto parsed = text != nullptr ? parse_floating(*text) : std::nullopt) return Value(*parsed);
        return std::nullopt;
      case To::boolean:
        if (number) return Value(*number != 0);
        return std::nullopt;
      case To::string:
        if (auto made = text_of(value)) return Value(*std::move(made));
        return std::nullopt;
    }
    return std::nullopt;
  }
  To to_;
  bool truncate_;
};

constexpr std::array<std::string_view, 4> type_names{"int", "float", "bool", "string"};

std::unique_ptr<Node> build_map_type(const Spec& spec) {
  const std::size_t to = spec.choice("to_type", type_names);
  if (spec.has("from_type")) spec.choice("from_type", type_names);  // checked, and without effect
  const bool truncate = spec.flag("legacy_truncate");
  auto node = std::make_unique<MapTypeNode>(static_cast<MapTypeNode::To>(to), truncate);
  const Value* from = spec.find("from_type");
  node->spec = make_spec(
      "map_type",
      {{"from_type", from != nullptr ? *from : Value()}, {"to_type", type_names[to]}, {"legacy_truncate", truncate ? Value(true) : Value()}});
  if (to <= 1) node->inverse = make_spec("identity");  // as to_int and to_float
  return node;
}

class BitwiseNode final : public Node {
 public:
  enum class Bits : std::uint8_t { conjunction, disjunction, exclusive, complement, shift_left, shift_right, get, set, clear };
  BitwiseNode(Bits operation, std::int64_t operand)
      : operation_(operation), operand_(operand), shift_(static_cast<int>(std::clamp<std::int64_t>(operand, 0, 63))) {}

  Outcome apply(Value& value, Run&) const override {
    const auto number = value.as_number();
    if (!number) return Outcome::keep;
    const std::int64_t v = value.integer() != nullptr ? *value.integer() : saturated(*number);
    const auto bit = static_cast<std::int64_t>(std::uint64_t{1} << shift_);
    switch (operation_) {
      case Bits::conjunction: value = Value(v & operand_); break;
      case Bits::disjunction: value = Value(v | operand_); break;
      case Bits::exclusive: value = Value(v ^ operand_); break;
      case Bits::complement: value = Value(~v); break;
      case Bits::shift_left: value = Value(static_cast<std::int64_t>(static_cast<std::uint64_t>(v) << shift_)); break;
      case Bits::shift_right: value = Value(v >> shift_); break;
      case Bits::get: value = Value((v >> shift_) & 1); break;
      case Bits::set: value = Value(v | bit); break;
      case Bits::clear: value = Value(v & ~bit); break;
    }
    return Outcome::value;
  }

 private:
  Bits operation_;
  std::int64_t operand_;
  int shift_;
};

std::unique_ptr<Node> build_bitwise(const Spec& spec) {
  constexpr std::array<std::string_view, 9> names{"and", "or", "xor", "not", "shift_left", "shift_right", "get_bit", "set_bit", "clear_bit"};
  const std::size_t operation = spec.choice("operation", names);
  constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();
  const bool shifts = names[operation].starts_with("shift");
  const std::int64_t operand = spec.integer("operand", lowest, highest, shifts ? 1 : 0);
  auto node = std::make_unique<BitwiseNode>(static_cast<BitwiseNode::Bits>(operation), operand);
  node->spec = make_spec("bitwise", {{"operation", names[operation]}, {"operand", spec.has("operand") ? Value(operand) : Value()}});
  return node;
}

// Bytes have no place in JSON: they become base64.
Value as_json_value(const Value& value) {
  if (const Blob* bytes = value.bytes()) return base64_encode(*bytes);
  if (const double* floating = value.floating(); floating != nullptr && !std::isfinite(*floating)) return {};
  if (const Array* items = value.array()) {
    Array out;
    out.reserve(items->size());
    for (const Value& item : *items) out.push_back(as_json_value(item));
    return out;
  }
  if (const Map* entries = value.map()) {
    Map out;
    out.reserve(entries->size());
    for (const auto& [key, item] : *entries) out.emplace_back(key, as_json_value(item));
    return out;
  }
  return value;
}

// Objects in a result, also within arrays, as the text of their JSON [quirk].
Value objects_as_text(const Value& value) {
  if (value.map() != nullptr) return clasp::to_json(value);
  if (const Array* items = value.array()) {
    Array out;
    out.reserve(items->size());
    for (const Value& item : *items) out.push_back(objects_as_text(item));
    return out;
  }
  return value;
}

class JsonPathNode final : public Node {
 public:
  explicit JsonPathNode(JsonPath path) : path_(std::move(path)) {}
  bool objects_stay = false;
  std::optional<Value> otherwise;
  std::optional<std::pair<JsonPath, Value>> inject;

  Outcome apply(Value& value, Run&) const override {
    const Value root = as_json_value(value);
    const auto found = path_.find(root);
    if (!found) return Outcome::keep;  // too much work
    Value result = found->empty() ? otherwise.value_or(Value()) : found->size() == 1 ? *found->front() : collected(*found);
    value = objects_stay ? std::move(result) : objects_as_text(result);
    if (inject) write(value);
    return Outcome::value;
  }

 private:
  static Value collected(const std::vector<const Value*>& found) {
    Array out;
    out.reserve(found.size());
    for (const Value* place : found) out.push_back(*place);
    return out;
  }
  void write(Value& value) const {
    Value changed = value;
    if (Value* place = inject->first.place(changed)) {
      *place = inject->second;
      value = std::move(changed);
    }
  }
  JsonPath path_;
};

std::unique_ptr<Node> build_json_path(const Spec& spec) {
  const bool alias = spec.find("type")->string() != nullptr && *spec.find("type")->string() == "path";
  const Result<JsonPath> path = JsonPath::parse(spec.text("path"));
  if (!path) {
    spec.fail("path", path.error().message);
    return nullptr;
  }
  auto node = std::make_unique<JsonPathNode>(*path);
  constexpr std::array<std::string_view, 2> objects{"text", "map"};
  node->objects_stay = spec.choice("objects", objects, alias ? 1 : 0) == 1;
  if (const Value* otherwise = spec.find("default")) node->otherwise = *otherwise;
  const Value* inject = spec.find("inject");
  if (inject != nullptr) {
    const Spec inner(*inject, spec.at("inject"), spec.compiler());
    const Result<JsonPath> to = JsonPath::parse(inner.text("path"));
    const Value* what = inner.find("value");
    if (!to)
      inner.fail("path", to.error().message);
    else if (!to->is_plain())
      inner.fail("path", "expected a path of names and indexes only");
    else
      node->inject.emplace(*to, what != nullptr ? *what : Value());
  }
  node->spec = make_spec("json_path", {{"path", spec.text("path")},
                                       {"objects", node->objects_stay ? Value("map") : Value()},
                                       {"default", node->otherwise.value_or(Value())},
                                       {"inject", inject != nullptr ? *inject : Value()}});
  return node;
}

class ExpressionNode final : public Node {
 public:
  ExpressionNode(Expression expression, std::optional<std::size_t> cell, std::uint64_t seed)
      : expression_(std::move(expression)), cell_(cell), seed_(seed) {}

  Outcome apply(Value& value, Run& run) const override {
    ExpressionInputs inputs{.value = &value, .address = run.address, .now = static_cast<double>(run.now.unix_time.us) / 1e6};
    Cell* cell = cell_ ? &(*run.cells)[*cell_] : nullptr;
    std::uint64_t random = 0;
    if (cell != nullptr) remember(*cell, inputs, random, run);
    Value result;
    const char* fault = expression_.evaluate(inputs, result);
    if (cell != nullptr) {
      ++cell->count;
      std::memcpy(&cell->second, &random, sizeof random);
    }
    if (fault == nullptr && (result.is_null() || result.array() != nullptr || result.map() != nullptr || result.bytes() != nullptr))
      fault = "the result is neither number, flag nor string";
    if (fault != nullptr) {
      if (run.faults != nullptr) ++*run.faults;
      if (run.fault != nullptr) *run.fault = fault;
      return Outcome::keep;
    }
    value = std::move(result);
    if (cell != nullptr) cell->number = value.as_number().value_or(0);
    return Outcome::value;
  }

 private:
  // cell: count samples, when the first came, the last result, and the state of random() in the bits of `second`.
  void remember(Cell& cell, ExpressionInputs& inputs, std::uint64_t& random, const Run& run) const {
    if (!cell.set) {
      cell.set = true;
      cell.at = run.now.steady;
      random = seed_ ^ std::hash<std::string_view>{}(run.address);
    } else {
      std::memcpy(&random, &cell.second, sizeof random);
    }
    inputs.index = static_cast<double>(cell.count);
    inputs.time = static_cast<double>((run.now.steady - cell.at).count()) / 1e6;
    inputs.last = cell.number;
    inputs.random = &random;
  }

  Expression expression_;
  std::optional<std::size_t> cell_;
  std::uint64_t seed_;
};

std::unique_ptr<Node> build_expression(const Spec& spec) {
  const std::string_view member = spec.has("expression") ? "expression" : "expr";
  const Result<Expression> expression = Expression::parse(spec.text(member));
  if (!expression) {
    spec.fail(member, expression.error().message);
    return nullptr;
  }
  const auto cell = expression->remembers() ? std::optional(spec.compiler().new_cell()) : std::nullopt;
  auto node = std::make_unique<ExpressionNode>(*expression, cell, spec.compiler().options().seed);
  node->spec = make_spec("expression", {{"expr", expression->text()}});
  return node;
}

constexpr std::array rows{
    TypeRow{"identity", build_identity},   TypeRow{"to_int", build_to_int},         TypeRow{"to_float", build_to_float},
    TypeRow{"lookup", build_lookup},       TypeRow{"map_type", build_map_type},     TypeRow{"bitwise", build_bitwise},
    TypeRow{"json_path", build_json_path}, TypeRow{"expression", build_expression}, TypeRow{"javascript", build_javascript},
};

}  // namespace

Value lens_params(const Spec& spec) {
  const bool as_text = spec.has("wasmParams");
  const Value* given = spec.find(as_text ? "wasmParams" : "params");
  if (given == nullptr) return Map{};
  if (!as_text) return *given;
  const auto parsed = given->string() != nullptr ? parse_json(*given->string()) : Result<Value>(Value());
  if (!parsed || parsed->map() == nullptr) return Map{};  // what does not parse is ignored (11.3)
  return *parsed;
}

std::span<const TypeRow> value_types() { return rows; }

}  // namespace clasp::transform
