#include "net/watch.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

namespace clasp::net {

using Descriptor = boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type>;

struct Watch::Impl {
  Impl(boost::asio::io_context& context, int native, WatchHandler& to) : descriptor(context, native), handler(&to) {}

  Descriptor descriptor;
  WatchHandler* handler;
  bool reading = false;
  bool writing = false;
};

Watch::Watch(boost::asio::io_context& context, int descriptor, WatchHandler& handler) : impl_(std::make_shared<Impl>(context, descriptor, handler)) {}

Watch::~Watch() { close(); }

int Watch::descriptor() const { return impl_->handler != nullptr ? impl_->descriptor.native_handle() : -1; }

void Watch::want_read() {
  if (impl_->reading || impl_->handler == nullptr) return;
  impl_->reading = true;
  impl_->descriptor.async_wait(Descriptor::wait_read, [impl = impl_](const boost::system::error_code&) {
    impl->reading = false;
    if (impl->handler != nullptr) impl->handler->on_readable();
  });
}

void Watch::want_write() {
  if (impl_->writing || impl_->handler == nullptr) return;
  impl_->writing = true;
  impl_->descriptor.async_wait(Descriptor::wait_write, [impl = impl_](const boost::system::error_code&) {
    impl->writing = false;
    if (impl->handler != nullptr) impl->handler->on_writable();
  });
}

void Watch::close() {
  if (impl_->handler == nullptr) return;
  impl_->handler = nullptr;
  boost::system::error_code ignored;
  impl_->descriptor.close(ignored);
}

}  // namespace clasp::net
