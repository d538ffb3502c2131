// The MQTT bridge without its socket: messages of a broker become writes to the router, deliveries of the router become messages (bridges
// specification, section 8). The protocol itself is MqttClient's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bridge/mqtt/mqtt_client.hpp"
#include "bridge/mqtt/mqtt_config.hpp"
#include "bridge/mqtt/own_publications.hpp"
#include "bridge/mqtt/repeat_guard.hpp"
#include "bridge/outbound_rate.hpp"
#include "bridge/router_link.hpp"
#include "core/paced_log.hpp"

namespace clasp::bridge::mqtt {

struct MqttBridgeCounters {
  // From the broker.
  std::uint64_t received = 0;
  std::uint64_t written = 0;          // to the router
  std::uint64_t own_returned = 0;     // ours, from a broker without No Local
  std::uint64_t stale_retained = 0;   // older than a value of ours that is on its way
  std::uint64_t repeats_dropped = 0;  // loops
  std::uint64_t not_json = 0;
  std::uint64_t value_too_large = 0;  // for a CLASP frame
  std::uint64_t invalid_address = 0;  // longer than a CLASP address may be
  std::uint64_t refused = 0;          // by the router
  // From the router.
  std::uint64_t delivered = 0;
  std::uint64_t outside_namespace = 0;
  std::uint64_t thinned = 0;      // by a newer value before the rate allowed it to be published
  std::uint64_t not_a_topic = 0;  // with a wildcard or too long, or one of the broker's own
};

// One thread. The link may deliver while the bridge writes to it.
class MqttBridge final : public RouterLinkListener, private MqttClientEvents {
 public:
  struct Outside {
    std::function<SteadyTime()> clock;
    std::function<void(std::string_view)> log;
    // Set by whoever has the connection: messages of the broker are only taken while the router is up; next_deadline() may be earlier than it was.
    std::function<void(bool up)> router_changed = [](bool) {};
    std::function<void()> deadline_changed = [] {};
  };

  // `client_id`: if the configuration has none.
  MqttBridge(RouterLink& router, MqttConfig config, std::string client_id, Outside outside);
  MqttBridge(const MqttBridge&) = delete;

  void start();  // opens the link
  void stop();   // says goodbye to the broker, closes the link

  MqttClient& client() { return client_; }
  const MqttClient& client() const { return client_; }
  const MqttConfig& config() const { return config_; }
  bool router_is_up() const { return router_up_; }
  void set_changes(std::function<void(bool up)> router, std::function<void()> deadline) {
    outside_.router_changed = std::move(router);
    outside_.deadline_changed = std::move(deadline);
  }
  // Of the client and of what waits for its rate.
  void advance(SteadyTime now);
  std::optional<SteadyTime> next_deadline() const;
  const MqttBridgeCounters& counters() const { return counters_; }
  std::vector<std::pair<const char*, std::uint64_t>> all_counters() const;

  // RouterLinkListener
  void link_up() override;
  void link_down(std::string_view reason) override;
  void delivered(const LinkDelivery& delivery) override;
  void refused(const Error& error) override;
  void answered(LinkTicket ticket, const LinkAnswer& answer) override;

 private:
  // MqttClientEvents
  void client_ready(bool) override {}
  Taken client_message(const wire::PublishPacket& message) override;
  void client_sent(const OutMessage& message) override;
  void client_note(std::string_view text) override { note("client", std::string(text)); }

  struct Unanswered {  // a message of the broker that the router has not answered yet
    std::uint64_t connection = 0;
    wire::PacketId id{};
    wire::Qos qos{};
  };
  Taken write(const wire::PublishPacket& message, bool param, const ValueView& value);
  bool is_ours(const wire::PublishPacket& message, SteadyTime now);
  bool may_loop(const wire::PublishPacket& message) const;
  std::optional<ValueView> value_of(const wire::PublishPacket& message);
  bool becomes_param(const wire::PublishPacket& message) const;
  void render(const LinkDelivery& delivery, OutMessage& message);
  wire::Qos qos_of(const LinkDelivery& delivery) const;
  bool topic_of(std::string_view address, std::string& topic);
  void note(std::string_view kind, std::string text);

  RouterLink& router_;
  const MqttConfig config_;
  Outside outside_;
  MqttClient client_;
  OwnPublications own_;
  RepeatGuard guard_;
  std::optional<OutboundRate<OutMessage>> rate_;
  PacedLog log_;
  MqttBridgeCounters counters_;
  bool router_up_ = false;
  std::uint64_t last_ticket_ = 0;
  std::unordered_map<std::uint64_t, Unanswered> unanswered_;  // by ticket; as many as the broker has in flight
  bool answers_lost_ = false;

  // Reused from message to message. The router may deliver while one is being written, so each direction has its own.
  std::string address_;
  ByteBuffer value_;
  std::string name_;
  ByteBuffer payload_;
};

}  // namespace clasp::bridge::mqtt
