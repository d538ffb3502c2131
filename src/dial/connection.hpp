// One outgoing connection: TCP, with TLS and WebSocket inside if its target says so.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "core/bytes.hpp"
#include "dial/target.hpp"
#include "dial/websocket_channel.hpp"

namespace clasp::io {
class IoLoop;
}

namespace clasp::dial {

// Called as tasks of the loop. All calls of Connection are allowed from inside, destroying it too.
class ConnectionEvents {
 public:
  virtual void connection_opened() = 0;                         // all handshakes are done
  virtual void connection_input(Bytes bytes, Form form) = 0;    // valid during the call
  virtual void connection_writable() = 0;                       // after send() took nothing: half of out_bytes_max is free
  virtual void connection_closed(std::string_view reason) = 0;  // or never opened: "host:port: why"; "" after finish(). The last call

 protected:
  ~ConnectionEvents() = default;
};

// One attempt: once it is closed, it stays closed. Loop thread only.
class Connection {
 public:
  Connection(io::IoLoop& loop, Target target, ConnectionEvents& events);  // `events` outlives it
  Connection(const Connection&) = delete;
  ~Connection();  // as close()

  // Looks the name up and tries its addresses one after another, each for a fair share of what is left of connect_max.
  void start();

  // Stream bytes, or one WebSocket message (`form` matters there only). False: not open, or out_bytes_max waits; nothing is taken then, and
  // connection_writable() comes once there is room. What is sent in one turn leaves with one system call.
  bool send(Bytes bytes, Form form = Form::binary);
  // Would send() take something? False: connection_writable() comes once it would.
  bool has_room();
  std::size_t waiting_bytes() const;  // accepted, and not with the operating system
  bool is_open() const;

  void set_reading(bool on);  // off: nothing is read or handed out, until it is on again

  // Sends what waits and says that nothing follows (close frame, close_notify, end of the stream); goes on reading until the peer ends as well,
  // at most for `linger`. Then connection_closed("").
  void finish(Micros linger);
  // As much of that as goes at once. No event any more.
  void close();

  const std::string& subprotocol() const;  // the WebSocket server selected

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace clasp::dial
