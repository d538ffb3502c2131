#include "io/signal_watch.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <utility>

#include "core/check.hpp"
#include "io/io_loop.hpp"
#include "io/watch.hpp"

namespace clasp::io {

namespace {

constexpr std::array stop_signals{SIGINT, SIGTERM};

std::atomic<int> event_descriptor = -1;
static_assert(std::atomic<int>::is_always_lock_free);

// The event counter holds both: requests to stop in its lower half, to reload in the upper.
constexpr std::uint64_t one_stop = 1;
constexpr std::uint64_t one_reload = std::uint64_t{1} << 32;

void note(int signal) {
  const int saved = errno;
  const std::uint64_t one = signal == SIGHUP ? one_reload : one_stop;
  [[maybe_unused]] const ssize_t written = ::write(event_descriptor, &one, sizeof one);
  errno = saved;
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  CLASP_CHECK(sigaction(signal, &action, nullptr) == 0);
}

}  // namespace

struct SignalWatch::State final : WatchHandler, std::enable_shared_from_this<State> {
  State(IoLoop& in, std::function<void()> stop, std::function<void()> reload)
      : loop(in), asked_to_stop(std::move(stop)), asked_to_reload(std::move(reload)), watch(in, ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), *this) {
    CLASP_CHECK(watch.descriptor() >= 0 && event_descriptor.exchange(watch.descriptor()) == -1);
    for (const int signal : stop_signals) handle(signal, note);
    if (asked_to_reload) handle(SIGHUP, note);
  }
  ~State() {
    for (const int signal : stop_signals) handle(signal, SIG_DFL);
    if (asked_to_reload) handle(SIGHUP, SIG_DFL);
    event_descriptor = -1;
  }
  void on_readable() override {
    std::uint64_t count = 0;
    if (::read(watch.descriptor(), &count, sizeof count) < 0) return;
    loop.defer([weak = weak_from_this(), count] {
      if (const std::shared_ptr<State> self = weak.lock(); self && count >= one_reload) self->asked_to_reload();  // several at a time are one
      for (std::uint64_t i = 0; i < count % one_reload; ++i) {
        if (const std::shared_ptr<State> self = weak.lock()) self->asked_to_stop();
      }
    });
  }
  void on_writable() override {}

  IoLoop& loop;
  std::function<void()> asked_to_stop;
  std::function<void()> asked_to_reload;
  Watch watch;
};

SignalWatch::SignalWatch(IoLoop& loop, std::function<void()> asked_to_stop, std::function<void()> asked_to_reload)
    : state_(std::make_shared<State>(loop, std::move(asked_to_stop), std::move(asked_to_reload))) {}
SignalWatch::~SignalWatch() = default;

}  // namespace clasp::io
