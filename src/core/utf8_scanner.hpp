// Checks text that arrives in pieces, so that ill-formed UTF-8 is noticed with its first bad byte and not at the end.
#pragma once

#include <cstdint>
#include <string_view>

namespace clasp {

class Utf8Scanner {
 public:
  // False: no continuation of `piece` makes the text so far well-formed. Then it stays false until reset().
  bool take(std::string_view piece);
  bool complete() const { return missing_ == 0; }  // no character is cut in two
  void reset() { *this = {}; }

 private:
  static constexpr std::uint8_t broken = 0xff;

  std::uint8_t missing_ = 0;    // bytes that the character under way still needs
  std::uint8_t lowest_ = 0x80;  // what its next byte may be
  std::uint8_t highest_ = 0xbf;
};

}  // namespace clasp
