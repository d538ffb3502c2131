// A port of a bridge that speaks HTTP and WebSocket: its listener, in a loop of its own inside the one everything lives in.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "net/event_loop.hpp"
#include "net/http_handler.hpp"
#include "net/listener.hpp"
#include "net/nested_loop.hpp"

namespace clasp::bridge::web {

class HttpPort {
 public:
  // All of it outlives this. `turns` takes part in the inner loop.
  HttpPort(io::IoLoop& loop, net::HttpHandler& handler, net::Turns& turns, std::function<void(std::string_view)> log);
  HttpPort(const HttpPort&) = delete;
  ~HttpPort();  // closed before, if it was opened: only its owner can say goodbye

  Result<void> open(const net::ListenAddress& bind);
  // The port is free at once; what `goodbye` says to those who are connected leaves, and nothing is called any more. Does nothing if it is not open.
  void close(const std::function<void()>& goodbye);

  std::uint16_t port() const { return listener_ ? listener_->port() : 0; }
  const Now& now() const { return inner_.now(); }
  void turn_soon() { nested_.turn_soon(); }  // something was given to a connection from outside

 private:
  net::HttpHandler& handler_;
  net::Turns& turns_;
  std::function<void(std::string_view)> log_;
  net::EventLoop inner_;
  net::NestedLoop nested_;
  std::unique_ptr<net::Listener> listener_;
};

}  // namespace clasp::bridge::web
