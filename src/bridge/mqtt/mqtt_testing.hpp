// What tests put around an MQTT bridge: a router that only remembers, and a broker that speaks when it is told to.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "bridge/mqtt/mqtt_bridge.hpp"
#include "core/json.hpp"
#include "mqtt/framer.hpp"
#include "mqtt/packet.hpp"

namespace clasp::bridge::mqtt::test {

using wire::PacketId;
using wire::Qos;
using wire::Reason;
using wire::Version;

// A router link that writes down what it is told.
class RecordingLink final : public RouterLink {
 public:
  void open(const BridgeIdentity& identity, std::span<const std::string> patterns, bool snapshot, RouterLinkListener& heard_by) override {
    opened = fmt::format("{} {} {} snapshot={}", identity.ns, identity.protocol, fmt::join(patterns, ","), snapshot);
    listener = &heard_by;
    if (up_at_once) heard_by.link_up();
  }
  void close() override { listener = nullptr; }
  void set(std::string_view address, const ValueView& value, PeerTag) override {
    lines.push_back(fmt::format("SET {} {}", address, text_of(value)));
    if (on_write) on_write();
  }
  void publish(const Publish& publish, PeerTag) override {
    lines.push_back(fmt::format("PUBLISH {} {}", publish.address, publish.value ? text_of(*publish.value) : "-"));
    if (on_write) on_write();
  }
  void bundle(std::span<const Message>, std::optional<UnixTime>, PeerTag) override {}
  void write(const Message& message, PeerTag peer, LinkTicket ticket) override {
    if (const auto* written = std::get_if<Set>(&message.body)) {
      set(written->address, written->value, peer);
      if (written->ttl) lines.back() += fmt::format(" for {} s", written->ttl->seconds);
    } else {
      publish(std::get<Publish>(message.body), peer);
    }
    tickets.push_back(ticket);
  }
  std::vector<std::string> take() { return std::exchange(lines, {}); }

  RouterLinkListener* listener = nullptr;
  bool up_at_once = true;
  std::string opened;
  std::vector<std::string> lines;
  std::vector<LinkTicket> tickets;  // of what was written with one
  std::function<void()> on_write;

 private:
  static std::string text_of(const ValueView& value) {
    return value.tag == ValueTag::bytes ? fmt::format("{} bytes", value.data.size() - 2) : to_json(to_value(value));
  }
};

// A packet of ours in words.
inline std::string describe(Bytes packet, Version version) {
  const auto decoded = wire::decode_packet(packet, version);
  if (!decoded) return fmt::format("BROKEN {}", decoded.error().text);
  struct Describe {
    std::string operator()(const wire::Connect& connect) const {
      return fmt::format("CONNECT {} {}{}{}", static_cast<int>(connect.version), connect.client_id, connect.clean_start ? "" : " resume",
                         connect.user_name ? fmt::format(" as {}", *connect.user_name) : "");
    }
    std::string operator()(const wire::PublishPacket& publish) const {
      std::string text = fmt::format("PUBLISH {} {} q{}", publish.topic, as_text(publish.payload), static_cast<int>(publish.qos));
      if (publish.id != PacketId::none) text += fmt::format(" #{}", static_cast<int>(publish.id));
      if (publish.retain) text += " retain";
      if (publish.duplicate) text += " dup";
      return text;
    }
    std::string operator()(const wire::Acknowledgement& told) const {
      constexpr std::array names{"PUBACK", "PUBREC", "PUBREL", "PUBCOMP"};
      return fmt::format("{} #{}", names[static_cast<std::size_t>(told.type) - 4], static_cast<int>(told.id));
    }
    std::string operator()(const wire::SubscribePacket& subscribe) const {
      std::string text = fmt::format("SUBSCRIBE #{}", static_cast<int>(subscribe.id));
      Bytes filters = subscribe.filters;
      while (const auto entry = wire::next_filter(filters)) {
        text += fmt::format(" {} q{}{}", entry->filter, static_cast<int>(entry->options.qos), entry->options.no_local ? " no-local" : "");
      }
      return text;
    }
    std::string operator()(const wire::UnsubscribePacket&) const { return "UNSUBSCRIBE"; }
    std::string operator()(const wire::PingRequest&) const { return "PINGREQ"; }
    std::string operator()(const wire::Disconnect& disconnect) const {
      return fmt::format("DISCONNECT {:#04x}", static_cast<int>(disconnect.reason));
    }
    std::string operator()(const wire::Auth&) const { return "AUTH"; }
  };
  return std::visit(Describe{}, *decoded);
}

// The packets of a stream, in words.
inline std::vector<std::string> describe_all(Bytes stream, Version version) {
  std::vector<std::string> lines;
  wire::PacketFramer framer{1'048'576};
  std::vector<std::byte> copy(stream.begin(), stream.end());
  std::span<std::byte> input{copy};
  while (const auto piece = framer.next(input)) lines.push_back(describe(piece->payload, version));
  EXPECT_TRUE(input.empty()) << "only whole packets are sent";
  return lines;
}

class FakeWire final : public PacketWire {
 public:
  void send(Bytes packets) override { sent.append(packets); }
  bool has_room() override { return room; }
  void end(Ending ending) override { ended = std::move(ending); }

  ByteBuffer sent;
  bool room = true;
  std::optional<Ending> ended;
};

// A bridge between both, with a clock that stands still until it is moved.
class MqttBridgeTest : public testing::Test {
 protected:
  void begin(MqttConfig config = {}) {
    bridge = std::make_unique<MqttBridge>(
        link, std::move(config), "clasp-test",
        MqttBridge::Outside{.clock = [this] { return now; }, .log = [this](std::string_view line) { log.emplace_back(line); }});
    bridge->start();
  }
  MqttClient& client() { return bridge->client(); }

  // ---- the broker's side ----
  void connect() {
    connection.ended.reset();
    client().connection_up(connection, now);
  }
  void drop() { client().connection_down(); }
  std::vector<std::string> sent() {
    const std::vector<std::string> lines = describe_all(connection.sent.view(), client().version());
    connection.sent.clear();
    return lines;
  }
  void tell(const ByteBuffer& packets) {
    std::vector<std::byte> copy(packets.view().begin(), packets.view().end());
    std::span<std::byte> input{copy};
    wire::PacketFramer framer{1'048'576};
    while (const auto piece = framer.next(input)) client().packet(piece->payload, now);
  }
  template <typename Append>
  void tell_with(Append append) {
    ByteBuffer packets;
    append(packets, client().version());
    tell(packets);
  }
  void accept(bool session_present = false, wire::Connack connack = {}) {
    connack.session_present = session_present;
    tell_with([&](ByteBuffer& out, Version version) { wire::append_connack(out, version, connack); });
  }
  void refuse(Reason reason) {
    tell_with([&](ByteBuffer& out, Version version) { wire::append_connack(out, version, {.reason = reason}); });
  }
  // Connected, subscribed, and nothing of it left to be read.
  void come_up(bool session_present = false) {
    connect();
    accept(session_present);
    sent();
  }
  void message(std::string_view topic, std::string_view payload, wire::OutgoingPublish options = {}) {
    options.topic = topic;
    options.payload = as_bytes(payload);
    tell_with([&](ByteBuffer& out, Version version) { wire::append_publish(out, version, options); });
  }
  void acknowledge(wire::PacketType type, int id, Reason reason = Reason::success) {
    tell_with([&](ByteBuffer& out, Version version) {
      wire::append_acknowledgement(out, version, {.type = type, .id = PacketId{static_cast<std::uint16_t>(id)}, .reason = reason});
    });
  }

  // ---- the router's side ----
  void deliver(std::string_view address, const Value& value, LinkDelivery delivery = {}) {
    const EncodedValue encoded(value);
    delivery.address = address;
    delivery.value = encoded.view();
    link.listener->delivered(delivery);
  }
  void deliver_event(std::string_view address, const Value& value) { deliver(address, value, {.is_set = false, .signal = SignalType::event}); }

  void wait(Micros duration) {
    const SteadyTime end = now + duration;
    for (auto next = bridge->next_deadline(); next && *next <= end; next = bridge->next_deadline()) {
      now = std::max(now, *next);
      bridge->advance(now);
      if (connection.ended) break;
    }
    now = end;
  }

  SteadyTime now{1'000'000'000};
  RecordingLink link;
  FakeWire connection;
  std::vector<std::string> log;
  std::unique_ptr<MqttBridge> bridge;
};

inline MqttConfig version_3(MqttConfig config = {}) {
  config.version = VersionChoice::v311;
  return config;
}

}  // namespace clasp::bridge::mqtt::test
