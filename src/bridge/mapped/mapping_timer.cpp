#include "bridge/mapped/mapping_timer.hpp"

#include "bridge/mapped/mapped_link.hpp"
#include "io/io_loop.hpp"
#include "io/timer.hpp"

namespace clasp::bridge {

struct MappingTimer::Impl {
  Impl(io::IoLoop& loop, MappedLink& mapped) : link(mapped), timer(loop, [this] { due(); }) {
    link.set_deadline_changed([this] { arm(); });
    arm();
  }
  ~Impl() {
    link.set_deadline_changed([] {});
  }

  void due() {
    armed.reset();
    link.advance(io::read_clocks());
    arm();
  }
  // A system call only if the deadline has changed: this is called for every value.
  void arm() {
    const auto deadline = link.next_deadline();
    if (deadline == armed) return;
    armed = deadline;
    if (deadline)
      timer.set(*deadline);
    else
      timer.cancel();
  }

  MappedLink& link;
  std::optional<SteadyTime> armed;
  io::Timer timer;
};

MappingTimer::MappingTimer(io::IoLoop& loop, MappedLink& link) : impl_(std::make_unique<Impl>(loop, link)) {}
MappingTimer::~MappingTimer() = default;

}  // namespace clasp::bridge
