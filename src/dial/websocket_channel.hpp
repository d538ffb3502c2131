// The client's side of one WebSocket, without a socket: handshake, messages, pings and goodbyes (RFC 6455).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/byte_buffer.hpp"
#include "dial/target.hpp"
#include "net/splitter.hpp"
#include "net/websocket_frame.hpp"
#include "net/websocket_handshake.hpp"
#include "net/websocket_random.hpp"

namespace clasp::dial {

enum class Form : std::uint8_t { stream, binary, text };  // bytes as they came, or one message

class WebSocketChannel {
 public:
  struct Event {
    enum class Kind { nothing, opened, message, ended } kind = Kind::nothing;  // nothing: all of the input was taken
    Form form = Form::binary;
    Bytes payload;     // of a message; valid until the next call
    std::string text;  // why it ended
  };

  explicit WebSocketChannel(const Target& target);

  void begin(ByteBuffer& out);  // the request
  // What is next in `input`, from which it is taken. Answers it owes are appended to `out`; a ping gets none unless `answer_pings`.
  Event next(std::span<std::byte>& input, ByteBuffer& out, bool answer_pings);
  void append_message(ByteBuffer& out, Bytes payload, Form form);
  void append_ping(ByteBuffer& out);
  void append_goodbye(ByteBuffer& out, std::uint16_t code, std::string_view reason);  // once; more do nothing
  bool is_open() const { return !handshake_; }
  const std::string& subprotocol() const { return subprotocol_; }

 private:
  Event end(std::string text) { return {.kind = Event::Kind::ended, .form = Form::binary, .payload = {}, .text = std::move(text)}; }
  Event shake(std::span<std::byte>& input);

  std::optional<net::ClientHandshake> handshake_;
  net::Splitter<net::WebSocketFramer> frames_;
  net::MaskSource masks_;
  std::string subprotocol_;
  bool subprotocol_required_;
  bool goodbye_sent_ = false;
};

}  // namespace clasp::dial
