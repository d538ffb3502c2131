#include "options/json_tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "core/address.hpp"
#include "core/json.hpp"

namespace clasp::options {

namespace {

unsigned line_at(std::string_view text, std::size_t byte) {
  return static_cast<unsigned>(1 + std::ranges::count(text.substr(0, std::min(byte, text.size())), '\n'));
}

// As a part of a JSON pointer (RFC 6901).
std::string escaped(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

// Walks a text that is known to be JSON and not nested too deep, and notes the line of each value by its pointer.
class LineWalk {
 public:
  LineWalk(std::string_view text, TomlTree& tree) : text_(text), tree_(tree) {}

  void value(const std::string& pointer) {
    blanks();
    if (!tree_.lines.emplace(pointer, line_).second && !twice_) twice_ = {pointer, line_};
    switch (text_[at_]) {
      case '{': return object(pointer);
      case '[': return array(pointer);
      case '"': static_cast<void>(string()); return;
      default:
        while (at_ < text_.size() && std::string_view(",]} \t\r\n").find(text_[at_]) == std::string_view::npos) ++at_;
    }
  }

  struct Twice {
    std::string pointer;
    unsigned line;
  };
  const std::optional<Twice>& twice() const { return twice_; }

 private:
  void blanks() {
    for (; at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0; ++at_) line_ += text_[at_] == '\n' ? 1 : 0;
  }
  std::string string() {  // with its quotes
    const std::size_t begin = at_++;
    for (; text_[at_] != '"'; ++at_) at_ += text_[at_] == '\\' ? 1 : 0;
    return std::string(text_.substr(begin, ++at_ - begin));
  }
  // Behind one member: true if there is another.
  bool another(char end) {
    blanks();
    return text_[at_++] != end;
  }
  bool is_empty(char end) {
    ++at_;
    blanks();
    if (text_[at_] != end) return false;
    ++at_;
    return true;
  }
  void object(const std::string& pointer) {
    if (is_empty('}')) return;
    do {
      blanks();
      const auto name = parse_json(string());
      blanks();
      ++at_;  // the colon
      value(pointer + "/" + (name && name->string() != nullptr ? escaped(*name->string()) : ""));
    } while (another('}'));
  }
  void array(const std::string& pointer) {
    if (is_empty(']')) return;
    std::size_t i = 0;
    do value(fmt::format("{}/{}", pointer, i++));
    while (another(']'));
  }

  std::string_view text_;
  TomlTree& tree_;
  std::size_t at_ = 0;
  unsigned line_ = 1;
  std::optional<Twice> twice_;
};

}  // namespace

Result<TomlTree> read_json_tree(std::string_view text, std::string_view source) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // what some editors write
  auto root = parse_json(text);
  if (!root) {
    const std::string& message = root.error().message;
    std::size_t byte = 0;
    if (const std::size_t found = message.rfind("byte "); found != std::string::npos) byte = std::strtoul(message.c_str() + found + 5, nullptr, 10);
    return Error{ErrorCode::invalid_argument, fmt::format("{}:{}: {}", source, line_at(text, byte), message), {}};
  }
  TomlTree tree;
  tree.root = std::move(*root);
  LineWalk walk(text, tree);
  walk.value("");
  if (walk.twice())
    return Error{
        ErrorCode::invalid_argument, fmt::format("{}:{}: {} stands there twice", source, walk.twice()->line, printable(walk.twice()->pointer)), {}};
  return tree;
}

}  // namespace clasp::options
