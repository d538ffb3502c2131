// Ctrl-C and SIGTERM, and waiting for them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace clasp::cli {

// For commands that answer and end: Ctrl-C ends the process at once with exit code 130. A closed stdout is no signal but an error of writing.
void exit_on_interrupt();

// For commands that run until told to stop. While one exists, the first Ctrl-C or SIGTERM only wakes wait(); the second ends the process with 130.
// One at a time.
class Interrupts {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Woken : std::uint8_t { stopped, timeout, readable };

  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;

  void stop();  // any thread: as if somebody had asked for it

  // From now on it is also a reason to stop that the reader of this pipe or socket has gone. Without it, a command that waits for the next thing to
  // print would notice only when that comes.
  void stop_when_closed(int descriptor) { output_ = descriptor; }

  // Until stopped (from then on it returns at once), the deadline, or until `descriptor` can be read without waiting.
  Woken wait(std::optional<Clock::time_point> until = {}, int descriptor = -1);

 private:
  int output_ = -1;
};

}  // namespace clasp::cli
