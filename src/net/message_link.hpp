// A WebSocket on a stream for protocols other than CLASP: whole messages in and out, pings, an end with a reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/splitter.hpp"
#include "net/stream.hpp"
#include "net/websocket_frame.hpp"

namespace clasp::net {

// Speaks the protocol. Belongs to its link; nothing of the link is destroyed while one of these runs.
class MessageHandler {
 public:
  virtual ~MessageHandler() = default;
  virtual void on_text(std::string_view text) = 0;  // UTF-8 for sure
  virtual void on_binary(Bytes message) = 0;
  virtual void on_pong() {}
  virtual void on_sent() {}  // something left: there may be room again
  // Once, and the last call. `reason` for people: what the peer said, or what it broke.
  virtual void on_closed(std::string_view reason) = 0;
};

class MessageLink final : public StreamHandler {
 public:
  static constexpr std::size_t control_bytes_max = 4'096;  // pongs for a peer that pings and does not read

  MessageLink(Stream& stream, std::size_t message_bytes_max);

  // Before the first turn; see open_message_link().
  void set_handler(std::unique_ptr<MessageHandler> handler) { handler_ = std::move(handler); }

  void send_text(std::string_view text) { send(Opcode::text, as_bytes(text)); }
  void send_binary(Bytes message) { send(Opcode::binary, message); }
  void ping() { send(Opcode::ping, {}); }
  void close(std::uint16_t code, std::string_view reason);  // what was sent before still leaves
  void abort() { stream_.abort(); }                         // what waits is lost; calls on_closed()
  bool is_open() const { return stream_.is_open(); }
  std::size_t bytes_waiting() const { return stream_.bytes_waiting(); }
  void set_reading(bool on) { stream_.set_reading(on); }
  const Now& now() const { return stream_.now(); }

  void on_bytes(std::span<std::byte>& input) override;
  void on_end() override;
  void on_sent(std::size_t bytes) override;
  void on_setup_deadline() override {}
  void on_closed() override;
  void on_shutdown() override { close(1001, "the bridge is stopping"); }

 private:
  void handle(const Piece& piece);
  void send(Opcode opcode, Bytes payload);

  Stream& stream_;
  Splitter<WebSocketFramer> splitter_;
  std::unique_ptr<MessageHandler> handler_;
  std::string reason_;
};

}  // namespace clasp::net
