// The text of a --lenses file: an array of lenses, an object with "lenses", or a LensVM lens file, which is one lens.
#pragma once

#include <string_view>
#include <vector>

#include "clasp/error.hpp"
#include "lens/lens_spec.hpp"

namespace clasp::lens {

// Appends. The error begins with "Failed to parse lenses JSON from ".
Result<void> read_lenses(std::string_view text, std::string_view source, std::vector<LensTable>& out);

}  // namespace clasp::lens
