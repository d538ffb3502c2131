// MQTT 3.1.1 and 5, the client's side, without a socket: packets and time in, packets and events out. One broker, over many connections.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "bridge/mqtt/mqtt_config.hpp"
#include "bridge/mqtt/waiting_messages.hpp"
#include "core/byte_buffer.hpp"
#include "core/bytes.hpp"
#include "core/time.hpp"
#include "mqtt/server_packet.hpp"

namespace clasp::bridge::mqtt {

// Why a connection ends by decision of the protocol, and how eager the next attempt may be.
struct Ending {
  enum class Retry : std::uint8_t { soon, slow } retry = Retry::soon;
  std::string text;
};

// The connection there is. Calls nothing of the client in return.
class PacketWire {
 public:
  virtual void send(Bytes packets) = 0;
  virtual bool has_room() = 0;          // for more publications; false: MqttClient::room() is called once there is
  virtual void end(Ending ending) = 0;  // after what has been sent; connection_down() follows

 protected:
  ~PacketWire() = default;
};

// Whoever takes a message acknowledges it by returning, or later by MqttClient::acknowledge().
enum class Taken : std::uint8_t { now, later };

class MqttClientEvents {
 public:
  virtual void client_ready(bool session_present) = 0;  // the broker has accepted us
  virtual Taken client_message(const wire::PublishPacket& message) = 0;
  virtual void client_sent(const OutMessage& message) = 0;
  virtual void client_note(std::string_view text) = 0;  // something a person should know

 protected:
  ~MqttClientEvents() = default;
};

struct MqttClientCounters {
  std::uint64_t connects = 0;  // accepted
  std::uint64_t received = 0;  // PUBLISHes, without duplicates
  std::uint64_t duplicates = 0;
  std::uint64_t sent = 0;
  std::uint64_t sent_again = 0;
  std::uint64_t refused = 0;    // by the broker, with a reason
  std::uint64_t too_large = 0;  // for the broker's maximum packet size
  std::uint64_t filters_refused = 0;
};

class MqttClient {
 public:
  // `config` and `events` outlive it. `client_id` is used if the configuration has none.
  MqttClient(const MqttConfig& config, std::string client_id, MqttClientEvents& events);
  MqttClient(const MqttClient&) = delete;

  void connection_up(PacketWire& wire, SteadyTime now);  // the transport is there: sends CONNECT
  void connection_down();
  void packet(Bytes packet, SteadyTime now);
  void broken(const wire::Fault& fault) { fail(fault.reason, fault.text); }  // what came is no packet
  void room(SteadyTime now) { send_waiting(now); }
  void advance(SteadyTime now);
  std::optional<SteadyTime> next_deadline() const;
  // Input is held back: the broker's silence means nothing.
  void set_paused(bool paused);

  // Of a message that was taken for later. `connection`: the number it came with; nothing happens if that one is gone.
  void acknowledge(std::uint64_t connection, wire::PacketId id, wire::Qos qos, wire::Reason reason, SteadyTime now);
  std::uint64_t connection_number() const { return connection_number_; }
  // Leaves the broker, and comes back for what is not acknowledged.
  void ask_again(std::string_view why) { end({.retry = Ending::Retry::soon, .text = std::string(why)}); }

  // Sent at once if it can be, else it waits.
  void publish(OutMessage message, SteadyTime now);
  void say_goodbye();  // DISCONNECT: without a will

  bool is_ready() const { return ready_; }
  wire::Version version() const { return version_; }
  const std::string& client_id() const { return client_id_; }
  // A value for this topic is on its way, so what the broker has retained is older than ours.
  bool has_newer(std::string_view topic) const;
  bool tells_own_apart() const;  // the broker does not return what we publish
  const WaitingMessages& waiting() const { return waiting_; }
  std::size_t in_flight() const { return in_flight_.size(); }
  const MqttClientCounters& counters() const { return counters_; }

 private:
  struct InFlight {
    wire::PacketId id{};
    OutMessage message;
    bool received = false;  // QoS 2: PUBREC came, PUBREL went
  };
  // What the broker told at CONNACK.
  struct Allowance {
    std::uint16_t in_flight_max = 0;
    std::size_t packet_bytes_max = 0;  // 0: none
    wire::Qos qos_max = wire::Qos::exactly_once;
    bool retain = true;
  };

  void on(const wire::ConnackPacket& connack, SteadyTime now);
  void on(const wire::PublishPacket& message, SteadyTime now);
  void on(const wire::Acknowledgement& acknowledgement, SteadyTime now);
  void on(const wire::FilterAnswers& answers, SteadyTime now);
  void on(const wire::PingResponse&, SteadyTime) {}
  void on(const wire::ServerDisconnect& disconnect, SteadyTime now);
  void on(const wire::Auth&, SteadyTime) { fail(wire::Reason::bad_authentication_method, "the broker wants an authentication we did not offer"); }

  void take_over_session(bool present);
  void subscribe();
  void send_waiting(SteadyTime now);
  bool send(InFlight& message, bool again);
  void release(wire::PacketId id, SteadyTime now);
  void answer(wire::PacketType type, wire::PacketId id, wire::Reason reason = wire::Reason::success);
  void answer_message(wire::PacketId id, wire::Qos qos, wire::Reason reason);
  void transmit(SteadyTime now);
  void doubt_version();
  std::optional<SteadyTime> ping_at() const;
  std::optional<SteadyTime> lost_at() const;
  void fail(wire::Reason reason, std::string_view text);
  void end(Ending ending);
  wire::PacketId next_id();
  InFlight* find(wire::PacketId id);

  const MqttConfig& config_;
  MqttClientEvents& events_;
  std::string client_id_;
  wire::Version version_;
  bool version_accepted_ = false;

  // Of the connection.
  PacketWire* wire_ = nullptr;  // null: none, or it is ending
  std::uint64_t connection_number_ = 0;
  bool ready_ = false;
  bool heard_ = false;  // anything at all
  bool paused_ = false;
  std::chrono::seconds keep_alive_{};
  SteadyTime sent_at_;
  SteadyTime opened_at_;
  std::optional<SteadyTime> pinged_at_;  // and nothing heard since
  Allowance allowed_;
  ByteBuffer out_;
  std::deque<std::pair<wire::PacketId, std::pair<std::size_t, std::size_t>>> subscribing_;  // which of the filters

  // Of the session.
  bool subscribed_ = false;             // since this object began: the broker may have a session with other filters
  std::deque<InFlight> in_flight_;      // in the order of sending
  std::set<wire::PacketId> receiving_;  // QoS 2: PUBREC went, PUBREL has not come
  std::uint16_t last_id_ = 0;
  WaitingMessages waiting_;
  MqttClientCounters counters_;
  ByteBuffer properties_;
};

}  // namespace clasp::bridge::mqtt
