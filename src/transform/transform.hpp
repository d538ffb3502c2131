// Values into other values, as a specification says (docs/transforms.md; transforms specification). One engine for bridge mappings, the router's
// SETs, rules and routes.
//
// A specification is JSON: {"type":"scale","from_min":0,"from_max":127,"to_min":0,"to_max":1}, the text of an expression, or one of the older
// spellings. It is checked whole when it is compiled; afterwards nothing can go wrong but an expression, which then leaves the value as it is.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "clasp/error.hpp"
#include "clasp/value.hpp"
#include "core/time.hpp"
#include "core/value_view.hpp"
#include "transform/outcome.hpp"

namespace clasp::transform {

// Code from elsewhere that changes values: what {"type":"wasm"} runs if it is not one of the modules built in.
class Lens {
 public:
  virtual ~Lens() = default;
  // A fault (its text) leaves the value as it is.
  virtual Outcome apply(Value& value, std::string_view address, const Now& now, std::string& fault) = 0;
  virtual bool has_inverse() const { return false; }
};
// `inverse`: what undoes the module is meant.
using LensLoader = std::function<Result<std::shared_ptr<Lens>>(std::string_view module, const Value& params, bool inverse)>;

enum class NonFinite : std::uint8_t { drop, pass, hold, replace };  // what becomes of a NaN or infinity at the end

struct CompileOptions {
  LensLoader lenses;                         // none: only the modules built in
  std::size_t addresses_max = 10'000;        // whose state is remembered; the one unused longest is forgotten
  std::uint64_t seed = 0x5eed;               // of random()
  NonFinite on_nonfinite = NonFinite::drop;  // unless the specification says so itself
};

inline constexpr std::size_t transform_depth_max = 32;
inline constexpr std::size_t transform_nodes_max = 1'000;

class Transform {
 public:
  // The error (402) begins with the JSON pointer of what is wrong: "/transforms/1/from_max: expected a number". `pointer`: of the specification.
  static Result<Transform> compile(const Value& spec, const CompileOptions& options = {}, std::string_view pointer = "");

  Transform(Transform&&) noexcept;
  Transform& operator=(Transform&&) noexcept;
  ~Transform();

  // What becomes of `in`; `out` is set with Outcome::value only. `address`: where the value comes from, each has a state of its own. Numbers
  // through nodes for numbers cost no allocation once their address is known.
  Outcome apply(const ValueView& in, std::string_view address, const Now& now, Value& out);
  Outcome apply(Value& value, std::string_view address, const Now& now);

  // The same, told step by step: the specification of each member of the outermost chain, and what it made of the value.
  using Step = std::function<void(const Value& spec, const Value& after, Outcome outcome)>;
  Outcome trace(Value& value, std::string_view address, const Now& now, const Step& step);

  // What undoes it. The error names the node that cannot be undone.
  Result<Transform> inverse() const;

  const Value& to_json() const;                   // in canonical form: compiles to the same
  const std::vector<std::string>& notes() const;  // what its user should know: "/: script engine unavailable, values pass through"
  bool remembers() const;                         // the result depends on earlier values
  std::uint64_t faults() const;                   // expressions that could not be evaluated, modules that failed
  std::string_view last_fault() const;            // why
  std::size_t addresses() const;                  // remembered now
  void reset();                                   // forgets them

 private:
  struct Parts;
  explicit Transform(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// A condition for itself: {"type":"in_range","min":0,"max":1}.
class ConditionTest {
 public:
  static Result<ConditionTest> compile(const Value& spec, std::string_view pointer = "");
  ConditionTest(ConditionTest&&) noexcept;
  ConditionTest& operator=(ConditionTest&&) noexcept;
  ~ConditionTest();

  bool holds(const Value& value, std::string_view address, const Now& now);
  const Value& to_json() const;

 private:
  struct Parts;
  explicit ConditionTest(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace clasp::transform
