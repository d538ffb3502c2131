// The wait of a single-threaded program: descriptors (Watch), and tasks from this thread and others.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "core/time.hpp"

namespace clasp::io {

class IoLoop {
 public:
  IoLoop();
  IoLoop(const IoLoop&) = delete;
  ~IoLoop();

  // ---- any thread ----
  void post(std::function<void()> task);  // run by run_tasks() of this or the next turn
  void wake();                            // ends a wait

  // ---- the loop's thread ----
  void defer(std::function<void()> task);  // as post()
  bool has_tasks() const { return !deferred_.empty(); }

  // Waits until a watched descriptor is ready, at most `limit`, and tells the watches' handlers. Without a limit: until something happens.
  void wait(std::optional<Micros> limit);
  void run_tasks();  // those that were there at the call

  // wait() and run_tasks(): for users who have nothing else to do in a turn.
  void turn(std::optional<Micros> limit) {
    wait(has_tasks() ? Micros{0} : limit);
    run_tasks();
  }

  // Can be read when turn() has something to do, deferred tasks included: a whole loop as one descriptor in another one.
  int descriptor();

 private:
  friend class Watch;

  int epoll_;
  int wake_;             // an eventfd
  bool nested_ = false;  // somebody waits for our descriptor
  std::vector<std::function<void()>> deferred_;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;  // under mutex_
};

SteadyTime steady_now();
Now read_clocks();  // as if received now

}  // namespace clasp::io
