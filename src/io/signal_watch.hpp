// SIGINT and SIGTERM, and SIGHUP, as tasks of a loop.
#pragma once

#include <functional>
#include <memory>

namespace clasp::io {

class IoLoop;

// One at a time in a process: a signal handler can reach nothing but globals. The default action is back when it is destroyed.
class SignalWatch {
 public:
  // Called once for each signal. Without `asked_to_reload` SIGHUP does what it always does.
  SignalWatch(IoLoop& loop, std::function<void()> asked_to_stop, std::function<void()> asked_to_reload = {});
  SignalWatch(const SignalWatch&) = delete;
  ~SignalWatch();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace clasp::io
