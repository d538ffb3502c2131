#include "router/param_store_testing.hpp"

#include <gmock/gmock.h>

namespace clasp::router {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// ---- Walks ----

TEST_F(ParamStoreTest, AWalkFindsWhatMatchesInAddressOrderSoThatASubtreeComesTogether) {
  for (const std::string_view address : {"/b", "/a!", "/a/c/d", "/a", "/a/c", "/ab/c", "/a/", "/a/b", "/a0"}) set(address, 1);
  EXPECT_THAT(matches("/**"), ElementsAre("/a", "/a/", "/a/b", "/a/c", "/a/c/d", "/a!", "/a0", "/ab/c", "/b"));
  EXPECT_THAT(matches("/a/**"), ElementsAre("/a", "/a/", "/a/b", "/a/c", "/a/c/d"));
  EXPECT_THAT(matches("/a/*"), ElementsAre("/a/", "/a/b", "/a/c"));
  EXPECT_THAT(matches("/*/c"), ElementsAre("/a/c", "/ab/c"));
  EXPECT_THAT(matches("/a*"), ElementsAre("/a", "/a!", "/a0"));
  EXPECT_THAT(matches("/**/d"), ElementsAre("/a/c/d"));
  EXPECT_THAT(matches("/a/c"), ElementsAre("/a/c"));
  EXPECT_THAT(matches("/c/**"), IsEmpty());
  EXPECT_THAT(matches("/a/x"), IsEmpty());
}

TEST_F(ParamStoreTest, AWalkGoesOnAfterAnAddressThatIsGoneOrNeverMatched) {
  for (const std::string_view address : {"/a/1", "/a/3", "/a/5"}) set(address, 1);
  const Pattern pattern = Pattern::parse("/a/*").value();
  const auto next = [&](std::string_view after) {
    const auto entry = store().next_match(pattern, after);
    return entry ? std::string(store().record(*entry).address) : "-";
  };
  EXPECT_EQ(next("/a/1"), "/a/3");
  remove("/a/3");
  EXPECT_EQ(next("/a/3"), "/a/5");
  set("/a/4", 1);
  EXPECT_EQ(next("/a/3"), "/a/4");
  EXPECT_EQ(next("/0"), "/a/1");
  EXPECT_EQ(next("/z"), "-");
}

class ParamStoreWalkTest : public ParamStoreTest {
 protected:
  // 100 fixtures with 100 params each below /a, and as much on both sides of it.
  void SetUp() override {
    for (const std::string_view root : {"/0", "/a", "/z"}) {
      for (int child = 0; child < 100; ++child) {
        for (int param = 0; param < 100; ++param) set(fmt::format("{}/{:02}/{:02}", root, child, param), 1);
      }
    }
  }
};

TEST_F(ParamStoreWalkTest, ASubtreeIsOneRun) {
  EXPECT_EQ(matches("/a/17/**").size(), 100u);
  EXPECT_LE(visits_of("/a/17/**"), 102u);
  EXPECT_LE(visits_of("/a/**"), 10'002u);
}

TEST_F(ParamStoreWalkTest, AWildcardBetweenCostsAFewLooksAChildWhateverLiesBelow) {
  EXPECT_EQ(matches("/a/*/50").size(), 100u);
  EXPECT_LE(visits_of("/a/*/50"), 400u);
  EXPECT_LE(visits_of("/a/*/nothing"), 400u);
  EXPECT_LE(visits_of("/*/17/50"), 30u);
  EXPECT_LE(visits_of("/a/*"), 202u) << "all children, none of which is a param itself";
}

TEST_F(ParamStoreWalkTest, APartialWildcardJumpsToItsPrefixAndStopsBehindIt) {
  EXPECT_EQ(matches("/a/1*/9*").size(), 100u);
  EXPECT_LE(visits_of("/a/1*/9*"), 150u);
  EXPECT_EQ(matches("/a/*7/33").size(), 10u);
  EXPECT_LE(visits_of("/a/*7/33"), 150u);
}

TEST_F(ParamStoreWalkTest, WhatCannotMatchCostsNextToNothing) {
  EXPECT_LE(visits_of("/a/17/50"), 1u);
  EXPECT_LE(visits_of("/b/**"), 2u);
  EXPECT_LE(visits_of("/a/xx/*"), 2u);
}

}  // namespace
}  // namespace clasp::router
