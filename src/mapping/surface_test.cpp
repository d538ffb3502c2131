#include "mapping/surface.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>

namespace clasp::mapping {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* fader = "/fader/1";

class SurfaceTest : public testing::Test {
 protected:
  void begin(const SurfaceConfig& config) { surface_.emplace(config); }
  void pass(int ms) { pass_to(now_ + Micros{ms * 1'000}); }

  // A hand or a motor moves the control; what is written to the router.
  std::string moves(double position, const char* control = fader) {
    const auto written = surface_->from_device(control, position, now_);
    return written ? fmt::format("{}", *written) : "nothing";
  }
  // The router has a new value for the control.
  void changes(double value, bool own = false, const char* control = fader) {
    if (surface_->to_device(control, value, own, now_)) shown_.push_back(fmt::format("{}", value));
  }
  std::vector<std::string> shown() { return std::exchange(shown_, {}); }

  std::optional<Surface> surface_;
  SteadyTime now_{1'000'000};

 private:
  // As a loop does it: wakes at each deadline.
  void pass_to(SteadyTime end) {
    while (const auto deadline = surface_->next_deadline()) {
      if (*deadline > end) break;
      now_ = std::max(now_, *deadline);
      std::vector<DueFeedback> due;
      surface_->advance(now_, due);
      ASSERT_FALSE(due.empty()) << "woken for nothing";
      for (const DueFeedback& feedback : due) shown_.push_back(fmt::format("{}", *feedback.value.as_number()));
    }
    now_ = end;
  }
  std::vector<std::string> shown_;
};

TEST_F(SurfaceTest, WithoutAnyRuleEverythingPasses) {
  begin({});
  EXPECT_EQ(moves(0.5), "0.5");
  changes(0.2);
  changes(0.3);
  EXPECT_THAT(shown(), ElementsAre("0.2", "0.3"));
  EXPECT_EQ(moves(0.3), "0.3");
}

TEST_F(SurfaceTest, FeedbackKeepsToItsRateAndTheNewestComesLast) {
  begin({.feedback_hz_max = 10});
  for (int i = 0; i < 25; ++i, pass(10)) changes(i);
  pass(1'000);
  EXPECT_THAT(shown(), ElementsAre("0", "9", "19", "24"));
  changes(30);
  EXPECT_THAT(shown(), ElementsAre("30")) << "after a pause at once";
  changes(31, false, "/fader/2");
  EXPECT_THAT(shown(), ElementsAre("31")) << "each control has its own rate";
}

TEST_F(SurfaceTest, NothingIsSentToAControlUnderAHand) {
  begin({.touch_hold = Micros{300'000}});
  EXPECT_EQ(moves(0.5), "0.5");
  changes(0.9);
  pass(200);
  EXPECT_EQ(moves(0.6), "0.6");
  changes(0.8);
  pass(299);
  EXPECT_THAT(shown(), IsEmpty());
  pass(1);
  EXPECT_THAT(shown(), ElementsAre("0.8")) << "the newest, once the hand is gone";
}

TEST_F(SurfaceTest, ATouchThatIsToldCountsInsteadOfTime) {
  begin({.touch_hold = Micros{300'000}});
  surface_->touch(fader, true, now_);
  changes(0.9);
  pass(10'000);
  EXPECT_THAT(shown(), IsEmpty());
  EXPECT_EQ(moves(0.1), "0.1");
  surface_->touch(fader, false, now_);
  pass(0);
  EXPECT_THAT(shown(), ElementsAre("0.9"));
}

TEST_F(SurfaceTest, WhatTheHandBroughtAboutReplacesWhatWaited) {
  begin({.touch_hold = Micros{300'000}});
  moves(0.5);
  changes(0.9);
  moves(0.6);
  changes(0.6, true);
  pass(1'000);
  EXPECT_THAT(shown(), ElementsAre("0.6")) << "the echo of its own, for others behind the address; not 0.9, which is older";
}

TEST_F(SurfaceTest, SoftTakeOverWaitsUntilTheControlPassesTheValue) {
  begin({.pickup = true, .tolerance = 0.01});
  changes(0.5);
  EXPECT_EQ(moves(0.1), "nothing");
  EXPECT_EQ(moves(0.4), "nothing");
  EXPECT_EQ(moves(0.6), "0.6") << "passed 0.5";
  EXPECT_EQ(moves(0.2), "0.2");
  changes(0.205);
  EXPECT_EQ(moves(0.3), "0.3") << "so close is still held";
  changes(0.9);
  EXPECT_EQ(moves(0.35), "nothing") << "somebody else has moved it away";
  EXPECT_EQ(moves(0.895), "0.895") << "reached";
}

TEST_F(SurfaceTest, SoftTakeOverKnowsNothingToWaitForBeforeTheFirstValue) {
  begin({.pickup = true});
  EXPECT_EQ(moves(0.1), "0.1");
}

TEST_F(SurfaceTest, ALatchingButtonChangesSidesWithEachPress) {
  begin({.latch = true});
  EXPECT_EQ(moves(1), "1");
  EXPECT_EQ(moves(1), "nothing");
  EXPECT_EQ(moves(0), "nothing");
  EXPECT_EQ(moves(1), "0");
  moves(0);
  changes(1);
  EXPECT_EQ(moves(1), "0") << "from what everybody sees";
}

TEST_F(SurfaceTest, ForgetsTheControlUnusedForLongestWithWhatItHeldBack) {
  begin({.feedback_hz_max = 1, .controls_max = 2});
  changes(1);
  changes(2);  // held back
  moves(0, "/fader/2");
  moves(0, "/fader/3");
  EXPECT_EQ(surface_->controls(), 2U);
  EXPECT_FALSE(surface_->next_deadline());
}

// A motor fader: it is told where to go, moves there in its own time, and reports every position on the way, as a hand on it would.
class MotorFader {
 public:
  void send_to(double target) { target_ = target; }
  void grab() { held_ = true; }
  void let_go() {
    held_ = false;
    target_ = position_;
  }
  void push(double by) { position_ += by; }
  // A step of 10 ms; the position to report, if it has moved.
  std::optional<double> step() {
    if (held_ || std::abs(target_ - position_) < 1e-9) return std::nullopt;
    const double way = std::clamp(target_ - position_, -travel_per_step, travel_per_step);
    position_ += way;
    return std::round(position_ * 1'023) / 1'023;  // ten bits
  }
  double position() const { return position_; }

 private:
  static constexpr double travel_per_step = 0.05;  // the whole way in 200 ms
  double position_ = 0;
  double target_ = 0;
  bool held_ = false;
};

class MotorFaderTest : public SurfaceTest {
 protected:
  void show(double value) {
    if (surface_->to_device(fader, value, false, now_)) fader_.send_to(value);
  }
  void run(int ms) {
    for (int t = 0; t < ms; t += 10) {
      now_ = now_ + Micros{10'000};
      std::vector<DueFeedback> due;
      surface_->advance(now_, due);
      for (const DueFeedback& feedback : due) fader_.send_to(*feedback.value.as_number());
      if (const auto position = fader_.step()) report(*position);
    }
  }
  void report(double position) {
    const auto written = surface_->from_device(fader, position, now_);
    if (!written) return;
    written_.push_back(*written);
    surface_->to_device(fader, *written, true, now_);  // its echo
  }
  MotorFader fader_;
  std::vector<double> written_;
  static constexpr SurfaceConfig motor{.feedback_hz_max = 30, .touch_hold = Micros{300'000}, .echo_window = Micros{400'000}};
};

TEST_F(MotorFaderTest, ItsOwnWayIsNoHand) {
  begin(motor);
  show(0.8);
  run(1'000);
  EXPECT_NEAR(fader_.position(), 0.8, 1e-9);
  show(0.1);
  run(1'000);
  EXPECT_NEAR(fader_.position(), 0.1, 1e-9);
  EXPECT_THAT(written_, IsEmpty()) << "each write would have sent it back";
}

TEST_F(MotorFaderTest, WithoutAnEchoWindowItWouldFightItself) {
  begin({});
  show(0.8);
  run(300);
  EXPECT_FALSE(written_.empty()) << "so the rule is what keeps it quiet in the other tests";
}

TEST_F(MotorFaderTest, ATargetThatMovesIsFollowedToItsEnd) {
  begin(motor);
  for (int i = 0; i <= 100; ++i) {  // somebody else's slow fade
    show(i / 100.0);
    run(20);
  }
  run(1'000);
  EXPECT_NEAR(fader_.position(), 1.0, 1e-9);
  EXPECT_THAT(written_, IsEmpty());
}

TEST_F(MotorFaderTest, AHandThatTurnsBackWinsAndIsLeftAlone) {
  begin(motor);
  show(0.9);
  run(100);  // half way
  fader_.grab();
  const double taken_at = fader_.position();
  fader_.push(-0.2);
  report(fader_.position());
  ASSERT_EQ(written_.size(), 1U);
  EXPECT_LT(written_[0], taken_at);
  show(0.95);  // from somewhere else, while it is held
  run(200);
  EXPECT_NEAR(fader_.position(), written_[0], 1e-9) << "the motor does not pull at the hand";
  fader_.let_go();
  run(1'000);
  EXPECT_NEAR(fader_.position(), 0.95, 1e-9) << "afterwards it goes to the newest value";
  EXPECT_EQ(written_.size(), 1U);
}

TEST_F(MotorFaderTest, AHandLongAfterTheMotorIsAHand) {
  begin(motor);
  show(0.9);
  run(1'000);
  report(0.5);
  EXPECT_THAT(written_, ElementsAre(0.5));
}

}  // namespace
}  // namespace clasp::mapping
