// Words, numbers, strings and operators of an expression.
#pragma once

#include <string>
#include <string_view>

#include "clasp/value.hpp"

namespace clasp::transform {

enum class TokenKind : std::uint8_t { end, number, flag, string, word, symbol, bad };

struct Token {
  TokenKind kind = TokenKind::end;
  std::size_t at = 0;     // byte in the text
  std::string_view text;  // of words and symbols; of bad: what is wrong
  Value literal;          // of numbers, flags and strings
  bool is(std::string_view symbol) const { return kind == TokenKind::symbol && text == symbol; }
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}
  Token next();

 private:
  bool skip_blanks();  // and comments; false: a comment does not end
  Token word(std::size_t begin);
  Token string(std::size_t begin);

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace clasp::transform
