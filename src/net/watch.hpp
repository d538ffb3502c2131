// Tells when a descriptor can be read or written. The only place, with event_loop.cpp, where Boost.Asio shows; it is hidden behind a pointer.
#pragma once

#include <memory>

namespace boost::asio {
class io_context;
}

namespace clasp::net {

// Called from inside the loop's wait: only note it, act later in the turn.
class WatchHandler {
 public:
  virtual void on_readable() = 0;
  virtual void on_writable() = 0;

 protected:
  ~WatchHandler() = default;
};

// Owns the descriptor. One wait is one call: ask again after it.
class Watch {
 public:
  Watch(boost::asio::io_context& context, int descriptor, WatchHandler& handler);
  Watch(const Watch&) = delete;
  ~Watch();

  int descriptor() const;  // -1 after close()
  void want_read();
  void want_write();
  void close();  // the handler is not called any more

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with the waits under way
};

}  // namespace clasp::net
