// Faults on purpose: each must make a run fail that is faultless without it, or the comparison would be worth nothing.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "random_clients.hpp"

namespace clasp::simulation {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds_tried = 24;  // of those that every build runs without a fault

// True if one of the runs fails with the fault in it.
bool is_noticed(const std::function<bool(Scenario&)>& break_it) {
  for (std::uint64_t seed = 1; seed <= seeds_tried; ++seed) {
    Scenario scenario = scenario_of(seed);
    if (scenario.peers > 100 || !break_it(scenario)) continue;
    RandomClients clients(scenario);
    if (clients.run() && (scenario.fault == Fault::none || clients.world().fault_happened())) return true;
  }
  return false;
}

struct FaultCase {
  Fault fault;
  const char* name;
};

class InjectedFault : public ::testing::TestWithParam<FaultCase> {};

TEST_P(InjectedFault, IsNoticed) {
  EXPECT_TRUE(is_noticed([](Scenario& scenario) {
    scenario.fault = GetParam().fault;
    return true;
  }));
}

INSTANTIATE_TEST_SUITE_P(Frames, InjectedFault,
                         ::testing::Values(FaultCase{Fault::drop_event, "EventIsLost"}, FaultCase{Fault::drop_param, "ParamIsLost"},
                                           FaultCase{Fault::drop_stream, "StreamItemIsLost"}, FaultCase{Fault::drop_answer, "AnswerIsLost"},
                                           FaultCase{Fault::drop_snapshot, "SnapshotIsLost"}, FaultCase{Fault::swap_events, "EventsAreSwapped"},
                                           FaultCase{Fault::swap_answers, "AnswersAreSwapped"}, FaultCase{Fault::repeat_event, "EventComesTwice"},
                                           FaultCase{Fault::repeat_param, "ParamComesTwice"}, FaultCase{Fault::wrong_revision, "RevisionIsWrong"},
                                           FaultCase{Fault::wrong_value, "ValueIsWrong"}, FaultCase{Fault::forgotten_flag, "FlagIsForgotten"},
                                           FaultCase{Fault::wrong_writer, "WriterIsWrong"},
                                           FaultCase{Fault::snapshot_misses_entry, "SnapshotMissesAnEntry"},
                                           FaultCase{Fault::extra_frame, "FrameTooMany"}),
                         [](const auto& row) { return std::string(row.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Messages, InjectedFault,
    ::testing::Values(FaultCase{Fault::lock_is_not_taken, "LockIsNotTaken"}, FaultCase{Fault::lock_is_not_released, "LockIsNotReleased"},
                      FaultCase{Fault::revision_is_not_checked, "ExpectedRevisionIsNotChecked"},
                      FaultCase{Fault::lifetime_is_too_long, "LifetimeEndsLate"}, FaultCase{Fault::lifetime_is_forgotten, "LifetimeIsForgotten"},
                      FaultCase{Fault::types_are_ignored, "TypeMaskIsIgnored"}, FaultCase{Fault::pattern_is_too_wide, "PatternIsTooWide"},
                      FaultCase{Fault::epsilon_is_ignored, "EpsilonIsIgnored"}, FaultCase{Fault::rate_is_ignored, "MaxRateIsIgnored"},
                      FaultCase{Fault::history_is_too_short, "HistoryIsTooShort"}, FaultCase{Fault::bundle_loses_a_member, "BundleLosesAMember"},
                      FaultCase{Fault::bundle_is_late, "BundleIsTwoMillisecondsLate"}, FaultCase{Fault::signal_is_forgotten, "SignalIsForgotten"}),
    [](const auto& row) { return std::string(row.param.name); });

// A router that works by other rules than it should.
struct RuleCase {
  const char* name;
  bool (*change)(router::Config& config);  // false: makes no difference with this configuration
};

class WrongRule : public ::testing::TestWithParam<RuleCase> {};

TEST_P(WrongRule, IsNoticed) {
  EXPECT_TRUE(is_noticed([](Scenario& scenario) {
    scenario.believed = scenario.config;
    return GetParam().change(scenario.config);
  }));
}

bool exchange_strategies(router::Config& config, const std::string& pattern, router::ConflictStrategy strategy) {
  for (auto& [text, of_text] : config.strategies) {
    if (text == pattern) of_text = strategy;
  }
  return true;
}

INSTANTIATE_TEST_SUITE_P(
    Rules, WrongRule,
    ::testing::Values(
        RuleCase{"MaxTakesTheSmaller", [](router::Config& config) { return exchange_strategies(config, "/max/**", router::ConflictStrategy::min); }},
        RuleCase{"MinTakesTheLast", [](router::Config& config) { return exchange_strategies(config, "/min/**", router::ConflictStrategy::lww); }},
        RuleCase{"MergeKeepsTheLargest",
                 [](router::Config& config) { return exchange_strategies(config, "/merge/**", router::ConflictStrategy::max); }},
        RuleCase{"ParamsLiveASecondLonger",
                 [](router::Config& config) { return config.param_ttl.count() != 0 && (config.param_ttl += 1s).count() != 0; }},
        RuleCase{"AnotherParamIsEvicted",
                 [](router::Config& config) {
                   if (config.eviction == router::EvictionPolicy::refuse) return false;
                   const bool lru = config.eviction == router::EvictionPolicy::lru;
                   config.eviction = lru ? router::EvictionPolicy::oldest_first : router::EvictionPolicy::lru;
                   return true;
                 }},
        RuleCase{"OneParamTooMany", [](router::Config& config) { return config.params_max < 1'000 && ++config.params_max != 0; }},
        RuleCase{"MovesAreAMillisecondLate", [](router::Config& config) { return (config.gesture_interval += 1ms).count() != 0; }},
        RuleCase{"MovesAreNotThinned", [](router::Config& config) { return !(config.gesture_coalescing = false); }},
        RuleCase{"EverythingIsAcknowledged",
                 [](router::Config& config) { return std::exchange(config.ack, router::AckPolicy::always) != router::AckPolicy::always; }},
        RuleCase{"OneBundleTooMany",
                 [](router::Config& config) { return config.bundles_per_session_max < 10 && ++config.bundles_per_session_max != 0; }},
        RuleCase{"OneSubscriptionTooMany",
                 [](router::Config& config) { return config.subscriptions_per_session_max < 10 && ++config.subscriptions_per_session_max != 0; }},
        RuleCase{"OneSessionTooMany", [](router::Config& config) { return config.sessions_max != 0 && ++config.sessions_max != 0; }},
        RuleCase{"OneSignalTooMany", [](router::Config& config) { return config.signals_max < 100 && ++config.signals_max != 0; }},
        RuleCase{"SignalsLiveLonger", [](router::Config& config) { return (config.signal_ttl += 5s).count() != 0; }},
        RuleCase{"OneMessageASecondTooMany",
                 [](router::Config& config) { return config.messages_per_second_max != 0 && ++config.messages_per_second_max != 0; }},
        RuleCase{"HelloIsAwaitedTooLong", [](router::Config& config) { return (config.handshake_timeout += 50ms).count() != 0; }},
        RuleCase{"SilenceIsToleratedTooLong", [](router::Config& config) { return (config.session_timeout += 5s).count() != 0; }},
        RuleCase{"HistoryIsCutShort", [](router::Config& config) { return config.history_max > 3 && (config.history_max = 3) != 0; }},
        RuleCase{"AStalledLinkIsKept", [](router::Config& config) { return config.stall_max < 2s && (config.stall_max = 600s).count() != 0; }}),
    [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace clasp::simulation
