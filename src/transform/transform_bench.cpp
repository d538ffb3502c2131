// Three transforms for one number, as a fader's mapping has them: at most 300 ns.
#include <benchmark/benchmark.h>

#include "core/check.hpp"
#include "core/json.hpp"
#include "transform/transform.hpp"

namespace clasp::transform {
namespace {

void run(benchmark::State& state, const char* spec) {
  Transform transform = std::move(*Transform::compile(*parse_json(spec)));
  const EncodedValue number{63.5};
  const Now now{.steady = {1}, .unix_time = {1}, .received = {}};
  Value out;
  for (auto _ : state) {
    const Outcome outcome = transform.apply(number.view(), "/lights/1/dim", now, out);
    benchmark::DoNotOptimize(out);
    CLASP_CHECK(outcome == Outcome::value);
  }
  state.SetItemsProcessed(state.iterations());
}

void BM_ThreeNumericTransforms(benchmark::State& state) {
  run(state,
      R"({"type":"chain","transforms":[{"type":"scale","from_min":0,"from_max":127,"to_min":0,"to_max":1},{"type":"curve","curve_type":"ease_in"},
                 {"type":"clamp","min":0,"max":1}]})");
}
BENCHMARK(BM_ThreeNumericTransforms);

void BM_ThreeThatRemember(benchmark::State& state) {
  run(state, R"({"type":"chain","transforms":[{"type":"smooth","factor":0.5},{"type":"rate_limit","max_delta":0.1},
                 {"type":"aggregate","aggregator":{"type":"moving_average","window_size":10}}]})");
}
BENCHMARK(BM_ThreeThatRemember);

void BM_Expression(benchmark::State& state) { run(state, R"("clamp(value * 2 + 10, 0, 255) / 255")"); }
BENCHMARK(BM_Expression);

}  // namespace
}  // namespace clasp::transform
