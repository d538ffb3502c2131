// What the parser of expressions makes and the evaluator runs.
#pragma once

#include <array>
#include <optional>
#include <span>

#include "transform/expression.hpp"
#include "transform/regex.hpp"

namespace clasp::transform {

enum class Op : std::uint8_t {
  literal,   // literals[a]
  variable,  // Variable{a}
  local,     // locals[a]
  assign,    // locals[a] = child 0
  call,      // functions[a] of the children
  regex,     // a: index of the regex; b: 0 matches, 1 replace
  tuple,
  sequence,  // value of the last child
  negate,
  invert,
  add,
  subtract,
  multiply,
  divide,
  remainder,
  power,
  less,
  greater,
  less_equal,
  greater_equal,
  equal,
  not_equal,
  both,
  either,
  choose,  // child 0 ? child 1 : child 2
};

enum class Variable : std::uint8_t { value, ivalue, svalue, raw, index, time, now, last, address };

struct Evaluation;
// Takes its arguments, puts the result into the first place of the array (which has room for one even without arguments). Says what was wrong.
using FunctionBody = const char* (*)(std::span<Value> arguments, Value& out, Evaluation& evaluation);
struct FunctionRow {
  std::string_view name;  // without "math::"
  std::uint8_t arguments_min;
  std::uint8_t arguments_max;
  FunctionBody body;
};
const FunctionRow* find_function(std::string_view name);

struct ExpressionNode {
  Op op = Op::literal;
  std::uint8_t extra = 0;
  std::uint16_t index = 0;
  std::uint16_t first = 0;  // of its children, in Program::children
  std::uint16_t count = 0;
  const FunctionRow* function = nullptr;
};

struct Expression::Program {
  std::string text;
  std::vector<ExpressionNode> nodes;
  std::vector<std::uint16_t> children;
  std::vector<Value> literals;
  std::vector<Regex> regexes;
  std::uint16_t root = 0;
  bool remembers = false;
};

// One evaluation under way.
struct Evaluation {
  const Expression::Program& program;
  const ExpressionInputs& inputs;
  std::uint32_t steps_left = expression_limits::steps_max;
  std::array<Value, expression_limits::locals_max> locals{};

  const char* run(std::uint16_t node, Value& out);
  bool spend(std::size_t steps) {
    if (steps > steps_left) return false;
    steps_left -= static_cast<std::uint32_t>(steps);
    return true;
  }

 private:
  const char* variable(Variable variable, Value& out);
  const char* assign(const ExpressionNode& node, Value& out);
  const char* logic(const ExpressionNode& node, Value& out);
  const char* choose(const ExpressionNode& node, Value& out);
  const char* binary(const ExpressionNode& node, Value& out);
  const char* call(const ExpressionNode& node, Value& out);
  const char* match(const ExpressionNode& node, Value& out);
  const char* tuple(const ExpressionNode& node, Value& out);
  std::uint16_t child(const ExpressionNode& node, std::size_t index) const { return program.children[node.first + index]; }
};

const char* arithmetic(Op op, const Value& left, const Value& right, Value& out);  // also comparisons

}  // namespace clasp::transform
