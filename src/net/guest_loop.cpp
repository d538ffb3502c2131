#include "net/guest_loop.hpp"

#include <fcntl.h>

#include <memory>
#include <utility>

namespace clasp::net {

struct GuestLoop::Alive {
  GuestLoop* loop;
  bool pending = false;
};

namespace {

// The host has its own interest in other descriptors; what the guest waits for is one more of them.
int duplicate(int descriptor) { return ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0); }

// Whoever shares its loop with others does not give the processor away in between.
LoopOptions as_guest(LoopOptions options) {
  options.yield_before_flush = false;
  return options;
}

}  // namespace

GuestLoop::GuestLoop(io::IoLoop& host, LoopOptions options)
    : host_(host),
      loop_(as_guest(options)),
      watch_(host, duplicate(loop_.io().descriptor()), *this),
      timer_(host,
             [this] {
               timer_at_.reset();
               turn();
             }),
      alive_(std::make_shared<Alive>(Alive{this})) {}

GuestLoop::~GuestLoop() { alive_->loop = nullptr; }

void GuestLoop::wake() {
  if (std::exchange(alive_->pending, true)) return;
  host_.post([alive = alive_] {  // not defer(): it may be called outside of a turn of the host
    alive->pending = false;
    if (alive->loop != nullptr) alive->loop->turn();
  });
}

void GuestLoop::turn() {
  loop_.turn(Micros{0});
  plan();
}

// A timer is a system call: it is set only for another time than before.
void GuestLoop::plan() {
  const std::optional<SteadyTime> next = loop_.next_turn();
  if (next && *next <= loop_.now().steady) return wake();
  if (next == timer_at_) return;
  timer_at_ = next;
  if (next) timer_.set(*next);
  else timer_.cancel();
}

}  // namespace clasp::net
