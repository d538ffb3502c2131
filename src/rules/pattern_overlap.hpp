// Whether two patterns have an address in common.
#pragma once

#include "core/pattern.hpp"

namespace clasp::rules {

bool overlap(const Pattern& a, const Pattern& b);

}  // namespace clasp::rules
