#include "router/subscriptions.hpp"

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "core/check.hpp"
#include "router/commit_log.hpp"

namespace clasp::router {
namespace {

constexpr std::size_t cache_bytes_max = 67'108'864;
constexpr std::uint64_t seed = 0x5eed;

Subscription of(std::uint32_t session, std::uint32_t id, const Pattern& pattern) {
  return {.session = SessionSlot{session}, .id = id, .pattern = pattern, .types = {}, .options = {}};
}

std::string address_of(std::uint32_t i) { return "/stage/" + std::to_string(i / 10) + "/light/" + std::to_string(i % 10) + "/dim"; }

// 1,000 params, each with 10 subscribers who named it.
struct Stage {
  static constexpr std::uint32_t params = 1'000;
  static constexpr std::uint32_t subscribers = 10;

  Stage() : table(cache_bytes_max, seed), slots(params) {
    for (std::uint32_t i = 0; i < params; ++i) {
      addresses.push_back(address_of(i));
      const Pattern pattern = *Pattern::parse(addresses.back());
      for (std::uint32_t k = 0; k < subscribers; ++k) table.add(of((i + k) % 100, i * subscribers + k, pattern));
    }
  }
  Subscriptions table;
  std::vector<ParamStore::MatchSlot> slots;
  std::vector<std::string> addresses;
};

void BM_MatchParamCached(benchmark::State& state) {
  Stage stage;
  std::uint32_t i = 0;
  for (auto _ : state) {
    CLASP_CHECK(stage.table.match(stage.addresses[i], &stage.slots[i]).rows.size() == Stage::subscribers);
    i = i + 1 == Stage::params ? 0 : i + 1;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_MatchParamCached);

void BM_MatchAddressCached(benchmark::State& state) {
  Stage stage;
  std::uint32_t i = 0;
  for (auto _ : state) {
    CLASP_CHECK(stage.table.match(stage.addresses[i], nullptr).rows.size() == Stage::subscribers);
    i = i + 1 == Stage::params ? 0 : i + 1;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_MatchAddressCached);

void BM_MatchUncached(benchmark::State& state) {
  Stage stage;
  std::uint32_t i = 0;
  for (auto _ : state) {
    ParamStore::MatchSlot unused;
    CLASP_CHECK(stage.table.match(stage.addresses[i], &unused).rows.size() == Stage::subscribers);
    i = i + 1 == Stage::params ? 0 : i + 1;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_MatchUncached);

// One pattern with `range` runs, "/**/a/**/a…", all of which become active, for an address of 40 segments.
void BM_MatchNestedRunsUncached(benchmark::State& state) {
  Subscriptions table(0, seed);
  std::string nested;
  for (std::int64_t i = 0; i < state.range(0); ++i) nested += "/**/a";
  std::string address;
  for (int i = 0; i < 40; ++i) address += "/a";
  table.add(of(1, 1, *Pattern::parse(nested)));
  for (auto _ : state) {
    ParamStore::MatchSlot unused;
    CLASP_CHECK(table.match(address, &unused).rows.size() == 1);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_MatchNestedRunsUncached)->Arg(1)->Arg(20);

// `range` patterns that differ behind a "**", each wanted by another session.
void BM_MatchManyRunsUncached(benchmark::State& state) {
  Subscriptions table(0, seed);
  const auto patterns = static_cast<std::uint32_t>(state.range(0));
  for (std::uint32_t i = 0; i < patterns; ++i) table.add(of(i, 1, *Pattern::parse("/stage/**/light/" + std::to_string(i) + "/**/dim")));
  table.add(of(patterns, 1, *Pattern::parse("/**")));
  for (auto _ : state) {
    ParamStore::MatchSlot unused;
    CLASP_CHECK(table.match("/stage/1/x/light/0/y/dim", &unused).rows.size() == 2);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_MatchManyRunsUncached)->Arg(1)->Arg(1'000);

void BM_FanoutUncached(benchmark::State& state) {
  const auto sessions = static_cast<std::uint32_t>(state.range(0));
  Subscriptions table(0, seed);
  const Pattern pattern = *Pattern::parse("/**");
  for (std::uint32_t i = 0; i < sessions; ++i) table.add(of(i * 7'919 % sessions, 1, pattern));  // not in session order
  for (auto _ : state) {
    ParamStore::MatchSlot unused;
    CLASP_CHECK(table.match("/a", &unused).rows.size() == sessions);
  }
  state.SetItemsProcessed(state.iterations() * sessions);
}
BENCHMARK(BM_FanoutUncached)->Arg(10)->Arg(100'000)->Unit(benchmark::kMicrosecond);

// `range` sessions come with one subscription each, and go.
void BM_AddRemove(benchmark::State& state) {
  const auto sessions = static_cast<std::uint32_t>(state.range(0));
  std::vector<Pattern> patterns;
  for (std::uint32_t i = 0; i < sessions; ++i) patterns.push_back(*Pattern::parse(address_of(i)));
  for (auto _ : state) {
    Subscriptions table(cache_bytes_max, seed);
    for (std::uint32_t i = 0; i < sessions; ++i) table.add(of(i, 1, patterns[i]));
    for (std::uint32_t i = 0; i < sessions; ++i) table.remove_session(SessionSlot{i});
    CLASP_CHECK(table.size() == 0);
  }
  state.SetItemsProcessed(state.iterations() * sessions);
}
BENCHMARK(BM_AddRemove)->Arg(100'000)->Unit(benchmark::kMillisecond);

// Sessions keep coming while others use a warm cache: what one more costs, with the look-ups that each makes necessary.
void BM_AddAfterEachMatch(benchmark::State& state) {
  Stage stage;
  for (std::uint32_t i = 0; i < Stage::params; ++i) stage.table.match(stage.addresses[i], &stage.slots[i]);
  const Pattern pattern = *Pattern::parse("/elsewhere/1");
  std::uint32_t session = 1'000;
  for (auto _ : state) {
    stage.table.add(of(session, 1, pattern));
    CLASP_CHECK(stage.table.match(stage.addresses[7], &stage.slots[7]).rows.size() == Stage::subscribers);
    session = session == 11'000 ? 1'000 : session + 1;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_AddAfterEachMatch);

void BM_CommitLogAppend(benchmark::State& state) {
  CommitLog log(8'388'608);
  const std::string number(8, 'x');
  ByteBuffer no_frames;
  Delivery input(no_frames);
  input.address = "/stage/1/light/7/dim";
  input.value = ValueView{ValueTag::f64, as_bytes(number)};
  for (auto _ : state) benchmark::DoNotOptimize(log.append(input));
  CLASP_CHECK(log.last_seq() == static_cast<Seq>(state.iterations()));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_CommitLogAppend);

}  // namespace
}  // namespace clasp::router
