#include "transform/expression_lexer.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>

#include "transform/number_text.hpp"

namespace clasp::transform {

namespace {

constexpr std::string_view special = "+-*/%^=!><&|(),;\"?";
constexpr std::array<std::string_view, 31> symbols{"&&=", "||=", "**", "==", "!=", "<=", ">=", "&&", "||", "+=", "-=", "*=", "/=", "%=", "^=", "+",
                                                   "-",   "*",   "/",  "%",  "^",  "=",  "!",  ">",  "<",  "(",  ")",  ",",  ";",  "?",  ":"};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool same_letters(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
}

// "1e" of "1e-3": the sign belongs to the number.
bool is_open_exponent(std::string_view word) {
  if (word.size() < 2 || (word.back() != 'e' && word.back() != 'E')) return false;
  const std::string_view digits = word.substr(0, word.size() - 1);
  return std::ranges::all_of(digits, [](char c) { return is_digit(c) || c == '.'; }) && std::ranges::any_of(digits, is_digit);
}

std::optional<Value> literal_of(std::string_view word) {
  if (word == "true" || word == "false") return Value(word == "true");
  if (word.starts_with("0x") || word.starts_with("0X")) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(word.data() + 2, word.data() + word.size(), number, 16);
    if (error == std::errc{} && end == word.data() + word.size() && word[2] != '-') return Value(number);
    return std::nullopt;
  }
  if (same_letters(word, "inf") || same_letters(word, "infinity")) return Value(std::numeric_limits<double>::infinity());
  if (same_letters(word, "nan")) return Value(std::numeric_limits<double>::quiet_NaN());
  if (!is_digit(word[0]) && word[0] != '.') return std::nullopt;
  if (const auto integer = parse_integer(word)) return Value(*integer);
  if (const auto floating = parse_floating(word)) return Value(*floating);
  return std::nullopt;
}

}  // namespace

bool Lexer::skip_blanks() {
  while (at_ < text_.size()) {
    if (is_blank(text_[at_])) {
      ++at_;
    } else if (text_.substr(at_).starts_with("//")) {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (text_.substr(at_).starts_with("/*")) {
      const std::size_t end = text_.find("*/", at_ + 2);
      if (end == std::string_view::npos) return false;
      at_ = end + 2;
    } else {
      break;
    }
  }
  return true;
}

Token Lexer::next() {
  if (!skip_blanks()) return {.kind = TokenKind::bad, .at = at_, .text = "a comment without */", .literal = {}};
  const std::size_t begin = at_;
  if (begin == text_.size()) return {.kind = TokenKind::end, .at = begin, .text = {}, .literal = {}};
  if (text_[begin] == '"') return string(begin);
  for (const std::string_view symbol : symbols) {
    if (!text_.substr(begin).starts_with(symbol)) continue;
    at_ += symbol.size();
    return {.kind = TokenKind::symbol, .at = begin, .text = symbol, .literal = {}};
  }
  if (special.find(text_[begin]) != std::string_view::npos) return {.kind = TokenKind::bad, .at = begin, .text = "a single & or |", .literal = {}};
  return word(begin);
}

Token Lexer::word(std::size_t begin) {
  const auto ends = [&](std::size_t at) {
    if (at == text_.size() || is_blank(text_[at]) || special.find(text_[at]) != std::string_view::npos) return true;
    return text_[at] == ':' && !text_.substr(at).starts_with("::");  // the ':' of ?:
  };
  while (!ends(at_)) at_ += text_.substr(at_).starts_with("::") ? 2 : 1;
  std::string_view text = text_.substr(begin, at_ - begin);
  if (is_open_exponent(text) && at_ + 1 < text_.size() && (text_[at_] == '-' || text_[at_] == '+') && is_digit(text_[at_ + 1])) {
    ++at_;
    while (!ends(at_)) ++at_;
    text = text_.substr(begin, at_ - begin);
  }
  if (auto literal = literal_of(text)) {
    const TokenKind kind = literal->boolean() != nullptr ? TokenKind::flag : TokenKind::number;
    return {.kind = kind, .at = begin, .text = text, .literal = *std::move(literal)};
  }
  if (is_digit(text[0])) return {.kind = TokenKind::bad, .at = begin, .text = "neither a number nor a name", .literal = {}};
  return {.kind = TokenKind::word, .at = begin, .text = text, .literal = {}};
}

Token Lexer::string(std::size_t begin) {
  std::string content;
  for (++at_; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (c == '"') {
      ++at_;
      return {.kind = TokenKind::string, .at = begin, .text = {}, .literal = Value(std::move(content))};
    }
    if (c == '\\') {
      ++at_;
      if (at_ == text_.size() || (text_[at_] != '"' && text_[at_] != '\\'))
        return {.kind = TokenKind::bad, .at = at_ - 1, .text = "a backslash before something else than \\ and \"", .literal = {}};
    }
    content += text_[at_];
  }
  return {.kind = TokenKind::bad, .at = begin, .text = "a string without end", .literal = {}};
}

}  // namespace clasp::transform
