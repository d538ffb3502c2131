// Structured payloads built from one value: {"level": "$", "lamp": "{n}", "name": "$.name"}.
//
// A text that is exactly "$" stands for the value, "$.path" for what the path leads to in it; in other texts {name} and {1} stand for captures.
#pragma once

#include <optional>
#include <string>

#include "clasp/value.hpp"
#include "mapping/address_pattern.hpp"

namespace clasp::mapping {

// What is wrong with it, if anything: a path that cannot be read, a capture the pattern has not.
std::optional<std::string> check_template(const Value& form, const AddressPattern& pattern);

Value fill_template(const Value& form, const Value& value, const AddressPattern& pattern, const Captured& captured);

}  // namespace clasp::mapping
