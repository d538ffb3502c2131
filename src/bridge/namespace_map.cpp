#include "bridge/namespace_map.hpp"

#include <algorithm>
#include <optional>

#include "core/address.hpp"

namespace clasp::bridge {
namespace {

constexpr std::string_view hex_digits = "0123456789ABCDEF";

bool is_control(unsigned char byte) { return byte < 0x20 || byte == 0x7f; }

// Characters no segment of an address may contain. (NUL is one of them, but never comes out of a %00: no protocol here has it in names.)
bool must_be_encoded(char c) { return c == '*' || c == '/' || is_control(static_cast<unsigned char>(c)); }

// The character of an escape at the start of `text` ("%2A…"), if it is one that we write. Anything else, "%zz" or "%20", is plain text.
std::optional<char> find_escaped(std::string_view text) {
  if (text.size() < 3 || text[0] != '%') return std::nullopt;
  const std::size_t high = hex_digits.find(text[1]);
  const std::size_t low = hex_digits.find(text[2]);
  if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
  const char c = static_cast<char>(high << 4 | low);
  if (c == '\0' || (c != '%' && !must_be_encoded(c))) return std::nullopt;
  return c;
}

bool needs_encoding(std::string_view segment) {
  for (std::size_t i = 0; i < segment.size(); ++i) {
    if (must_be_encoded(segment[i]) || find_escaped(segment.substr(i))) return true;
  }
  return false;
}

// End of the segment that starts at `from`. A slash with nothing before it belongs to the segment: "a//b" is "a" and "/b".
std::size_t segment_end(std::string_view name, std::size_t from) { return std::min(name.find('/', from + 1), name.size()); }

}  // namespace

Result<NamespaceMap> NamespaceMap::parse(std::string_view text) {
  NamespaceMap map;
  if (text.empty() || text == "/") return map;
  if (const auto fault = check_address(text)) return Error{ErrorCode::invalid_address, describe_address_fault(*fault, text), std::string(text)};
  if (text.back() == '/') {
    return Error{ErrorCode::invalid_address, "invalid namespace: trailing slash in " + printable(text), std::string(text)};
  }
  map.prefix_ = text;
  return map;
}

void NamespaceMap::append_encoded(std::string& out, std::string_view segment) {
  if (!needs_encoding(segment)) {
    out += segment;
    return;
  }
  for (const char c : segment) {
    if (c != '%' && !must_be_encoded(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', hex_digits[byte >> 4], hex_digits[byte & 0x0f]};
  }
}

bool NamespaceMap::to_address(std::string_view name, std::string& address) const {
  address = prefix_;
  address += '/';
  std::size_t at = 0;
  while (at < name.size()) {
    const std::size_t end = segment_end(name, at);
    append_encoded(address, name.substr(at, end - at));
    if (end == name.size()) break;
    address += '/';
    at = end + 1;
  }
  return !check_address(address);
}

bool NamespaceMap::to_name(std::string_view address, std::string& name) const {
  name.clear();
  if (!address.starts_with(prefix_)) return false;
  address.remove_prefix(prefix_.size());
  if (address.empty() || address[0] != '/') return false;
  address.remove_prefix(1);
  for (std::size_t i = 0; i < address.size();) {
    if (const auto c = find_escaped(address.substr(i))) {
      name += *c;
      i += 3;
    } else {
      name += address[i++];
    }
  }
  return true;
}

}  // namespace clasp::bridge
