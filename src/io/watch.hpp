// Tells when a descriptor can be read or written.
#pragma once

#include <cstdint>

namespace clasp::io {

class IoLoop;

// Called from inside the loop's wait, and again in every wait while it is true: only note it, act later in the turn. No watch may be closed or
// destroyed from here. A connection that broke can be read and written: trying says how it broke.
class WatchHandler {
 public:
  virtual void on_readable() = 0;
  virtual void on_writable() = 0;

 protected:
  ~WatchHandler() = default;
};

// Owns the descriptor. Watches for reading from the start. What does not change the interest costs no system call.
class Watch {
 public:
  Watch(IoLoop& loop, int descriptor, WatchHandler& handler);
  Watch(const Watch&) = delete;
  ~Watch() { close(); }

  int descriptor() const { return descriptor_; }  // -1 after close()
  void set_reading(bool on);
  void set_writing(bool on);
  void close();  // the handler is not called any more

 private:
  friend class IoLoop;
  void on_events(std::uint32_t events);
  void set(std::uint32_t bit, bool on);

  IoLoop& loop_;
  WatchHandler& handler_;
  int descriptor_;
  std::uint32_t interest_ = 0;  // EPOLLIN, EPOLLOUT
  bool registered_ = false;     // with epoll
};

}  // namespace clasp::io
