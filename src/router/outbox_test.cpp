#include "router/outbox.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "core/codec.hpp"

namespace clasp::router {
namespace {

using ::testing::ElementsAre;

SharedFrame frame(std::string_view text) { return SharedFrame(as_bytes(text)); }
SteadyTime at(std::int64_t us) { return {us}; }

std::vector<std::string> drain(Outbox& box) {
  std::vector<std::string> lines;
  while (!box.empty()) {
    const OutboxItem item = box.pop();
    if (item.kind == ItemKind::mark) lines.push_back("mark " + std::to_string(static_cast<std::uint32_t>(item.entry)));
    else lines.emplace_back(as_text(item.frame.view()));
  }
  return lines;
}

TEST(Outbox, KeepsEverythingInOrderWhileTheLinkKeepsUp) {
  Outbox box;
  box.push_param(EntryId{1}, frame("a=1"), at(1));
  box.push_param(EntryId{1}, frame("a=2"), at(2));
  box.push_stream(7, frame("s1"), at(3));
  box.push_stream(7, frame("s2"), at(4));
  box.push_kept(frame("event"), at(5));
  EXPECT_EQ(box.waiting_bytes(), 3u + 3 + 2 + 2 + 5);
  EXPECT_EQ(box.undroppable_bytes(), 5u + Outbox::item_bytes);
  EXPECT_EQ(box.oldest(), at(1));
  EXPECT_THAT(drain(box), ElementsAre("a=1", "a=2", "s1", "s2", "event"));
  EXPECT_EQ(box.waiting_bytes(), 0u);
}

TEST(Outbox, ReplacedStreamItemsLeaveNothingBehind) {
  Outbox box;
  box.push_kept(frame("event"), at(1));
  box.push_param(EntryId{1}, frame("a=1"), at(1));
  box.conflate();
  for (int i = 0; i < 100'000; ++i) {
    box.push_stream(7, frame("s" + std::to_string(i)), at(2));
    box.push_stream(8, frame("t" + std::to_string(i)), at(2));
  }
  EXPECT_LE(box.memory_bytes(), 20'000u);
  EXPECT_EQ(box.streams_dropped(), 2u * 99'999);
  box.push_param(EntryId{1}, {}, at(3));  // its mark is still found after everything has moved
  EXPECT_THAT(drain(box), ElementsAre("event", "mark 1", "s99999", "t99999"));
}

TEST(Outbox, ConflatesToOneMarkPerParamAtThePlaceOfTheFirst) {
  Outbox box;
  box.push_param(EntryId{1}, frame("a=1"), at(1));
  box.push_kept(frame("event"), at(2));
  box.push_param(EntryId{2}, frame("b=1"), at(3));
  box.push_param(EntryId{1}, frame("a=2"), at(4));
  box.push_reply(frame("ack"), at(5));
  box.conflate();
  EXPECT_EQ(box.waiting_bytes(), 8u) << "marks have no bytes";
  EXPECT_EQ(box.params_conflated(), 1u);
  EXPECT_THAT(drain(box), ElementsAre("mark 1", "event", "mark 2", "ack"));
  EXPECT_FALSE(box.congested()) << "empty: the link keeps up again";
}

TEST(Outbox, AnotherChangeOfAMarkedParamCostsNothing) {
  Outbox box;
  box.push_kept(frame("x"), at(1));
  box.conflate();
  for (int i = 0; i < 1000; ++i) box.push_param(EntryId{5}, {}, at(i));
  EXPECT_EQ(box.items(), 2u);
  EXPECT_EQ(box.params_conflated(), 999u);
}

TEST(Outbox, OfAStreamTheOlderWaitingOneGoes) {
  Outbox box;
  box.push_stream(7, frame("s1"), at(1));
  box.push_stream(8, frame("t1"), at(1));
  box.conflate();
  box.push_kept(frame("event"), at(2));
  box.push_stream(7, frame("s2"), at(3));
  EXPECT_EQ(box.streams_dropped(), 1u);
  EXPECT_THAT(drain(box), ElementsAre("t1", "event", "s2"));
}

TEST(Outbox, ARemovalTakesThePlaceOfItsMarkAndFreesTheEntryId) {
  Outbox box;
  box.push_param(EntryId{1}, frame("a=1"), at(1));
  box.push_kept(frame("event"), at(2));
  box.conflate();
  box.push_removal(EntryId{1}, frame("a=null"), at(3));
  box.push_param(EntryId{1}, {}, at(4));  // the id's next owner
  EXPECT_THAT(drain(box), ElementsAre("a=null", "event", "mark 1"));
}

TEST(Outbox, FramesThatWaitedWhenTheirParamWasRemovedNeverBecomeMarksOfTheNextOwner) {
  Outbox box;
  box.push_param(EntryId{1}, frame("a=1"), at(1));
  box.push_removal(EntryId{1}, frame("a=null"), at(2));
  box.push_param(EntryId{1}, frame("b=1"), at(3));
  box.conflate();
  EXPECT_THAT(drain(box), ElementsAre("a=1", "a=null", "mark 1"));
}

TEST(Outbox, AnAnsweredGetIsAskedAgainWhenItLeavesOnceConflated) {
  ByteBuffer answer;
  SnapshotWriter writer(answer);
  ASSERT_TRUE(writer.add("/a/b", ValueView{}, 3, "writer", UnixTime{1}));
  writer.finish();
  Outbox box;
  box.push_get(ItemKind::get_ready, SharedFrame(answer.view()), true, at(1));
  box.conflate();
  const OutboxItem item = box.pop();
  EXPECT_EQ(item.kind, ItemKind::get);
  EXPECT_TRUE(item.missing_is_error);
  EXPECT_EQ(as_text(item.frame.view()), "/a/b");
}

TEST(Outbox, DropsWhatItIsToldTo) {
  Outbox box;
  box.push_kept(frame("keep"), at(1));
  box.push_kept(frame("drop"), at(2));
  box.push_stream(1, frame("drop"), at(3));
  box.conflate();
  box.push_param(EntryId{4}, {}, at(4));
  box.drop_if([](const OutboxItem& item) { return item.kind == ItemKind::mark || as_text(item.frame.view()) == "drop"; });
  box.push_param(EntryId{4}, {}, at(5));
  box.push_stream(1, frame("new"), at(6));
  EXPECT_THAT(drain(box), ElementsAre("keep", "mark 4", "new"));
  EXPECT_EQ(box.undroppable_bytes(), 0u);
}

TEST(SharedFrame, IsFreedWithItsLastHolder) {
  SharedFrame a = frame("bytes");
  SharedFrame b = a;
  SharedFrame c = std::move(a);
  a = b;
  b = SharedFrame{};
  EXPECT_EQ(as_text(c.view()), "bytes");
  EXPECT_EQ(a.view().data(), c.view().data());
}

}  // namespace
}  // namespace clasp::router
