#include "router/signal_registry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace clasp::router {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr SessionId desk{1};
constexpr Micros forever{0};

SignalDefinition signal(std::string_view address) {
  return {.address = address, .type = SignalType::param, .datatype = {}, .access = {}, .meta = {}};
}

std::vector<std::string> query(const SignalRegistry& registry, std::string_view pattern, SteadyTime now = {}) {
  std::vector<std::string> addresses;
  registry.query(*Pattern::parse(pattern), now, [&](const SignalDefinition& definition) { addresses.emplace_back(definition.address); });
  return addresses;
}

TEST(SignalRegistry, AnswersQueriesInAddressOrder) {
  SignalRegistry registry(100, forever);
  for (const std::string_view address : {"/b", "/a/2", "/a-b/1", "/a", "/a/1/x", "/ab"}) ASSERT_TRUE(registry.announce(signal(address), desk, {}));
  EXPECT_THAT(query(registry, "/**"), ElementsAre("/a", "/a/1/x", "/a/2", "/a-b/1", "/ab", "/b"));
  EXPECT_THAT(query(registry, "/a/**"), ElementsAre("/a", "/a/1/x", "/a/2"));
  EXPECT_THAT(query(registry, "/a/*"), ElementsAre("/a/2"));
  EXPECT_THAT(query(registry, "/a"), ElementsAre("/a"));
  EXPECT_THAT(query(registry, "/a*"), ElementsAre("/a", "/ab"));
  EXPECT_THAT(query(registry, "/**/1"), ElementsAre("/a-b/1"));
  EXPECT_THAT(query(registry, "/c/**"), IsEmpty());
}

TEST(SignalRegistry, TellsTheProgramMetaAndWhoIsStillThere) {
  SignalRegistry registry(100, Micros{1'000});
  SignalDefinition definition = signal("/desk/a");
  definition.meta = SignalMeta{.unit = "dB", .range = std::pair{-60.0, 12.0}, .default_value = {}, .description = "main"};
  const auto told = [&](SteadyTime now = {}) {
    std::string text;
    registry.for_each(now, [&](const SignalRegistry::Entry& entry) {
      const SignalMeta& meta = *entry.definition.meta;
      text += std::string(entry.definition.address) + " " + std::string(meta.unit.value_or("-")) + " " + std::string(meta.description.value_or("-")) +
              (meta.range ? " ranged" : "") + (entry.present ? "" : " absent") + "\n";
    });
    return text;
  };
  ASSERT_TRUE(registry.announce(definition, desk, {}));
  ASSERT_TRUE(registry.announce(signal("/desk/b"), SessionId{2}, {}));
  EXPECT_EQ(told(), "/desk/a dB main ranged\n/desk/b - -\n");
  const std::uint64_t version = registry.version();
  ASSERT_TRUE(registry.announce(definition, desk, SteadyTime{500}));
  EXPECT_EQ(registry.version(), version) << "announced again as it was";
  registry.leave(SessionId{3}, {});
  EXPECT_EQ(registry.version(), version) << "it had announced nothing";
  registry.leave(desk, {});
  EXPECT_NE(registry.version(), version);
  EXPECT_EQ(told(), "/desk/a dB main ranged absent\n/desk/b - -\n");
  ASSERT_TRUE(registry.announce(definition, SessionId{4}, SteadyTime{900}));
  EXPECT_EQ(told(), "/desk/a dB main ranged\n/desk/b - -\n") << "somebody is behind it again";
  registry.leave(SessionId{2}, SteadyTime{900});
  registry.expire(SteadyTime{1'900});
  EXPECT_EQ(told(SteadyTime{1'900}), "/desk/a dB main ranged\n");
}

TEST(SignalRegistry, GivesBackWhatWasAnnouncedLastWithoutMeta) {
  SignalRegistry registry(100, forever);
  SignalDefinition definition = signal("/a");
  ASSERT_TRUE(registry.announce(definition, desk, {}));
  std::string datatype = "f64";
  definition.type = SignalType::stream;
  definition.datatype = datatype;
  definition.access = "rw";
  definition.meta = SignalMeta{.unit = "dB", .range = {}, .default_value = {}, .description = {}};
  ASSERT_TRUE(registry.announce(definition, SessionId{2}, {}));
  datatype = "xxx";  // the registry keeps copies
  EXPECT_EQ(registry.size(), 1U);
  registry.query(*Pattern::parse("/a"), {}, [](const SignalDefinition& found) {
    EXPECT_EQ(found.type, SignalType::stream);
    EXPECT_EQ(found.datatype, "f64");
    EXPECT_EQ(found.access, "rw");
    EXPECT_FALSE(found.meta);
  });
  EXPECT_THAT(query(registry, "/a"), ElementsAre("/a"));
}

TEST(SignalRegistry, ForgetsWhatNobodyIsBehindWhenItsLifetimeIsOver) {
  SignalRegistry registry(100, Micros{1'000});
  ASSERT_TRUE(registry.announce(signal("/a"), desk, {0}));
  ASSERT_TRUE(registry.announce(signal("/b"), SessionId{2}, {0}));
  EXPECT_EQ(registry.next_expiry(), std::nullopt);
  EXPECT_THAT(query(registry, "/**", {9'000'000}), ElementsAre("/a", "/b")) << "however long their devices stay";
  registry.leave(SessionId{2}, {400});
  registry.leave(desk, {600});
  EXPECT_EQ(registry.next_expiry(), SteadyTime{1'400});
  ASSERT_TRUE(registry.announce(signal("/b"), SessionId{3}, {700}));
  registry.leave(SessionId{3}, {800});
  EXPECT_EQ(registry.next_expiry(), SteadyTime{1'600});

  EXPECT_THAT(query(registry, "/**", {1'599}), ElementsAre("/a", "/b"));
  EXPECT_THAT(query(registry, "/**", {1'600}), ElementsAre("/b"));  // also before anybody calls expire()
  registry.expire({1'599});
  EXPECT_EQ(registry.size(), 2U);
  registry.expire({1'600});
  EXPECT_EQ(registry.size(), 1U);
  registry.expire({1'800});
  EXPECT_EQ(registry.size(), 0U);
  EXPECT_EQ(registry.next_expiry(), std::nullopt);
}

TEST(SignalRegistry, KeepsEverythingWithoutALifetime) {
  SignalRegistry registry(100, forever);
  ASSERT_TRUE(registry.announce(signal("/a"), desk, {0}));
  registry.expire({9'000'000'000'000});
  EXPECT_EQ(registry.next_expiry(), std::nullopt);
  EXPECT_THAT(query(registry, "/**", {9'000'000'000'000}), ElementsAre("/a"));
}

TEST(SignalRegistry, RefusesNewSignalsWhenFullButRenewsOldOnes) {
  SignalRegistry registry(2, Micros{1'000});
  ASSERT_TRUE(registry.announce(signal("/a"), desk, {0}));
  ASSERT_TRUE(registry.announce(signal("/b"), desk, {500}));
  EXPECT_FALSE(registry.announce(signal("/c"), desk, {500}));
  EXPECT_TRUE(registry.announce(signal("/b"), SessionId{2}, {600}));
  registry.leave(desk, {600});
  EXPECT_FALSE(registry.announce(signal("/c"), SessionId{2}, {1'599}));
  EXPECT_TRUE(registry.announce(signal("/c"), SessionId{2}, {1'600}));  // the lifetime of /a has ended
  EXPECT_THAT(query(registry, "/**", {1'600}), ElementsAre("/b", "/c"));
}

TEST(SignalRegistry, RefusesTextsBeyondAKibibyteASignalOnAverage) {
  SignalRegistry registry(2, forever);
  const std::string large(2'000, 'd');
  SignalDefinition definition = signal("/a");
  definition.datatype = large;
  ASSERT_TRUE(registry.announce(definition, desk, {}));
  SignalDefinition other = signal("/b");
  other.access = std::string_view(large).substr(0, 100);
  EXPECT_FALSE(registry.announce(other, desk, {}));
  EXPECT_TRUE(registry.announce(definition, desk, {}));  // a renewal that does not grow
  EXPECT_TRUE(registry.announce(signal("/a"), desk, {}));
  EXPECT_TRUE(registry.announce(other, desk, {}));
  EXPECT_FALSE(registry.announce(definition, desk, {}));  // one that does
}

}  // namespace
}  // namespace clasp::router
