// What the load generator says over a Peer: the handshake, a subscription, and messages that count. Over other brokers the same in their words
// (brokers.hpp).
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

// What a counting message is: SET is state with a revision, EVENT an event; to another broker both are a plain publish.
enum class Saying : std::uint8_t { set, event };
inline constexpr std::size_t value_bytes_min = sizeof(std::uint64_t);

// A message of one address whose value is a running number: an integer, or, above 8 bytes, as many bytes that begin with it. It is encoded once;
// then only its number changes.
class Counting {
 public:
  Counting(Protocol protocol, std::string_view address, std::size_t value_bytes = value_bytes_min, Saying saying = Saying::set);
  Bytes next();  // valid until the next call
  std::uint64_t count() const { return count_; }

 private:
  ByteBuffer message_;
  std::size_t value_at_ = 0;
  std::uint64_t count_ = 0;
};

// Checks what a subscriber hears of it: every number once, in order, and revisions that rise by one with it.
class Hearing {
 public:
  Hearing(Protocol protocol, std::string_view address, std::size_t value_bytes = value_bytes_min);
  void frame(Bytes message);
  std::uint64_t count() const { return count_; }  // the last number heard
  std::uint64_t messages() const { return messages_; }
  std::uint64_t wrong() const { return wrong_ + missing_; }  // lost, conflated, doubled, out of order, changed, or with a wrong revision
  std::uint64_t missing() const { return missing_; }         // of these, numbers that were skipped: lost or conflated

 private:
  void learn(Bytes frame);
  bool is_other_message(Bytes frame) const;

  std::string address_;
  std::size_t value_bytes_;
  bool clasp_;
  std::uint64_t count_ = 0;
  std::uint64_t messages_ = 0;
  std::uint64_t wrong_ = 0;
  std::uint64_t missing_ = 0;
  std::size_t frame_bytes_ = 0;  // of the layout learnt from the first frame: 0 if none yet
  std::size_t value_at_ = 0;
  std::size_t revision_at_ = 0;      // 0: messages carry none (the relay, events, other brokers)
  std::uint64_t revision_base_ = 0;  // revision minus number
};

}  // namespace clasp::bench
