#include "net/stream_link.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>
#include <utility>

#include "net/message_deflater.hpp"

namespace clasp::net {

namespace {

// PING at QoS 0 (wire format, section 6.12).
constexpr std::array ping_frame{std::byte{0x53}, std::byte{0x00}, std::byte{0x00}, std::byte{0x01}, std::byte{0x41}};
constexpr std::uint16_t no_close_code = 1005;
constexpr std::string_view too_late = "no HELLO in time";

Now opened_at(const Stream& stream, Now now) {
  now.steady = stream.opened_at();
  return now;
}

}  // namespace

void StreamLink::open() {
  ++stats().links_opened;
  link_ = engine_.open_link(*this, opened_at(stream_, stream_.now()));
}

std::size_t StreamLink::send_frame(Bytes frame, Verbatim verbatim) { return stream_.is_open() ? count_waiting(write(frame, verbatim)) : 0; }

std::size_t StreamLink::count_waiting(std::size_t bytes) {
  frame_bytes_waiting_ += bytes;
  return bytes;
}

std::size_t StreamLink::reply(const router::Reply& reply) {
  const std::size_t bytes = send_frame(reply.frame, reply.stamp_t3 ? Verbatim::yes : Verbatim::no);
  if (bytes > 0 && reply.stamp_t3 && reply.frame.size() >= 8) stamps_.push_back(stream_.send_position() - 8);
  return bytes;
}

// Writes the time of sending into what has not left yet; a stamp of which a part is gone stays as it is.
void StreamLink::before_send() {
  if (stamps_.empty()) return;
  std::erase_if(stamps_, [this](std::uint64_t position) { return position < stream_.sent_total(); });
  std::array<std::byte, 8> time;
  store_be(time.data(), io::read_clocks().unix_time.us);
  for (const std::uint64_t position : stamps_) stream_.overwrite(position, time);
}

// Control frames travel in the same stream; the engine is credited for its own bytes only, in total exactly as many as it handed over.
void StreamLink::on_sent(std::size_t bytes) {
  if (!stamps_.empty() && stream_.bytes_waiting() == 0) std::vector<std::uint64_t>{}.swap(stamps_);
  const std::size_t credit = std::min(bytes, frame_bytes_waiting_);
  if (credit == 0 || reported_closed_) return;
  frame_bytes_waiting_ -= credit;
  engine_.sent(link_, credit, stream_.now());
}

void StreamLink::setup_done() {
  if (!std::exchange(first_frame_came_, true)) stream_.cancel_deadline();
}

void StreamLink::receive(Bytes frame) {
  setup_done();
  engine_.receive(link_, frame, stream_.now());
}

void StreamLink::report_closed() {
  if (!std::exchange(reported_closed_, true)) engine_.closed(link_, stream_.now());
}

void StreamLink::on_end() {
  report_closed();
  stream_.close_after_flush();
}

// ---- WebSocket ----

WebSocketLink::WebSocketLink(Stream& stream, LinkEngine& engine, const WebSocketOptions& options, const std::optional<DeflateAgreement>& deflate)
    : StreamLink(stream, engine),
      splitter_(Role::server, options.message_bytes_max, deflate ? Deflate::yes : Deflate::no),
      deflate_window_bits_(deflate ? deflate->window_bits() : std::uint8_t{0}) {}

std::size_t WebSocketLink::write_message(Opcode opcode, Bytes message, Verbatim verbatim) {
  std::optional<Bytes> shorter;
  if (deflate_window_bits_ != 0 && verbatim == Verbatim::no) shorter = stream_.loop().deflater().deflate(message, deflate_window_bits_);
  if (shorter) {
    ++stats().messages_deflated;
    stats().deflate_bytes_saved += message.size() - shorter->size();
    message = *shorter;
  }
  const std::size_t header_bytes = websocket_header_bytes(message.size());
  std::array<std::byte, websocket_header_bytes_max> aside;
  std::byte* const in_place = stream_.send_in_place(header_bytes + message.size());
  std::byte* const header = in_place != nullptr ? in_place : aside.data();
  write_websocket_header(header, opcode, message.size());
  if (shorter) header[0] |= websocket_compressed_bit;
  if (in_place != nullptr) {
    if (!message.empty()) std::memcpy(in_place + header_bytes, message.data(), message.size());
  } else {
    stream_.send(Bytes{aside}.first(header_bytes));
    stream_.send(message);
  }
  return header_bytes + message.size();
}

std::size_t WebSocketLink::send_text(std::string_view text) {
  return stream_.is_open() ? count_waiting(write_message(Opcode::text, as_bytes(text), Verbatim::no)) : 0;
}

bool WebSocketLink::send_control(Opcode opcode, Bytes payload) {
  if (stream_.bytes_waiting() > frame_bytes_waiting_ + control_bytes_max) return false;
  std::array<std::byte, websocket_header_bytes_max> header;
  stream_.send(Bytes{header}.first(write_websocket_header(header.data(), opcode, payload.size())));
  stream_.send(payload);
  return true;
}

void WebSocketLink::on_bytes(std::span<std::byte>& input) {
  while (stream_.wants_input()) {
    const std::optional<Piece> piece = splitter_.next(input);
    if (piece) {
      piece->compressed ? handle_compressed(*piece) : handle(*piece);
    } else if (const std::optional<FramingFault> fault = splitter_.fault()) {
      return fail(*fault);
    } else {
      return;
    }
  }
}

void WebSocketLink::handle_compressed(const Piece& piece) {
  const std::expected<Piece, FramingFault> plain = stream_.loop().deflater().inflate(piece, splitter_.framer().message_bytes_max());
  if (!plain) return fail(plain.error());
  ++stats().messages_inflated;
  handle(*plain);
}

void WebSocketLink::fail(const FramingFault& fault) {
  ++stats().framing_faults;
  report_closed();
  end(fault.close_code, fault.text);
}

void WebSocketLink::handle(const Piece& piece) {
  switch (piece.kind) {
    case PieceKind::frame: return receive(piece.payload);
    case PieceKind::text:
      if (engine_.receive_text(link_, as_text(piece.payload), stream_.now())) return setup_done();
      ++stats().text_ignored;
      return engine_.activity(link_, stream_.now());
    case PieceKind::ping:
      if (!send_control(Opcode::pong, piece.payload)) ++stats().pongs_withheld;
      return engine_.activity(link_, stream_.now());
    case PieceKind::pong: return engine_.activity(link_, stream_.now());
    case PieceKind::close: report_closed(); return end(piece.code == no_close_code ? 1000 : piece.code, {});
  }
}

void WebSocketLink::on_setup_deadline() {
  ++stats().setups_timed_out;
  report_closed();
  end(static_cast<std::uint16_t>(router::CloseCode::policy), too_late);
}

bool WebSocketLink::ping() {
  send_control(Opcode::ping, {});
  return true;
}

void WebSocketLink::close(const router::CloseReason& reason) { end(static_cast<std::uint16_t>(reason.code), reason.text); }

void WebSocketLink::end(std::uint16_t code, std::string_view reason) {
  const ClosePayload payload = close_payload(code, reason);
  std::array<std::byte, websocket_header_bytes_max> header;
  stream_.send(Bytes{header}.first(write_websocket_header(header.data(), Opcode::close, payload.size)));
  stream_.send(payload.view());
  stream_.close_after_flush();
}

// ---- plain TCP ----

template <Framer F>
std::size_t FrameLink<F>::write(Bytes frame, Verbatim) {
  if constexpr (std::is_same_v<F, LengthFramer>) {
    constexpr std::size_t prefix_bytes = LengthFramer::prefix_bytes;
    const std::size_t bytes = prefix_bytes + frame.size();
    if (std::byte* at = stream_.send_in_place(bytes)) {
      store_be(at, static_cast<std::uint32_t>(frame.size()));
      std::memcpy(at + prefix_bytes, frame.data(), frame.size());
    } else {
      std::array<std::byte, prefix_bytes> prefix;
      store_be(prefix.data(), static_cast<std::uint32_t>(frame.size()));
      stream_.send(prefix);
      stream_.send(frame);
    }
    return bytes;
  } else {
    stream_.send(frame);
    return frame.size();
  }
}

template <Framer F>
void FrameLink<F>::on_bytes(std::span<std::byte>& input) {
  while (stream_.wants_input()) {
    if (const std::optional<Piece> piece = splitter_.next(input)) {
      receive(piece->payload);
      continue;
    }
    if (!splitter_.fault()) return;
    ++stats().framing_faults;
    report_closed();
    return stream_.close_after_flush();
  }
}

template <Framer F>
void FrameLink<F>::on_setup_deadline() {
  ++stats().setups_timed_out;
  report_closed();
  stream_.close_after_flush();
}

// The peer may answer with PONG, but no published one has to: not a proof of life (transports, section 15.5).
template <Framer F>
bool FrameLink<F>::ping() {
  if (!stream_.is_open() || stream_.bytes_waiting() > frame_bytes_waiting_ + control_bytes_max) return false;
  write(ping_frame, Verbatim::yes);
  return false;
}

template <Framer F>
void FrameLink<F>::close(const router::CloseReason&) {
  stream_.close_after_flush();
}

template class FrameLink<LengthFramer>;
template class FrameLink<BareFramer>;

}  // namespace clasp::net
