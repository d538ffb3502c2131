// Runs an expression. The tree is at most some hundred levels deep (the parser sees to it), so recursion is bounded.
#include <cmath>
#include <limits>

#include "transform/expression_program.hpp"
#include "transform/number_text.hpp"

namespace clasp::transform {

namespace {

constexpr const char* too_much = "too much work: more than 10000 steps";
constexpr std::size_t bytes_per_step = 64;

std::size_t items_of(const Value& value, std::size_t enough) {
  if (const Array* items = value.array()) {
    std::size_t count = 1;
    for (const Value& item : *items) {
      if (count > enough) break;
      count += items_of(item, enough);
    }
    return count;
  }
  if (const Map* entries = value.map()) return 1 + entries->size() * 8;
  if (const std::string* text = value.string()) return 1 + text->size() / bytes_per_step;
  if (const Blob* bytes = value.bytes()) return 1 + bytes->size() / bytes_per_step;
  return 1;
}

const char* integer_arithmetic(Op op, std::int64_t a, std::int64_t b, Value& out) {
  std::int64_t result = 0;
  switch (op) {
    case Op::add:
      if (__builtin_add_overflow(a, b, &result)) return "integer overflow";
      break;
    case Op::subtract:
      if (__builtin_sub_overflow(a, b, &result)) return "integer overflow";
      break;
    case Op::multiply:
      if (__builtin_mul_overflow(a, b, &result)) return "integer overflow";
      break;
    default:
      if (b == 0) return "division by zero";
      if (b == -1 && a == std::numeric_limits<std::int64_t>::min()) return "integer overflow";
      result = op == Op::divide ? a / b : a % b;
  }
  out = Value(result);
  return nullptr;
}

template <typename T>
bool compare(Op op, const T& a, const T& b) {
  switch (op) {
    case Op::less: return a < b;
    case Op::greater: return a > b;
    case Op::less_equal: return a <= b;
    default: return a >= b;
  }
}

bool equal(const Value& a, const Value& b) {
  const auto x = a.as_number();
  const auto y = b.as_number();
  if (x && y && a.kind() != b.kind()) return *x == *y;
  return a == b;
}

}  // namespace

const char* arithmetic(Op op, const Value& left, const Value& right, Value& out) {
  if (op == Op::equal || op == Op::not_equal) {
    out = Value(equal(left, right) == (op == Op::equal));
    return nullptr;
  }
  const bool is_comparison = op >= Op::less && op <= Op::greater_equal;
  const std::int64_t* i = left.integer();
  const std::int64_t* j = right.integer();
  if (i != nullptr && j != nullptr && op != Op::power) {
    if (!is_comparison) return integer_arithmetic(op, *i, *j, out);
    out = Value(compare(op, *i, *j));
    return nullptr;
  }
  const auto x = left.as_number();
  const auto y = right.as_number();
  if (x && y) {
    switch (op) {
      case Op::add: out = Value(*x + *y); return nullptr;
      case Op::subtract: out = Value(*x - *y); return nullptr;
      case Op::multiply: out = Value(*x * *y); return nullptr;
      case Op::divide: out = Value(*x / *y); return nullptr;
      case Op::remainder: out = Value(std::fmod(*x, *y)); return nullptr;
      case Op::power: out = Value(std::pow(*x, *y)); return nullptr;
      default: out = Value(compare(op, *x, *y)); return nullptr;
    }
  }
  const std::string* s = left.string();
  const std::string* t = right.string();
  if (s != nullptr && t != nullptr) {
    if (is_comparison) {
      out = Value(compare(op, *s, *t));
      return nullptr;
    }
    if (op == Op::add) {
      if (s->size() + t->size() > expression_limits::result_bytes_max) return "a string became too long";
      out = Value(*s + *t);
      return nullptr;
    }
  }
  return "an operator between kinds it is not for";
}

const char* Evaluation::run(std::uint16_t index, Value& out) {
  if (!spend(1)) return too_much;
  const ExpressionNode& node = program.nodes[index];
  switch (node.op) {
    case Op::literal:
      if (!spend(items_of(program.literals[node.index], steps_left))) return too_much;
      out = program.literals[node.index];
      return nullptr;
    case Op::variable: return variable(static_cast<Variable>(node.extra), out);
    case Op::local:
      if (!spend(items_of(locals[node.index], steps_left))) return too_much;
      out = locals[node.index];
      return nullptr;
    case Op::assign: return assign(node, out);
    case Op::call: return call(node, out);
    case Op::regex: return match(node, out);
    case Op::tuple: return tuple(node, out);
    case Op::sequence:
      for (std::size_t i = 0; i < node.count; ++i) {
        if (const char* fault = run(child(node, i), out)) return fault;
      }
      return nullptr;
    case Op::negate: {
      if (const char* fault = run(child(node, 0), out)) return fault;
      if (const double* floating = out.floating()) {
        out = Value(-*floating);
        return nullptr;
      }
      const std::int64_t* integer = out.integer();
      return integer == nullptr ? "- of something that is no number" : integer_arithmetic(Op::subtract, 0, *integer, out);
    }
    case Op::invert: {
      if (const char* fault = run(child(node, 0), out)) return fault;
      const bool* flag = out.boolean();
      if (flag == nullptr) return "! of something that is neither true nor false";
      out = Value(!*flag);
      return nullptr;
    }
    case Op::both:
    case Op::either: return logic(node, out);
    case Op::choose: return choose(node, out);
    default: return binary(node, out);
  }
}

const char* Evaluation::binary(const ExpressionNode& node, Value& out) {
  Value left;
  Value right;
  if (const char* fault = run(child(node, 0), left)) return fault;
  if (const char* fault = run(child(node, 1), right)) return fault;
  if (!spend((items_of(left, steps_left) + items_of(right, steps_left)) / 16)) return too_much;
  return arithmetic(node.op, left, right, out);
}

const char* Evaluation::logic(const ExpressionNode& node, Value& out) {
  if (const char* fault = run(child(node, 0), out)) return fault;
  const bool* left = out.boolean();
  if (left == nullptr) return "&& or || of something that is neither true nor false";
  if (*left == (node.op == Op::either)) return nullptr;
  if (const char* fault = run(child(node, 1), out)) return fault;
  return out.boolean() != nullptr ? nullptr : "&& or || of something that is neither true nor false";
}

const char* Evaluation::choose(const ExpressionNode& node, Value& out) {
  if (const char* fault = run(child(node, 0), out)) return fault;
  const bool* condition = out.boolean();
  if (condition == nullptr) return "a condition that is neither true nor false";
  return run(child(node, *condition ? 1 : 2), out);
}

const char* Evaluation::assign(const ExpressionNode& node, Value& out) {
  if (const char* fault = run(child(node, 0), out)) return fault;
  Value& local = locals[node.index];
  if (!local.is_null() && local.kind() != out.kind()) return "a variable cannot change its type";
  local = std::move(out);
  out = Value();
  return nullptr;
}

const char* Evaluation::call(const ExpressionNode& node, Value& out) {
  std::array<Value, expression_limits::arguments_max> arguments;
  for (std::size_t i = 0; i < node.count; ++i) {
    if (const char* fault = run(child(node, i), arguments[i])) return fault;
  }
  return node.function->body(std::span(arguments).first(node.count), out, *this);
}

const char* Evaluation::match(const ExpressionNode& node, Value& out) {
  Value replacement;
  if (const char* fault = run(child(node, 0), out)) return fault;
  const std::string* text = out.string();
  if (text == nullptr) return "a regular expression over something that is no string";
  if (!spend(text->size() / 16)) return too_much;
  const Regex& regex = program.regexes[node.index];
  if (node.extra == 0) {
    out = Value(regex.found_in(*text));
    return nullptr;
  }
  if (const char* fault = run(child(node, 1), replacement)) return fault;
  const std::string* with = replacement.string();
  if (with == nullptr) return "a replacement that is no string";
  if ((text->size() + 1) * (with->size() + 1) > 16 * expression_limits::result_bytes_max) return "a string could become too long";
  std::string replaced = regex.replaced(*text, *with);
  if (replaced.size() > expression_limits::result_bytes_max) return "a string became too long";
  out = Value(std::move(replaced));
  return nullptr;
}

const char* Evaluation::tuple(const ExpressionNode& node, Value& out) {
  Array items(node.count);
  for (std::size_t i = 0; i < node.count; ++i) {
    if (const char* fault = run(child(node, i), items[i])) return fault;
  }
  out = Value(std::move(items));
  return nullptr;
}

const char* Evaluation::variable(Variable variable, Value& out) {
  const Value& value = *inputs.value;
  switch (variable) {
    case Variable::value: {
      const auto number = value.as_number();
      if (!number) return "value and x are there for numbers only";
      out = Value(*number);
      return nullptr;
    }
    case Variable::ivalue: {
      if (const std::int64_t* integer = value.integer()) {
        out = Value(*integer);
        return nullptr;
      }
      const double* floating = value.floating();
      if (floating == nullptr || std::trunc(*floating) != *floating || std::abs(*floating) > 9e18) return "ivalue is there for whole numbers only";
      out = Value(static_cast<std::int64_t>(*floating));
      return nullptr;
    }
    case Variable::svalue: {
      if (!spend(items_of(value, steps_left))) return too_much;
      auto text = text_of(value);
      if (!text) return "svalue is there for numbers, flags and strings only";
      out = Value(*std::move(text));
      return nullptr;
    }
    case Variable::raw:
      if (!spend(items_of(value, steps_left))) return too_much;
      out = value;
      return nullptr;
    case Variable::index: out = Value(inputs.index); return nullptr;
    case Variable::time: out = Value(inputs.time); return nullptr;
    case Variable::now: out = Value(inputs.now); return nullptr;
    case Variable::last: out = Value(inputs.last); return nullptr;
    case Variable::address: out = Value(inputs.address); return nullptr;
  }
  return "unknown variable";
}

const char* Expression::evaluate(const ExpressionInputs& inputs, Value& out) const {
  Evaluation evaluation{.program = *program_, .inputs = inputs};
  return evaluation.run(program_->root, out);
}

}  // namespace clasp::transform
