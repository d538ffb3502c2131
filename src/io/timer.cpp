#include "io/timer.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "core/check.hpp"
#include "io/io_loop.hpp"
#include "io/watch.hpp"

namespace clasp::io {

struct Timer::State final : WatchHandler, std::enable_shared_from_this<State> {
  State(IoLoop& in, std::function<void()> call) : loop(in), due(std::move(call)), watch(in, open(), *this) {}

  static int open() {
    const int descriptor = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    CLASP_CHECK(descriptor >= 0);
    return descriptor;
  }
  void set(const timespec& at) {
    const itimerspec spec{.it_interval = {}, .it_value = at};
    CLASP_CHECK(::timerfd_settime(watch.descriptor(), TFD_TIMER_ABSTIME, &spec, nullptr) == 0);
  }
  void on_readable() override {
    std::uint64_t times = 0;
    if (::read(watch.descriptor(), &times, sizeof times) < 0) return;  // set again meanwhile
    loop.defer([weak = weak_from_this(), set_now = sets] {
      const std::shared_ptr<State> self = weak.lock();
      if (self && self->sets == set_now) self->due();
    });
  }
  void on_writable() override {}

  IoLoop& loop;
  std::function<void()> due;
  Watch watch;
  unsigned sets = 0;  // so that a task that was deferred before the last set() or cancel() does nothing
};

Timer::Timer(IoLoop& loop, std::function<void()> due) : state_(std::make_shared<State>(loop, std::move(due))) {}
Timer::~Timer() { cancel(); }

void Timer::set(SteadyTime at) {
  ++state_->sets;
  const std::int64_t us = std::max<std::int64_t>(at.us, 1);  // zero would mean never
  state_->set({.tv_sec = us / 1'000'000, .tv_nsec = us % 1'000'000 * 1'000});
}

void Timer::cancel() {
  ++state_->sets;
  state_->set({});
}

}  // namespace clasp::io
