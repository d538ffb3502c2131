#include "bridge/osc/osc_pattern.hpp"

#include <algorithm>

namespace clasp::bridge::osc {

bool is_dispatch_pattern(std::string_view address) { return address.find_first_of("?*[]{}") != std::string_view::npos; }

std::optional<DispatchPattern> DispatchPattern::parse(std::string_view text) {
  DispatchPattern pattern;
  std::vector<Token>& tokens = pattern.tokens_;
  bool in_braces = false;
  std::size_t brace_from = 0;  // first token of the open brace
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_braces) {
      tokens.push_back({c == ',' ? Kind::comma : c == '}' ? Kind::close : Kind::literal, c, 0, {}});
      if (c != '}') continue;
      in_braces = false;
      for (std::size_t k = brace_from; k + 1 < tokens.size(); ++k) tokens[k].close_at = tokens.size() - 1;
    } else if (c == '{') {
      in_braces = true;
      brace_from = tokens.size();
      tokens.push_back({Kind::open, c, 0, {}});
    } else if (c == '[') {
      const std::size_t close = text.find(']', i + 1);
      if (close == std::string_view::npos) return std::nullopt;
      tokens.push_back({Kind::one_of, c, 0, std::string(text.substr(i + 1, close - i - 1))});
      i = close;
    } else if (c == '*') {
      if (tokens.empty() || tokens.back().kind != Kind::star) tokens.push_back({Kind::star, c, 0, {}});
    } else {
      tokens.push_back({c == '?' ? Kind::any : Kind::literal, c, 0, {}});
    }
  }
  if (in_braces) return std::nullopt;
  return pattern;
}

// states[i] = everything before token i has matched. Moves that take no character lead forward only, so one pass finds them all.
void DispatchPattern::add_free_moves(std::vector<char>& states) const {
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    if (!states[i]) continue;
    switch (tokens_[i].kind) {
      case Kind::star:
      case Kind::close: states[i + 1] = 1; break;
      case Kind::comma: states[tokens_[i].close_at + 1] = 1; break;
      case Kind::open:
        states[i + 1] = 1;
        for (std::size_t k = i + 1; k < tokens_[i].close_at; ++k) {
          if (tokens_[k].kind == Kind::comma) states[k + 1] = 1;
        }
        break;
      case Kind::literal:
      case Kind::any:
      case Kind::one_of: break;
    }
  }
}

bool DispatchPattern::matches(std::string_view name) const {
  std::vector<char> states(tokens_.size() + 1, 0);
  std::vector<char> next(tokens_.size() + 1, 0);
  states[0] = 1;
  add_free_moves(states);
  for (const char c : name) {
    std::fill(next.begin(), next.end(), 0);
    bool alive = false;
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (!states[i]) continue;
      const Token& token = tokens_[i];
      const bool here = (token.kind == Kind::literal && token.character == c) || (token.kind == Kind::any && c != '/') ||
                        (token.kind == Kind::one_of && c != '/' && in_class(token.choice, c));
      if (here) next[i + 1] = 1;
      if (token.kind == Kind::star && c != '/') next[i] = 1;
      alive = alive || next[i] || next[i + 1];
    }
    if (!alive) return false;
    add_free_moves(next);
    states.swap(next);
  }
  return states.back() != 0;
}

bool DispatchPattern::in_class(std::string_view choice, char c) {
  const bool negated = choice.starts_with('!');
  if (negated) choice.remove_prefix(1);
  bool found = false;
  for (std::size_t i = 0; i < choice.size(); ++i) {
    if (i + 2 < choice.size() && choice[i + 1] == '-') {
      found = found || (choice[i] <= c && c <= choice[i + 2]);
      i += 2;
    } else {
      found = found || choice[i] == c;
    }
  }
  return found != negated;
}

}  // namespace clasp::bridge::osc
