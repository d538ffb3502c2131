// What became of a value.
#pragma once

#include <cstdint>

namespace clasp::transform {

enum class Outcome : std::uint8_t {
  keep,   // the value as it came
  value,  // a new one
  drop,   // nothing: the value goes no further
};

}  // namespace clasp::transform
