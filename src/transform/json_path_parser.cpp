#include <fmt/format.h>

#include <cctype>
#include <charconv>

#include "core/address.hpp"
#include "core/json.hpp"
#include "transform/json_path_program.hpp"
#include "transform/number_text.hpp"

namespace clasp::transform {

namespace {

using namespace json_path_limits;
using Segment = JsonPath::Segment;

class PathParser {
 public:
  explicit PathParser(std::string_view text) : text_(text) {}

  Result<std::vector<Segment>> parse() {
    skip_blanks();
    if (!take("$")) fail("a path begins with $");
    std::vector<Segment> out = segments();
    skip_blanks();
    if (!failed() && at_ != text_.size()) fail("did not expect this");
    if (failed()) return error_;
    return out;
  }

 private:
  std::vector<Segment> segments() {
    std::vector<Segment> out;
    while (!failed()) {
      if (take("..")) {
        Segment segment{.descendants = true, .selectors = {}};
        if (peek() == '[')
          bracket(segment);
        else if (take("*"))
          segment.selectors.push_back({});
        else
          segment.selectors.push_back(name());
        out.push_back(std::move(segment));
      } else if (take(".")) {
        Segment segment;
        if (take("*"))
          segment.selectors.push_back({});
        else
          segment.selectors.push_back(name());
        out.push_back(std::move(segment));
      } else if (peek() == '[') {
        Segment segment;
        bracket(segment);
        out.push_back(std::move(segment));
      } else {
        break;
      }
    }
    return out;
  }

  Selector name() {
    const std::size_t begin = at_;
    const auto belongs = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || static_cast<unsigned char>(c) >= 0x80;
    };
    while (at_ < text_.size() && belongs(text_[at_])) ++at_;
    if (at_ == begin) fail("expected a name or *");
    return {.kind = Selector::Kind::name, .name = std::string(text_.substr(begin, at_ - begin))};
  }

  void bracket(Segment& segment) {
    take("[");
    do {
      skip_blanks();
      segment.selectors.push_back(selector());
      skip_blanks();
    } while (!failed() && take(","));
    if (!failed() && !take("]")) fail("expected ] or ,");
  }

  Selector selector() {
    if (take("*")) return {};
    if (take("?")) return filter_selector();
    if (peek() == '\'' || peek() == '"') return {.kind = Selector::Kind::name, .name = quoted()};
    return index_or_slice();
  }

  Selector index_or_slice() {
    Selector out{.kind = Selector::Kind::index};
    const auto first = integer();
    skip_blanks();
    if (!take(":")) {
      if (!first) fail("expected a name in quotes, an index, a slice, * or ?");
      out.index = first.value_or(0);
      return out;
    }
    out.kind = Selector::Kind::slice;
    out.begin = first;
    skip_blanks();
    out.end = integer();
    skip_blanks();
    out.index = 1;
    if (take(":")) {
      skip_blanks();
      out.index = integer().value_or(1);
    }
    return out;
  }

  Selector filter_selector() {
    if (++depth_ > depth_max) fail("filters nested too deeply");
    skip_blanks();
    Selector out{.kind = Selector::Kind::filter};
    if (!failed()) out.filter = std::make_shared<const Filter>(alternatives());
    --depth_;
    return out;
  }

  Filter alternatives() {
    Filter out{.kind = Filter::Kind::either, .parts = {}, .operands = {}};
    do out.parts.push_back(conjunction());
    while (!failed() && (skip_blanks(), take("||")));
    return out.parts.size() == 1 ? std::move(out.parts[0]) : out;
  }

  Filter conjunction() {
    Filter out{.kind = Filter::Kind::both, .parts = {}, .operands = {}};
    do out.parts.push_back(term());
    while (!failed() && (skip_blanks(), take("&&")));
    return out.parts.size() == 1 ? std::move(out.parts[0]) : out;
  }

  Filter term() {
    Filter out;
    if (++depth_ > depth_max) fail("filters nested too deeply");
    skip_blanks();
    if (failed()) {
    } else if (peek() == '!' && !text_.substr(at_).starts_with("!=")) {
      take("!");
      out.kind = Filter::Kind::negation;
      out.parts.push_back(term());
    } else if (take("(")) {
      out = alternatives();
      skip_blanks();
      if (!failed() && !take(")")) fail("expected )");
    } else {
      out = comparison();
    }
    --depth_;
    return out;
  }

  Filter comparison() {
    Filter out;
    out.operands.push_back(operand());
    skip_blanks();
    using Test = Filter::Test;
    constexpr std::pair<std::string_view, Test> tests[] = {{"==", Test::equal},         {"!=", Test::not_equal}, {"<=", Test::less_equal},
                                                           {">=", Test::greater_equal}, {"<", Test::less},       {">", Test::greater}};
    for (const auto& [symbol, test] : tests) {
      if (failed() || !take(symbol)) continue;
      out.kind = Filter::Kind::compare;
      out.test = test;
      skip_blanks();
      out.operands.push_back(operand());
      return out;
    }
    if (!failed() && !out.operands[0].is_path) fail("expected a comparison");
    return out;
  }

  Filter::Operand operand() {
    Filter::Operand out;
    if (peek() == '@' || peek() == '$') {
      out.is_path = true;
      out.from_root = peek() == '$';
      ++at_;
      out.path = segments();
      return out;
    }
    if (peek() == '\'' || peek() == '"') {
      out.literal = quoted();
      return out;
    }
    const std::size_t begin = at_;
    while (at_ < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[at_])) || std::string_view("+-.").find(text_[at_]) != std::string_view::npos))
      ++at_;
    const std::string_view word = text_.substr(begin, at_ - begin);
    if (word == "null") return out;
    out.literal = guess_value(word);
    if (word.empty() || out.literal.string() != nullptr) fail("expected @, $, a number, a text in quotes, true, false or null", begin);
    return out;
  }

  std::string quoted() {
    const char quote = text_[at_];
    const std::size_t begin = at_;
    std::string out;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == quote) {
        ++at_;
        return out;
      }
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        ++at_;
        constexpr std::pair<char, char> escapes[] = {{'n', '\n'}, {'t', '\t'}, {'r', '\r'}, {'b', '\b'}, {'f', '\f'}};
        char meant = text_[at_];
        for (const auto& [letter, character] : escapes) {
          if (text_[at_] == letter) meant = character;
        }
        out += meant;
      } else {
        out += text_[at_];
      }
    }
    fail("a text without end", begin);
    return out;
  }

  std::optional<std::int64_t> integer() {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), number);
    if (error == std::errc::invalid_argument) return std::nullopt;
    if (error != std::errc{}) fail("a number that is too large");
    at_ = static_cast<std::size_t>(end - text_.data());
    return number;
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(std::string_view symbol) {
    if (!text_.substr(at_).starts_with(symbol)) return false;
    at_ += symbol.size();
    return true;
  }
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool failed() const { return error_.code != ErrorCode::none; }
  void fail(std::string_view what) { fail(what, at_); }
  void fail(std::string_view what, std::size_t at) {
    if (!failed()) error_ = {ErrorCode::invalid_value, fmt::format("path, byte {}: {}", at, what), {}};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  Error error_;
};

}  // namespace

Result<std::vector<Segment>> parse_json_path(std::string_view text) {
  if (text.size() > text_bytes_max)
    return Error{ErrorCode::invalid_value, fmt::format("a path may have {} bytes, this one has {}", text_bytes_max, text.size()), {}};
  if (!valid_utf8(text)) return Error{ErrorCode::invalid_value, "the path is not UTF-8", {}};
  return PathParser(text).parse();
}

}  // namespace clasp::transform
