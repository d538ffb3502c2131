#include "router/subscriptions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace clasp::router {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr SessionSlot desk{1};
constexpr SessionSlot tablet{2};
constexpr SessionSlot phone{0};

class SubscriptionsTest : public testing::Test {
 protected:
  SubscriptionSlot subscribe(SessionSlot session, std::uint32_t id, std::string_view pattern, TypeMask types = TypeMask::all(),
                             SubscribeOptions options = {}, Seq since = 0) {
    return table_.add({.session = session, .id = id, .pattern = *Pattern::parse(pattern), .types = types, .options = options, .since = since});
  }
  // As a transcript: "session:id,id" for each row, in order.
  std::vector<std::string> match(std::string_view address, ParamStore::MatchSlot* slot = nullptr) {
    std::vector<std::string> rows;
    const MatchSet set = table_.match(address, slot);
    for (const MatchRow& row : set.rows) {
      std::string text = std::to_string(static_cast<std::uint32_t>(row.session)) + ":";
      for (const SubscriptionSlot subscription : set.subscriptions.subspan(row.first, row.count)) {
        text += (text.ends_with(':') ? "" : ",") + std::to_string(table_.subscription(subscription).id);
      }
      rows.push_back(text);
    }
    return rows;
  }

  Subscriptions table_{1'048'576, 99};
};

TEST_F(SubscriptionsTest, MergesAllSubscriptionsOfASessionIntoOneRowInSessionOrder) {
  subscribe(tablet, 10, "/lights/**");
  subscribe(desk, 20, "/lights/*/dim");
  subscribe(tablet, 11, "/lights/1/dim");
  subscribe(phone, 30, "/sound/**");
  subscribe(desk, 21, "/**");
  EXPECT_THAT(match("/lights/1/dim"), ElementsAre("1:20,21", "2:10,11"));
  EXPECT_THAT(match("/sound/1"), ElementsAre("0:30", "1:21"));
  EXPECT_THAT(match("/lights"), ElementsAre("1:21", "2:10"));
}

TEST_F(SubscriptionsTest, UnitesTheTypesOfARowAndTellsThoseWithoutThinning) {
  subscribe(desk, 1, "/a", TypeMask::of(SignalType::param), {.max_rate = 10, .epsilon = {}, .history = {}, .window = {}});
  subscribe(desk, 2, "/a", TypeMask::of(SignalType::event));
  subscribe(desk, 3, "/a", TypeMask::of(SignalType::stream), {.max_rate = {}, .epsilon = 0.5, .history = {}, .window = {}});
  subscribe(desk, 4, "/a", TypeMask::of(SignalType::gesture), {.max_rate = {}, .epsilon = {}, .history = 5, .window = 100});
  const MatchSet set = table_.match("/a", nullptr);
  ASSERT_EQ(set.rows.size(), 1U);
  EXPECT_EQ(set.rows[0].types, 0b01111);
  EXPECT_EQ(set.rows[0].plain_types, 0b01010);
}

TEST_F(SubscriptionsTest, ReplacesASubscriptionOfTheSameSessionAndId) {
  subscribe(desk, 1, "/a");
  subscribe(tablet, 1, "/a");
  subscribe(desk, 1, "/b");
  EXPECT_EQ(table_.size(), 2U);
  EXPECT_EQ(table_.count(desk), 1U);
  EXPECT_THAT(match("/a"), ElementsAre("2:1"));
  EXPECT_THAT(match("/b"), ElementsAre("1:1"));
}

TEST_F(SubscriptionsTest, FindsAndRemovesByTheIdTheClientChose) {
  const SubscriptionSlot slot = subscribe(desk, 50'000, "/a");
  EXPECT_EQ(table_.find(desk, 50'000), slot);
  EXPECT_EQ(table_.find(tablet, 50'000), std::nullopt);
  EXPECT_EQ(table_.find(SessionSlot{900}, 1), std::nullopt);
  EXPECT_FALSE(table_.remove(tablet, 50'000));
  EXPECT_FALSE(table_.remove(desk, 1));
  EXPECT_TRUE(table_.remove(desk, 50'000));
  EXPECT_FALSE(table_.remove(desk, 50'000));
  EXPECT_THAT(match("/a"), IsEmpty());
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(SubscriptionsTest, ForgetsAllOfASessionAndNothingElse) {
  for (std::uint32_t id = 0; id < 20; ++id) {
    subscribe(desk, id, "/a/" + std::to_string(id));
    subscribe(tablet, id, "/a/" + std::to_string(id));
  }
  table_.remove(desk, 7);
  table_.remove_session(desk);
  table_.remove_session(SessionSlot{77});
  EXPECT_EQ(table_.count(desk), 0U);
  EXPECT_EQ(table_.count(tablet), 20U);
  EXPECT_EQ(table_.count(SessionSlot{77}), 0U);
  for (std::uint32_t id = 0; id < 20; ++id) EXPECT_THAT(match("/a/" + std::to_string(id)), ElementsAre("2:" + std::to_string(id)));
}

TEST_F(SubscriptionsTest, ListsASessionsSubscriptionsInTheOrderTheyWereAdded) {
  for (const std::uint32_t id : {5U, 3U, 9U, 4U}) subscribe(desk, id, "/a");
  subscribe(tablet, 1, "/a");
  table_.remove(desk, 3);
  std::vector<std::uint32_t> ids;
  table_.for_each(desk, [&](SubscriptionSlot slot, const Subscription& subscription) {
    EXPECT_EQ(&table_.subscription(slot), &subscription);
    ids.push_back(subscription.id);
  });
  EXPECT_THAT(ids, ElementsAre(5, 9, 4));
}

TEST_F(SubscriptionsTest, WalksTheTrieOnceForAParamUntilTheTableChanges) {
  subscribe(desk, 1, "/a");
  ParamStore::MatchSlot slot;
  for (int i = 0; i < 5; ++i) EXPECT_THAT(match("/a", &slot), ElementsAre("1:1"));
  EXPECT_EQ(table_.cache_misses(), 1U);

  subscribe(tablet, 1, "/**");
  EXPECT_THAT(match("/a", &slot), ElementsAre("1:1", "2:1"));
  EXPECT_THAT(match("/a", &slot), ElementsAre("1:1", "2:1"));
  EXPECT_EQ(table_.cache_misses(), 2U);
  EXPECT_EQ(table_.cache_resets(), 1U);

  table_.remove(desk, 1);
  EXPECT_THAT(match("/a", &slot), ElementsAre("2:1"));
  table_.remove_session(tablet);
  EXPECT_THAT(match("/a", &slot), IsEmpty());
}

TEST_F(SubscriptionsTest, WalksTheTrieOnceForAnAddressThatIsNoParam) {
  subscribe(desk, 1, "/**");
  const std::string longest = "/" + std::string(54, 'x');
  const std::string too_long = longest + "x";
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(match("/a"), ElementsAre("1:1"));
    EXPECT_THAT(match(longest), ElementsAre("1:1"));
  }
  EXPECT_EQ(table_.cache_misses(), 2U);
  for (int i = 0; i < 3; ++i) EXPECT_THAT(match(too_long), ElementsAre("1:1"));
  EXPECT_EQ(table_.cache_misses(), 5U);
}

TEST_F(SubscriptionsTest, NeverTakesOneAddressForAnotherOfTheSameCacheSlot) {
  for (std::uint32_t id = 0; id < 50; ++id) subscribe(desk, id, "/" + std::to_string(id));
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 100'000; ++i) {  // more than there are slots
      const MatchSet set = table_.match("/" + std::to_string(i), nullptr);
      ASSERT_EQ(set.rows.size(), i < 50 ? 1U : 0U);
      if (i < 50) {
        ASSERT_EQ(table_.subscription(set.subscriptions[0]).id, static_cast<std::uint32_t>(i));
      }
    }
  }
}

TEST_F(SubscriptionsTest, SharesOneSetAmongAddressesWithTheSameSubscribers) {
  subscribe(desk, 1, "/lights/**");
  subscribe(tablet, 1, "/lights/*/dim");
  std::vector<ParamStore::MatchSlot> slots(1'000);
  match("/lights/0/dim", &slots[0]);
  const std::size_t bytes = table_.cache_bytes();
  for (std::size_t i = 1; i < slots.size(); ++i) match("/lights/" + std::to_string(i) + "/dim", &slots[i]);
  EXPECT_EQ(table_.cache_bytes(), bytes);
  EXPECT_THAT(match("/lights/7/dim", &slots[7]), ElementsAre("1:1", "2:1"));
}

TEST(Subscriptions, AnswerWithoutTheCacheOnceItsBytesAreUsedUp) {
  Subscriptions table(500, 99);
  for (std::uint32_t i = 0; i < 100; ++i) {
    table.add({.session = SessionSlot{i}, .id = i, .pattern = *Pattern::parse("/" + std::to_string(i)), .types = {}, .options = {}});
  }
  std::vector<ParamStore::MatchSlot> slots(100);
  for (int round = 0; round < 2; ++round) {
    for (std::uint32_t i = 0; i < 100; ++i) {
      const MatchSet set = table.match("/" + std::to_string(i), &slots[i]);
      ASSERT_EQ(set.rows.size(), 1U);
      ASSERT_EQ(set.rows[0].session, SessionSlot{i});
      ASSERT_LE(table.cache_bytes(), 500U);
    }
  }
  EXPECT_GT(table.cache_refusals(), 180U);
  EXPECT_LT(table.cache_misses(), 200U);  // the first few were kept
}

TEST(Subscriptions, ReachAHundredThousandSubscribersOfOneAddress) {
  constexpr std::uint32_t sessions = 100'000;
  Subscriptions table(67'108'864, 99);
  const Pattern everything = *Pattern::parse("/**");
  for (std::uint32_t i = 0; i < sessions; ++i) table.add({.session = SessionSlot{i}, .id = 1, .pattern = everything, .types = {}, .options = {}});
  for (int round = 0; round < 2; ++round) {
    const MatchSet set = table.match("/a", nullptr);
    ASSERT_EQ(set.rows.size(), sessions);
    for (std::uint32_t i = 0; i < sessions; ++i) ASSERT_EQ(set.rows[i].session, SessionSlot{i});
  }
  EXPECT_EQ(table.cache_misses(), 1U);
  for (std::uint32_t i = 0; i < sessions; ++i) table.remove_session(SessionSlot{i});
  EXPECT_EQ(table.size(), 0U);
  EXPECT_TRUE(table.match("/a", nullptr).rows.empty());
}

TEST_F(SubscriptionsTest, TellWhetherAChangeReachesASessionLive) {
  subscribe(desk, 1, "/lights/**", TypeMask::all(), {}, 10);
  subscribe(desk, 2, "/sound/*", TypeMask::of(SignalType::event), {}, 0);
  EXPECT_FALSE(table_.gets_live(desk, "/lights/1", 10));
  EXPECT_TRUE(table_.gets_live(desk, "/lights/1", 11));
  EXPECT_FALSE(table_.gets_live(desk, "/sound/1", 11));  // wants no params
  EXPECT_FALSE(table_.gets_live(desk, "/other", 11));
  EXPECT_FALSE(table_.gets_live(tablet, "/lights/1", 11));
  EXPECT_FALSE(table_.gets_live(SessionSlot{70}, "/lights/1", 11));
}

// Every answer, cached or not, is what asking each subscription would give.
TEST_F(SubscriptionsTest, AnswerAsAskingEverySubscriptionWould) {
  std::mt19937 random(815);
  const auto below = [&random](std::size_t n) { return static_cast<std::uint32_t>(random() % n); };
  const std::vector<std::string> patterns{"/**", "/a/**", "/a/*", "/*/b", "/a/b", "/a/b*", "/**/c", "/a/**/c", "/b", "/b/*"};
  const std::vector<std::string> addresses{"/a", "/b", "/a/b", "/a/bb", "/a/x/c", "/b/b", "/c"};
  std::map<std::pair<std::uint32_t, std::uint32_t>, Pattern> model;  // (session, id)
  std::vector<ParamStore::MatchSlot> slots(addresses.size());

  for (int round = 0; round < 5'000; ++round) {
    const std::uint32_t session = below(6);
    const std::uint32_t id = below(4);
    switch (below(8)) {
      case 0:
      case 1: {
        const std::string& text = patterns[below(patterns.size())];
        subscribe(SessionSlot{session}, id, text);
        model.insert_or_assign({session, id}, *Pattern::parse(text));
        break;
      }
      case 2: ASSERT_EQ(table_.remove(SessionSlot{session}, id), model.erase({session, id}) == 1); break;
      case 3:
        if (below(4) != 0) break;
        table_.remove_session(SessionSlot{session});
        std::erase_if(model, [session](const auto& entry) { return entry.first.first == session; });
        break;
      default: {
        const std::uint32_t which = below(addresses.size());
        std::map<std::uint32_t, std::vector<std::uint32_t>> expected;
        for (const auto& [key, pattern] : model) {
          if (pattern.matches(addresses[which])) expected[key.first].push_back(key.second);
        }
        std::map<std::uint32_t, std::vector<std::uint32_t>> actual;
        const MatchSet set = table_.match(addresses[which], below(2) == 0 ? &slots[which] : nullptr);
        for (const MatchRow& row : set.rows) {
          auto& ids = actual[static_cast<std::uint32_t>(row.session)];
          for (const auto slot : set.subscriptions.subspan(row.first, row.count)) ids.push_back(table_.subscription(slot).id);
          std::ranges::sort(ids);
        }
        ASSERT_EQ(actual, expected) << addresses[which] << " in round " << round;
        ASSERT_EQ(set.rows.size(), expected.size());
      }
    }
    ASSERT_EQ(table_.size(), model.size());
  }
}

}  // namespace
}  // namespace clasp::router
