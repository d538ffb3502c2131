// The expression language (transforms specification, section 8): parsed once into a flat tree, evaluated without allocating as long as only
// numbers and flags are involved. Reaches nothing outside of its inputs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "clasp/error.hpp"
#include "clasp/value.hpp"

namespace clasp::transform {

namespace expression_limits {
inline constexpr std::size_t text_bytes_max = 4'096;
inline constexpr std::size_t depth_max = 64;
inline constexpr std::size_t locals_max = 16;
inline constexpr std::size_t arguments_max = 8;
inline constexpr std::size_t result_bytes_max = 65'535;  // of one string
inline constexpr std::uint32_t steps_max = 10'000;       // nodes evaluated, and what copying large values costs
}  // namespace expression_limits

// What an expression may read. Integer, floating, boolean, string, array (a tuple) and null (empty) are its types.
struct ExpressionInputs {
  const Value* value = nullptr;  // value, x, ivalue, svalue, raw
  std::string_view address;
  double index = 0;                 // samples of this node before this one
  double time = 0;                  // seconds since its first
  double now = 0;                   // Unix seconds
  double last = 0;                  // previous output
  std::uint64_t* random = nullptr;  // state of random()
};

class Expression {
 public:
  static Result<Expression> parse(std::string_view text);  // the error names the byte

  // nullptr and the result in `out`, or why there is none.
  const char* evaluate(const ExpressionInputs& inputs, Value& out) const;

  bool remembers() const;  // reads index, time, last or random(): somebody has to keep them
  const std::string& text() const;

  struct Program;

 private:
  explicit Expression(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
  std::shared_ptr<const Program> program_;
};

}  // namespace clasp::transform
