// Stepping through text that may hold ill-formed UTF-8: for code that must print or repair it instead of refusing it.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/address.hpp"

namespace clasp {

// Bytes of the well-formed character that starts at text[at] (1…4), 0 if none starts there. Call only with at < text.size().
inline std::size_t utf8_bytes_at(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return 1;
  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  return text.size() - at >= bytes && valid_utf8(text.substr(at, bytes)) ? bytes : 0;
}

}  // namespace clasp
