#include "http_client/signature.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "core/check.hpp"

namespace clasp::http_client {

std::string hmac_sha256_hex(std::string_view secret, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  const auto* data = reinterpret_cast<const unsigned char*>(text.data());
  CLASP_CHECK(HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), data, text.size(), digest.data(), &length) != nullptr);
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (unsigned i = 0; i < length; ++i) {
    out += digits[digest[i] >> 4];
    out += digits[digest[i] & 15];
  }
  return out;
}

}  // namespace clasp::http_client
