// Many clients, bad links, one router: the delivery contract as a property (see README.md).
//
// CLASP_SEED=n runs that seed alone, CLASP_SEEDS=n runs n seeds nobody has tried before.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "world.hpp"

namespace clasp::simulation {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t fixed_seeds = 8;
#else
constexpr std::uint64_t fixed_seeds = 30;
#endif

std::vector<std::uint64_t> seeds() {
  std::vector<std::uint64_t> out;
  if (const char* one = std::getenv("CLASP_SEED")) return {std::strtoull(one, nullptr, 10)};
  if (const char* many = std::getenv("CLASP_SEEDS")) {
    std::random_device device;
    for (auto n = std::strtoull(many, nullptr, 10); n > 0; --n) out.push_back(device());
    return out;
  }
  for (std::uint64_t seed = 1; seed <= fixed_seeds; ++seed) out.push_back(seed);
  return out;
}

TEST(Simulation, TheContractHoldsOnEveryLinkAndEveryViewConvergesOnceTheLinksHeal) {
  for (const std::uint64_t seed : seeds()) {
    SimulatedWorld world(scenario_of(seed));
    const auto failure = world.run();
    EXPECT_FALSE(failure) << "replay with CLASP_SEED=" << seed << "\n" << failure.value_or("");
    EXPECT_GT(world.totals().commits, 500U) << "replay with CLASP_SEED=" << seed;
  }
}

TEST(Simulation, TheSameSeedGivesTheSameRun) {
  SimulatedWorld first(scenario_of(3));
  SimulatedWorld second(scenario_of(3));
  EXPECT_EQ(first.run(), second.run());
  EXPECT_EQ(first.totals().commits, second.totals().commits);
  EXPECT_EQ(first.totals().deliveries, second.totals().deliveries);
  EXPECT_EQ(first.totals().conflated, second.totals().conflated);
}

TEST(Simulation, TheFixedSeedsReachEveryCorner) {
  Totals sum;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    SimulatedWorld world(scenario_of(seed));
    world.run();
    const Totals totals = world.totals();
    sum.congestions += totals.congestions;
    sum.conflated += totals.conflated;
    sum.sessions += totals.sessions;
    sum.closed_by_router += totals.closed_by_router;
    sum.bundles_scheduled += totals.bundles_scheduled;
    sum.removed += totals.removed;
  }
  EXPECT_GT(sum.congestions, 100U);
  EXPECT_GT(sum.conflated, 1'000U);
  EXPECT_GT(sum.sessions, 500U);
  EXPECT_GT(sum.closed_by_router, 20U);
  EXPECT_GT(sum.bundles_scheduled, 100U);
  EXPECT_GT(sum.removed, 100U);
}

struct FaultCase {
  Fault fault;
  const char* name;
  const char* rule;  // what the checker has to say
};

class InjectedFault : public ::testing::TestWithParam<FaultCase> {};

TEST_P(InjectedFault, IsNoticedByTheChecker) {
  Scenario scenario = scenario_of(2);
  scenario.fault = GetParam().fault;
  scenario.thinning = 0;
  scenario.drop_probability = 0;
  if (scenario.fault == Fault::drop_param) scenario.slow_links = scenario.stalling_links = 0;  // a slow link may skip a value
  scenario.every_set_arrives = true;
  scenario.config = router::Config{};
  SimulatedWorld world(scenario);
  const auto failure = world.run();
  EXPECT_TRUE(world.fault_happened());
  ASSERT_TRUE(failure);
  EXPECT_NE(failure->find(GetParam().rule), std::string::npos) << *failure;
}

INSTANTIATE_TEST_SUITE_P(
    Simulation, InjectedFault,
    ::testing::Values(FaultCase{Fault::drop_event, "DroppedEvent", "rule 15"}, FaultCase{Fault::drop_param, "DroppedParam", "rule "},
                      FaultCase{Fault::swap_events, "SwappedEvents", "rule 15"}, FaultCase{Fault::repeat_event, "RepeatedEvent", "rule 15"},
                      FaultCase{Fault::repeat_param, "RepeatedParam", "rule 3"}, FaultCase{Fault::drop_answer, "DroppedAnswer", "rule 26"},
                      FaultCase{Fault::swap_answers, "SwappedAnswers", "rule 26"}),
    [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace clasp::simulation
