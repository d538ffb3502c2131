// OSC's method-dispatch patterns (OSC 1.0, "Message Dispatching and Pattern Matching"): ? * [a-z] [!a-z] {foo,bar}. None of them matches a
// slash; what stands between braces is literal.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clasp::bridge::osc {

// True if the address of a received message asks for dispatching: contains one of ? * [ ] { }.
bool is_dispatch_pattern(std::string_view address);

class DispatchPattern {
 public:
  // Nothing if a bracket or brace is not closed.
  static std::optional<DispatchPattern> parse(std::string_view text);

  // Takes at most cost(name) steps, whatever the pattern: it runs as an automaton, without backtracking.
  bool matches(std::string_view name) const;
  std::size_t cost(std::string_view name) const { return tokens_.size() * (name.size() + 1); }

 private:
  enum class Kind : unsigned char { literal, any, star, one_of, open, comma, close };
  struct Token {
    Kind kind;
    char character = 0;        // of a literal
    std::size_t close_at = 0;  // of open and comma: where their brace closes
    std::string choice;        // of one_of: between the brackets
  };
  static bool in_class(std::string_view choice, char c);
  void add_free_moves(std::vector<char>& states) const;

  std::vector<Token> tokens_;
};

}  // namespace clasp::bridge::osc
