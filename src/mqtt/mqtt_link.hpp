// MQTT on a stream of the loop: plain TCP, and WebSocket with the sub-protocol `mqtt`.
#pragma once

#include "mqtt/broker.hpp"
#include "mqtt/connection.hpp"
#include "mqtt/framer.hpp"
#include "net/splitter.hpp"
#include "net/stream.hpp"
#include "net/websocket_frame.hpp"

namespace clasp::mqtt {

// What both have in common. From accept to CONNECT a client has LoopOptions::setup_max.
class MqttLink : public net::StreamHandler, public Wire {
 public:
  MqttLink(net::Stream& stream, Broker& broker) : stream_(stream), connection_(broker, *this), packets_(broker.limits().packet_bytes_max) {}

  // StreamHandler
  void on_end() override;
  void on_sent(std::size_t bytes) override;
  void on_setup_deadline() override;
  void on_closed() override { connection_.on_closed(stream_.now()); }
  void on_shutdown() override;

  // Wire
  std::size_t waiting_bytes() const override { return stream_.bytes_waiting(); }
  void set_reading(bool on) override { stream_.set_reading(on); }
  void established() override { stream_.cancel_deadline(); }

 protected:
  bool take_packet(std::span<std::byte>& input);  // false: all of the input was taken, or the stream is broken
  net::NetStats& stats() { return stream_.loop().stats(); }

  net::Stream& stream_;
  Connection connection_;
  net::Splitter<PacketFramer> packets_;
};

class MqttTcpLink final : public MqttLink {
 public:
  using MqttLink::MqttLink;
  void on_bytes(std::span<std::byte>& input) override;
  void send(Bytes packets) override { stream_.send(packets); }
  void close() override { stream_.close_after_flush(); }
};

// Packets do not respect frames (MQTT 5, 6.0): the payloads of all binary frames together are the stream.
class MqttWebSocketLink final : public MqttLink {
 public:
  MqttWebSocketLink(net::Stream& stream, Broker& broker);
  void on_bytes(std::span<std::byte>& input) override;
  void send(Bytes packets) override { send_frame(net::Opcode::binary, packets); }
  void close() override { end(1000, {}); }

 private:
  void handle(const net::Piece& piece);
  void send_frame(net::Opcode opcode, Bytes payload);
  void end(std::uint16_t code, std::string_view reason);

  net::Splitter<net::WebSocketFramer> frames_;
};

}  // namespace clasp::mqtt
