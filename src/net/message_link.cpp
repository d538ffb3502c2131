#include "net/message_link.hpp"

#include <array>
#include <utility>

namespace clasp::net {

MessageLink::MessageLink(Stream& stream, std::size_t message_bytes_max) : stream_(stream), splitter_(Role::server, message_bytes_max) {
  stream_.cancel_deadline();  // how long somebody may be silent is a matter of the protocol now
}

void MessageLink::on_bytes(std::span<std::byte>& input) {
  while (stream_.wants_input()) {
    if (const std::optional<Piece> piece = splitter_.next(input)) {
      handle(*piece);
      continue;
    }
    if (const std::optional<FramingFault> fault = splitter_.fault()) {
      ++stream_.loop().stats().framing_faults;
      close(fault->close_code, fault->text);
    }
    return;
  }
}

void MessageLink::handle(const Piece& piece) {
  switch (piece.kind) {
    case PieceKind::frame: return handler_->on_binary(piece.payload);
    case PieceKind::text: return handler_->on_text(as_text(piece.payload));
    case PieceKind::ping:
      if (stream_.bytes_waiting() > control_bytes_max)
        ++stream_.loop().stats().pongs_withheld;
      else
        send(Opcode::pong, piece.payload);
      return;
    case PieceKind::pong: return handler_->on_pong();
    case PieceKind::close: return close(1000, as_text(piece.payload));
  }
}

void MessageLink::send(Opcode opcode, Bytes payload) {
  std::array<std::byte, websocket_header_bytes_max> header;
  stream_.send(Bytes{header}.first(write_websocket_header(header.data(), opcode, payload.size())));
  stream_.send(payload);
}

void MessageLink::close(std::uint16_t code, std::string_view reason) {
  if (!stream_.is_open()) return;
  reason_ = reason;
  const ClosePayload payload = close_payload(code, reason);
  send(Opcode::close, payload.view());
  stream_.close_after_flush();
}

void MessageLink::on_end() { stream_.close_after_flush(); }

void MessageLink::on_sent(std::size_t) {
  if (stream_.is_open()) handler_->on_sent();
}

void MessageLink::on_closed() { handler_->on_closed(reason_); }

}  // namespace clasp::net
