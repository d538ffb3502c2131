// SIGINT and SIGTERM as tasks of a loop.
#pragma once

#include <functional>
#include <memory>

namespace clasp::io {

class IoLoop;

// One at a time in a process: a signal handler can reach nothing but globals. The default action is back when it is destroyed.
class SignalWatch {
 public:
  SignalWatch(IoLoop& loop, std::function<void()> asked_to_stop);  // called once for each signal
  SignalWatch(const SignalWatch&) = delete;
  ~SignalWatch();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace clasp::io
