// Proof of who sent a body (HMAC-SHA256, RFC 2104).
#pragma once

#include <string>
#include <string_view>

namespace clasp::http_client {

std::string hmac_sha256_hex(std::string_view secret, std::string_view text);  // 64 lower-case digits

}  // namespace clasp::http_client
