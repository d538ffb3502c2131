// What a running show costs per message (architecture, section 3): nothing from the allocator, whatever the message and whoever listens.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/codec.hpp"
#include "core/allocations_testing.hpp"
#include "core/resume.hpp"
#include "router/router_fixture.hpp"

namespace clasp::router {
namespace {

// Takes everything at once and keeps nothing; what it was given is reported as sent at the end of the turn.
class QuickSink final : public Sink {
 public:
  std::size_t deliver(const Delivery& delivery) override { return take(delivery.frame()); }
  std::size_t reply(const Reply& reply) override { return take(reply.frame); }
  void close(const CloseReason& reason) override { ADD_FAILURE() << reason.text; }

  LinkId link{};
  std::size_t unsent = 0;
  std::uint64_t frames = 0;

 private:
  std::size_t take(Bytes frame) {
    ++frames;
    unsent += frame.size();
    return frame.size();
  }
};

class SteadyState : public ::testing::Test {
 protected:
  explicit SteadyState(bool resumable = false) : resumable_(resumable), router_({.commit_log_bytes_max = 65'536}, {.random = &random_, .log = {}}, now()) {
    for (QuickSink& sink : sinks_) {
      sink.link = router_.open_link(sink, now());
      Hello hello{.version = 1, .features = feature::all_signals, .name = "peer"};
      const EncodedValue wish(resume::to_value(resume::Request{}));
      if (resumable_) {
        hello.features |= feature::extended;
        hello.block.emplace_back(resume::key, wish.view());
      }
      receive(sink, frame_of(Message{hello}));
      sink.frames = 0;  // counted from WELCOME on
    }
    std::uint32_t id = 0;
    for (const char* pattern : {"/**", "/lights/*", "/lights/1"}) {
      ++id;
      receive(sinks_[id], frame_of(Message{Subscribe{.id = id, .pattern = pattern}}));
    }
    turn();
  }

  static std::vector<std::byte> frame_of(const Message& message, Qos qos = Qos::fire) {
    ByteBuffer out;
    EXPECT_TRUE(append_frame(out, message, qos));
    return {out.data(), out.data() + out.size()};
  }
  static std::vector<std::byte> set_of(const std::string& address, const Value& value, Qos qos) {
    const EncodedValue encoded(value);
    return frame_of(Message{Set{.address = address, .value = encoded.view()}}, qos);
  }
  static std::vector<std::byte> publish_of(Publish publish) {
    const EncodedValue encoded(Value(0.5));
    publish.value = encoded.view();
    return frame_of(Message{publish});
  }

  Now now() const { return {SteadyTime{us_}, UnixTime{static_cast<std::uint64_t>(us_)}, UnixTime{static_cast<std::uint64_t>(us_)}}; }
  void receive(QuickSink& sink, Bytes frame) { router_.receive(sink.link, frame, now()); }
  void turn() {
    router_.advance(now());
    router_.end_turn(now());
    for (QuickSink& sink : sinks_) {
      router_.sent(sink.link, std::exchange(sink.unsent, 0), now());
      if (!resumable_) continue;
      mark_.clear();
      resume::append_mark(mark_, {.frames = sink.frames});
      receive(sink, mark_.view());
    }
    us_ += 1'000;
  }

  // Allocations of 50,000 messages, after as many in which everything finds its place and the commit log its full size.
  std::uint64_t cost_of(const std::vector<std::vector<std::byte>>& frames) {
    std::uint64_t before = 0;
    const std::size_t rounds = 50'000 / frames.size();
    for (std::size_t round = 0; round < 2 * rounds; ++round) {
      if (round == rounds) before = allocations_so_far();
      for (const std::vector<std::byte>& frame : frames) receive(sinks_[0], frame);
      turn();
    }
    return allocations_so_far() - before;
  }

  bool resumable_;
  ByteBuffer mark_;
  CountingRandom random_;
  std::int64_t us_ = 1'000'000;
  std::array<QuickSink, 4> sinks_;
  Router router_;
};

TEST_F(SteadyState, ASetAllocatesNothing) {
  std::vector<std::vector<std::byte>> frames;
  for (int i = 1; i <= 50; ++i) frames.push_back(set_of("/lights/" + std::to_string(i), i * 0.5, Qos::fire));
  EXPECT_EQ(cost_of(frames), 0U);
  EXPECT_GE(sinks_[1].frames, 100'000U) << "and everybody has heard it";
}

TEST_F(SteadyState, ShowingCommitsToAJournalAllocatesNothing) {
  class Counter final : public Observer {
   public:
    void committed(std::span<const Commit> commits) override { seen += commits.size(); }
    std::size_t seen = 0;
  } observer;
  router_.set_observer(&observer);
  std::vector<std::vector<std::byte>> frames;
  for (int i = 1; i <= 50; ++i) frames.push_back(set_of("/lights/" + std::to_string(i), i * 0.5, Qos::fire));
  EXPECT_EQ(cost_of(frames), 0U);
  EXPECT_EQ(observer.seen, 100'000U);
  router_.set_observer(nullptr);
}

TEST_F(SteadyState, AConfirmedSetAndItsAckAllocateNothing) {
  EXPECT_EQ(cost_of({set_of("/lights/1", 0.5, Qos::confirm), set_of("/lights/2", "text", Qos::confirm)}), 0U);
  EXPECT_GE(sinks_[0].frames, 100'000U);
}

TEST_F(SteadyState, EventsStreamsAndGesturesAllocateNothing) {
  EXPECT_EQ(cost_of({publish_of({.address = "/lights/1", .signal = SignalType::event}), publish_of({.address = "/lights/2", .signal = SignalType::stream}),
                     publish_of({.address = "/pad", .signal = SignalType::gesture, .phase = GesturePhase::move, .id = 7})}),
            0U);
}

TEST_F(SteadyState, AGetAndAPingAllocateNothing) {
  receive(sinks_[0], set_of("/lights/1", 0.5, Qos::fire));
  EXPECT_EQ(cost_of({frame_of(Message{Get{.address = "/lights/1"}}), frame_of(Message{Ping{}})}), 0U);
}

class ResumableSteadyState : public SteadyState {
 protected:
  ResumableSteadyState() : SteadyState(true) {}
};

TEST_F(ResumableSteadyState, ToBeResumableAllocatesNothing) {
  std::vector<std::vector<std::byte>> frames;
  for (int i = 1; i <= 50; ++i) frames.push_back(set_of("/lights/" + std::to_string(i), i * 0.5, i % 2 == 0 ? Qos::fire : Qos::confirm));
  frames.push_back(publish_of({.address = "/lights/1", .signal = SignalType::event}));
  frames.push_back(frame_of(Message{Get{.address = "/lights/1"}}));
  EXPECT_EQ(cost_of(frames), 0U);
}

}  // namespace
}  // namespace clasp::router
