// The WebSocket opening handshake, both sides (RFC 6455, section 4; transports, sections 4.1 and 4.2). No sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clasp/error.hpp"
#include "core/byte_buffer.hpp"
#include "net/http_message.hpp"

namespace clasp::net {

inline constexpr std::string_view websocket_subprotocol = "clasp";

// ---- server ----

// Does the request ask for WebSocket, rightly or not? Otherwise it is plain HTTP.
bool wants_websocket(const HttpRequest& request);

// 101 with the headers that complete the handshake, or the refusal. Any path, query and origin is accepted; the sub-protocol is selected
// exactly when it is offered (empty: never); no extension is. A malformed list of extensions is refused (RFC 6455, section 9.1).
HttpResponse answer_upgrade(const HttpRequest& request, std::string_view subprotocol = websocket_subprotocol);

// ---- client ----

struct WebSocketUrl {
  bool tls = false;
  std::string host;         // without brackets
  std::uint16_t port = 80;  // 443 with tls
  std::string target;       // path and query, at least "/"
};

using WebSocketNonce = std::array<std::byte, 16>;  // random, for one handshake

// What a client says beside its URL.
struct ClientOffer {
  std::vector<std::string> subprotocols{std::string{websocket_subprotocol}};  // of which the server may select one, or none
  std::vector<HttpField> fields;                                              // further headers; line breaks in values become blanks
};

// Send request(), then feed what the server answers.
class ClientHandshake {
 public:
  ClientHandshake(const WebSocketUrl& url, const WebSocketNonce& nonce, ClientOffer offer = {});

  std::string_view request() const { return request_; }
  // Takes the server's answer, and nothing behind it, from the front of `input`. Nothing: incomplete, all of `input` was taken. An error
  // (connection_failed) says what the server answered instead.
  std::optional<Result<void>> next(std::span<std::byte>& input);
  const std::string& subprotocol() const { return subprotocol_; }  // that the server selected; "" if none

 private:
  Result<void> check(std::string_view head);

  std::string key_;
  ClientOffer offer_;
  std::string request_;
  ByteBuffer head_;
  std::string subprotocol_;
};

// Sec-WebSocket-Accept for a Sec-WebSocket-Key.
std::string websocket_accept(std::string_view key);

}  // namespace clasp::net
