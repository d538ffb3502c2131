// The terse form of a mapping, one line:
//
//   osc:/fader/{1..8} <-> /lights/{n}/dim | scale 0..1 0..255 | clamp 0 255
//
// Two addresses, an arrow (-> <- <->), then steps behind bars: transforms, and what else a mapping has (docs/mapping.md has the list).
#pragma once

#include <string_view>

#include "clasp/error.hpp"
#include "clasp/value.hpp"

namespace clasp::mapping {

// The object form of the line. The error names the column, counted from 1, and what was expected.
Result<Value> parse_mapping_line(std::string_view line);

}  // namespace clasp::mapping
