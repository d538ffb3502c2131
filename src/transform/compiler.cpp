#include "transform/compiler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/address.hpp"

namespace clasp::transform {

namespace {

struct Alias {
  std::string_view name;
  std::string_view means;
};
constexpr std::array aliases{
    Alias{"direct", "identity"}, Alias{"passthrough", "identity"}, Alias{"deadzone", "dead_zone"},
    Alias{"ema", "smooth"},      Alias{"path", "json_path"},       Alias{"script", "javascript"},
};

// Types that need no member may be written as a text.
constexpr std::array bare_types{std::string_view("identity"), std::string_view("direct"),  std::string_view("passthrough"),
                                std::string_view("invert"),   std::string_view("to_int"),  std::string_view("to_float"),
                                std::string_view("abs"),      std::string_view("negate"),  std::string_view("round"),
                                std::string_view("gate"),     std::string_view("trigger"), std::string_view("toggle")};

const TypeRow* find_type(std::string_view name) {
  for (const std::span<const TypeRow> rows : {numeric_types(), remembering_types(), value_types(), structure_types()}) {
    const auto row = std::ranges::find(rows, name, &TypeRow::name);
    if (row != rows.end()) return &*row;
  }
  return nullptr;
}

// How values of other kinds reach a node that is made for numbers: "map", "bool_as_number" and "preserve_int".
class Adapter final : public Node {
 public:
  struct Flags {
    bool map = false;
    bool bool_as_number = false;
    bool preserve_int = false;
  };
  Adapter(NodePtr inner, Flags flags) : inner_(std::move(inner)), flags_(flags) {}

  Outcome apply(Value& value, Run& run) const override {
    if (!flags_.map || value.array() == nullptr) return apply_one(value, run);
    Array items = *value.array();
    Outcome outcome = Outcome::keep;
    for (Value& item : items) {
      if (apply_one(item, run) == Outcome::value) outcome = Outcome::value;
    }
    if (outcome == Outcome::value) value = Value(std::move(items));
    return outcome;
  }

 private:
  Outcome apply_one(Value& value, Run& run) const {
    const bool was_integer = value.integer() != nullptr;
    if (flags_.bool_as_number && value.boolean() != nullptr) value = Value(*value.boolean() ? 1.0 : 0.0);
    const Outcome outcome = inner_->apply(value, run);
    if (flags_.preserve_int && was_integer && value.floating() != nullptr) {
      constexpr double exact = 9'007'199'254'740'992.0;  // 2^53
      const double number = *value.floating();
      if (std::trunc(number) == number && std::abs(number) <= exact) value = Value(static_cast<std::int64_t>(number));
    }
    return outcome;
  }

  NodePtr inner_;
  Flags flags_;
};

}  // namespace

struct Compiler::Level {
  Level(Compiler& in, std::string_view pointer) : compiler(in) {
    if (++compiler.depth_ > transform_depth_max) compiler.fail(pointer, fmt::format("nested deeper than {} levels", transform_depth_max));
    if (++compiler.nodes_ > transform_nodes_max) compiler.fail(pointer, fmt::format("more than {} transforms and conditions", transform_nodes_max));
  }
  ~Level() { --compiler.depth_; }
  Compiler& compiler;
};

void Compiler::fail(std::string_view pointer, std::string_view what) {
  if (failed()) return;
  error_ = {ErrorCode::invalid_value, fmt::format("{}: {}", pointer.empty() ? "/" : printable(pointer, 200), what), {}};
}

NodePtr Compiler::transform(const Value& spec, const std::string& pointer) {
  const Level level(*this, pointer);
  if (failed()) return nullptr;
  if (const std::optional<Value> other = from_tagged(spec)) return tagged(*other, pointer);
  if (const std::string* text = spec.string()) {
    const bool is_type = std::ranges::find(bare_types, *text) != bare_types.end();
    return tagged(is_type ? make_spec(*text) : make_spec("expression", {{"expr", *text}}), pointer);
  }
  return tagged(spec, pointer);
}

NodePtr Compiler::tagged(const Value& spec, const std::string& pointer) {
  const Value* type = spec.find("type");
  if (type == nullptr || type->string() == nullptr) {
    fail(pointer, "expected an object with a \"type\", or the text of an expression");
    return nullptr;
  }
  std::string_view name = *type->string();
  if (const auto alias = std::ranges::find(aliases, name, &Alias::name); alias != aliases.end()) name = alias->means;
  const TypeRow* row = find_type(name);
  if (row == nullptr) {
    fail(pointer + "/type", fmt::format("there is no transform \"{}\"", printable(name, 40)));
    return nullptr;
  }
  std::unique_ptr<Node> node = row->build(Spec(spec, pointer, *this));
  if (failed()) return nullptr;
  return with_flags(std::move(node), spec, pointer, row->remembers);
}

NodePtr Compiler::with_flags(NodePtr node, const Value& spec, const std::string& pointer, bool remembers) {
  const Spec reader(spec, pointer, *this);
  const Adapter::Flags flags{.map = reader.flag("map"), .bool_as_number = reader.flag("bool_as_number"), .preserve_int = reader.flag("preserve_int")};
  if (!flags.map && !flags.bool_as_number && !flags.preserve_int) return node;
  if (flags.map && remembers) reader.fail("map", "not for a transform that remembers earlier values: the items of an array would share them");
  Map members = *node->spec.map();
  std::optional<Value> inverse = node->inverse;
  const auto add = [&](std::string_view flag, bool on) {
    if (!on) return;
    members.emplace_back(flag, true);
    if (inverse && inverse->map() != nullptr && flag != "bool_as_number") {
      Map undone = *inverse->map();
      undone.emplace_back(flag, true);
      inverse = Value(std::move(undone));
    }
  };
  add("map", flags.map);
  add("bool_as_number", flags.bool_as_number);
  add("preserve_int", flags.preserve_int);
  auto adapter = std::make_unique<Adapter>(std::move(node), flags);
  adapter->spec = Value(std::move(members));
  adapter->inverse = std::move(inverse);
  return adapter;
}

Value make_spec(std::string_view type, Map members) {
  Map out{{"type", type}};
  for (auto& [name, value] : members) {
    if (!value.is_null()) out.emplace_back(std::move(name), std::move(value));
  }
  return out;
}

std::optional<Value> from_tagged(const Value& spec) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> bare{
      {{"Identity", "identity"}, {"Invert", "invert"}, {"ToInt", "to_int"}, {"ToFloat", "to_float"}}};
  const auto plain = [&](std::string_view name) -> std::optional<Value> {
    const auto row = std::ranges::find(bare, name, &std::pair<std::string_view, std::string_view>::first);
    if (row == bare.end()) return std::nullopt;
    return make_spec(row->second);
  };
  if (const std::string* name = spec.string()) return plain(*name);
  const Map* members = spec.map();
  if (members == nullptr || members->size() != 1) return std::nullopt;
  const auto& [tag, content] = (*members)[0];
  if (tag == "Expression") return make_spec("expression", {{"expr", content}});
  if (tag == "Threshold") {
    const Value* value = content.find("value");
    return make_spec("threshold", {{"value", value != nullptr ? *value : Value("")}, {"mode", "above"}, {"result", "bool"}});
  }
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> with_members{{{"Scale", "scale"}, {"Clamp", "clamp"}, {"Invert", "invert"}}};
  for (const auto& [name, type] : with_members) {
    if (tag != name || content.map() == nullptr) continue;
    return make_spec(type, *content.map());
  }
  return content.is_null() || (content.map() != nullptr && content.map()->empty()) ? plain(tag) : std::nullopt;
}

// ---- Spec ----

const Value* Spec::find(std::string_view name) const {
  const Value* member = object_.find(name);
  return member == nullptr || member->is_null() ? nullptr : member;
}

bool Spec::has_any(std::initializer_list<std::string_view> names) const {
  return std::ranges::any_of(names, [this](std::string_view name) { return has(name); });
}

std::string Spec::at(std::string_view name) const { return fmt::format("{}/{}", pointer_, name); }

double Spec::number(std::string_view name) const {
  if (!has(name)) {
    fail(name, "missing; a number is needed");
    return 0;
  }
  return number(name, 0);
}

double Spec::number(std::string_view name, double absent) const {
  const Value* member = find(name);
  if (member == nullptr) return absent;
  const auto value = member->as_number();
  if (!value || !std::isfinite(*value)) {
    fail(name, fmt::format("expected a number, not {}", printable(clasp::to_json(*member), 60)));
    return absent;
  }
  return *value;
}

std::int64_t Spec::integer(std::string_view name, std::int64_t min, std::int64_t max) const {
  if (!has(name)) {
    fail(name, "missing; an integer is needed");
    return min;
  }
  return integer(name, min, max, min);
}

std::int64_t Spec::integer(std::string_view name, std::int64_t min, std::int64_t max, std::int64_t absent) const {
  const Value* member = find(name);
  if (member == nullptr) return absent;
  const auto value = member->as_number();
  const bool whole = value && std::trunc(*value) == *value && std::abs(*value) < 9.2e18;
  const std::int64_t number = member->integer() != nullptr ? *member->integer() : whole ? static_cast<std::int64_t>(*value) : 0;
  if (!whole || number < min || number > max) {
    fail(name, fmt::format("expected an integer from {} to {}, not {}", min, max, printable(clasp::to_json(*member), 60)));
    return absent;
  }
  return number;
}

bool Spec::flag(std::string_view name, bool absent) const {
  const Value* member = find(name);
  if (member == nullptr) return absent;
  if (member->boolean() == nullptr) {
    fail(name, "expected true or false");
    return absent;
  }
  return *member->boolean();
}

std::string Spec::text(std::string_view name) const {
  if (!has(name)) fail(name, "missing; a text is needed");
  return text(name, "");
}

std::string Spec::text(std::string_view name, std::string_view absent) const {
  const Value* member = find(name);
  if (member == nullptr) return std::string(absent);
  if (member->string() == nullptr) {
    fail(name, "expected a text");
    return std::string(absent);
  }
  return *member->string();
}

std::size_t Spec::choice(std::string_view name, std::span<const std::string_view> names) const {
  if (!has(name)) {
    fail(name, fmt::format("missing; expected one of: {}", fmt::join(names, ", ")));
    return 0;
  }
  return choice(name, names, 0);
}

std::size_t Spec::choice(std::string_view name, std::span<const std::string_view> names, std::size_t absent) const {
  const Value* member = find(name);
  if (member == nullptr) return absent;
  const std::string* text = member->string();
  const auto found = text != nullptr ? std::ranges::find(names, *text) : names.end();
  if (found == names.end()) {
    fail(name, fmt::format("expected one of: {}", fmt::join(names, ", ")));
    return absent;
  }
  return static_cast<std::size_t>(found - names.begin());
}

const Array& Spec::array(std::string_view name) const {
  static const Array none;
  const Value* member = find(name);
  if (member != nullptr && member->array() != nullptr) return *member->array();
  fail(name, member == nullptr ? "missing; an array is needed" : "expected an array");
  return none;
}

NodePtr Spec::transform(std::string_view name) const {
  const Value* member = find(name);
  if (member == nullptr) {
    fail(name, "missing; a transform is needed");
    return nullptr;
  }
  return compiler_.transform(*member, at(name));
}

}  // namespace clasp::transform
