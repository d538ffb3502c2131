#include "io/watch.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include "core/check.hpp"
#include "io/io_loop.hpp"

namespace clasp::io {

Watch::Watch(IoLoop& loop, int descriptor, WatchHandler& handler) : loop_(loop), handler_(handler), descriptor_(descriptor) { set_reading(true); }

void Watch::set_reading(bool on) { set(EPOLLIN, on); }
void Watch::set_writing(bool on) { set(EPOLLOUT, on); }

void Watch::set(std::uint32_t bit, bool on) {
  const std::uint32_t wanted = on ? interest_ | bit : interest_ & ~bit;
  if (descriptor_ < 0 || wanted == interest_) return;
  interest_ = wanted;
  epoll_event event{.events = interest_, .data = {.ptr = this}};
  // Registering fails when the system has no room for another watch (fs.epoll.max_user_watches): the peer is then never heard, and its deadline ends it.
  const int result = ::epoll_ctl(loop_.epoll_, registered_ ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, descriptor_, &event);
  if (result == 0) registered_ = true;
}

void Watch::on_events(std::uint32_t events) {
  const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
  if ((interest_ & EPOLLIN) != 0 && (broken || (events & EPOLLIN) != 0)) handler_.on_readable();
  if ((interest_ & EPOLLOUT) != 0 && (broken || (events & EPOLLOUT) != 0)) handler_.on_writable();
  if (broken && interest_ == 0) {  // is reported whether wanted or not, and would keep the loop from sleeping
    ::epoll_ctl(loop_.epoll_, EPOLL_CTL_DEL, descriptor_, nullptr);
    registered_ = false;
  }
}

void Watch::close() {
  if (descriptor_ < 0) return;
  // Closing alone would not do: epoll goes on with a file that is open under another descriptor as well.
  if (registered_) ::epoll_ctl(loop_.epoll_, EPOLL_CTL_DEL, descriptor_, nullptr);
  ::close(descriptor_);
  descriptor_ = -1;
  interest_ = 0;
}

}  // namespace clasp::io
