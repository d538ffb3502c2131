// Numbers go through without an allocation once their address is known.
#include <gtest/gtest.h>

#include "core/allocations_testing.hpp"
#include "transform/transform_testing.hpp"

namespace clasp::transform {
namespace {

TEST(TransformSteadyState, NumbersCostNoAllocation) {
  constexpr const char* specs[] = {
      R"({"type":"chain","transforms":[{"type":"scale","from_min":0,"from_max":127,"to_min":0,"to_max":1},{"type":"curve","curve_type":"ease_in"},
          {"type":"clamp","min":0,"max":1}]})",
      R"({"type":"chain","transforms":[{"type":"smooth","factor":0.5},{"type":"rate_limit","max_delta":0.1},{"type":"dead_zone","threshold":0.01}]})",
      R"("clamp(value * 2 + sin(time), 0, 1) ^ 2")",
      R"("a = value * 2; a > 1 ? a : -a")",
      R"({"type":"conditional","condition":{"type":"and","conditions":["value > 0.5",{"type":"in_range","min":0,"max":1}]},"if_true":"1.0","if_false":"negate"})",
      R"({"type":"aggregate","aggregator":{"type":"std_dev","unbounded":true}})",
      R"({"type":"chain","transforms":["to_int",{"type":"bitwise","operation":"and","operand":3}],"on_nonfinite":"hold"})",
  };
  const test::Clock clock;
  for (const char* spec : specs) {
    Transform transform = test::compiled(spec);
    const EncodedValue number{0.7};
    Value out;
    transform.apply(number.view(), "/a", clock.now(), out);
    const std::uint64_t before = allocations_so_far();
    for (int i = 0; i < 1'000; ++i) transform.apply(number.view(), "/a", clock.now(), out);
    EXPECT_EQ(allocations_so_far() - before, 0U) << spec;
  }
}

}  // namespace
}  // namespace clasp::transform
