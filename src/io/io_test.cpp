// With real descriptors. Every wait ends as soon as what is waited for has happened, and after a minute in any case.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <memory>
#include <thread>

#include "io/io_loop.hpp"
#include "io/name_lookup.hpp"
#include "io/signal_watch.hpp"
#include "io/timer.hpp"
#include "io/watch.hpp"

namespace clasp::io {
namespace {

using namespace std::chrono_literals;

struct Counted final : WatchHandler {
  void on_readable() override { ++readable; }
  void on_writable() override { ++writable; }
  int readable = 0;
  int writable = 0;
};

class IoTest : public testing::Test {
 protected:
  IoTest() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0); }
  ~IoTest() override {
    if (ends[1] >= 0) ::close(ends[1]);
  }

  bool until(const std::function<bool()>& happened) {
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (!happened() && std::chrono::steady_clock::now() < end) loop.turn(50'000us);
    return happened();
  }
  void look() { loop.turn(0us); }
  bool sleeps() {  // nothing would end a wait
    pollfd polled{loop.descriptor(), POLLIN, 0};
    return ::poll(&polled, 1, 0) == 0;
  }

  IoLoop loop;
  Counted seen;
  std::array<int, 2> ends{-1, -1};  // the first belongs to a Watch
};

TEST_F(IoTest, WhoWaitsForAWholeLoopIsWokenForItsTasks) {
  ASSERT_TRUE(sleeps());
  std::vector<int> ran;
  loop.defer([&] {  // from outside a turn, and from inside a task
    ran.push_back(1);
    loop.defer([&] { ran.push_back(2); });
  });
  EXPECT_FALSE(sleeps());
  look();
  EXPECT_FALSE(sleeps());
  look();
  EXPECT_EQ(ran, (std::vector{1, 2}));
  EXPECT_TRUE(sleeps());
}

TEST_F(IoTest, ReadabilityIsToldInEveryWaitUntilItHasBeenRead) {
  Watch watch(loop, ends[0], seen);
  look();
  EXPECT_EQ(seen.readable, 0);
  EXPECT_TRUE(sleeps());
  ASSERT_EQ(::write(ends[1], "x", 1), 1);
  look();
  look();
  EXPECT_EQ(seen.readable, 2);
  char byte = 0;
  ASSERT_EQ(::read(watch.descriptor(), &byte, 1), 1);
  look();
  EXPECT_EQ(seen.readable, 2);
}

TEST_F(IoTest, WhatIsNotAskedForIsNotTold) {
  Watch watch(loop, ends[0], seen);
  watch.set_reading(false);
  ASSERT_EQ(::write(ends[1], "x", 1), 1);
  look();
  EXPECT_EQ(seen.readable + seen.writable, 0);
  EXPECT_TRUE(sleeps());
  watch.set_writing(true);
  look();
  EXPECT_EQ(seen.writable, 1);
  watch.set_writing(false);
  watch.set_reading(true);
  look();
  EXPECT_EQ(seen.readable, 1);
  EXPECT_EQ(seen.writable, 1);
}

TEST_F(IoTest, ABrokenConnectionNobodyAsksAboutDoesNotKeepTheLoopAwake) {
  Watch watch(loop, ends[0], seen);
  watch.set_reading(false);
  ::close(ends[1]);
  ends[1] = -1;
  look();
  EXPECT_TRUE(sleeps());
  watch.set_reading(true);
  look();
  EXPECT_EQ(seen.readable, 1) << "told as soon as somebody asks again";
}

TEST_F(IoTest, AClosedWatchIsSilentEvenIfTheFileIsStillOpenElsewhere) {
  const int other = ::dup(ends[0]);
  Watch watch(loop, ends[0], seen);
  watch.close();
  watch.set_reading(true);
  ASSERT_EQ(::write(ends[1], "x", 1), 1);
  look();
  EXPECT_EQ(seen.readable, 0);
  EXPECT_TRUE(sleeps());
  ::close(other);
}

TEST_F(IoTest, TasksOfOtherThreadsEndTheWait) {
  bool ran = false;
  std::jthread other([&] { loop.post([&] { ran = true; }); });
  EXPECT_TRUE(until([&] { return ran; }));
  ::close(ends[0]);
}

TEST_F(IoTest, ATaskDeferredByATaskRunsInTheNextTurn) {
  int ran = 0;
  loop.defer([&] {
    ++ran;
    loop.defer([&] { ++ran; });
  });
  look();
  EXPECT_EQ(ran, 1);
  loop.turn(std::nullopt);
  EXPECT_EQ(ran, 2);
  ::close(ends[0]);
}

// The outer loop knows nothing but the descriptor.
TEST_F(IoTest, AsADescriptorInAnotherLoopItCanBeReadUntilEveryTaskHasRun) {
  IoLoop inner;
  int runs = 0;
  const auto turn_while_readable = [&] {
    for (pollfd polled{inner.descriptor(), POLLIN, 0}; ::poll(&polled, 1, 0) == 1;) inner.turn(Micros{0});
  };
  turn_while_readable();
  inner.defer([&] {
    ++runs;
    inner.defer([&] { ++runs; });
  });
  turn_while_readable();
  EXPECT_EQ(runs, 2);
}

TEST_F(IoTest, ATimerRingsOnceAndMayBeSetAgainFromItsCall) {
  int rung = 0;
  std::unique_ptr<Timer> timer;
  timer = std::make_unique<Timer>(loop, [&] {
    if (++rung == 1) timer->set(steady_now() + 1'000us);
    if (rung == 2) timer.reset();
  });
  timer->set({0});
  ASSERT_TRUE(until([&] { return rung == 2; }));
  look();
  EXPECT_EQ(rung, 2);
  EXPECT_TRUE(sleeps());
  ::close(ends[0]);
}

TEST_F(IoTest, ATimerThatIsCancelledWhileItsCallIsOnTheWayDoesNotRing) {
  int rung = 0;
  Timer timer(loop, [&] { ++rung; });
  timer.set({0});
  ASSERT_FALSE(sleeps());
  loop.wait(0us);  // the call is deferred now
  timer.cancel();
  loop.run_tasks();
  timer.set(steady_now() + 3'600'000'000us);
  timer.set(steady_now());
  ASSERT_TRUE(until([&] { return rung > 0; }));
  EXPECT_EQ(rung, 1);
  ::close(ends[0]);
}

TEST_F(IoTest, EverySignalIsOneCall) {
  int asked = 0;
  {
    SignalWatch signals(loop, [&] { ++asked; });
    ::raise(SIGTERM);
    ::raise(SIGINT);
    ASSERT_TRUE(until([&] { return asked == 2; }));
    ::raise(SIGTERM);
    ASSERT_TRUE(until([&] { return asked == 3; }));
  }
  EXPECT_EXIT(::raise(SIGTERM), testing::KilledBySignal(SIGTERM), "");
  ::close(ends[0]);
}

TEST_F(IoTest, AHangUpAsksToReloadOnlyWhereSomebodyListens) {
  int stops = 0;
  int reloads = 0;
  {
    SignalWatch signals(loop, [&] { ++stops; }, [&] { ++reloads; });
    ::raise(SIGHUP);
    ASSERT_TRUE(until([&] { return reloads == 1; }));
    ::raise(SIGHUP);
    ::raise(SIGTERM);
    ASSERT_TRUE(until([&] { return reloads == 2 && stops == 1; }));
  }
  EXPECT_EXIT(::raise(SIGHUP), testing::KilledBySignal(SIGHUP), "");
  {
    SignalWatch signals(loop, [&] { ++stops; });
    EXPECT_EXIT(::raise(SIGHUP), testing::KilledBySignal(SIGHUP), "");
  }
  ::close(ends[0]);
}

TEST_F(IoTest, NamesAreFoundOrTheReasonIsTold) {
  NameLookup lookup(loop);
  std::optional<LookupResult> found;
  const auto keep = [&](const LookupResult& result) { found = result; };
  lookup.start("127.0.0.1", "9000", keep);
  ASSERT_TRUE(until([&] { return found.has_value(); }));
  ASSERT_EQ(found->addresses.size(), 1U) << found->error;
  EXPECT_EQ(reinterpret_cast<const sockaddr_in&>(found->addresses[0]).sin_port, htons(9000));
  found.reset();
  lookup.start("no-such-host.invalid", "9000", keep);
  ASSERT_TRUE(until([&] { return found.has_value(); }));
  EXPECT_TRUE(found->addresses.empty());
  EXPECT_FALSE(found->error.empty());
  ::close(ends[0]);
}

TEST_F(IoTest, ALookUpNobodyWaitsForAnyMoreSaysNothing) {
  bool called = false;
  {
    NameLookup lookup(loop);
    lookup.start("127.0.0.1", "9000", [&](const LookupResult&) { called = true; });
  }
  for (int i = 0; i < 5; ++i) loop.turn(1'000us);
  EXPECT_FALSE(called);
  ::close(ends[0]);
}

}  // namespace
}  // namespace clasp::io
