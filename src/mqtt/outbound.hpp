// What one session is to be sent: in flight, waiting, and straight through while its connection keeps up. Bytes go to a Wire; no sockets here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "mqtt/limits.hpp"
#include "mqtt/message.hpp"
#include "mqtt/packet.hpp"
#include "mqtt/ring.hpp"
#include "mqtt/wire.hpp"

namespace clasp::mqtt {

// How one message goes to one session.
struct Terms {
  Qos qos{};
  bool retain = false;
  std::uint32_t group = 0;                 // SharedGroup::number that chose this session; 0: its own subscriptions
  std::vector<std::uint32_t> identifiers;  // MQTT 5 subscription identifiers
};

// Order: what waits leaves in the order it came, except that QoS 0 may pass QoS 1 and 2 that wait for the client's acknowledgements.
//
// QoS 1 and 2 are never dropped while the session lives; of QoS 0 params and streams towards a slow connection the newest waits, at the place of
// the first, and QoS 0 towards no connection is dropped and counted. All that waits is bounded by queue_bytes_max: then overflowed().
class Outbound {
 public:
  Outbound(const Limits& limits, Stats& stats, MessagePool& pool, ByteBuffer& scratch)
      : limits_(limits), stats_(stats), pool_(pool), scratch_(scratch) {}

  struct Peer {
    Wire* wire = nullptr;
    Version version = Version::v311;
    std::uint16_t receive_maximum = 65'535;
    std::uint32_t packet_bytes_max = 0;  // 0: any
    std::uint16_t topic_aliases_max = 0;
  };
  void attach(const Peer& peer, SteadyTime now);  // sends again what was not acknowledged
  void detach();

  // What groups chose this session for and it has not got, for other members; oldest first. It sends none of it any more. QoS 2 that may have
  // arrived is not among it (MQTT 5, 4.8.2).
  struct Orphan {
    MessageRef message;
    Qos qos{};
    std::uint32_t group = 0;
  };
  std::vector<Orphan> take_orphans();

  // `shared` is the message of this commit if somebody keeps it already; made here if this session has to.
  void push(const Rendered& rendered, MessageRef& shared, Terms terms, SteadyTime now);
  void acknowledge(const Acknowledgement& acknowledgement, SteadyTime now);  // PUBACK, PUBREC, PUBCOMP
  void pump(SteadyTime now);                                                 // there is room, maybe

  // While corked everything waits: what an answer has to come before.
  void cork() { corked_ = true; }
  void uncork(SteadyTime now) {
    corked_ = false;
    pump(now);
  }

  std::size_t waiting_bytes() const { return queued_bytes_; }
  bool overflowed() const { return queued_bytes_ > limits_.queue_bytes_max; }
  std::size_t in_flight() const { return in_flight_.size(); }
  std::size_t waiting() const { return fire_.size() + kept_.size(); }

 private:
  struct Item {
    MessageRef message;
    Terms terms;
    std::uint64_t serial = 0;
    std::size_t bytes() const { return message->bytes.size() + item_bytes + terms.identifiers.size() * sizeof(std::uint32_t); }
  };
  enum class State : std::uint8_t { waiting, sent, released, done };  // released: the client has a QoS 2 message, PUBREL was sent
  struct InFlight {
    Item item;
    State state = State::done;
  };
  static constexpr std::size_t item_bytes = 96;         // an item, its message and what the allocator adds
  static constexpr std::size_t span_max = 32'768;       // between the oldest and the newest packet identifier in flight
  static constexpr std::uint32_t identifiers = 65'535;  // 1 … 65535

  bool has_room() const { return peer_.wire != nullptr && !corked_ && peer_.wire->waiting_bytes() < limits_.link_bytes_max; }
  bool window_is_open() const;
  bool may_pass(Qos qos) const;
  void enqueue(Item item);
  bool replace_waiting(const Item& item);
  void send_kept(Item item, SteadyTime now);
  void resend(SteadyTime now);
  bool write(const OutgoingPublish& publish);
  bool write(const Item& item, PacketId id, bool duplicate, SteadyTime now);
  InFlight* find(PacketId id);
  void finish(InFlight& entry);
  void forget_done();
  void answer(PacketType type, PacketId id, Reason reason);
  PacketId id_at(std::size_t index) const { return PacketId{static_cast<std::uint16_t>((first_id_ - 1 + index) % identifiers + 1)}; }

  const Limits& limits_;
  Stats& stats_;
  MessagePool& pool_;
  ByteBuffer& scratch_;
  Peer peer_;
  std::unique_ptr<std::unordered_map<std::string, std::uint16_t>> aliases_;
  Ring<InFlight> in_flight_;                                                     // consecutive identifiers, from first_id_
  Ring<Item> fire_;                                                              // QoS 0 that waits
  Ring<Item> kept_;                                                              // QoS 1 and 2 that wait
  std::unique_ptr<std::unordered_map<std::string_view, std::uint64_t>> newest_;  // topic → serial of the item of fire_ that shows it
  std::size_t queued_bytes_ = 0;
  std::uint64_t serial_ = 0;
  std::uint32_t first_id_ = 1;
  std::uint32_t unacknowledged_ = 0;  // sent on this connection
  std::size_t resend_ = 0;            // entries of in_flight_ before it need not be sent again
  bool corked_ = false;
};

}  // namespace clasp::mqtt
