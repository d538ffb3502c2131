// What a lens costs: the bare call of a module, and a number on its whole way, written as JSON, through lowpass, and read again.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdlib>

#include "core/check.hpp"
#include "lens/module_shelf.hpp"
#include "lens/stage.hpp"

namespace clasp::lens {
namespace {

std::shared_ptr<const Module> module_of(const std::string& name) {
  static ModuleShelf shelf;
  auto module = shelf.module(fmt::format("{}/lens_{}.wasm", CLASP_LENSES, name));
  if (!module) fmt::print(stderr, "{}\n", module.error().message);
  CLASP_CHECK(module.has_value());
  return *module;
}

// One call into WASM that does nothing, fuel and clock included.
void BM_RawCall(benchmark::State& state) {
  auto runtime = Runtime::open();
  CLASP_CHECK(runtime.has_value());
  const auto binary = (*runtime)->assemble(
      R"((module (memory (export "memory") 1) (data (i32.const 16) "\01\01\00\00\005") (func (export "alloc") (param i32) (result i32) (i32.const 64))
      (func (export "transform") (result i32) (i32.const 16))))");
  CLASP_CHECK(binary.has_value());
  auto module = Module::compile(*runtime, *binary);
  CLASP_CHECK(module.has_value());
  auto instance = Instance::create(*module, {}, {});
  CLASP_CHECK(instance.has_value());
  for (auto _ : state) CLASP_CHECK((*instance)->run(Direction::forward, "").has_value());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_RawCall);

void BM_NumberThroughLowpass(benchmark::State& state) {
  auto stage = Stage::make(module_of("lowpass"), {.params = R"({"alpha":0.9})"});
  CLASP_CHECK(stage.has_value());
  const EncodedValue values[] = {EncodedValue(0.25), EncodedValue(0.75)};
  std::size_t i = 0;
  for (auto _ : state) {
    const auto result = (*stage)->apply("/sensors/1/temp", values[++i % 2].view(), {});
    CLASP_CHECK(result.has_value() && result->floating() != nullptr);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_NumberThroughLowpass);

void BM_NumberThroughLowpassOfManyAddresses(benchmark::State& state) {
  auto stage = Stage::make(module_of("lowpass"), {.params = R"({"alpha":0.9})"});
  CLASP_CHECK(stage.has_value());
  std::vector<std::string> addresses;
  for (int n = 0; n < state.range(0); ++n) addresses.push_back(fmt::format("/sensors/{}/temp", n));
  const EncodedValue value(0.75);
  std::size_t i = 0;
  for (auto _ : state) CLASP_CHECK((*stage)->apply(addresses[++i % addresses.size()], value.view(), {}).has_value());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_NumberThroughLowpassOfManyAddresses)->Arg(100)->Arg(1'000);

void BM_NewInstance(benchmark::State& state) {
  const auto module = module_of("lowpass");
  for (auto _ : state) CLASP_CHECK(Instance::create(module, {}, R"({"alpha":0.9})").has_value());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_NewInstance);

}  // namespace
}  // namespace clasp::lens
