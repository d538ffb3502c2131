#include "mqtt/broker_fixture.hpp"

#include <fmt/format.h>

namespace clasp::mqtt {

namespace {

void text(ByteBuffer& out, std::string_view content) {
  out.u16(static_cast<std::uint16_t>(content.size()));
  out.append(as_bytes(content));
}

ByteBuffer packet(PacketType type, unsigned flags, const ByteBuffer& body) {
  ByteBuffer out;
  out.u8(static_cast<std::uint8_t>(static_cast<unsigned>(type) << 4 | flags));
  append_variable_integer(out, static_cast<std::uint32_t>(body.size()));
  out.append(body.view());
  return out;
}

constexpr std::array names{"?",         "CONNECT", "CONNACK",     "PUBLISH",  "PUBACK",  "PUBREC",   "PUBREL",     "PUBCOMP",
                           "SUBSCRIBE", "SUBACK",  "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH"};

}  // namespace

TestClient& TestClient::connect(const std::string& id, const Asks& asks) {
  ByteBuffer body;
  text(body, "MQTT");
  body.u8(static_cast<std::uint8_t>(version_));
  body.u8(static_cast<std::uint8_t>((asks.clean ? 2 : 0) | (asks.will.empty() ? 0 : 4)));
  body.u16(asks.keep_alive);
  if (version_ == Version::v5) {
    body.u8(static_cast<std::uint8_t>((asks.receive_maximum != 0 ? 3 : 0) + (asks.expiry != 0 ? 5 : 0)));
    if (asks.receive_maximum != 0) body.u8(static_cast<std::uint8_t>(PropertyId::receive_maximum)), body.u16(asks.receive_maximum);
    if (asks.expiry != 0) body.u8(static_cast<std::uint8_t>(PropertyId::session_expiry)), body.u32(asks.expiry);
  }
  text(body, id);
  if (!asks.will.empty()) {
    if (version_ == Version::v5) body.u8(0);
    text(body, asks.will);
    text(body, "gone");
  }
  send(packet(PacketType::connect, 0, body));
  return *this;
}

void TestClient::publish(std::string_view topic, std::string_view payload, Qos qos, bool retain, std::uint16_t id) {
  ByteBuffer out;
  append_publish(out, version_,
                 {.topic = topic,
                  .payload = as_bytes(payload),
                  .id = PacketId{id},
                  .qos = qos,
                  .retain = retain,
                  .forwarded = {},
                  .message_expiry = {},
                  .subscription_identifiers = {}});
  send(out);
}

void TestClient::subscribe(std::string_view filter, Qos qos) {
  ByteBuffer body;
  body.u16(1);
  if (version_ == Version::v5) body.u8(0);
  text(body, filter);
  body.u8(static_cast<std::uint8_t>(qos));
  send(packet(PacketType::subscribe, 2, body));
}

void TestClient::unsubscribe(std::string_view filter) {
  ByteBuffer body;
  body.u16(1);
  if (version_ == Version::v5) body.u8(0);
  text(body, filter);
  send(packet(PacketType::unsubscribe, 2, body));
}

void TestClient::acknowledge(PacketType type, std::uint16_t id) {
  ByteBuffer out;
  append_acknowledgement(out, version_, {.type = type, .id = PacketId{id}});
  send(out);
}

void TestClient::drain() {
  wire.waiting = 0;
  connection_->on_sent(world_.now());
}

std::string TestClient::describe(Bytes whole) const {
  const auto type = std::to_integer<unsigned>(whole[0]) >> 4;
  const auto flags = std::to_integer<unsigned>(whole[0]) & 15U;
  const Bytes body = whole.subspan(1 + read_variable_integer(whole.subspan(1)).bytes);
  if (type != 3) {
    std::string line = names[type];
    const std::size_t shown = type == 2 ? 2 : type == 14 ? 1 : 3;  // without properties
    for (std::size_t i = 0; i < body.size() && i < shown; ++i) line += fmt::format(" {:02x}", std::to_integer<unsigned>(body[i]));
    return line;
  }
  const std::size_t topic_bytes = load_be<std::uint16_t>(body.data());
  std::size_t at = 2 + topic_bytes;
  std::string line = fmt::format("{}{}", as_text(body.subspan(2, topic_bytes)), (flags & 1) != 0 ? " retained" : "");
  if ((flags & 6) != 0) {
    line += fmt::format(" q{} #{}{}", flags >> 1 & 3, load_be<std::uint16_t>(body.data() + at), (flags & 8) != 0 ? " again" : "");
    at += 2;
  }
  if (version_ == Version::v5) {
    const VariableInteger properties = read_variable_integer(body.subspan(at));
    at += properties.bytes + properties.value;
  }
  return fmt::format("{}: {}", line, as_text(body.subspan(at)));
}

std::vector<std::string> TestClient::told() {
  std::vector<std::string> lines;
  PacketFramer framer(std::size_t{1} << 28);
  std::span<std::byte> rest{wire.bytes};
  while (const auto piece = framer.next(rest)) lines.push_back(describe(piece->payload));
  EXPECT_TRUE(rest.empty()) << "a packet that is not whole";
  wire.bytes.clear();
  return lines;
}

}  // namespace clasp::mqtt
