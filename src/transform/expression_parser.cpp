// From text to a flat tree. Recursive, but never deeper than depth_max.
#include <fmt/format.h>

#include <algorithm>
#include <numbers>
#include <utility>

#include "core/address.hpp"
#include "core/utf8.hpp"
#include "transform/expression_lexer.hpp"
#include "transform/expression_program.hpp"

namespace clasp::transform {

namespace {

using namespace expression_limits;

struct VariableRow {
  std::string_view name;
  Variable variable;
  bool remembers = false;
};
constexpr std::array variables{
    VariableRow{"value", Variable::value},     VariableRow{"x", Variable::value}, VariableRow{"ivalue", Variable::ivalue},
    VariableRow{"svalue", Variable::svalue},   VariableRow{"raw", Variable::raw}, VariableRow{"index", Variable::index, true},
    VariableRow{"time", Variable::time, true}, VariableRow{"now", Variable::now}, VariableRow{"last", Variable::last, true},
    VariableRow{"address", Variable::address},
};

constexpr std::array<std::pair<std::string_view, double>, 3> constants{
    {{"PI", std::numbers::pi}, {"E", std::numbers::e}, {"TAU", 2 * std::numbers::pi}}};

struct BinaryRow {
  std::string_view symbol;
  Op op;
  int precedence;
  bool right = false;
};
constexpr std::array operators{
    BinaryRow{"**", Op::power, 125, true}, BinaryRow{"^", Op::power, 120},         BinaryRow{"*", Op::multiply, 100},
    BinaryRow{"/", Op::divide, 100},       BinaryRow{"%", Op::remainder, 100},     BinaryRow{"+", Op::add, 95},
    BinaryRow{"-", Op::subtract, 95},      BinaryRow{"<", Op::less, 80},           BinaryRow{">", Op::greater, 80},
    BinaryRow{"<=", Op::less_equal, 80},   BinaryRow{">=", Op::greater_equal, 80}, BinaryRow{"==", Op::equal, 80},
    BinaryRow{"!=", Op::not_equal, 80},    BinaryRow{"&&", Op::both, 75},          BinaryRow{"||", Op::either, 70},
};
constexpr std::size_t tree_height_max = 256;
constexpr int unary_precedence = 110;
constexpr int lowest_precedence = 70;

constexpr std::array<std::pair<std::string_view, Op>, 8> compound_assignments{{{"+=", Op::add},
                                                                               {"-=", Op::subtract},
                                                                               {"*=", Op::multiply},
                                                                               {"/=", Op::divide},
                                                                               {"%=", Op::remainder},
                                                                               {"^=", Op::power},
                                                                               {"&&=", Op::both},
                                                                               {"||=", Op::either}}};

class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text) {
    program_.text = text;
    advance();
    advance();
  }

  Result<std::shared_ptr<const Expression::Program>> parse() {
    program_.root = program();
    if (!failed() && token_.kind == TokenKind::bad) fail(token_.at, std::string(token_.text));
    if (!failed() && token_.kind != TokenKind::end) fail(token_.at, fmt::format("did not expect {}", describe(token_)));
    if (failed()) return error_;
    return std::make_shared<const Expression::Program>(std::move(program_));
  }

 private:
  using Index = std::uint16_t;
  using Children = std::vector<Index>;

  // ---- the grammar, from the lowest precedence to the highest ----

  Index program() {
    Children parts{sequence()};
    while (!failed() && token_.is(";")) {
      advance();
      const bool ends = token_.kind == TokenKind::end || token_.is(")");
      parts.push_back(ends ? literal(Value()) : sequence());
    }
    return parts.size() == 1 ? parts[0] : node({.op = Op::sequence}, parts);
  }

  Index sequence() {
    Children items{assignment()};
    while (!failed() && token_.is(",")) {
      advance();
      items.push_back(assignment());
    }
    return items.size() == 1 ? items[0] : node({.op = Op::tuple}, items);
  }

  Index assignment() {
    const Depth depth(*this);
    if (token_.kind == TokenKind::word && next_.kind == TokenKind::symbol) {
      const std::string_view name = token_.text;
      const auto compound = std::ranges::find(compound_assignments, next_.text, &std::pair<std::string_view, Op>::first);
      if (next_.is("=") || compound != compound_assignments.end()) {
        const std::size_t at = token_.at;
        advance();
        advance();
        return assign(name, at, compound == compound_assignments.end() ? std::nullopt : std::optional(compound->second));
      }
    }
    return ternary();
  }

  Index assign(std::string_view name, std::size_t at, std::optional<Op> compound) {
    if (is_reserved(name)) return fail(at, fmt::format("{} cannot be assigned to", printable(name)));
    if (compound && find_local(name) == locals_.size()) return fail(at, fmt::format("unknown variable {}", printable(name)));
    Index value = assignment();
    std::size_t place = find_local(name);
    if (place == locals_.size()) {
      if (locals_.size() == locals_max) return fail(at, fmt::format("more than {} variables", locals_max));
      locals_.emplace_back(name);
    }
    if (compound) value = node({.op = *compound}, {node({.op = Op::local, .index = static_cast<Index>(place)}, {}), value});
    return node({.op = Op::assign, .index = static_cast<Index>(place)}, {value});
  }

  Index ternary() {
    const Index condition = binary(lowest_precedence);
    if (failed() || !token_.is("?")) return condition;
    advance();
    const Index yes = assignment();
    if (failed() || !expect(":")) return 0;
    const Index no = assignment();
    return node({.op = Op::choose}, {condition, yes, no});
  }

  Index binary(int precedence_min) {
    const Depth depth(*this);
    Index left = unary();
    while (!failed() && token_.kind == TokenKind::symbol) {
      const auto row = std::ranges::find(operators, token_.text, &BinaryRow::symbol);
      if (row == operators.end() || row->precedence < precedence_min) break;
      advance();
      const Index right = binary(row->right ? row->precedence : row->precedence + 1);
      left = node({.op = row->op}, {left, right});
    }
    return left;
  }

  Index unary() {
    const Depth depth(*this);
    if (failed()) return 0;
    if (token_.is("-") || token_.is("!")) {
      const Op op = token_.is("-") ? Op::negate : Op::invert;
      advance();
      return node({.op = op}, {binary(unary_precedence)});
    }
    return primary();
  }

  Index primary() {
    const Token token = token_;
    switch (token.kind) {
      case TokenKind::number:
      case TokenKind::flag:
      case TokenKind::string: advance(); return literal(token.literal);
      case TokenKind::word:
        advance();
        if (const FunctionRow* function = find_function(token.text); function != nullptr && starts_operand()) return call(*function, token);
        if (token.text == "if" && starts_operand()) return call_if(token);
        if ((token.text == "str::regex_matches" || token.text == "str::regex_replace") && token_.is("(")) return call_regex(token);
        return variable(token);
      case TokenKind::symbol:
        if (token.is("(")) return parenthesis();
        break;
      case TokenKind::bad: return fail(token.at, std::string(token.text));
      case TokenKind::end: return fail(token.at, "it ends where a value was expected");
    }
    return fail(token.at, fmt::format("expected a value, not {}", describe(token)));
  }

  Index parenthesis() {
    advance();
    if (token_.is(")")) {
      advance();
      return literal(Value());
    }
    const Index inner = program();
    return expect(")") ? inner : 0;
  }

  // ---- names ----

  Index variable(const Token& token) {
    if (const auto row = std::ranges::find(variables, token.text, &VariableRow::name); row != variables.end()) {
      program_.remembers |= row->remembers;
      return node({.op = Op::variable, .extra = static_cast<std::uint8_t>(row->variable)}, {});
    }
    for (const auto& [name, number] : constants) {
      if (token.text == name) return literal(number);
    }
    if (const std::size_t place = find_local(token.text); place != locals_.size())
      return node({.op = Op::local, .index = static_cast<Index>(place)}, {});
    if (find_function(token.text) != nullptr || token.text == "if")
      return fail(token.at, fmt::format("{} needs arguments in parentheses", token.text));
    return fail(token.at, fmt::format("unknown name {}", printable(token.text, 40)));
  }

  // Whether a function without parentheses could begin its argument here: `math::sin x`.
  bool starts_operand() const {
    return token_.is("(") || token_.kind == TokenKind::number || token_.kind == TokenKind::string || token_.kind == TokenKind::word ||
           token_.kind == TokenKind::flag;
  }

  Children arguments() {
    if (!token_.is("(")) return {unary()};
    advance();
    Children out;
    if (token_.is(")")) {
      advance();
      return out;
    }
    out.push_back(assignment());
    while (!failed() && token_.is(",")) {
      advance();
      out.push_back(assignment());
    }
    expect(")");
    return out;
  }

  Index call(const FunctionRow& function, const Token& token) {
    const Depth depth(*this);
    Children given = arguments();
    if (failed()) return 0;
    if (function.arguments_max == 255) {  // min and max: two at a time
      if (given.empty()) return fail(token.at, fmt::format("{} needs an argument", token.text));
      Index folded = given[0];
      for (std::size_t i = 1; i < given.size(); ++i) folded = node({.op = Op::call, .function = &function}, {folded, given[i]});
      return given.size() == 1 ? node({.op = Op::call, .function = &function}, {folded}) : folded;
    }
    if (given.size() < function.arguments_min || given.size() > function.arguments_max) {
      const std::string wanted = function.arguments_min == function.arguments_max
                                     ? fmt::format("{}", function.arguments_min)
                                     : fmt::format("{} to {}", function.arguments_min, function.arguments_max);
      return fail(token.at, fmt::format("{} takes {} argument(s), not {}", printable(token.text), wanted, given.size()));
    }
    program_.remembers |= function.name == "random";
    return node({.op = Op::call, .function = &function}, given);
  }

  Index call_if(const Token& token) {
    const Depth depth(*this);
    const Children given = arguments();
    if (failed()) return 0;
    if (given.size() != 3) return fail(token.at, fmt::format("if takes 3 arguments, not {}", given.size()));
    return node({.op = Op::choose}, given);
  }

  // The pattern has to be there when the expression is loaded: compiling one costs too much for every value.
  Index call_regex(const Token& token) {
    const bool replaces = token.text == "str::regex_replace";
    const Depth depth(*this);
    const Children given = arguments();
    if (failed()) return 0;
    if (given.size() != (replaces ? 3U : 2U)) return fail(token.at, fmt::format("{} takes {} arguments", token.text, replaces ? 3 : 2));
    const ExpressionNode& pattern = program_.nodes[given[1]];
    const std::string* text = pattern.op == Op::literal ? program_.literals[pattern.index].string() : nullptr;
    if (text == nullptr) return fail(token.at, fmt::format("the pattern of {} must be a string in quotes", token.text));
    auto regex = Regex::compile(*text);
    if (!regex) return fail(token.at, regex.error().message);
    program_.regexes.push_back(*std::move(regex));
    Children used{given[0]};
    if (replaces) used.push_back(given[2]);
    return node({.op = Op::regex, .extra = replaces, .index = static_cast<Index>(program_.regexes.size() - 1)}, used);
  }

  bool is_reserved(std::string_view name) const {
    return std::ranges::find(variables, name, &VariableRow::name) != variables.end() || find_function(name) != nullptr || name == "if" ||
           std::ranges::any_of(constants, [name](const auto& row) { return row.first == name; });
  }
  std::size_t find_local(std::string_view name) const { return static_cast<std::size_t>(std::ranges::find(locals_, name) - locals_.begin()); }

  // ---- the tree ----

  Index literal(Value value) {
    program_.literals.push_back(std::move(value));
    return node({.op = Op::literal, .index = static_cast<Index>(program_.literals.size() - 1)}, {});
  }

  // A text of 4096 bytes has fewer nodes than an index can tell apart.
  Index node(ExpressionNode made, const Children& children) {
    if (failed()) return 0;
    made.first = static_cast<Index>(program_.children.size());
    made.count = static_cast<Index>(children.size());
    std::size_t height = 1;
    for (const Index child : children) height = std::max(height, heights_[child] + 1);
    if (height > tree_height_max) return fail(token_.at, fmt::format("more than {} operations in one another or in a row", tree_height_max));
    program_.children.insert(program_.children.end(), children.begin(), children.end());
    program_.nodes.push_back(made);
    heights_.push_back(height);
    return static_cast<Index>(program_.nodes.size() - 1);
  }

  // ---- tokens and failure ----

  void advance() { token_ = std::exchange(next_, lexer_.next()); }
  bool expect(std::string_view symbol) {
    if (failed()) return false;
    if (!token_.is(symbol)) {
      fail(token_.at, token_.kind == TokenKind::bad ? std::string(token_.text) : fmt::format("expected {}, not {}", symbol, describe(token_)));
      return false;
    }
    advance();
    return true;
  }
  static std::string describe(const Token& token) {
    if (token.kind == TokenKind::end) return "the end";
    if (token.kind == TokenKind::string) return "a string";
    return printable(token.text, 40);
  }
  bool failed() const { return error_.code != ErrorCode::none; }
  Index fail(std::size_t at, const std::string& what) {
    if (!failed()) error_ = {ErrorCode::invalid_value, fmt::format("expression, byte {}: {}", at, what), {}};
    return 0;
  }

  struct Depth {
    explicit Depth(Parser& in) : parser(in) {
      // Each level of nesting passes several rules of the grammar.
      if (++parser.depth_ > depth_max * 4) parser.fail(parser.token_.at, fmt::format("nested deeper than {} levels", depth_max));
    }
    ~Depth() { --parser.depth_; }
    Parser& parser;
  };

  Lexer lexer_;
  Token token_;
  Token next_;
  Expression::Program program_;
  std::vector<std::string> locals_;
  std::vector<std::size_t> heights_;  // of the tree below each node: evaluating goes as deep
  Error error_;
  std::size_t depth_ = 0;
};

}  // namespace

Result<Expression> Expression::parse(std::string_view text) {
  if (text.size() > text_bytes_max)
    return Error{ErrorCode::invalid_value, fmt::format("an expression may have {} bytes, this one has {}", text_bytes_max, text.size()), {}};
  if (!is_utf8(text)) return Error{ErrorCode::invalid_value, "the expression is not UTF-8", {}};
  auto program = Parser(text).parse();
  if (!program) return program.error();
  return Expression(*std::move(program));
}

bool Expression::remembers() const { return program_->remembers; }
const std::string& Expression::text() const { return program_->text; }

}  // namespace clasp::transform
