// The functions of the expression language, a row each.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/utf8.hpp"
#include "transform/expression_program.hpp"
#include "transform/number_text.hpp"

namespace clasp::transform {

namespace {

using Arguments = std::span<Value>;
using Evaluating = Evaluation&;

constexpr const char* needs_number = "a function got something that is no number";
constexpr const char* needs_integer = "a function got something that is no integer";
constexpr const char* needs_string = "a function got something that is no string";
constexpr const char* too_long = "a string became too long";

const char* give(Value& out, Value value) {
  out = std::move(value);
  return nullptr;
}

// ---- of numbers ----

template <double (*f)(double)>
const char* of_number(Arguments arguments, Value& out, Evaluating) {
  const auto x = arguments[0].as_number();
  return x ? give(out, f(*x)) : needs_number;
}
template <double (*f)(double, double)>
const char* of_numbers(Arguments arguments, Value& out, Evaluating) {
  const auto x = arguments[0].as_number();
  const auto y = arguments[1].as_number();
  return x && y ? give(out, f(*x, *y)) : needs_number;
}
template <double (*f)(double, double, double)>
const char* of_three(Arguments arguments, Value& out, Evaluating) {
  const auto x = arguments[0].as_number();
  const auto y = arguments[1].as_number();
  const auto z = arguments[2].as_number();
  return x && y && z ? give(out, f(*x, *y, *z)) : needs_number;
}
template <bool (*f)(double)>
const char* is_number(Arguments arguments, Value& out, Evaluating) {
  const auto x = arguments[0].as_number();
  return x ? give(out, f(*x)) : needs_number;
}

double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }
double fract(double x) { return x - std::floor(x); }
double degrees(double x) { return x * 180 / std::numbers::pi; }
double radians(double x) { return x * std::numbers::pi / 180; }
double log_base(double x, double base) { return std::log(x) / std::log(base); }
double floored_mod(double x, double y) { return x - y * std::floor(x / y); }
double step(double edge, double x) { return x < edge ? 0 : 1; }
double limited(double x, double a, double b) { return std::min(std::max(x, std::min(a, b)), std::max(a, b)); }
double lerp(double a, double b, double t) { return a + (b - a) * t; }
double smoothstep(double a, double b, double x) {
  if (a == b) return x < a ? 0 : 1;
  const double t = limited((x - a) / (b - a), 0, 1);
  return t * t * (3 - 2 * t);
}
bool not_a_number(double x) { return std::isnan(x); }
bool finite(double x) { return std::isfinite(x); }
bool infinite(double x) { return std::isinf(x); }
bool normal(double x) { return std::isnormal(x); }

const char* map_range(Arguments arguments, Value& out, Evaluating) {
  std::array<double, 5> n{};
  for (std::size_t i = 0; i < n.size(); ++i) {
    const auto number = arguments[i].as_number();
    if (!number) return needs_number;
    n[i] = *number;
  }
  const auto [x, a, b, c, d] = n;
  return give(out, a == b ? c : c + (x - a) / (b - a) * (d - c));
}

const char* absolute(Arguments arguments, Value& out, Evaluating) {
  if (const std::int64_t* i = arguments[0].integer()) {
    if (*i == std::numeric_limits<std::int64_t>::min()) return "integer overflow";
    return give(out, *i < 0 ? -*i : *i);
  }
  const double* x = arguments[0].floating();
  return x != nullptr ? give(out, std::abs(*x)) : needs_number;
}

// Integer if an integer wins and strictly beats every floating number.
template <bool is_min>
const char* extreme(Arguments arguments, Value& out, Evaluating) {
  const auto a = arguments[0].as_number();
  if (arguments.size() == 1) return a ? give(out, arguments[0]) : needs_number;
  const auto b = arguments[1].as_number();
  if (!a || !b) return needs_number;
  const std::int64_t* i = arguments[0].integer();
  const std::int64_t* j = arguments[1].integer();
  if (i != nullptr && j != nullptr) return give(out, is_min ? std::min(*i, *j) : std::max(*i, *j));
  if (std::isnan(*a) || std::isnan(*b)) return give(out, std::isnan(*a) ? *b : *a);
  if (i != nullptr && (is_min ? *a < *b : *a > *b)) return give(out, *i);
  if (j != nullptr && (is_min ? *b < *a : *b > *a)) return give(out, *j);
  return give(out, is_min ? std::min(*a, *b) : std::max(*a, *b));
}

const char* random_number(Arguments, Value& out, Evaluating evaluation) {
  std::uint64_t* state = evaluation.inputs.random;
  if (state == nullptr) return "random() has no state here";
  std::uint64_t x = (*state += 0x9e37'79b9'7f4a'7c15);  // splitmix64
  x = (x ^ (x >> 30)) * 0xbf58'476d'1ce4'e5b9;
  x = (x ^ (x >> 27)) * 0x94d0'49bb'1331'11eb;
  x ^= x >> 31;
  return give(out, static_cast<double>(x >> 11) * 0x1p-53);
}

// ---- of bits ----

template <typename F>
const char* of_integers(Arguments arguments, Value& out, F f) {
  const std::int64_t* a = arguments[0].integer();
  const std::int64_t* b = arguments[1].integer();
  return a != nullptr && b != nullptr ? give(out, f(*a, *b)) : needs_integer;
}
int shift_of(std::int64_t count) { return static_cast<int>(std::clamp<std::int64_t>(count, 0, 63)); }
const char* bit_and(Arguments arguments, Value& out, Evaluating) {
  return of_integers(arguments, out, [](std::int64_t a, std::int64_t b) { return a & b; });
}
const char* bit_or(Arguments arguments, Value& out, Evaluating) {
  return of_integers(arguments, out, [](std::int64_t a, std::int64_t b) { return a | b; });
}
const char* bit_xor(Arguments arguments, Value& out, Evaluating) {
  return of_integers(arguments, out, [](std::int64_t a, std::int64_t b) { return a ^ b; });
}
const char* shift_left(Arguments arguments, Value& out, Evaluating) {
  return of_integers(arguments, out,
                     [](std::int64_t a, std::int64_t b) { return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) << shift_of(b)); });
}
const char* shift_right(Arguments arguments, Value& out, Evaluating) {
  return of_integers(arguments, out, [](std::int64_t a, std::int64_t b) { return a >> shift_of(b); });
}
const char* bit_not(Arguments arguments, Value& out, Evaluating) {
  const std::int64_t* a = arguments[0].integer();
  return a != nullptr ? give(out, ~*a) : needs_integer;
}

// ---- of texts and tuples ----

const char* length(Arguments arguments, Value& out, Evaluating) {
  if (const std::string* text = arguments[0].string()) return give(out, static_cast<std::int64_t>(text->size()));
  if (const Array* items = arguments[0].array()) return give(out, static_cast<std::int64_t>(items->size()));
  return "len of something that is neither string nor tuple";
}

bool holds(const Array& items, const Value& wanted) {
  return std::ranges::any_of(items, [&](const Value& item) {
    Value same;
    return arithmetic(Op::equal, item, wanted, same) == nullptr && *same.boolean();
  });
}
const char* contains(Arguments arguments, Value& out, Evaluating evaluation) {
  const Array* items = arguments[0].array();
  if (items == nullptr) return "contains in something that is no tuple";
  if (!evaluation.spend(items->size())) return "too much work";
  return give(out, holds(*items, arguments[1]));
}
const char* contains_any(Arguments arguments, Value& out, Evaluating evaluation) {
  const Array* items = arguments[0].array();
  const Array* wanted = arguments[1].array();
  if (items == nullptr || wanted == nullptr) return "contains_any of something that is no tuple";
  if (!evaluation.spend(items->size() * wanted->size())) return "too much work";
  return give(out, std::ranges::any_of(*wanted, [&](const Value& item) { return holds(*items, item); }));
}

const char* type_name(Arguments arguments, Value& out, Evaluating) {
  switch (arguments[0].kind()) {
    case ValueKind::null: return give(out, "empty");
    case ValueKind::boolean: return give(out, "boolean");
    case ValueKind::integer: return give(out, "int");
    case ValueKind::floating: return give(out, "float");
    case ValueKind::array: return give(out, "tuple");
    case ValueKind::bytes: return give(out, "bytes");
    case ValueKind::map: return give(out, "map");
    case ValueKind::string: break;
  }
  return give(out, "string");
}

// ASCII letters only: the rest of Unicode changes length and depends on the language.
template <bool upper>
const char* change_case(Arguments arguments, Value& out, Evaluating) {
  const std::string* text = arguments[0].string();
  if (text == nullptr) return needs_string;
  std::string changed = *text;
  for (char& c : changed) {
    if (upper && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (!upper && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return give(out, std::move(changed));
}

const char* trim(Arguments arguments, Value& out, Evaluating) {
  const std::string* text = arguments[0].string();
  if (text == nullptr) return needs_string;
  constexpr std::string_view blanks = " \t\r\n\v\f";
  const std::size_t begin = text->find_first_not_of(blanks);
  if (begin == std::string::npos) return give(out, "");
  return give(out, text->substr(begin, text->find_last_not_of(blanks) - begin + 1));
}

const char* text_from(Arguments arguments, Value& out, Evaluating) {
  if (auto text = text_of(arguments[0])) return give(out, *std::move(text));
  std::string text = to_json(arguments[0]);
  if (text.size() > expression_limits::result_bytes_max) return too_long;
  return give(out, std::move(text));
}

const char* substring(Arguments arguments, Value& out, Evaluating) {
  const std::string* text = arguments[0].string();
  const std::int64_t* begin = arguments[1].integer();
  const std::int64_t* end = arguments.size() == 3 ? arguments[2].integer() : nullptr;
  if (text == nullptr) return needs_string;
  if (begin == nullptr || (arguments.size() == 3 && end == nullptr)) return needs_integer;
  const auto size = static_cast<std::int64_t>(text->size());
  const std::int64_t stop = end != nullptr ? *end : size;
  if (*begin < 0 || *begin > stop || stop > size) return "str::substring beyond the string";
  std::string part = text->substr(static_cast<std::size_t>(*begin), static_cast<std::size_t>(stop - *begin));
  if (!is_utf8(part)) return "str::substring through the middle of a letter";
  return give(out, std::move(part));
}

constexpr std::uint8_t any_number = 255;
constexpr std::array functions{
    FunctionRow{"min", 1, any_number, extreme<true>},
    FunctionRow{"max", 1, any_number, extreme<false>},
    FunctionRow{"floor", 1, 1, of_number<std::floor>},
    FunctionRow{"ceil", 1, 1, of_number<std::ceil>},
    FunctionRow{"round", 1, 1, of_number<std::round>},
    FunctionRow{"len", 1, 1, length},
    FunctionRow{"contains", 2, 2, contains},
    FunctionRow{"contains_any", 2, 2, contains_any},
    FunctionRow{"typeof", 1, 1, type_name},
    FunctionRow{"ln", 1, 1, of_number<std::log>},
    FunctionRow{"log", 2, 2, of_numbers<log_base>},
    FunctionRow{"log2", 1, 1, of_number<std::log2>},
    FunctionRow{"log10", 1, 1, of_number<std::log10>},
    FunctionRow{"exp", 1, 1, of_number<std::exp>},
    FunctionRow{"exp2", 1, 1, of_number<std::exp2>},
    FunctionRow{"pow", 2, 2, of_numbers<std::pow>},
    FunctionRow{"cos", 1, 1, of_number<std::cos>},
    FunctionRow{"acos", 1, 1, of_number<std::acos>},
    FunctionRow{"cosh", 1, 1, of_number<std::cosh>},
    FunctionRow{"acosh", 1, 1, of_number<std::acosh>},
    FunctionRow{"sin", 1, 1, of_number<std::sin>},
    FunctionRow{"asin", 1, 1, of_number<std::asin>},
    FunctionRow{"sinh", 1, 1, of_number<std::sinh>},
    FunctionRow{"asinh", 1, 1, of_number<std::asinh>},
    FunctionRow{"tan", 1, 1, of_number<std::tan>},
    FunctionRow{"atan", 1, 1, of_number<std::atan>},
    FunctionRow{"tanh", 1, 1, of_number<std::tanh>},
    FunctionRow{"atanh", 1, 1, of_number<std::atanh>},
    FunctionRow{"atan2", 2, 2, of_numbers<std::atan2>},
    FunctionRow{"sqrt", 1, 1, of_number<std::sqrt>},
    FunctionRow{"cbrt", 1, 1, of_number<std::cbrt>},
    FunctionRow{"hypot", 2, 2, of_numbers<std::hypot>},
    FunctionRow{"abs", 1, 1, absolute},
    FunctionRow{"is_nan", 1, 1, is_number<not_a_number>},
    FunctionRow{"is_finite", 1, 1, is_number<finite>},
    FunctionRow{"is_infinite", 1, 1, is_number<infinite>},
    FunctionRow{"is_normal", 1, 1, is_number<normal>},
    FunctionRow{"str::to_lowercase", 1, 1, change_case<false>},
    FunctionRow{"str::to_uppercase", 1, 1, change_case<true>},
    FunctionRow{"str::trim", 1, 1, trim},
    FunctionRow{"str::from", 1, 1, text_from},
    FunctionRow{"str::substring", 2, 3, substring},
    FunctionRow{"bitand", 2, 2, bit_and},
    FunctionRow{"bitor", 2, 2, bit_or},
    FunctionRow{"bitxor", 2, 2, bit_xor},
    FunctionRow{"bitnot", 1, 1, bit_not},
    FunctionRow{"shl", 2, 2, shift_left},
    FunctionRow{"shr", 2, 2, shift_right},
    FunctionRow{"clamp", 3, 3, of_three<limited>},
    FunctionRow{"lerp", 3, 3, of_three<lerp>},
    FunctionRow{"map", 5, 5, map_range},
    FunctionRow{"sign", 1, 1, of_number<sign>},
    FunctionRow{"fract", 1, 1, of_number<fract>},
    FunctionRow{"step", 2, 2, of_numbers<step>},
    FunctionRow{"smoothstep", 3, 3, of_three<smoothstep>},
    FunctionRow{"mod", 2, 2, of_numbers<floored_mod>},
    FunctionRow{"deg", 1, 1, of_number<degrees>},
    FunctionRow{"rad", 1, 1, of_number<radians>},
    FunctionRow{"random", 0, 0, random_number},
};

}  // namespace

const FunctionRow* find_function(std::string_view name) {
  if (name.starts_with("math::")) name.remove_prefix(6);
  const auto row = std::ranges::find(functions, name, &FunctionRow::name);
  return row != functions.end() ? &*row : nullptr;
}

}  // namespace clasp::transform
