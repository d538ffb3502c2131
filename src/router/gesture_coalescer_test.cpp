#include "router/gesture_coalescer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/codec.hpp"

namespace clasp::router {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr SessionId tablet{7};
constexpr SessionId phone{8};
constexpr std::int64_t ms = 1'000;

// Plays a transcript: what the coalescer sends on, as "phase id value", in order.
class GestureCoalescerTest : public testing::Test {
 protected:
  void touch(GesturePhase phase, double value, SteadyTime now, SessionId session = tablet, std::optional<std::uint32_t> id = 1,
             std::string_view address = "/pad") {
    const EncodedValue encoded{Value(value)};
    Publish publish;
    publish.address = address;
    publish.signal = SignalType::gesture;
    publish.phase = phase;
    publish.value = encoded.view();
    publish.id = id;
    std::optional<HeldMove> before;
    const GestureAction action = coalescer_.handle(session, publish, {.session = session}, now, before);
    if (before) sent_.push_back(describe(*before));
    if (action == GestureAction::forward) sent_.push_back(describe(publish));
  }
  void start(double value, std::int64_t now_ms) { touch(GesturePhase::start, value, {now_ms * ms}); }
  void move(double value, std::int64_t now_ms) { touch(GesturePhase::move, value, {now_ms * ms}); }
  void end(double value, std::int64_t now_ms) { touch(GesturePhase::end, value, {now_ms * ms}); }
  void cancel(double value, std::int64_t now_ms) { touch(GesturePhase::cancel, value, {now_ms * ms}); }
  void advance(SteadyTime now) {
    std::vector<HeldMove> due;
    coalescer_.advance(now, due);
    for (const HeldMove& held : due) sent_.push_back(describe(held));
  }
  void advance(std::int64_t now_ms) { advance(SteadyTime{now_ms * ms}); }
  std::vector<std::string> sent() { return std::exchange(sent_, {}); }

  static std::string describe(const Publish& publish) {
    return std::string(phase_name(publish.phase)) + " " + std::to_string(static_cast<int>(*publish.value->as_number()));
  }
  static std::string describe(const HeldMove& held) {
    Decoder decoder;
    const auto message = decoder.decode(held.frame.view());
    if (!message) return "undecodable";
    const auto* publish = std::get_if<Publish>(&message->body);
    if (publish == nullptr || publish->address != held.address || publish->id.value_or(0) != held.id) return "another message";
    if (publish->signal != SignalType::gesture || held.provenance.session != held.session) return "changed";
    return describe(*publish);
  }

  GestureCoalescer coalescer_{{.interval = Micros{16 * ms}, .age_max = Micros{1'000 * ms}, .gestures_max = 4}};
  std::vector<std::string> sent_;
};

TEST_F(GestureCoalescerTest, SendsStartAndTheFirstMoveAtOnceAndThenTheNewestOfEachInterval) {
  start(0, 0);
  move(1, 1);
  EXPECT_THAT(sent(), ElementsAre("start 0", "move 1"));
  move(2, 5);
  move(3, 10);
  EXPECT_THAT(sent(), IsEmpty());
  EXPECT_EQ(coalescer_.next_deadline(), SteadyTime{17 * ms});
  advance(SteadyTime{17 * ms - 1});
  EXPECT_THAT(sent(), IsEmpty());
  advance(17);
  EXPECT_THAT(sent(), ElementsAre("move 3"));
  EXPECT_EQ(coalescer_.coalesced(), 1U);
}

TEST_F(GestureCoalescerTest, KeepsAStreamFlowingThatIsFasterThanTheInterval) {
  start(0, 0);
  sent();
  std::vector<std::string> moves;
  for (int now_ms = 1; now_ms <= 1'000 - 1; ++now_ms) {
    advance(now_ms);
    move(now_ms, now_ms);
    const auto got = sent();
    moves.insert(moves.end(), got.begin(), got.end());
  }
  EXPECT_EQ(moves.size(), 63U);  // one each 16 ms
  EXPECT_EQ(moves[0], "move 1");
  EXPECT_EQ(moves[1], "move 16");  // the newest when its interval was over, at 17 ms
}

TEST_F(GestureCoalescerTest, SendsAMoveAtOnceWhenTheIntervalIsOver) {
  start(0, 0);
  move(1, 0);
  move(2, 16);
  move(3, 40);
  EXPECT_THAT(sent(), ElementsAre("start 0", "move 1", "move 2", "move 3"));
  EXPECT_EQ(coalescer_.coalesced(), 0U);
}

TEST_F(GestureCoalescerTest, PutsTheWaitingMoveJustBeforeEndOrCancel) {
  start(0, 0);
  move(1, 1);
  move(2, 2);
  end(3, 3);
  EXPECT_THAT(sent(), ElementsAre("start 0", "move 1", "move 2", "end 3"));
  start(4, 4);
  move(5, 5);
  move(6, 6);
  cancel(7, 7);
  EXPECT_THAT(sent(), ElementsAre("start 4", "move 5", "move 6", "cancel 7"));
  advance(100);
  EXPECT_THAT(sent(), IsEmpty());
  EXPECT_EQ(coalescer_.size(), 0U);
  EXPECT_EQ(coalescer_.next_deadline(), std::nullopt);
}

TEST_F(GestureCoalescerTest, SendsWhatWaitsBeforeAnotherStartOfTheSameGesture) {
  start(0, 0);
  move(1, 1);
  move(2, 2);
  start(3, 3);
  move(4, 4);
  EXPECT_THAT(sent(), ElementsAre("start 0", "move 1", "move 2", "start 3", "move 4"));
  EXPECT_EQ(coalescer_.size(), 1U);
}

TEST_F(GestureCoalescerTest, SendsEndsAndThinsMovesWithoutAStart) {
  end(1, 0);
  cancel(2, 0);
  EXPECT_THAT(sent(), ElementsAre("end 1", "cancel 2"));
  move(3, 1);
  move(4, 2);
  EXPECT_THAT(sent(), ElementsAre("move 3"));
  advance(17);
  EXPECT_THAT(sent(), ElementsAre("move 4"));
}

TEST_F(GestureCoalescerTest, KeepsSendersIdsAndAddressesApart) {
  touch(GesturePhase::move, 1, {0}, tablet, 1, "/pad");
  touch(GesturePhase::move, 2, {0}, phone, 1, "/pad");
  touch(GesturePhase::move, 3, {0}, tablet, 2, "/pad");
  touch(GesturePhase::move, 4, {0}, tablet, 1, "/pad/2");
  EXPECT_THAT(sent(), ElementsAre("move 1", "move 2", "move 3", "move 4"));
  EXPECT_EQ(coalescer_.size(), 4U);
}

TEST_F(GestureCoalescerTest, TreatsAMissingIdAsZero) {
  touch(GesturePhase::move, 1, {0}, tablet, std::nullopt);
  touch(GesturePhase::move, 2, {1}, tablet, 0);
  touch(GesturePhase::move, 3, {2}, tablet, std::nullopt);
  EXPECT_THAT(sent(), ElementsAre("move 1"));
  advance(16);
  EXPECT_THAT(sent(), ElementsAre("move 3"));
}

TEST_F(GestureCoalescerTest, GivesDueMovesOutInTheOrderTheyBecameDue) {
  for (const std::uint32_t id : {3U, 1U, 2U}) touch(GesturePhase::move, id, {id == 3U ? 0 : id}, tablet, id);
  for (const std::uint32_t id : {1U, 2U, 3U}) touch(GesturePhase::move, 10 + id, {10}, tablet, id);
  sent();
  advance(50);
  EXPECT_THAT(sent(), ElementsAre("move 13", "move 11", "move 12"));
}

TEST_F(GestureCoalescerTest, ForwardsWithoutThinningWhenThereAreTooManyAndCountsIt) {
  for (std::uint32_t id = 1; id <= 4; ++id) touch(GesturePhase::start, 0, {0}, tablet, id);
  touch(GesturePhase::start, 5, {0}, tablet, 5);
  sent();
  touch(GesturePhase::move, 6, {1}, tablet, 5);
  touch(GesturePhase::move, 7, {2}, tablet, 5);
  touch(GesturePhase::end, 8, {3}, tablet, 5);
  EXPECT_THAT(sent(), ElementsAre("move 6", "move 7", "end 8"));
  EXPECT_EQ(coalescer_.size(), 4U);
  EXPECT_EQ(coalescer_.untracked(), 3U);
}

TEST_F(GestureCoalescerTest, ForgetsGesturesThatNeverEndAndSendsTheirLastMove) {
  start(0, 0);
  move(1, 990);
  move(2, 995);
  sent();
  EXPECT_EQ(coalescer_.next_deadline(), SteadyTime{1'000 * ms});
  advance(1'000);
  EXPECT_THAT(sent(), ElementsAre("move 2"));
  EXPECT_EQ(coalescer_.size(), 0U);
  EXPECT_EQ(coalescer_.abandoned(), 1U);
  EXPECT_EQ(coalescer_.next_deadline(), std::nullopt);
}

TEST_F(GestureCoalescerTest, SendsTheWaitingMovesOfASessionThatEndsAndForgetsItsGestures) {
  for (const std::uint32_t id : {2U, 1U}) touch(GesturePhase::move, id, {2 - static_cast<std::int64_t>(id)}, tablet, id);
  for (const std::uint32_t id : {1U, 2U}) touch(GesturePhase::move, 10 + id, {5}, tablet, id);
  touch(GesturePhase::move, 20, {5}, phone);
  sent();
  std::vector<HeldMove> due;
  coalescer_.end_session(tablet, due);
  ASSERT_EQ(due.size(), 2U);
  EXPECT_EQ(describe(due[0]), "move 12");
  EXPECT_EQ(describe(due[1]), "move 11");
  EXPECT_EQ(coalescer_.size(), 1U);
  advance(100);
  EXPECT_THAT(sent(), IsEmpty());
}

TEST(GestureCoalescer, HoldsNothingWithAnIntervalOfZero) {
  GestureCoalescer coalescer({.interval = Micros{0}});
  Publish publish;
  publish.address = "/pad";
  publish.signal = SignalType::gesture;
  publish.phase = GesturePhase::move;
  std::optional<HeldMove> before;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(coalescer.handle(tablet, publish, {}, {0}, before), GestureAction::forward);
}

}  // namespace
}  // namespace clasp::router
