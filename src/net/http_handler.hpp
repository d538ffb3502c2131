// Who answers HTTP requests that are no WebSocket upgrade: health checks, the console, REST, event streams. All on the loop's thread; nothing may
// block, so an answer that has to wait is given later.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/time.hpp"
#include "net/http_message.hpp"

namespace clasp::net {

class Stream;
class StreamHandler;
// Who speaks on a connection once it is a WebSocket.
struct Upgrade {
  std::function<std::unique_ptr<StreamHandler>(Stream&)> make;  // empty: nobody
  std::string subprotocol{};                                    // selected if the client offers it
};

// The handler's side of one connection, if it needs one. Belongs to the connection.
class HttpPeer {
 public:
  virtual ~HttpPeer() = default;                                         // must not use what may have ended before the loop: on_closed() is for that
  virtual void on_sent(std::size_t bytes) { static_cast<void>(bytes); }  // while an answer is owed: so many bytes of the connection left
  virtual void on_end() {}                                               // while an answer is owed: the peer will send no more. It may still read
  virtual void on_closed() {}  // the connection is gone, or speaks something else now. Once, and the last call
};

enum class Flow : bool {
  finite,   // the peer has to take something of it within LoopOptions::setup_max
  endless,  // an event stream: may be silent, and wait, for ever; whoever gives it watches its progress
};

// One connection as its handler sees it; lives until on_closed(). Each request gets exactly one answer: answer(), or begin(), send() as often as
// wanted, finish(); during handle() or any time later. No other request of the connection is handled before. Nothing here calls back.
class HttpResponder {
 public:
  virtual ~HttpResponder() = default;
  virtual const Now& now() const = 0;

  virtual void answer(const HttpResponse& response) = 0;
  virtual void begin(const HttpResponse& head, Flow flow) = 0;  // `head` without body
  virtual std::size_t send(std::string_view piece) = 0;         // how many bytes that made with their framing; 0: nobody wants them (HEAD)
  virtual void finish() = 0;

  virtual std::size_t bytes_waiting() const = 0;  // given to the connection and not sent yet
  virtual void abort() = 0;                       // breaks the connection; calls on_closed(). What was promised cannot be given any more

  virtual std::unique_ptr<HttpPeer>& peer() = 0;  // empty until the handler puts one there
};

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  virtual void handle(const HttpRequest& request, HttpResponder& responder) = 0;
  // The answer to what cannot be read as a request, or does not come to its end; the connection is closed behind it.
  virtual HttpResponse refusal(const HttpFault& fault) { return text_response(fault.status, std::string(fault.text) + '\n'); }
  // A reason not to upgrade this request (an origin that is not allowed), or nothing.
  virtual std::optional<HttpResponse> refuse_upgrade(const HttpRequest& request) {
    static_cast<void>(request);
    return std::nullopt;
  }
  // Who speaks on the WebSocket of this request (not refused). Nobody: those of the port, by sub-protocol.
  virtual Upgrade find_upgrade(const HttpRequest& request) {
    static_cast<void>(request);
    return {};
  }
};

// "ok" to everything (transports, section 4.3).
class ProbeHandler final : public HttpHandler {
 public:
  void handle(const HttpRequest&, HttpResponder& responder) override { responder.answer(text_response(200, "ok\n")); }
};

}  // namespace clasp::net
