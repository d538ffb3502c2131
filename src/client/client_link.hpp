// One connection to a router: WebSocket or length-prefixed TCP. Frames go in and out whole; framing, masking, the HTTP upgrade, pings and the
// closing handshake stay in here. Everything happens on the loop's thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "client/url.hpp"
#include "core/byte_buffer.hpp"
#include "core/bytes.hpp"
#include "core/time.hpp"

namespace boost::asio {
class io_context;
}

namespace clasp::client {

// The frames of one read. Pull them all; each is valid until the next call.
class FrameSource {
 public:
  virtual ~FrameSource() = default;
  virtual std::optional<Bytes> next() = 0;
};

class LinkEvents {
 public:
  virtual ~LinkEvents() = default;
  virtual void link_opened() = 0;
  virtual void link_input(FrameSource& frames) = 0;
  virtual void link_writable() = 0;                     // the last write is with the operating system
  virtual void link_lost(std::string_view reason) = 0;  // or never came up; the last call
};

class ClientLink {
 public:
  virtual ~ClientLink() = default;

  virtual void open() = 0;
  // Whole frames, back to back; all of them leave with one system call if the socket takes them. Only when can_write().
  virtual void write(const ByteBuffer& frames) = 0;
  virtual bool can_write() const = 0;
  virtual void read(bool on) = 0;
  // Finishes what is being written, says goodbye, waits for the peer's goodbye, for `linger` at most, then calls `done`. No event any more.
  // The link keeps itself alive until then.
  virtual void shut_down(Micros linger, std::function<void()> done) = 0;
};

// `events` outlives the link or its shut_down().
std::shared_ptr<ClientLink> make_link(boost::asio::io_context& loop, const Endpoint& endpoint, LinkEvents& events);

}  // namespace clasp::client
