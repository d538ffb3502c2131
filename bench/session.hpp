// What the load generator says over a Peer: the handshake, a subscription, and SETs that count.
#pragma once

#include <memory>
#include <string_view>

#include "bench/peer.hpp"

namespace clasp::bench {

// When the answers to HELLO came, counted from sending it; `total` from before the TCP connection was opened.
struct Greeting {
  double welcome_us = 0;
  double snapshot_us = 0;
  double total_us = 0;
};

// Connects, says HELLO and waits for WELCOME and SNAPSHOT; the relay knows neither, there it only registers.
struct Session {
  std::unique_ptr<Peer> peer;
  Greeting greeting;
};
Result<Session> open_session(const Target& target, Interest interest);

// Subscribes and waits until the router has handled it (the answer to a PING comes behind it).
Result<void> subscribe(const Target& target, Peer& peer, std::string_view pattern);
Result<void> settle(const Target& target, Peer& peer);  // the same wait alone

// A SET of one address whose value is a running number. The frame is encoded once; then only its number changes.
class Counting {
 public:
  explicit Counting(std::string_view address);
  Bytes next();  // valid until the next call
  std::uint64_t count() const { return count_; }

 private:
  ByteBuffer frame_;
  std::size_t value_at_ = 0;
  std::uint64_t count_ = 0;
};

// Checks what a subscriber hears of it: every number once, in order, and revisions that rise by one with it.
class Hearing {
 public:
  explicit Hearing(std::string_view address) : address_(address) {}
  void frame(Bytes frame);
  std::uint64_t count() const { return count_; }  // the last number heard
  std::uint64_t wrong() const { return wrong_; }  // lost, conflated, doubled or changed

 private:
  void learn(Bytes frame);

  std::string address_;
  std::uint64_t count_ = 0;
  std::uint64_t wrong_ = 0;
  std::size_t frame_bytes_ = 0;  // of the layout learnt from the first frame: 0 if none yet
  std::size_t value_at_ = 0;
  std::size_t revision_at_ = 0;      // 0: frames carry none (the relay)
  std::uint64_t revision_base_ = 0;  // revision minus number
};

}  // namespace clasp::bench
