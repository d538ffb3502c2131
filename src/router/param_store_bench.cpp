// What a param costs in memory and time. The design promises at most 190 bytes a param of a 24-byte address and an f64, and some tens of
// nanoseconds for finding and writing one that exists. With CLASP_BENCH_LARGE set also at a million params, which takes half a minute.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>

#include "core/check.hpp"
#include "router/param_store.hpp"
#include "router/param_values_testing.hpp"

namespace clasp::router {
namespace {

constexpr std::size_t address_bytes = 24;

std::string address_of(std::size_t number) { return fmt::format("/stage/{:04}/lamp/{:07}", number % 1'000, number); }

// In address order, or shuffled from a fixed seed.
std::vector<std::string> addresses(std::size_t count, bool shuffled) {
  std::vector<std::string> all;
  all.reserve(count);
  for (std::size_t i = 0; i < count; ++i) all.push_back(address_of(i));
  CLASP_CHECK(all.front().size() == address_bytes);
  if (shuffled)
    std::ranges::shuffle(all, std::mt19937_64(3));
  else
    std::ranges::sort(all);
  return all;
}

constexpr std::size_t million = 1'000'000;

std::size_t largest() { return std::getenv("CLASP_BENCH_LARGE") != nullptr ? million : 20'000; }

void sizes(benchmark::internal::Benchmark* bench) {
  bench->Arg(1'000)->Arg(20'000);
  if (largest() == million) bench->Arg(million);
}

void fill(ParamStore& store, const std::vector<std::string>& all) {
  const TestValue value(0.5);
  for (const std::string& address : all) store.write({.address = address, .value = value.view()}, 1, {}, {}, ConflictStrategy::lww);
  CLASP_CHECK(store.size() == all.size());
}

std::size_t resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  unsigned long total = 0;
  unsigned long resident = 0;
  const int fields = std::fscanf(file, "%lu %lu", &total, &resident);
  std::fclose(file);
  return fields == 2 ? resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) : 0;
}

// First in the file, so that no freed memory of another benchmark hides what the store takes.
void BM_Memory(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const std::vector<std::string> all = addresses(count, state.range(1) != 0);
  double by_itself = 0;
  double resident = 0;
  for (auto _ : state) {
    const std::size_t before = resident_bytes();
    auto store = std::make_unique<ParamStore>(ParamLimits{.params_max = 0, .hash_seed = 1});
    fill(*store, all);
    by_itself = static_cast<double>(store->memory_bytes()) / static_cast<double>(count);
    resident = static_cast<double>(resident_bytes() - before) / static_cast<double>(count);
    CLASP_CHECK(by_itself <= 190);
    state.PauseTiming();
    store.reset();
    state.ResumeTiming();
  }
  state.counters["bytes_a_param"] = by_itself;
  state.counters["resident_a_param"] = resident;
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Memory)
    ->ArgNames({"params", "shuffled"})
    ->Apply([](benchmark::internal::Benchmark* bench) {
      for (const std::int64_t shuffled : {0, 1}) bench->Args({static_cast<std::int64_t>(largest()), shuffled});
    })
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

void BM_FindAndWrite(benchmark::State& state) {
  const std::vector<std::string> all = addresses(static_cast<std::size_t>(state.range(0)), true);
  ParamStore store({.params_max = 0, .hash_seed = 1});
  fill(store, all);
  const TestValue value(0.25);
  std::size_t i = 0;
  for (auto _ : state) {
    const Written written = store.write({.address = all[i], .value = value.view()}, 2, {}, {}, ConflictStrategy::lww);
    CLASP_CHECK(!written.created);
    if (++i == all.size()) i = 0;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_FindAndWrite)->Apply(sizes);

void BM_CheckAndWrite(benchmark::State& state) {
  const std::vector<std::string> all = addresses(static_cast<std::size_t>(state.range(0)), true);
  ParamStore store({.params_max = 0, .default_ttl_us = 3'600'000'000, .hash_seed = 1});
  fill(store, all);
  const TestValue value(0.25);
  std::size_t i = 0;
  for (auto _ : state) {
    const ParamWrite write{.address = all[i], .value = value.view()};
    const Place place = store.place(write.address);
    CLASP_CHECK(!store.check(write, place));
    benchmark::DoNotOptimize(store.write(write, place, 2, {}, {}, ConflictStrategy::lww));
    if (++i == all.size()) i = 0;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_CheckAndWrite)->Apply(sizes);

void BM_CreateAndRemove(benchmark::State& state) {
  const std::vector<std::string> all = addresses(static_cast<std::size_t>(state.range(0)), true);
  ParamStore store({.params_max = 0, .hash_seed = 1});
  fill(store, all);
  const TestValue value(0.25);
  std::size_t i = 0;
  for (auto _ : state) {
    store.remove(*store.find(all[i]));
    CLASP_CHECK(store.write({.address = all[i], .value = value.view()}, 2, {}, {}, ConflictStrategy::lww).revision > 2);
    if (++i == all.size()) i = 0;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_CreateAndRemove)->Apply(sizes);

// A snapshot as the router takes it: address of the last param as cursor.
void BM_WalkEverything(benchmark::State& state) {
  const std::vector<std::string> all = addresses(static_cast<std::size_t>(state.range(0)), true);
  ParamStore store({.params_max = 0, .hash_seed = 1});
  fill(store, all);
  const Pattern pattern = *Pattern::parse("/**");
  std::string after;
  for (auto _ : state) {
    std::size_t found = 0;
    for (after.clear(); const auto entry = store.next_match(pattern, after); ++found) after = store.record(*entry).address;
    CLASP_CHECK(found == all.size());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_WalkEverything)->Apply(sizes);

// One match in each of the thousand children of /stage.
void BM_WalkAcross(benchmark::State& state) {
  const std::vector<std::string> all = addresses(largest(), true);
  ParamStore store({.params_max = 0, .hash_seed = 1});
  fill(store, all);
  const Pattern pattern = *Pattern::parse("/stage/*/lamp/0000*");
  std::string after;
  for (auto _ : state) {
    std::size_t found = 0;
    for (after.clear(); const auto entry = store.next_match(pattern, after); ++found) after = store.record(*entry).address;
    CLASP_CHECK(found == 1'000);
  }
  state.SetItemsProcessed(state.iterations() * 1'000);
}
BENCHMARK(BM_WalkAcross);

}  // namespace
}  // namespace clasp::router
