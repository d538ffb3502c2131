#include "bridge/web/out_queue.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <map>
#include <string>

namespace clasp::bridge::web {
namespace {

using testing::ElementsAre;

class OutQueueTest : public testing::Test {
 protected:
  OutQueue::Pushed push(std::string text, std::string_view key = {}) {
    return queue.push(std::make_shared<OutMessage>(OutMessage{.text = std::move(text), .attachments = {}}), key, now);
  }
  std::vector<std::string> take() {
    std::vector<std::string> out;
    for (; !queue.empty(); queue.pop()) out.push_back(queue.front()->text);
    EXPECT_EQ(queue.bytes(), 0U);
    return out;
  }
  OutQueue queue{{.events_bytes_max = 1'000, .bytes_max = 4'000, .slow_bytes = 800}};
  SteadyTime now{1'000'000};
};

TEST_F(OutQueueTest, WhileAClientKeepsUpItGetsEverything) {
  for (const char* text : {"a1", "e", "a2", "a3"}) push(text, text[0] == 'a' ? "/a" : "");
  EXPECT_THAT(take(), ElementsAre("a1", "e", "a2", "a3"));
}

TEST_F(OutQueueTest, OfASlowOneTheNewestWaitsInThePlaceOfTheFirst) {
  push("a1", "/a"), push("b1", "/b"), push("e1"), push("a2", "/a");
  now.us += 100'001;
  EXPECT_EQ(push("a3", "/a"), OutQueue::Pushed::replaced);
  push("e2");
  push("c1", "/c"), push("b2", "/b"), push("c2", "/c");
  EXPECT_EQ(queue.replaced(), 4U);
  EXPECT_THAT(take(), ElementsAre("a3", "b2", "e1", "e2", "c2"));
  push("a4", "/a"), push("a5", "/a");
  EXPECT_THAT(take(), ElementsAre("a4", "a5")) << "it has caught up";
}

TEST_F(OutQueueTest, WhatHasLeftIsNotReplaced) {
  push("a1", "/a"), push("b1", "/b");
  now.us += 200'000;
  push("a2", "/a");
  queue.pop();
  EXPECT_EQ(push("a3", "/a"), OutQueue::Pushed::queued);
  EXPECT_THAT(take(), ElementsAre("b1", "a3"));
}

TEST_F(OutQueueTest, TooManyEventsEndIt) {
  for (int i = 0; i < 9; ++i) EXPECT_EQ(push(std::string(40, 'e')), OutQueue::Pushed::queued) << i;
  EXPECT_EQ(push(std::string(40, 'e')), OutQueue::Pushed::overflow);
}

TEST_F(OutQueueTest, TheirNumberIsBoundedAsWell) {
  OutQueue few{{.events_max = 3}};
  const auto event = std::make_shared<OutMessage>(OutMessage{.text = "e", .attachments = {}});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(few.push(event, {}, now), OutQueue::Pushed::queued);
  few.pop();
  EXPECT_EQ(few.push(event, {}, now), OutQueue::Pushed::queued);
  EXPECT_EQ(few.push(event, "/a", now), OutQueue::Pushed::queued);
  EXPECT_EQ(few.push(event, {}, now), OutQueue::Pushed::overflow);
}

TEST_F(OutQueueTest, ParamsAloneTakeNoMoreThanTheirOwnBound) {
  push(std::string(700, 'e'));
  for (int i = 0; i < 10'000; ++i) EXPECT_NE(push(fmt::format("{:0>40}", i), fmt::format("/{}", i % 10)), OutQueue::Pushed::overflow) << i;
  EXPECT_LE(queue.bytes(), 4'000U);
  EXPECT_EQ(queue.size(), 11U);
  auto pushed = OutQueue::Pushed::queued;
  for (int i = 0; i < 100 && pushed != OutQueue::Pushed::overflow; ++i) pushed = push(std::string(40, 'x'), fmt::format("/other/{}", i));
  EXPECT_EQ(pushed, OutQueue::Pushed::overflow) << "too many addresses";
}

// Against the plain rule, with whatever comes.
TEST_F(OutQueueTest, KeepsTheOrderOfEventsAndTheNewestOfEachAddress) {
  unsigned state = 1;
  const auto random = [&state](unsigned below) { return (state = state * 1'664'525 + 1'013'904'223) / 65'536 % below; };
  OutQueue roomy;
  std::map<std::string, int> newest;
  std::map<std::string, int> last_taken;
  int event = 0;
  int event_taken = 0;
  const auto pop = [&] {
    const std::string text = roomy.front()->text;
    roomy.pop();
    const std::size_t blank = text.find(' ');
    const int number = std::stoi(text.substr(blank + 1));
    if (text.starts_with("event")) {
      EXPECT_EQ(number, ++event_taken);
    } else {
      EXPECT_GT(number, last_taken[text.substr(0, blank)]);
      last_taken[text.substr(0, blank)] = number;
    }
  };
  for (int i = 1; i <= 20'000; ++i) {
    now.us += random(4) == 0 ? 60'000 : 10;
    if (random(3) == 0) {
      roomy.push(std::make_shared<OutMessage>(OutMessage{.text = fmt::format("event {}", ++event), .attachments = {}}), {}, now);
    } else {
      const std::string key = fmt::format("/{}", random(5));
      newest[key] = i;
      roomy.push(std::make_shared<OutMessage>(OutMessage{.text = fmt::format("{} {}", key, i), .attachments = {}}), key, now);
    }
    for (unsigned n = random(4); n > 0 && !roomy.empty(); --n) pop();
  }
  while (!roomy.empty()) pop();
  EXPECT_EQ(event_taken, event);
  EXPECT_EQ(last_taken, newest);
}

}  // namespace
}  // namespace clasp::bridge::web
