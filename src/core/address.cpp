#include "core/address.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <iterator>

#include "core/utf8_walk.hpp"

namespace clasp {
namespace {

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

// Whether every byte is printable ASCII and there is neither a wildcard nor an empty segment: what nearly all addresses are, told eight bytes at a
// time. False is no verdict.
bool is_plain(std::string_view address) {
  constexpr std::uint64_t ones = 0x0101'0101'0101'0101;
  constexpr std::uint64_t tops = 0x8080'8080'8080'8080;
  const auto has_zero = [](std::uint64_t word) { return (word - ones) & ~word & tops; };
  const auto marks = [&](std::uint64_t word, std::uint64_t before) {  // before: the same bytes one place earlier
    const std::uint64_t below_space = (word - ones * 0x20) & ~word & tops;
    const std::uint64_t both_slashes = (word ^ ones * '/') | (before ^ ones * '/');
    return (word & tops) | below_space | has_zero(word ^ ones * 0x7f) | has_zero(word ^ ones * '*') | has_zero(both_slashes);
  };
  const auto word_at = [&](std::size_t at) {
    std::uint64_t word;
    std::memcpy(&word, address.data() + at, sizeof word);
    return word;
  };
  constexpr std::size_t step = sizeof(std::uint64_t);
  if (std::endian::native != std::endian::little || address.size() <= step) return false;
  std::uint64_t found = marks(word_at(0), (word_at(0) << 8) | 'x');
  std::size_t at = step;
  for (; at + step <= address.size(); at += step) found |= marks(word_at(at), word_at(at - 1));
  found |= marks(word_at(address.size() - step), word_at(address.size() - step - 1));
  return found == 0;
}

struct FaultText {
  AddressFault fault;
  std::string_view text;
  bool shows_address;
};

constexpr FaultText fault_texts[] = {
    {AddressFault::empty, "empty address", false},
    {AddressFault::no_leading_slash, "address must start with '/'", true},
    {AddressFault::empty_segment, "empty segment in address", true},
    {AddressFault::wildcard, "wildcard in address", true},
    {AddressFault::control_character, "control character in address", true},
    {AddressFault::too_long, "address too long", true},
    {AddressFault::bad_utf8, "address is not UTF-8", true},
};

}  // namespace

std::optional<AddressFault> check_address(std::string_view address, const AddressRules& rules) {
  if (address.empty()) return AddressFault::empty;
  if (address.size() > rules.bytes_max) return AddressFault::too_long;
  if (address.front() != '/') return AddressFault::no_leading_slash;
  if (is_plain(address)) return std::nullopt;
  if (address.find("//") != std::string_view::npos) return AddressFault::empty_segment;
  if (!rules.wildcards && is_pattern(address)) return AddressFault::wildcard;
  if (!rules.control_characters && std::ranges::any_of(address, is_control)) return AddressFault::control_character;
  if (!valid_utf8(address)) return AddressFault::bad_utf8;
  return std::nullopt;
}

std::string describe_address_fault(AddressFault fault, std::string_view address) {
  const auto* row = std::ranges::find(fault_texts, fault, &FaultText::fault);
  if (row == std::end(fault_texts)) return "invalid address";
  if (!row->shows_address) return fmt::format("invalid address: {}", row->text);
  return fmt::format("invalid address: {}: {}", row->text, printable(address));
}

std::string printable(std::string_view text, std::size_t bytes_max) {
  constexpr std::string_view ellipsis = "...";
  std::string out;
  std::size_t fits = 0;  // where to cut so that the ellipsis still has room
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t bytes = utf8_bytes_at(text, at);
    const bool control =
        (bytes == 1 && is_control(text[at])) || (bytes == 2 && text[at] == '\xc2' && static_cast<unsigned char>(text[at + 1]) < 0xa0);
    if (bytes == 0 || control) {
      for (std::size_t i = 0; i < std::max<std::size_t>(bytes, 1); ++i) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at + i]));
    } else {
      out += text.substr(at, bytes);
    }
    at += std::max<std::size_t>(bytes, 1);
    if (out.size() > bytes_max) return out.substr(0, fits).append(ellipsis.substr(0, bytes_max - fits));
    if (out.size() + ellipsis.size() <= bytes_max) fits = out.size();
  }
  return out;
}

std::string_view first_segment(std::string_view address) {
  SegmentCursor segments(address);
  return segments.done() ? std::string_view{} : segments.next();
}

std::string_view last_segment(std::string_view address) {
  const std::size_t slash = address.rfind('/');
  return slash == std::string_view::npos ? address : address.substr(slash + 1);
}

int compare_addresses(std::string_view a, std::string_view b) {
  const auto [at, other] = std::ranges::mismatch(a, b);
  const bool a_ends = at == a.end();
  const bool b_ends = other == b.end();
  if (a_ends || b_ends) return a_ends == b_ends ? 0 : a_ends ? -1 : 1;
  // Slash first: otherwise "/a b" would fall between "/a" and "/a/c".
  if (*at == '/') return -1;
  if (*other == '/') return 1;
  return static_cast<unsigned char>(*at) < static_cast<unsigned char>(*other) ? -1 : 1;
}

}  // namespace clasp
