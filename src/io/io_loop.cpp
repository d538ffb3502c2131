#include "io/io_loop.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <utility>

#include "core/check.hpp"
#include "io/watch.hpp"

namespace clasp::io {

namespace {

constexpr int events_per_wait_max = 512;

int epoll_wait_for(int epoll, epoll_event* events, std::optional<Micros> limit) {
  if (!limit) return ::epoll_wait(epoll, events, events_per_wait_max, -1);
  const std::int64_t us = std::max<std::int64_t>(limit->count(), 0);
  if (us == 0) return ::epoll_wait(epoll, events, events_per_wait_max, 0);
  const timespec exact{.tv_sec = us / 1'000'000, .tv_nsec = us % 1'000'000 * 1'000};
  const int count = ::epoll_pwait2(epoll, events, events_per_wait_max, &exact, nullptr);
  if (count >= 0 || errno != ENOSYS) return count;
  return ::epoll_wait(epoll, events, events_per_wait_max, static_cast<int>(std::min<std::int64_t>((us + 999) / 1'000, 1'000'000)));  // Linux before 5.11
}

}  // namespace

IoLoop::IoLoop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  CLASP_CHECK(epoll_ >= 0 && wake_ >= 0);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  CLASP_CHECK(::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) == 0);
}

IoLoop::~IoLoop() {
  ::close(wake_);
  ::close(epoll_);
}

void IoLoop::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_, &one, sizeof one);  // fails only if it has been woken 2^64 times
}

void IoLoop::post(std::function<void()> task) {
  bool first = false;
  {
    const std::lock_guard lock{mutex_};
    first = posted_.empty();
    posted_.push_back(std::move(task));
  }
  if (first) wake();
}

void IoLoop::defer(std::function<void()> task) {
  deferred_.push_back(std::move(task));
  if (nested_ && deferred_.size() == 1) wake();
}

int IoLoop::descriptor() {
  if (!std::exchange(nested_, true) && has_tasks()) wake();
  return epoll_;
}

void IoLoop::wait(std::optional<Micros> limit) {
  std::array<epoll_event, events_per_wait_max> events;
  const int count = epoll_wait_for(epoll_, events.data(), limit);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.ptr != nullptr) {
      static_cast<Watch*>(event.data.ptr)->on_events(event.events);
    } else {
      std::uint64_t woken = 0;
      [[maybe_unused]] const ssize_t read = ::read(wake_, &woken, sizeof woken);
    }
  }
}

void IoLoop::run_tasks() {
  std::vector<std::function<void()>> tasks;
  tasks.swap(deferred_);
  for (const std::function<void()>& task : tasks) task();
  tasks.clear();
  {
    const std::lock_guard lock{mutex_};
    tasks.swap(posted_);
  }
  for (const std::function<void()>& task : tasks) task();
}

SteadyTime steady_now() { return {std::chrono::duration_cast<Micros>(std::chrono::steady_clock::now().time_since_epoch()).count()}; }

Now read_clocks() {
  const auto unix_us = std::chrono::duration_cast<Micros>(std::chrono::system_clock::now().time_since_epoch()).count();
  const UnixTime unix_time{static_cast<std::uint64_t>(std::max<std::int64_t>(unix_us, 0))};
  return {.steady = steady_now(), .unix_time = unix_time, .received = unix_time};
}

}  // namespace clasp::io
