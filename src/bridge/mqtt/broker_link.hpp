// The MQTT bridge's connection to its broker: dials, dials again, keeps time. The protocol is MqttClient's, the meaning MqttBridge's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bridge/mqtt/mqtt_bridge.hpp"
#include "client/backoff.hpp"
#include "core/byte_buffer.hpp"
#include "dial/connection.hpp"
#include "io/timer.hpp"
#include "mqtt/framer.hpp"
#include "net/splitter.hpp"

namespace clasp::bridge::mqtt {

struct RedialConfig {
  client::BackoffConfig soon{.first = Micros{1'000'000}, .factor = 2, .stable_after = Micros{30'000'000}};
  // After a refusal that a second attempt is not likely to change: credentials, a client id that somebody else uses.
  client::BackoffConfig slow{.first = Micros{30'000'000}, .factor = 2, .cap = Micros{600'000'000}, .stable_after = Micros{30'000'000}};
};

class BrokerLink final : private dial::ConnectionEvents, private PacketWire {
 public:
  enum class State : std::uint8_t { stopped, waiting_for_router, connecting, connected, waiting };

  // Everything given outlives it.
  BrokerLink(io::IoLoop& loop, dial::Target target, MqttBridge& bridge, std::function<void(std::string_view)> log, RedialConfig redial = {});
  BrokerLink(const BrokerLink&) = delete;
  ~BrokerLink();

  void start();  // dials as soon as the bridge has its router
  void stop();   // nothing happens afterwards

  State state() const { return state_; }
  std::string describe() const;  // "connected to broker:1883 as \"x\" (MQTT 5)", "waiting for …: connection refused"
  const std::string& last_failure() const { return last_failure_; }
  std::uint64_t attempts() const { return attempts_; }

 private:
  // dial::ConnectionEvents
  void connection_opened() override;
  void connection_input(Bytes bytes, dial::Form form) override;
  void connection_writable() override;
  void connection_closed(std::string_view reason) override;
  // PacketWire
  void send(Bytes packets) override;
  bool has_room() override;
  void end(Ending ending) override;

  void work_off_ending();
  void router_changed(bool up);
  void dial_now();
  void due();
  void set_timer();
  void update_reading();
  void lost(std::string reason, Ending::Retry retry);
  void note_accepted();

  io::IoLoop& loop_;
  dial::Target target_;
  MqttBridge& bridge_;
  std::function<void(std::string_view)> log_;
  RedialConfig redial_;
  io::Timer timer_;
  std::optional<SteadyTime> timer_at_;                    // as set
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // for tasks still on their way when this is destroyed
  State state_ = State::stopped;

  std::unique_ptr<dial::Connection> connection_;
  std::optional<net::Splitter<wire::PacketFramer>> packets_;
  ByteBuffer unsent_;  // answers the connection had no room for; nothing more is read until they are gone
  std::optional<Ending> ending_;
  bool spoken_ = false;  // the broker has said something
  bool ready_noted_ = false;

  client::Backoff soon_;
  client::Backoff slow_;
  SteadyTime accepted_at_;
  SteadyTime next_attempt_;
  std::uint64_t attempts_ = 0;
  unsigned short_lives_ = 0;  // connections in a row that the broker accepted and that ended soon
  std::string last_failure_;
  std::string logged_failure_;
  bool quiet_ = false;  // the same thing happens again and again and has been told
};

}  // namespace clasp::bridge::mqtt
