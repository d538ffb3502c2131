#include "bench/brokers.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/check.hpp"

namespace clasp::bench {

namespace {

// Sends it and waits for so many replies.
Result<void> ask(Peer& peer, std::string_view command, std::size_t replies) {
  const std::size_t wanted = peer.replies() + replies;
  peer.put(as_bytes(command));
  if (auto sent = peer.flush(); !sent) return sent;
  return peer.read_until([](Bytes) {}, [&] { return peer.replies() >= wanted; });
}

std::string mqtt_packet(unsigned first_byte, std::string_view body) {
  std::string packet(1, static_cast<char>(first_byte));
  std::size_t rest = body.size();
  do {
    packet += static_cast<char>((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>= 7;
  } while (rest > 0);
  return packet.append(body);
}

std::string mqtt_text(std::string_view text) {
  std::string field{static_cast<char>(text.size() >> 8), static_cast<char>(text.size() & 0xff)};
  return field.append(text);
}

}  // namespace

std::string broker_topic(Protocol protocol, std::string_view address) {
  std::string topic(address.substr(address.starts_with('/') ? 1 : 0));
  if (protocol == Protocol::nats) std::ranges::replace(topic, '/', '.');
  if (speaks_mqtt(protocol)) std::ranges::replace(topic, '*', '+');
  return topic;
}

Result<void> broker_greet(Protocol protocol, Peer& peer, Interest interest) {
  if (protocol == Protocol::nats) return ask(peer, "CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":true}\r\nPING\r\n", 2);  // INFO and PONG
  if (protocol == Protocol::redis) return publishes_only(interest) ? ask(peer, "CLIENT REPLY OFF\r\n", 0) : Result<void>{};
  return ask(peer, mqtt_packet(0x10, mqtt_text("MQTT") + std::string("\x04\x02\x00\x00", 4) + mqtt_text("")), 1);  // clean session, no keep-alive
}

Result<void> broker_subscribe(Protocol protocol, Peer& peer, std::string_view pattern) {
  const std::string topic = broker_topic(protocol, pattern);
  if (protocol == Protocol::nats) return ask(peer, fmt::format("SUB {} 1\r\nPING\r\n", topic), 1);
  if (protocol == Protocol::redis)
    return ask(peer, fmt::format("{} {}\r\n", topic.find('*') == std::string::npos ? "SUBSCRIBE" : "PSUBSCRIBE", topic), 1);
  return ask(peer, mqtt_packet(0x82, std::string("\x00\x01", 2) + mqtt_text(topic) + std::string(1, protocol == Protocol::mqtt_qos1 ? '\1' : '\0')), 1);
}

void append_broker_publish(ByteBuffer& out, Protocol protocol, std::string_view address, std::size_t payload_bytes) {
  const std::string topic = broker_topic(protocol, address);
  const std::string payload(payload_bytes, '\0');
  switch (protocol) {
    case Protocol::nats: return out.append(as_bytes(fmt::format("PUB {} {}\r\n{}\r\n", topic, payload_bytes, payload)));
    case Protocol::redis:
      return out.append(as_bytes(fmt::format("*3\r\n$7\r\nPUBLISH\r\n${}\r\n{}\r\n${}\r\n{}\r\n", topic.size(), topic, payload_bytes, payload)));
    case Protocol::mqtt: return out.append(as_bytes(mqtt_packet(0x30, mqtt_text(topic) + payload)));
    case Protocol::mqtt_qos1: return out.append(as_bytes(mqtt_packet(0x32, mqtt_text(topic) + std::string("\x00\x01", 2) + payload)));
    case Protocol::websocket:
    case Protocol::tcp:
    case Protocol::relay: break;
  }
  CLASP_CHECK(false);
}

std::size_t broker_publish_tail_bytes(Protocol protocol) { return speaks_mqtt(protocol) ? 0 : 2; }

}  // namespace clasp::bench
