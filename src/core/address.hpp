// Addresses: "/" segment *("/" segment), case-sensitive, byte-exact (wire format, section 8).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clasp {

enum class AddressFault : std::uint8_t { empty, no_leading_slash, empty_segment, wildcard, control_character, too_long, bad_utf8 };

struct AddressRules {
  std::size_t bytes_max = 1024;  // router.md 32.12
  bool wildcards = false;        // patterns may contain '*'
  bool control_characters = false;
};

// nullopt if `address` is valid. A trailing slash is valid (its last segment is empty); an empty segment elsewhere is not.
std::optional<AddressFault> check_address(std::string_view address, const AddressRules& rules = {});

// "invalid address: empty segment in address: /a//b". Long and unprintable addresses are shortened and escaped.
std::string describe_address_fault(AddressFault fault, std::string_view address);

// At most `bytes_max` characters, control characters and ill-formed UTF-8 as \xNN: safe for logs and error texts.
std::string printable(std::string_view text, std::size_t bytes_max = 120);

std::string_view first_segment(std::string_view address);  // the namespace: "lights" of /lights/1/dim
std::string_view last_segment(std::string_view address);   // the property: "dim"
inline bool is_pattern(std::string_view text) { return text.find('*') != std::string_view::npos; }

// Walks the segments of "/a/b/": "a", "b", "".
class SegmentCursor {
 public:
  explicit SegmentCursor(std::string_view address) : rest_(address.empty() ? address : address.substr(1)), done_(address.empty()) {}
  bool done() const { return done_; }
  std::string_view next() {  // call only when !done()
    const std::size_t slash = rest_.find('/');
    const std::string_view segment = rest_.substr(0, slash);
    if (slash == std::string_view::npos) done_ = true;
    else rest_.remove_prefix(slash + 1);
    return segment;
  }

 private:
  std::string_view rest_;
  bool done_;
};

// Order in which a subtree is contiguous: '/' sorts before every other byte. Negative, 0, positive.
int compare_addresses(std::string_view a, std::string_view b);

bool valid_utf8(std::string_view text);

}  // namespace clasp
