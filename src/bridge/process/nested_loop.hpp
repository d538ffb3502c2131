// The client's loop is Asio's; a bridge's is one descriptor in it.
#pragma once

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "io/io_loop.hpp"

namespace clasp::bridge {

class NestedLoop {
 public:
  explicit NestedLoop(boost::asio::io_context& outer) : descriptor_(outer, ::dup(inner.descriptor())) { wait(); }
  void stop() { descriptor_.close(); }

  io::IoLoop inner;

 private:
  void wait() {
    descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
      if (error) return;
      inner.turn(Micros{0});
      if (descriptor_.is_open()) wait();
    });
  }

  boost::asio::posix::stream_descriptor descriptor_;
};

}  // namespace clasp::bridge
