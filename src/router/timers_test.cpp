#include "router/timers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <utility>

namespace clasp::router {
namespace {

using testing::ElementsAre;

std::vector<std::uint64_t> pop_all(Timers& timers, SteadyTime now) {
  std::vector<std::uint64_t> keys;
  while (const auto due = timers.pop_due(now)) keys.push_back(due->key);
  return keys;
}

TEST(Timers, FireInOrderOfTheirDueTimesAndNotBefore) {
  Timers timers;
  timers.arm(TimerKind::ping, 1, {300});
  timers.arm(TimerKind::idle, 2, {100});
  timers.arm(TimerKind::bundle, 3, {200});
  EXPECT_EQ(timers.next_deadline(), SteadyTime{100});
  EXPECT_FALSE(timers.pop_due({99}));

  const auto first = timers.pop_due({100});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->kind, TimerKind::idle);
  EXPECT_EQ(first->key, 2U);
  EXPECT_THAT(pop_all(timers, {1'000}), ElementsAre(3, 1));
  EXPECT_EQ(timers.next_deadline(), std::nullopt);
}

TEST(Timers, FireInTheOrderTheyWereArmedWhenDueTogether) {
  Timers timers;
  for (std::uint64_t key = 0; key < 50; ++key) timers.arm(TimerKind::bundle, key, {7});
  std::vector<std::uint64_t> expected(50);
  for (std::uint64_t key = 0; key < 50; ++key) expected[key] = key;
  EXPECT_EQ(pop_all(timers, {7}), expected);
}

TEST(Timers, ThatAreCancelledNeverFireAndCancellingTwiceIsHarmless) {
  Timers timers;
  TimerId timer = timers.arm(TimerKind::stall, 1, {10});
  timers.arm(TimerKind::stall, 2, {20});
  timers.cancel(timer);
  EXPECT_EQ(timer, TimerId::none);
  timers.cancel(timer);
  EXPECT_EQ(timers.size(), 1U);
  EXPECT_THAT(pop_all(timers, {100}), ElementsAre(2));
}

TEST(Timers, CanBeMovedBothWaysAndQueueBehindOthersOfTheNewTime) {
  Timers timers;
  const TimerId late = timers.arm(TimerKind::idle, 1, {10});
  timers.arm(TimerKind::idle, 2, {20});
  const TimerId early = timers.arm(TimerKind::idle, 3, {30});
  timers.move(late, {20});
  timers.move(early, {5});
  EXPECT_THAT(pop_all(timers, {100}), ElementsAre(3, 2, 1));
}

TEST(TimersDeathTest, MovingATimerThatHasFiredIsABug) {
  Timers timers;
  const TimerId timer = timers.arm(TimerKind::ping, 1, {1});
  ASSERT_TRUE(timers.pop_due({1}));
  EXPECT_DEATH(timers.move(timer, {2}), "armed");
}

TEST(Timers, AgreeWithASortedMapUnderRandomOperations) {
  std::mt19937_64 random(20'261);
  Timers timers;
  std::map<std::pair<std::int64_t, std::uint64_t>, std::uint64_t> model;  // (due, order) → key
  struct Armed {
    TimerId timer;
    std::pair<std::int64_t, std::uint64_t> place;
  };
  std::map<std::uint64_t, Armed> armed;
  std::uint64_t order = 0;
  std::uint64_t next_key = 0;
  std::int64_t now = 0;
  for (int i = 0; i < 50'000; ++i) {
    const std::int64_t due = now + static_cast<std::int64_t>(random() % 64);
    const auto chosen = armed.empty() ? armed.end() : armed.lower_bound(random() % next_key);
    switch (random() % 5) {
      case 0:
      case 1:
        armed[next_key] = {timers.arm(TimerKind::gesture, next_key, {due}), {due, order}};
        model[{due, order++}] = next_key;
        ++next_key;
        break;
      case 2:
        if (chosen == armed.end()) break;
        timers.move(chosen->second.timer, {due});
        if (chosen->second.place.first == due) break;
        model.erase(chosen->second.place);
        chosen->second.place = {due, order};
        model[{due, order++}] = chosen->first;
        break;
      case 3:
        if (chosen == armed.end()) break;
        timers.cancel(chosen->second.timer);
        model.erase(chosen->second.place);
        armed.erase(chosen);
        break;
      default:
        now += static_cast<std::int64_t>(random() % 8);
        while (const auto fired = timers.pop_due({now})) {
          ASSERT_FALSE(model.empty());
          ASSERT_LE(model.begin()->first.first, now);
          ASSERT_EQ(fired->key, model.begin()->second);
          armed.erase(fired->key);
          model.erase(model.begin());
        }
        ASSERT_TRUE(model.empty() || model.begin()->first.first > now);
    }
    ASSERT_EQ(timers.size(), model.size());
  }
}

}  // namespace
}  // namespace clasp::router
