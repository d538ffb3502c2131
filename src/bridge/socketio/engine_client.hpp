// One Engine.IO connection of a client, without sockets: the server's terms, its pings, what waits to be sent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bridge/web/out_queue.hpp"
#include "core/bytes.hpp"
#include "core/time.hpp"

namespace clasp::bridge::socketio {

// A transport. Calls nothing back from inside these.
class EngineTransport {
 public:
  virtual ~EngineTransport() = default;
  virtual void send_text(std::string_view packet) = 0;
  virtual void send_binary(Bytes message) = 0;
  virtual bool has_room() = 0;  // EngineClient::writable() tells when it has again
};

class EngineClientListener {
 public:
  virtual ~EngineClientListener() = default;
  virtual void engine_opened() = 0;
  virtual void engine_text(std::string_view text) = 0;
  virtual void engine_binary(Bytes message) = 0;
  virtual void engine_closed(std::string_view reason) = 0;  // it was open, and is not any more
};

class EngineClient {
 public:
  EngineClient(EngineClientListener& listener, const web::OutLimits& limits, Micros open_timeout)
      : listener_(listener), limits_(limits), open_timeout_(open_timeout) {}
  EngineClient(const EngineClient&) = delete;

  // A transport is there; the server opens the session on it.
  void begin(EngineTransport& transport, SteadyTime now);
  // What came. The error says why this is no Engine.IO, or no more: then end() it.
  std::optional<std::string> take_text(std::string_view packet, SteadyTime now);
  std::optional<std::string> take_binary(Bytes message);
  void writable() { flush(); }
  void end(std::string_view reason);

  void send(web::SharedMessage message, std::string_view key, SteadyTime now);  // ignored while it is not open
  void say_goodbye();

  bool is_open() const { return open_; }
  const std::string& sid() const { return sid_; }
  std::optional<SteadyTime> next_deadline() const {
    return transport_ == nullptr ? std::nullopt : std::optional(overflowed_ ? SteadyTime{0} : deadline_);
  }
  std::optional<std::string> advance(SteadyTime now);  // as take_text()

 private:
  std::optional<std::string> take_open(std::string_view json, SteadyTime now);
  void flush();

  EngineClientListener& listener_;
  web::OutLimits limits_;
  Micros open_timeout_;
  EngineTransport* transport_ = nullptr;
  bool open_ = false;
  bool overflowed_ = false;
  std::string sid_;
  Micros ping_distance_{0};  // interval and timeout: without a ping for so long the server is gone
  SteadyTime deadline_;
  web::OutQueue queue_;
};

}  // namespace clasp::bridge::socketio
