#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

#include "core/check.hpp"
#include "core/pattern.hpp"

namespace clasp {
namespace {

// One question to the direct matcher, as scopes, rules and queries ask it (delivery uses the router's trie).
void BM_PatternMatch(benchmark::State& state, std::string_view text, std::string_view address, bool expected) {
  const Pattern pattern = *Pattern::parse(text);
  for (auto _ : state) {
    benchmark::DoNotOptimize(address);
    CLASP_CHECK(pattern.matches(address) == expected);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(BM_PatternMatch, literal, "/stage/7/dim", "/stage/7/dim", true);
BENCHMARK_CAPTURE(BM_PatternMatch, everything, "/**", "/stage/7/dim", true);
BENCHMARK_CAPTURE(BM_PatternMatch, subtree, "/stage/**", "/stage/7/dim", true);
BENCHMARK_CAPTURE(BM_PatternMatch, other_subtree, "/lights/**", "/stage/7/dim", false);
BENCHMARK_CAPTURE(BM_PatternMatch, one_segment, "/stage/*/dim", "/stage/7/dim", true);
BENCHMARK_CAPTURE(BM_PatternMatch, any_depth, "/**/dim", "/stage/left/bar/7/dim", true);
BENCHMARK_CAPTURE(BM_PatternMatch, partial, "/stage/bar*/dim", "/stage/bar12/dim", true);

void BM_PatternMatchWorst(benchmark::State& state) {
  std::string text;
  for (int i = 0; i < 20; ++i) text += "/**/a";
  const Pattern pattern = *Pattern::parse(text + "/b");
  std::string address;
  for (int i = 0; i < 500; ++i) address += "/a";
  for (auto _ : state) CLASP_CHECK(!pattern.matches(address));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_PatternMatchWorst);

void BM_PatternCovers(benchmark::State& state) {
  const Pattern scope = *Pattern::parse("/stage/**");
  const Pattern asked = *Pattern::parse("/stage/*/dim");
  for (auto _ : state) CLASP_CHECK(scope.covers(asked));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_PatternCovers);

void BM_PatternParse(benchmark::State& state) {
  for (auto _ : state) CLASP_CHECK(Pattern::parse("/stage/*/dim").has_value());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_PatternParse);

}  // namespace
}  // namespace clasp
