#include "net/deadline_queue.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace clasp::net {
namespace {

constexpr SteadyTime at(std::int64_t us) { return {us}; }

TEST(DeadlineQueue, DeadlinesComeInOrder) {
  DeadlineQueue queue{Micros{100}};
  DeadlineNode a, b;
  EXPECT_FALSE(queue.next_deadline());
  queue.add(a, at(10));
  queue.add(b, at(20));
  EXPECT_EQ(queue.next_deadline(), at(110));
  EXPECT_EQ(queue.pop_due(at(109)), nullptr);
  EXPECT_EQ(queue.pop_due(at(110)), &a);
  EXPECT_FALSE(a.has_deadline());
  EXPECT_EQ(queue.pop_due(at(110)), nullptr);
  EXPECT_EQ(queue.pop_due(at(500)), &b);
  EXPECT_FALSE(queue.next_deadline());
}

TEST(DeadlineQueue, AddingAgainMovesToTheEnd) {
  DeadlineQueue queue{Micros{100}};
  DeadlineNode a, b;
  queue.add(a, at(0));
  queue.add(b, at(1));
  queue.add(a, at(50));
  EXPECT_EQ(queue.pop_due(at(1'000)), &b);
  EXPECT_EQ(queue.pop_due(at(1'000)), &a);
}

TEST(DeadlineQueue, ANodeIsInOneQueueAtATime) {
  DeadlineQueue first{Micros{100}};
  DeadlineQueue second{Micros{5}};
  DeadlineNode node;
  first.add(node, at(0));
  second.add(node, at(0));
  EXPECT_EQ(first.pop_due(at(1'000)), nullptr);
  EXPECT_EQ(second.pop_due(at(1'000)), &node);
}

TEST(DeadlineQueue, CancelledAndDestroyedNodesAreGone) {
  DeadlineQueue queue{Micros{1}};
  std::vector<DeadlineNode> nodes(5);
  for (DeadlineNode& node : nodes) queue.add(node, at(0));
  nodes[0].cancel_deadline();
  nodes[2].cancel_deadline();
  nodes[4].cancel_deadline();
  EXPECT_EQ(queue.older_than(Micros{7}, at(7)), &nodes[1]);
  EXPECT_EQ(queue.older_than(Micros{8}, at(7)), nullptr);
  {
    DeadlineNode short_lived;
    queue.add(short_lived, at(0));
  }
  EXPECT_EQ(queue.pop_due(at(9)), &nodes[1]);
  EXPECT_EQ(queue.pop_due(at(9)), &nodes[3]);
  EXPECT_EQ(queue.pop_due(at(9)), nullptr);
}

TEST(DeadlineQueue, NodesMayOutliveIt) {
  DeadlineNode node;
  {
    DeadlineQueue queue{Micros{1}};
    queue.add(node, at(0));
  }
  EXPECT_FALSE(node.has_deadline());
}

}  // namespace
}  // namespace clasp::net
