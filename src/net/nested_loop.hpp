// A whole EventLoop as one descriptor and one timer of an io::IoLoop: an HTTP server inside a bridge.
#pragma once

#include <memory>

#include "io/io_loop.hpp"
#include "io/timer.hpp"
#include "io/watch.hpp"
#include "net/event_loop.hpp"

namespace clasp::net {

// The inner loop turns without waiting whenever something of it is ready or due. Both loops outlive this; it is destroyed from a task of the outer
// loop or when that does not run any more.
class NestedLoop final : private io::WatchHandler {
 public:
  NestedLoop(io::IoLoop& outer, EventLoop& inner);
  NestedLoop(const NestedLoop&) = delete;

  // An engine of the inner loop was given something from outside: turn soon, but not from here.
  void turn_soon();

 private:
  void on_readable() override { turn_soon(); }
  void on_writable() override {}
  void turn();

  io::IoLoop& outer_;
  EventLoop& inner_;
  bool due_ = false;  // a turn is deferred
  io::Watch watch_;
  io::Timer timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace clasp::net
