// One connection of the load generator: a non-blocking socket and the framing of its protocol, nothing between.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "bench/broker_framers.hpp"
#include "clasp/error.hpp"
#include "core/byte_buffer.hpp"
#include "core/bytes.hpp"
#include "net/length_framer.hpp"
#include "net/splitter.hpp"
#include "net/websocket_frame.hpp"

namespace clasp::bench {

enum class Protocol : std::uint8_t { websocket, tcp, relay, nats, redis, mqtt, mqtt_qos1 };
constexpr bool speaks_clasp(Protocol protocol) { return protocol == Protocol::websocket || protocol == Protocol::tcp; }

constexpr bool speaks_mqtt(Protocol protocol) { return protocol == Protocol::mqtt || protocol == Protocol::mqtt_qos1; }

// Who is measured. Only loopback addresses: load on anybody else's network is not ours to make.
struct Target {
  std::string name;  // as in the table
  Protocol protocol = Protocol::websocket;
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  bool is_router = false;  // ours, whatever is spoken to it: a failure ends the run
};
// ws://, tcp:// or host[:port] on this machine.
Result<Target> parse_target(std::string_view url);

using Clock = std::chrono::steady_clock;
inline constexpr std::chrono::seconds answer_max{10};  // whoever does not answer for so long is reported as an error

// What the relay needs to know of a peer: it sends publishers nothing, and a paired subscriber what the paired publisher before it says.
enum class Interest : std::uint8_t { everything, publishing, paired, paired_publishing };
constexpr bool publishes_only(Interest interest) { return interest == Interest::publishing || interest == Interest::paired_publishing; }

class Peer {
 public:
  using OnFrame = std::function<void(Bytes frame)>;

  // Connects and, over WebSocket, upgrades. No HELLO yet.
  static Result<std::unique_ptr<Peer>> connect(const Target& target, Interest interest);
  ~Peer();
  Peer(const Peer&) = delete;

  int descriptor() const { return socket_; }
  void only_publishes() { publishes_ = true; }  // from now on: what comes are acknowledgements, which nobody reads
  void put(Bytes message);  // into the output; CLASP frames get the framing of their transport, other brokers' commands are whole as they are
  std::size_t output_bytes() const { return out_.size() - out_sent_; }
  void discard_output() {
    out_.clear();
    out_sent_ = 0;
  }
  Result<void> flush();  // sends all of it, waiting for room where there is none

  Result<bool> flush_some();  // sends what there is room for; whether that was all

  // One read. Returns how many messages came (frames, or payloads of another broker's messages); 0 if nothing was there.
  Result<std::size_t> read(const OnFrame& on_frame);
  std::size_t replies() const { return replies_; }  // of another broker, so far: whatever it said that was no message
  Result<void> wait_readable(Clock::time_point until) const;
  // Reads until `done` says so.
  Result<void> read_until(const OnFrame& on_frame, const std::function<bool()>& done);

  // Acknowledges at once, not after the delay the kernel chooses; the kernel forgets it, so it is repeated between samples.
  void acknowledge_quickly() const;

 private:
  Peer(int socket, Protocol protocol);
  Result<void> answer_ping(Bytes payload);
  void acknowledge(Bytes payload);      // of a QoS 1 message
  void discard_acknowledgements() const;  // of what this peer has published
  Result<void> upgrade(const Target& target);
  Result<void> register_with_relay(Interest interest);

  int socket_;
  Protocol protocol_;
  std::uint32_t mask_state_ = 0x9e3779b9;
  bool publishes_ = false;
  ByteBuffer out_;
  std::size_t out_sent_ = 0;  // of out_, by flush_some()
  std::size_t replies_ = 0;
  std::variant<net::Splitter<net::LengthFramer>, net::Splitter<net::WebSocketFramer>, net::Splitter<NatsFramer>, net::Splitter<RedisFramer>,
               net::Splitter<MqttFramer>>
      splitter_;
};

Error bench_error(std::string text);

}  // namespace clasp::bench
