#include "mqtt/mqtt_link.hpp"

#include <array>

namespace clasp::mqtt {

namespace {
constexpr std::size_t control_bytes_max = 4'096;  // pongs for a peer that pings and does not read
constexpr std::size_t frame_overhead = 65'536;    // a WebSocket message may hold more than one packet
}  // namespace

bool MqttLink::take_packet(std::span<std::byte>& input) {
  if (const auto piece = packets_.next(input)) {
    connection_.on_packet(piece->payload, stream_.now());
    return true;
  }
  if (const Fault* why = packets_.framer().why()) {
    ++stats().framing_faults;
    connection_.on_fault(*why, stream_.now());
  }
  return false;
}

void MqttLink::on_end() { stream_.close_after_flush(); }

void MqttLink::on_sent(std::size_t bytes) {
  static_cast<void>(bytes);
  connection_.on_sent(stream_.now());
}

void MqttLink::on_setup_deadline() {
  ++stats().setups_timed_out;
  stream_.abort();
}

void MqttLink::on_shutdown() { connection_.end(Reason::server_shutting_down, "the server is stopping"); }

// ---- TCP ----

void MqttTcpLink::on_bytes(std::span<std::byte>& input) {
  while (stream_.wants_input() && take_packet(input)) {
  }
}

// ---- WebSocket ----

MqttWebSocketLink::MqttWebSocketLink(net::Stream& stream, Broker& broker)
    : MqttLink(stream, broker), frames_(net::Role::server, broker.limits().packet_bytes_max + frame_overhead) {}

void MqttWebSocketLink::on_bytes(std::span<std::byte>& input) {
  while (stream_.wants_input()) {
    if (const auto piece = frames_.next(input)) {
      handle(*piece);
      continue;
    }
    if (const auto fault = frames_.fault()) {
      ++stats().framing_faults;
      end(fault->close_code, fault->text);
    }
    return;
  }
}

void MqttWebSocketLink::handle(const net::Piece& piece) {
  switch (piece.kind) {
    case net::PieceKind::frame: {
      // The framer hands out its own bytes as const; PacketFramer only reads them. A frame is worked off whole: what is left could not come again.
      std::span<std::byte> rest{const_cast<std::byte*>(piece.payload.data()), piece.payload.size()};
      while (connection_.is_open() && take_packet(rest)) {
      }
      return;
    }
    case net::PieceKind::text: return end(1003, "MQTT is binary");
    case net::PieceKind::ping:
      if (stream_.bytes_waiting() > control_bytes_max)
        ++stats().pongs_withheld;
      else
        send_frame(net::Opcode::pong, piece.payload);
      return;
    case net::PieceKind::pong: return;
    case net::PieceKind::close: return end(1000, {});
  }
}

void MqttWebSocketLink::send_frame(net::Opcode opcode, Bytes payload) {
  std::array<std::byte, net::websocket_header_bytes_max> header;
  stream_.send(Bytes{header}.first(net::write_websocket_header(header.data(), opcode, payload.size())));
  stream_.send(payload);
}

void MqttWebSocketLink::end(std::uint16_t code, std::string_view reason) {
  const net::ClosePayload payload = net::close_payload(code, reason);
  send_frame(net::Opcode::close, payload.view());
  stream_.close_after_flush();
}

}  // namespace clasp::mqtt
