// The transforms of rules in terms of those of everything else (docs/transforms.md).
#include <algorithm>

#include "rules/rule_reader.hpp"

namespace clasp::rules {

namespace {

const Value* member(const Value& spec, std::string_view name) {
  const Value* found = spec.find(name);
  return found == nullptr || found->is_null() ? nullptr : found;
}

Value or_else(const Value* given, Value otherwise) { return given != nullptr ? *given : std::move(otherwise); }

// v >= value: above, else below.
Value threshold_spec(const Value& spec) {
  Value test = Map{{"type", "threshold"}, {"value", or_else(member(spec, "value"), Value())}, {"mode", "at_least"}, {"result", "bool"}};
  const Value* above = spec.find("above");
  const Value* below = spec.find("below");
  if (above == nullptr && below == nullptr) return test;
  Value table = Map{{"true", or_else(above, true)}, {"false", or_else(below, false)}};
  return Map{{"type", "chain"}, {"transforms", Array{std::move(test), Map{{"type", "lookup"}, {"table", std::move(table)}}}}};
}

Value lookup_spec(const Value& spec) {
  Map out{{"type", "lookup"}};
  for (const auto& [name, value] : *spec.map()) {
    if (name != "type") out.emplace_back(name, value);
  }
  return out;
}

}  // namespace

Value transform_spec(const Value& given) {
  const Map* members = given.map();
  if (members == nullptr) return given;  // "Identity", an expression
  const Value* type = given.find("type");
  if (type == nullptr || type->string() == nullptr) {  // {"Clamp":{…}}: what is inside has to be looked at as well
    if (members->size() != 1 || members->front().first != "Clamp" || members->front().second.map() == nullptr) return given;
    Map clamp{{"type", "clamp"}};
    for (const auto& item : *members->front().second.map()) clamp.push_back(item);
    return clamp;
  }
  const std::string& name = *type->string();
  if (name == "scale" && member(given, "from_min") == nullptr && member(given, "scaleInMin") == nullptr) {
    const Value* factor = member(given, "scale") != nullptr ? member(given, "scale") : member(given, "factor");
    return Map{{"type", "scale"}, {"scale", or_else(factor, 1)}, {"offset", or_else(member(given, "offset"), 0)}};
  }
  if (name == "threshold" && member(given, "mode") == nullptr && member(given, "result") == nullptr && member(given, "value") != nullptr)
    return threshold_spec(given);
  if (name == "map") return lookup_spec(given);
  if (name == "round" && member(given, "decimals") == nullptr)
    return Map{{"type", "round"}, {"decimals", or_else(member(given, "precision"), 0)}, {"rounding", "away"}};
  return given;
}

}  // namespace clasp::rules
