// Base64 with the standard alphabet and padding (RFC 4648, section 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "clasp/value.hpp"
#include "core/bytes.hpp"

namespace clasp {

std::string base64_encode(Bytes bytes);

// Strict: nothing but the alphabet, padded to a multiple of four, unused bits zero. So every Blob has exactly one text.
std::optional<Blob> base64_decode(std::string_view text);

}  // namespace clasp
