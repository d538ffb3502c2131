// One network connection speaking MQTT: packets in, answers and calls to the broker out. No sockets: bytes go to a Wire.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.hpp"
#include "mqtt/packet.hpp"
#include "mqtt/published.hpp"
#include "mqtt/ring.hpp"
#include "mqtt/wire.hpp"

namespace clasp::mqtt {

class Broker;
class Session;

class Connection {
 public:
  enum class Pause : std::uint8_t { router = 1, replies = 2, disk = 4 };  // why the client is not read

  Connection(Broker& broker, Wire& wire) : broker_(broker), wire_(wire) {}
  Connection(const Connection&) = delete;

  void on_packet(Bytes packet, const Now& now);
  void on_fault(const Fault& fault, const Now& now);  // the stream holds no packet
  void on_sent(const Now& now);                       // the wire has got rid of something
  void on_closed(const Now& now);                     // the network connection is gone
  bool is_open() const { return open_; }

  // ---- for the broker and the session ----
  Wire& wire() { return wire_; }
  // Tells the client why (MQTT 5) and closes; packets that still come are ignored.
  void end(Reason reason, std::string_view text);
  void pause(Pause cause, bool on);
  void forget_session() { session_ = nullptr; }
  std::optional<SteadyTime> keep_alive_due() const;
  void confirm();  // PUBACKs and PUBRECs whose messages are on the disk leave
  bool awaits_disk() const { return !unconfirmed_.empty(); }

 private:
  void handle(const Connect& connect);
  void handle(const PublishPacket& publish);
  void handle(const Acknowledgement& acknowledgement);
  void handle(const SubscribePacket& subscribe);
  void handle(const UnsubscribePacket& unsubscribe);
  void handle(const PingRequest& ping);
  void handle(const Disconnect& disconnect);
  void handle(const Auth& auth);

  bool resolve_alias(PublishPacket& publish);
  // A PUBLISH that is not acknowledged yet: it waits for the disk, or behind one that does.
  struct Unconfirmed {
    PacketId id{};
    Qos qos{};
    Published published;
  };
  void acknowledge(const Unconfirmed& unconfirmed);
  void send_acknowledgement(const Unconfirmed& unconfirmed);
  void give_up_unconfirmed();
  void fail(const Fault& fault);
  ByteBuffer& answer();  // to be filled and sent with send_answer()
  void send_answer();

  Broker& broker_;
  Wire& wire_;
  Session* session_ = nullptr;
  Version version_ = Version::v311;
  bool open_ = true;
  std::uint8_t pauses_ = 0;
  std::uint16_t keep_alive_ = 0;  // seconds
  SteadyTime heard_;
  std::size_t packet_bytes_ = 0;      // of the packet being handled
  std::vector<std::string> aliases_;  // of the client, [alias - 1]
  Ring<Unconfirmed> unconfirmed_;     // in the order the PUBLISHes came
};

}  // namespace clasp::mqtt
