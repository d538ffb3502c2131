#include "net/nested_loop.hpp"

#include <unistd.h>

#include <utility>

#include "core/check.hpp"

namespace clasp::net {

namespace {

int copy_of(int descriptor) {  // a watch owns its descriptor, and this one belongs to the inner loop
  const int copy = ::dup(descriptor);
  CLASP_CHECK(copy >= 0);
  return copy;
}

}  // namespace

NestedLoop::NestedLoop(io::IoLoop& outer, EventLoop& inner)
    : outer_(outer), inner_(inner), watch_(outer, copy_of(inner.io().descriptor()), *this), timer_(outer, [this] { turn(); }) {
  turn_soon();
}

void NestedLoop::turn_soon() {
  if (std::exchange(due_, true)) return;
  outer_.defer([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) turn();
  });
}

void NestedLoop::turn() {
  due_ = false;
  inner_.turn(Micros{0});
  const std::optional<SteadyTime> next = inner_.next_turn();
  if (!next) return timer_.cancel();
  if (*next <= io::steady_now()) return turn_soon();
  timer_.set(*next);
}

}  // namespace clasp::net
