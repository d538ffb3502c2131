#include "cli/interrupts.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>

#include "cli/exit_code.hpp"
#include "core/check.hpp"

namespace clasp::cli {

namespace {

constexpr std::array signals{SIGINT, SIGTERM};

// A signal handler can reach nothing but globals: the writing end of the pipe that wakes wait(), and how often it was asked.
std::atomic<int> wake_descriptor = -1;
std::atomic<int> read_descriptor = -1;
std::atomic<int> requests = 0;
static_assert(std::atomic<int>::is_always_lock_free);

void handle(int signal, void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  CLASP_CHECK(sigaction(signal, &action, nullptr) == 0);
}

void exit_at_once(int) { _exit(static_cast<int>(ExitCode::interrupted)); }

void wake() {
  const int saved = errno;
  // The pipe is full only if wait() has been woken many times over.
  [[maybe_unused]] const ssize_t written = write(wake_descriptor, "s", 1);
  errno = saved;
}

void wake_or_exit(int signal) {
  if (requests.fetch_add(1) > 0) exit_at_once(signal);
  wake();
}

}  // namespace

void exit_on_interrupt() {
  handle(SIGINT, exit_at_once);
  handle(SIGPIPE, SIG_IGN);
}

Interrupts::Interrupts() {
  CLASP_CHECK(wake_descriptor == -1);
  std::array<int, 2> ends{};
  CLASP_CHECK(pipe(ends.data()) == 0);
  for (const int end : ends) CLASP_CHECK(fcntl(end, F_SETFL, O_NONBLOCK) == 0 && fcntl(end, F_SETFD, FD_CLOEXEC) == 0);
  read_descriptor = ends[0];
  wake_descriptor = ends[1];
  requests = 0;
  for (const int signal : signals) handle(signal, wake_or_exit);
}

Interrupts::~Interrupts() {
  handle(SIGINT, exit_at_once);
  handle(SIGTERM, SIG_DFL);
  close(wake_descriptor.exchange(-1));
  close(read_descriptor.exchange(-1));
}

void Interrupts::stop() { wake(); }

Interrupts::Woken Interrupts::wait(std::optional<Clock::time_point> until, int descriptor) {
  while (true) {
    std::array<pollfd, 2> polled{pollfd{read_descriptor, POLLIN, 0}, pollfd{descriptor, POLLIN, 0}};
    int timeout_ms = -1;
    if (until) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - Clock::now()).count();
      timeout_ms = static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
    }
    const int ready = poll(polled.data(), polled.size(), timeout_ms);
    if (polled[0].revents != 0) return Woken::stopped;  // the byte stays in the pipe: stopped is stopped
    if (ready > 0 && polled[1].revents != 0) return Woken::readable;
    if (until && Clock::now() >= *until) return Woken::timeout;
  }
}

}  // namespace clasp::cli
