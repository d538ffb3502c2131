// An EventLoop inside an io::IoLoop that belongs to somebody else: a bridge that has a port of its own, in a loop that runs other things as well.
#pragma once

#include <memory>
#include <optional>

#include "io/io_loop.hpp"
#include "io/timer.hpp"
#include "io/watch.hpp"
#include "net/event_loop.hpp"

namespace clasp::net {

class GuestLoop final : private io::WatchHandler {
 public:
  explicit GuestLoop(io::IoLoop& host, LoopOptions options = {});
  GuestLoop(const GuestLoop&) = delete;
  ~GuestLoop();

  EventLoop& loop() { return loop_; }
  // Something was done to a stream or a deadline outside of a turn. As often as you like; the turn comes as a task of the host.
  void wake();
  void turn();  // one turn now

 private:
  void on_readable() override { wake(); }
  void on_writable() override {}
  void plan();

  struct Alive;
  io::IoLoop& host_;
  EventLoop loop_;
  io::Watch watch_;
  io::Timer timer_;
  std::optional<SteadyTime> timer_at_;
  std::shared_ptr<Alive> alive_;  // shared with the task under way
};

}  // namespace clasp::net
