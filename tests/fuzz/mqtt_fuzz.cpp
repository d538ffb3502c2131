// Two MQTT clients of one broker and its router: a peer that sends what the input says, in one read and in many, and a subscriber to everything. What
// both are told must not depend on how the bytes were cut, must be whole packets, and memory stays within the bounds.
//
// Input: flags (bit 0: the peer has said CONNECT already, version by bit 1), how many bytes with the sizes of reads follow, these, then the stream.
#include <array>
#include <string>
#include <vector>

#include "cut_stream.hpp"
#include "mqtt/broker.hpp"
#include "mqtt/connection.hpp"
#include "mqtt/framer.hpp"
#include "mqtt_packets.hpp"
#include "net/splitter.hpp"

namespace {

using namespace clasp;

constexpr std::size_t packet_bytes_max = 4'096;

class CountingRandom final : public router::Random {
 public:
  std::uint64_t next() override { return state_ += 0x9e3779b97f4a7c15U; }

 private:
  std::uint64_t state_ = 1;
};

class FuzzWire final : public mqtt::Wire {
 public:
  void send(Bytes packets) override {
    fuzz::require(!closed, "nothing is sent behind the end");
    told.append(as_text(packets));
  }
  std::size_t waiting_bytes() const override { return 0; }
  void set_reading(bool) override {}
  void close() override { fuzz::require(!std::exchange(closed, true), "a connection ends once"); }
  void established() override {}

  std::string told;
  bool closed = false;
};

struct Outcome {
  std::string peer;
  std::string subscriber;
  bool closed = false;
  bool operator==(const Outcome&) const = default;
};

Outcome run(std::span<const std::uint8_t> stream, const fuzz::Cuts& cuts, std::uint8_t flags) {
  CountingRandom random;
  const Now now{SteadyTime{1'000'000}, UnixTime{1'700'000'000'000'000}, UnixTime{1'700'000'000'000'000}};
  router::Config config;
  config.params_max = 64;
  router::Router router(config, {.random = &random}, now);
  mqtt::BrokerOptions options;
  options.limits.packet_bytes_max = packet_bytes_max;
  options.limits.queue_bytes_max = 100'000;
  options.limits.retained_notes_bytes_max = 20'000;
  options.limits.receive_maximum = 4;
  FuzzWire everything;
  FuzzWire wire;
  mqtt::Broker broker(router, random, options);
  broker.advance(now);

  mqtt::Connection subscriber(broker, everything);
  const auto say = [&now](mqtt::Connection& connection, std::string_view packet) { connection.on_packet(as_bytes(packet), now); };
  using namespace std::string_view_literals;
  say(subscriber, "\x10\x0f\0\4MQTT\5\2\0\0\0\0\2s1"sv);
  say(subscriber, "\x82\x07\0\1\0\0\1#\2"sv);
  mqtt::Connection peer(broker, wire);
  if ((flags & 1) != 0) say(peer, (flags & 2) != 0 ? "\x10\x0f\0\4MQTT\5\0\0\0\0\0\2c1"sv : "\x10\x0e\0\4MQTT\4\0\0\0\0\2c1"sv);

  net::Splitter<mqtt::PacketFramer> packets{packet_bytes_max};
  fuzz::in_reads(stream, cuts, [&](std::span<std::byte> input) {
    while (peer.is_open()) {
      const auto piece = packets.next(input);
      if (piece) {
        peer.on_packet(piece->payload, now);
        continue;
      }
      if (const mqtt::Fault* why = packets.framer().why()) peer.on_fault(*why, now);
      break;
    }
    fuzz::require(packets.bytes_held() <= 2 * packet_bytes_max, "memory for an incomplete packet is bounded");
    router.end_turn(now);
    broker.end_turn(now);
    return peer.is_open();
  });
  peer.on_closed(now);
  subscriber.on_closed(now);
  broker.end_turn(now);
  fuzz::require_whole_packets(wire.told);
  fuzz::require_whole_packets(everything.told);
  fuzz::require(broker.attached() == 0 && broker.sessions() <= 1, "nothing is left but what was asked to stay");
  fuzz::require(broker.retained_notes().bytes() <= options.limits.retained_notes_bytes_max, "notes are bounded");
  return {.peer = wire.told, .subscriber = everything.told, .closed = wire.closed};
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
