#include "router/sent_frames.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/allocations_testing.hpp"
#include "core/codec.hpp"

namespace clasp::router {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::byte> frame_of(std::size_t bytes) {
  const EncodedValue value(Value(std::string(bytes, 'x')));
  ByteBuffer out;
  EXPECT_TRUE(append_frame(out, Message{Set{.address = "/a", .value = value.view()}}));
  return {out.data(), out.data() + out.size()};
}

SentFrames::Budget plenty{.bytes_max = 1U << 30U};

// "5" is the frame that shows commit 5, "[30]" one of 30 bytes that is kept whole.
std::vector<std::string> unreceived(SentFrames& sent, Seq newest) {
  std::vector<std::string> items;
  for (sent.rewind(); !sent.at_end(); sent.skip()) {
    const SentFrames::Item item = sent.peek();
    items.push_back(item.whole ? "[" + std::to_string(item.frame.size()) + "]"
                               : std::to_string(SentFrames::widen(item.shown, newest)) + (item.plain ? " plain" : ""));
  }
  return items;
}

TEST(SentFrames, AreThereUntilTheyHaveArrived) {
  SentFrames sent(plenty);
  EXPECT_THAT(unreceived(sent, 0), IsEmpty());
  sent.add(Seq{5});
  sent.add(frame_of(10));
  sent.add(Seq{4});
  const auto frame = "[" + std::to_string(frame_of(10).size()) + "]";
  EXPECT_THAT(unreceived(sent, 9), ElementsAre("5", frame, "4"));
  sent.arrived(1);
  EXPECT_THAT(unreceived(sent, 9), ElementsAre(frame, "4"));
  sent.arrived(0);
  sent.arrived(4);
  EXPECT_THAT(unreceived(sent, 9), ElementsAre(frame, "4")) << "what is behind or has never been says nothing";
  sent.arrived(3);
  EXPECT_THAT(unreceived(sent, 9), IsEmpty());
  EXPECT_EQ(sent.end(), 3U);
}

TEST(SentFrames, SeqsBeyondTheirLowerBitsAreFoundAgain) {
  SentFrames sent(plenty);
  const Seq high = (Seq{7} << 30) + 3;
  sent.add(high - 5);
  sent.add(high, true);
  EXPECT_THAT(unreceived(sent, high + 100), ElementsAre(std::to_string(high - 5), std::to_string(high) + " plain"));
}

TEST(SentFrames, ForgetTheOldestBeyondTheirNumber) {
  SentFrames sent(plenty);
  for (std::size_t i = 0; i < SentFrames::frames_max + 10; ++i) sent.add(Seq{i});
  EXPECT_EQ(sent.first(), 10U);
  EXPECT_EQ(sent.end(), SentFrames::frames_max + 10);
  EXPECT_EQ(unreceived(sent, SentFrames::frames_max + 9).front(), "10");
}

TEST(SentFrames, ForgetTheOldestBeyondTheirBytes) {
  SentFrames sent(plenty);
  const auto frame = frame_of(60'000);
  for (int i = 0; i < 100; ++i) {
    sent.add(Seq{1});
    sent.add(frame);
  }
  EXPECT_LE((sent.end() - sent.first()) / 2 * frame.size(), SentFrames::bytes_max);
  EXPECT_GT(sent.first(), 100U);
  EXPECT_LE(sent.memory_bytes(), 4 * SentFrames::bytes_max);
}

TEST(SentFrames, OfManyTogetherStayWithinWhatAllMayHave) {
  SentFrames::Budget budget{.bytes_max = 2'000'000};
  constexpr std::size_t one_more_growth = 2 * SentFrames::bytes_max;
  const auto frame = frame_of(700);
  {
    std::vector<std::unique_ptr<SentFrames>> all;
    for (int i = 0; i < 50; ++i) all.push_back(std::make_unique<SentFrames>(budget));
    for (Seq i = 0; i < 2'000; ++i) {
      for (auto& sent : all) {
        sent->add(i);
        sent->add(frame);
        EXPECT_EQ(sent->end(), 2 * i + 2);
      }
    }
    std::size_t bytes = 0;
    for (auto& sent : all) bytes += sent->memory_bytes();
    EXPECT_EQ(bytes, budget.bytes);
    EXPECT_LE(bytes, budget.bytes_max + one_more_growth);
    for (auto& sent : all) {
      EXPECT_GT(sent->first(), 0U);
      const auto kept = unreceived(*sent, 2'000);
      EXPECT_EQ(kept.size(), sent->end() - sent->first());
      if (!kept.empty()) {
        EXPECT_EQ(kept.back(), fmt::format("[{}]", frame.size()));
      }
    }
    all.front()->arrived(all.front()->end());
    all.front()->shrink();
    EXPECT_LT(budget.bytes, bytes);
  }
  EXPECT_EQ(budget.bytes, 0U);
}

TEST(SentFrames, WhatCannotBeKeptAtAllIsForgottenWithAllBeforeIt) {
  SentFrames::Budget nothing_left{.bytes_max = 0};
  SentFrames sent(nothing_left);
  sent.add(Seq{1});
  sent.add(frame_of(700));
  EXPECT_EQ(sent.first(), 2U);
  EXPECT_EQ(sent.end(), 2U);
  sent.add(Seq{2});
  EXPECT_EQ(unreceived(sent, 2).size(), 1U) << "a few positions in the log each may keep";
}

TEST(SentFrames, MayArriveWhileTheyAreGivenAgain) {
  SentFrames sent(plenty);
  for (Seq i = 0; i < 10; ++i) i % 2 == 0 ? sent.add(i) : sent.add(frame_of(i));
  sent.rewind();
  for (int i = 0; i < 4; ++i) sent.skip();
  sent.arrived(2);
  EXPECT_EQ(sent.peek().shown, 4U);
  sent.skip();
  sent.arrived(7);  // the client had them, and more than were given again
  EXPECT_EQ(sent.peek().frame.size(), frame_of(7).size());
}

TEST(SentFrames, GiveMemoryBack) {
  SentFrames sent(plenty);
  for (Seq i = 0; i < 10'000; ++i) i % 2 == 0 ? sent.add(i) : sent.add(frame_of(20));
  sent.arrived(9'995);
  const auto before = unreceived(sent, 10'000);
  sent.shrink();
  EXPECT_LT(sent.memory_bytes(), 1'024U);
  EXPECT_EQ(unreceived(sent, 10'000), before);
  sent.add(Seq{3});
  sent.forget();
  sent.shrink();
  EXPECT_EQ(sent.memory_bytes(), 0U);
  sent.add(frame_of(3));
  EXPECT_EQ(unreceived(sent, 1).size(), 1U);
}

// Against the plain thing it stands for.
TEST(SentFrames, AreWhatAQueueOfThemWouldBe) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    SentFrames sent(plenty);
    std::deque<std::string> model;
    std::uint64_t first = 0;
    for (int i = 0; i < 400; ++i) {
      switch (random() % 4) {
        case 0:
        case 1: {
          const Seq seq = random() % 1'000;
          sent.add(seq);
          model.push_back(std::to_string(seq));
          break;
        }
        case 2: {
          const auto frame = frame_of(random() % 300);
          sent.add(frame);
          model.push_back("[" + std::to_string(frame.size()) + "]");
          break;
        }
        default: {
          const std::uint64_t received = first + random() % (model.size() + 1);
          sent.arrived(received);
          model.erase(model.begin(), model.begin() + static_cast<std::ptrdiff_t>(received - first));
          first = received;
          if (random() % 8 == 0) sent.shrink();
          break;
        }
      }
    }
    ASSERT_EQ(sent.first(), first);
    ASSERT_EQ(unreceived(sent, 1'000), std::vector<std::string>(model.begin(), model.end())) << "round " << round;
  }
}

TEST(SentFrames, AllocateNothingInTheSteadyState) {
  SentFrames sent(plenty);
  const auto frame = frame_of(20);
  const auto traffic = [&] {
    for (Seq i = 0; i < 10'000; ++i) {
      sent.add(i);
      sent.add(frame);
      if (i % 100 == 99) sent.arrived(sent.end() - 10);
    }
  };
  traffic();
  const std::uint64_t before = allocations_so_far();
  traffic();
  EXPECT_EQ(allocations_so_far(), before);
}

}  // namespace
}  // namespace clasp::router
