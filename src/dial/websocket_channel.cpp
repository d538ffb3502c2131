#include "dial/websocket_channel.hpp"

#include <fmt/format.h>

#include "core/address.hpp"
#include "core/check.hpp"

namespace clasp::dial {
namespace {

constexpr std::uint16_t close_normal = 1000;
constexpr std::uint16_t no_close_code = 1005;

net::WebSocketUrl url_of(const Target& target) {
  return {.tls = target.tls != nullptr, .host = target.host, .port = target.port, .target = target.websocket->target};
}

}  // namespace

WebSocketChannel::WebSocketChannel(const Target& target)
    : frames_(net::Role::client, target.websocket->message_bytes_max), subprotocol_required_(target.websocket->subprotocol_required) {
  handshake_.emplace(url_of(target), net::random_nonce(),
                     net::ClientOffer{.subprotocols = target.websocket->subprotocols, .fields = target.websocket->fields});
}

void WebSocketChannel::begin(ByteBuffer& out) { out.append(as_bytes(handshake_->request())); }

WebSocketChannel::Event WebSocketChannel::shake(std::span<std::byte>& input) {
  const std::optional<Result<void>> outcome = handshake_->next(input);
  if (!outcome) return {};
  if (!*outcome) return end(outcome->error().message);
  subprotocol_ = handshake_->subprotocol();
  if (subprotocol_required_ && subprotocol_.empty()) return end("server speaks WebSocket, but selected no sub-protocol that was offered");
  handshake_.reset();
  return {.kind = Event::Kind::opened, .form = Form::binary, .payload = {}, .text = {}};
}

WebSocketChannel::Event WebSocketChannel::next(std::span<std::byte>& input, ByteBuffer& out, bool answer_pings) {
  if (handshake_) return shake(input);
  while (const std::optional<net::Piece> piece = frames_.next(input)) {
    switch (piece->kind) {
      case net::PieceKind::frame: return {.kind = Event::Kind::message, .form = Form::binary, .payload = piece->payload, .text = {}};
      case net::PieceKind::text: return {.kind = Event::Kind::message, .form = Form::text, .payload = piece->payload, .text = {}};
      case net::PieceKind::ping:
        if (answer_pings) {
          const net::Mask mask = masks_.next();
          net::append_websocket_frame(out, net::Opcode::pong, piece->payload, &mask);
        }
        break;
      case net::PieceKind::pong: break;
      case net::PieceKind::close: {
        const std::string reason = printable(as_text(piece->payload));
        const std::uint16_t code = piece->code;
        append_goodbye(out, code == no_close_code ? close_normal : code, {});
        return end(code == no_close_code ? "closed the WebSocket"
                                         : fmt::format("closed the WebSocket ({}{}{})", code, reason.empty() ? "" : ", ", reason));
      }
    }
  }
  if (const std::optional<net::FramingFault> fault = frames_.fault()) {
    append_goodbye(out, fault->close_code, fault->text);
    return end(fmt::format("broke the WebSocket framing: {}", fault->text));
  }
  return {};
}

void WebSocketChannel::append_message(ByteBuffer& out, Bytes payload, Form form) {
  const net::Mask mask = masks_.next();
  net::append_websocket_frame(out, form == Form::text ? net::Opcode::text : net::Opcode::binary, payload, &mask);
}

void WebSocketChannel::append_ping(ByteBuffer& out) {
  const net::Mask mask = masks_.next();
  net::append_websocket_frame(out, net::Opcode::ping, {}, &mask);
}

void WebSocketChannel::append_goodbye(ByteBuffer& out, std::uint16_t code, std::string_view reason) {
  if (handshake_ || goodbye_sent_) return;
  goodbye_sent_ = true;
  const net::Mask mask = masks_.next();
  net::append_websocket_frame(out, net::Opcode::close, net::close_payload(code, reason).view(), &mask);
}

}  // namespace clasp::dial
