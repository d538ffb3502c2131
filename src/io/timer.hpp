// One deadline that calls back.
#pragma once

#include <functional>
#include <memory>

#include "core/time.hpp"

namespace clasp::io {

class IoLoop;

// A system call to set: for what is set seldom. Engines that have many deadlines tell the loop the next one instead.
class Timer {
 public:
  Timer(IoLoop& loop, std::function<void()> due);  // `due` runs as a task of the loop and may set the timer again or destroy it
  Timer(const Timer&) = delete;
  ~Timer();

  void set(SteadyTime at);  // replaces what was set; a time that has passed: at once
  void cancel();

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the task under way
};

}  // namespace clasp::io
