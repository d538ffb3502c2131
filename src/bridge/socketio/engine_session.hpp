// One Engine.IO session of the server: a state machine without sockets. Bytes and time go in; answers to polls, WebSocket messages and deadlines come
// out.
//
//   polling ──probe──▶ upgrading ──"5"──▶ websocket          (or websocket from the beginning)
//      ▲                   │ lost, 10 s
//      └───────────────────┘
//
// While it is upgrading nothing is sent to either transport, and every poll is answered at once with a NOOP, so that the client can leave: a message
// meets exactly one of the two. A poll that waits is answered at the latest with the next ping; who doesn't answer a ping is gone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bridge/socketio/engine_packet.hpp"
#include "bridge/web/out_queue.hpp"
#include "core/time.hpp"

namespace clasp::bridge::socketio {

struct EngineLimits {
  Micros ping_interval{25'000'000};
  Micros ping_timeout{20'000'000};
  Micros upgrade_timeout{10'000'000};
  std::size_t payload_bytes_max = 1'000'000;  // of one POST, one message
  std::size_t wire_bytes_max = 65'536;        // given to a WebSocket and not sent yet; the rest waits here, where newer values replace it
  web::OutLimits out;
};

// One GET that waits for its answer. It is gone as soon as it is answered.
class Poll {
 public:
  virtual ~Poll() = default;
  virtual void answer(std::string_view payload) = 0;
};

// One WebSocket. Calls nothing back from inside these.
class Wire {
 public:
  virtual ~Wire() = default;
  virtual void send_text(std::string_view text) = 0;
  virtual void send_binary(Bytes message) = 0;
  virtual std::size_t bytes_waiting() const = 0;
  virtual void close(std::string_view reason) = 0;
};

// What Engine.IO says to a request it does not serve.
struct EngineRefusal {
  int code = 3;
  std::string_view message = "Bad request";
  unsigned status = 400;
};
namespace refusal {
inline constexpr EngineRefusal unknown_transport{0, "Transport unknown"};
inline constexpr EngineRefusal unknown_sid{1, "Session ID unknown"};
inline constexpr EngineRefusal bad_method{2, "Bad handshake method"};
inline constexpr EngineRefusal bad_request{3, "Bad request"};
inline constexpr EngineRefusal forbidden{4, "Forbidden", 403};
inline constexpr EngineRefusal unsupported_version{5, "Unsupported protocol version"};
inline constexpr EngineRefusal too_large{3, "Payload too large", 413};
}  // namespace refusal

class EngineSession;

// Who speaks Socket.IO over it. May call the session back, but not destroy it.
class EngineListener {
 public:
  virtual ~EngineListener() = default;
  virtual void on_text(EngineSession& session, std::string_view text) = 0;
  virtual void on_binary(EngineSession& session, Bytes message) = 0;
  virtual void on_closed(EngineSession& session, std::string_view reason) = 0;  // once, and the last call
};

class EngineSession {
 public:
  enum class Transport : std::uint8_t { polling, upgrading, websocket };

  EngineSession(std::string sid, const EngineLimits& limits, bool may_upgrade, EngineListener& listener, SteadyTime now);
  EngineSession(const EngineSession&) = delete;

  const std::string& sid() const { return sid_; }
  Transport transport() const { return transport_; }
  bool is_open() const { return open_; }
  std::string handshake() const;  // the data of the OPEN packet

  // ---- polling ----
  // Answers the poll, now or later; or says why it won't. A second poll beside one that waits ends the session.
  std::optional<EngineRefusal> poll(Poll& poll, SteadyTime now);
  void poll_gone(Poll& poll);  // its connection broke: what it would have brought is lost, so the session ends
  std::optional<EngineRefusal> post(std::string_view body, SteadyTime now);

  // ---- WebSocket ----
  void start_on(Wire& wire);               // from the beginning
  bool probe(Wire& wire, SteadyTime now);  // an upgrade begins; false: there is one already, or has been
  void wire_text(Wire& wire, std::string_view text, SteadyTime now);
  void wire_binary(Wire& wire, Bytes message);
  void wire_sent(Wire& wire);  // there may be room again
  void wire_gone(Wire& wire, std::string_view reason);

  // ---- what it carries ----
  // `key` as in OutQueue. Who takes too little is cut off: not from inside this call, but with the next advance().
  void send(web::SharedMessage message, std::string_view key, SteadyTime now);
  void close(std::string_view reason);  // tells the peer, and the listener
  std::uint64_t messages_replaced() const { return queue_.replaced(); }
  std::size_t bytes_waiting() const { return queue_.bytes(); }

  void advance(SteadyTime now);
  std::optional<SteadyTime> next_deadline() const;

 private:
  void handle(const EnginePacket& packet, SteadyTime now);
  void pong(SteadyTime now);
  void flush();
  std::string take_payload();
  void answer_poll(std::string_view payload);
  void finish_upgrade();
  void abandon_upgrade();
  void end(std::string_view reason);

  const std::string sid_;
  const EngineLimits& limits_;
  const bool may_upgrade_;
  EngineListener& listener_;
  Transport transport_ = Transport::polling;
  bool open_ = true;
  bool overflowed_ = false;
  Poll* poll_ = nullptr;     // that waits
  Wire* wire_ = nullptr;     // that carries messages
  Wire* probing_ = nullptr;  // that is to
  bool probed_ = false;      // it has sent its probe
  web::OutQueue queue_;
  bool ping_due_ = false;    // a ping is to be sent
  SteadyTime heartbeat_at_;  // when to ping, or when the answer to one is overdue
  bool awaiting_pong_ = false;
  std::optional<SteadyTime> upgrade_until_;
};

}  // namespace clasp::bridge::socketio
