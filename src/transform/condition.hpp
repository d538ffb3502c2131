// Conditions (transforms specification, section 6): true or false about one value.
#pragma once

#include <memory>

#include "transform/node.hpp"

namespace clasp::transform {

class Condition {
 public:
  virtual ~Condition() = default;
  virtual bool holds(const Value& value, Run& run) const = 0;
  Value spec;  // in canonical form
};
using ConditionPtr = std::unique_ptr<const Condition>;

}  // namespace clasp::transform
