// Many clients, bad links, one router, one model of it (see README.md).
//
// CLASP_SEED=n runs that seed alone, CLASP_SEEDS=n runs n seeds nobody has tried before.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "random_clients.hpp"

namespace clasp::simulation {
namespace {

constexpr std::uint64_t fixed_seeds = sanitized ? 16 : 90;
constexpr double seconds_at_least = sanitized ? 2'000 : 10'000;

// Seeds that failed once. Each runs always, sanitized or not: what it needs is rare, and the fixed seeds may never do it.
struct OnceFailed {
  std::uint64_t seed;
  const char* why;
};
constexpr std::array once_failed{
    OnceFailed{889'735'712, "parts of two snapshots in one turn were judged by peer, not as they came: another param was the least recently used"},
    OnceFailed{2'764'802'606, "behind a stream that need not come any more, the missing part of a cut history stayed, and took a live frame's place"},
    OnceFailed{2'493'406'504, "behind a history of which nothing was left, the answer to a GET was taken for a part of the open snapshot"},
    OnceFailed{3'582'287'928, "a live param that equals one of the history came before it, and the older ones of the history were believed missing"},
    OnceFailed{2'116'370'541, "a value that maxRate held back was first told as history, and the history's line was taken for skipped"},
    OnceFailed{2'267'086'821, "a GET waiting on a slow link was counted with its answer of 64 KiB, and the session believed to be above its bound"},
    OnceFailed{1'250'135'069, "a SNAPSHOT of one param that is owed and one created meanwhile was booked for another snapshot, which owed neither"},
    OnceFailed{1'886'186'150, "a removal told as history was taken for the live one, which need not come any more, and history's line for skipped"},
};

bool seeds_chosen_by_hand() { return std::getenv("CLASP_SEED") != nullptr || std::getenv("CLASP_SEEDS") != nullptr; }

std::vector<std::uint64_t> seeds() {
  std::vector<std::uint64_t> out;
  if (const char* one = std::getenv("CLASP_SEED")) return {std::strtoull(one, nullptr, 10)};
  if (const char* many = std::getenv("CLASP_SEEDS")) {
    std::random_device device;
    for (auto n = std::strtoull(many, nullptr, 10); n > 0; --n) out.push_back(device());
    return out;
  }
  for (std::uint64_t seed = 1; seed <= fixed_seeds; ++seed) out.push_back(seed);
  for (const OnceFailed& found : once_failed) out.push_back(found.seed);
  return out;
}

std::string history_of(std::uint64_t seed) {
  const auto found = std::ranges::find(once_failed, seed, &OnceFailed::seed);
  return found == once_failed.end() ? std::string() : fmt::format(" (it failed once: {})", found->why);
}

class Report : public ::testing::Environment {
 public:
  void TearDown() override {
    const Totals& sum = tally();
    fmt::print("simulated {:.0f} s, {} frames in, {} deliveries, compared with the model\n", sum.seconds, sum.frames_in, sum.frames_out);
  }
};
[[maybe_unused]] const auto* const report = ::testing::AddGlobalTestEnvironment(new Report);

TEST(Simulation, EveryFrameIsTheOneTheModelForetellsOnEveryLink) {
  Totals sum;
  for (const std::uint64_t seed : seeds()) {
    RandomClients clients(scenario_of(seed));
    const auto failure = clients.run();
    EXPECT_FALSE(failure) << "replay with CLASP_SEED=" << seed << history_of(seed) << "\n" << failure.value_or("");
    sum += clients.world().totals();
  }
  if (seeds_chosen_by_hand()) return;
  EXPECT_GE(sum.seconds, seconds_at_least);
  if (sanitized) return;
  EXPECT_GT(sum.congestions, 500U);
  EXPECT_GT(sum.conflated, 10'000U);
  EXPECT_GT(sum.streams_dropped, 1'000U);
  EXPECT_GT(sum.sessions, 2'000U);
  EXPECT_GT(sum.closed_by_router, 500U);
  EXPECT_GT(sum.bundles_scheduled, 1'000U);
  EXPECT_GT(sum.removed, 1'000U);
  EXPECT_GT(sum.refused, 5'000U);
}

TEST(Simulation, WhoComesBackIsToldWhatTheModelForetellsAsOnASlowLink) {
  Totals sum;
  for (const std::uint64_t seed : seeds()) {
    if (!seeds_chosen_by_hand() && seed > fixed_seeds / 2) continue;
    RandomClients clients(resuming_scenario_of(seed));
    const auto failure = clients.run();
    EXPECT_FALSE(failure) << "replay with CLASP_SEED=" << seed << "\n" << failure.value_or("");
    sum += clients.world().totals();
  }
  if (!seeds_chosen_by_hand()) {
    EXPECT_GT(sum.resumed, sanitized ? 500U : 3'000U);
  }
}

TEST(Simulation, TheSameSeedGivesTheSameRun) {
  RandomClients first(scenario_of(3));
  RandomClients second(scenario_of(3));
  EXPECT_EQ(first.run(), second.run());
  const Totals a = first.world().totals();
  const Totals b = second.world().totals();
  EXPECT_EQ(a.commits, b.commits);
  EXPECT_EQ(a.frames_out, b.frames_out);
  EXPECT_EQ(a.conflated, b.conflated);
  EXPECT_EQ(a.seconds, b.seconds);
}

}  // namespace
}  // namespace clasp::simulation
