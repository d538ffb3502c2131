// The MQTT bridge and a broker that sends what the input says, in one read and in many. What the bridge writes to the router and answers must not
// depend on how the bytes were cut, its answers are whole packets, and what it remembers stays bounded.
//
// Input: flags (bit 0: version 3.1.1, bit 1: the broker has accepted us already, bit 2: QoS 2 towards it, bit 3: end to end
// acknowledgements), how many bytes with the sizes of reads
// follow, these, then the stream.
#include <string>

#include "bridge/mqtt/mqtt_bridge.hpp"
#include "core/address.hpp"
#include "core/value_view.hpp"
#include "cut_stream.hpp"
#include "mqtt/framer.hpp"
#include "mqtt_packets.hpp"
#include "net/splitter.hpp"

namespace {

using namespace clasp;
namespace bridge_mqtt = clasp::bridge::mqtt;

constexpr std::size_t packet_bytes_max = 4'096;

class FuzzLink final : public bridge::RouterLink {
 public:
  void open(const bridge::BridgeIdentity&, std::span<const std::string>, bool, bridge::RouterLinkListener& told) override {
    listener = &told;
    told.link_up();
  }
  void close() override {}
  void set(std::string_view address, const ValueView& value, bridge::PeerTag) override { note(address, value); }
  void publish(const Publish& publish, bridge::PeerTag) override {
    fuzz::require(publish.value.has_value(), "an event of a message has its value");
    note(publish.address, *publish.value);
  }
  void bundle(std::span<const Message>, std::optional<UnixTime>, bridge::PeerTag) override {}
  void write(const Message& message, bridge::PeerTag peer, bridge::LinkTicket ticket) override {
    if (const auto* written_set = std::get_if<Set>(&message.body)) set(written_set->address, written_set->value, peer);
    if (const auto* event = std::get_if<Publish>(&message.body)) publish(*event, peer);
    if (ticket != bridge::LinkTicket::none) listener->answered(ticket, {});
  }

  bridge::RouterLinkListener* listener = nullptr;
  std::string written;

 private:
  void note(std::string_view address, const ValueView& value) {
    fuzz::require(!check_address(address), "what is written has an address");
    written += address;
    written += static_cast<char>(value.tag);
    written += as_text(value.data);
  }
};

class FuzzWire final : public bridge_mqtt::PacketWire {
 public:
  void send(Bytes packets) override {
    fuzz::require(!ended, "nothing is sent behind the end");
    sent.append(as_text(packets));
  }
  bool has_room() override { return true; }
  void end(bridge_mqtt::Ending ending) override {
    fuzz::require(!ended && !ending.text.empty(), "a connection ends once, with a reason");
    ended = true;
  }

  std::string sent;
  bool ended = false;
};

struct Outcome {
  std::string written;
  std::string sent;
  bool ended = false;
  bool operator==(const Outcome&) const = default;
};

Outcome run(std::span<const std::uint8_t> stream, const fuzz::Cuts& cuts, std::uint8_t flags) {
  const SteadyTime now{1'000'000};
  const bool old = (flags & 1) != 0;
  bridge_mqtt::MqttConfig config;
  config.version = old ? bridge_mqtt::VersionChoice::v311 : bridge_mqtt::VersionChoice::v5;
  config.kind = bridge_mqtt::MessageKind::retained_aware;
  config.end_to_end_ack = (flags & 8) != 0;
  if ((flags & 4) != 0) config.publish_qos = mqtt::Qos::exactly_once;
  config.limits.packet_bytes_max = packet_bytes_max;
  config.limits.receive_maximum = 4;
  FuzzLink link;
  FuzzWire wire;
  bridge_mqtt::MqttBridge bridge(link, config, "c1", {.clock = [now] { return now; }, .log = [](std::string_view) {}});
  bridge.start();
  bridge.client().connection_up(wire, now);
  using namespace std::string_view_literals;
  if ((flags & 2) != 0) bridge.client().packet(as_bytes(old ? "\x20\x02\0\0"sv : "\x20\x03\0\0\0"sv), now);
  const EncodedValue one{Value(1)};
  for (const std::string_view address : {"/mqtt/a"sv, "/mqtt/b"sv}) bridge.delivered({.address = address, .value = one.view()});

  net::Splitter<mqtt::PacketFramer> packets{packet_bytes_max};
  fuzz::in_reads(stream, cuts, [&](std::span<std::byte> input) {
    while (!wire.ended) {
      if (const auto piece = packets.next(input)) {
        bridge.client().packet(piece->payload, now);
        continue;
      }
      if (const auto* why = packets.framer().why()) bridge.client().broken(*why);
      break;
    }
    fuzz::require(packets.bytes_held() <= 2 * packet_bytes_max, "memory for an incomplete packet is bounded");
    return !wire.ended;
  });
  fuzz::require(bridge.client().in_flight() <= config.limits.in_flight_max && bridge.client().waiting().size() <= 2, "what is on its way is bounded");
  fuzz::require_whole_packets(wire.sent);
  bridge.client().connection_down();
  bridge.stop();
  return {.written = link.written, .sent = wire.sent, .ended = wire.ended};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> input{data, size};
  if (input.size() < 2 || input.size() > 16'384) return 0;
  const std::size_t sizes = std::min<std::size_t>(input[1], input.size() - 2);
  const auto stream = input.subspan(2 + sizes);
  const Outcome whole = run(stream, fuzz::Cuts{input.size()}, input[0]);
  fuzz::require(run(stream, fuzz::Cuts{1}, input[0]) == whole, "byte by byte is as all at once");
  if (sizes > 0) fuzz::require(run(stream, fuzz::Cuts{input.subspan(2, sizes)}, input[0]) == whole, "so is any other cut");
  return 0;
}
