// Regular expressions whose cost grows with the text only, never exponentially: foreign patterns meet foreign texts here.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "clasp/error.hpp"

namespace re2 {
class RE2;
}

namespace clasp::transform {

class Regex {
 public:
  // Syntax of RE2. The error says what is wrong with the pattern.
  static Result<Regex> compile(std::string_view pattern);

  bool found_in(std::string_view text) const;                                  // anywhere in it
  bool covers(std::string_view text) const;                                    // all of it
  std::string replaced(std::string text, std::string_view replacement) const;  // every match; \1 is the first group
  const std::string& pattern() const;

 private:
  explicit Regex(std::shared_ptr<const re2::RE2> machine) : machine_(std::move(machine)) {}
  std::shared_ptr<const re2::RE2> machine_;
};

}  // namespace clasp::transform
