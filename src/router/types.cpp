#include "router/types.hpp"

namespace clasp::router {
namespace {

constexpr std::size_t uuid_text_bytes = 36;

// A dash stands before these bytes: 8-4-4-4-12 digits.
constexpr bool dash_before(std::size_t byte) { return byte == 4 || byte == 6 || byte == 8 || byte == 10; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string to_text(const Uuid& uuid) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(uuid_text_bytes);
  for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
    if (dash_before(i)) text += '-';
    text += digits[uuid.bytes[i] >> 4];
    text += digits[uuid.bytes[i] & 0x0f];
  }
  return text;
}

bool parse_uuid(std::string_view text, Uuid& uuid) {
  if (text.size() != uuid_text_bytes) return false;
  Uuid parsed;
  std::size_t at = 0;
  for (std::size_t i = 0; i < parsed.bytes.size(); ++i) {
    if (dash_before(i) && text[at++] != '-') return false;
    const int high = hex_digit(text[at++]);
    const int low = hex_digit(text[at++]);
    if (high < 0 || low < 0) return false;
    parsed.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  uuid = parsed;
  return true;
}

}  // namespace clasp::router
