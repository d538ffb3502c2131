// Reads a rule in any of the dialects that are in circulation, piece by piece: each part under every name it has had (docs/rules.md, "Dialects").
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clasp/error.hpp"
#include "rules/rule.hpp"

namespace clasp::rules {

struct ReadRule {
  Rule rule;
  bool has_id = false;             // of its own, not made from its name or place
  std::vector<std::string> notes;  // "/cooldwon: ignored; was "cooldown" meant?"
};

// The error begins with the JSON pointer of what is wrong: "/actions/0/address: missing; …". `id`: for a rule that has none and no name either.
// `lenses`: of the modules its transforms name.
Result<ReadRule> read_rule(const Value& spec, std::string_view id, const transform::LensLoader& lenses = {});

// What can be done to a value by its "transform", in whichever vocabulary, as a specification for Transform::compile().
Value transform_spec(const Value& given);

}  // namespace clasp::rules
