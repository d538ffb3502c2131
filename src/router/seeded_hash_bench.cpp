#include "router/seeded_hash.hpp"

#include <benchmark/benchmark.h>

#include <functional>
#include <string>

namespace clasp::router {
namespace {

std::string address(benchmark::State& state) { return "/" + std::string(static_cast<std::size_t>(state.range(0)) - 1, 'a'); }

void BM_HashSeeded(benchmark::State& state) {
  const std::string text = address(state);
  for (auto _ : state) benchmark::DoNotOptimize(hash_text(text, 7));
}
BENCHMARK(BM_HashSeeded)->Arg(13)->Arg(40)->Arg(200);

void BM_HashStandard(benchmark::State& state) {
  const std::string text = address(state);
  for (auto _ : state) benchmark::DoNotOptimize(std::hash<std::string_view>{}(text));
}
BENCHMARK(BM_HashStandard)->Arg(13)->Arg(40)->Arg(200);

}  // namespace
}  // namespace clasp::router
