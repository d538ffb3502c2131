// Everything about an MQTT bridge that somebody may want otherwise (bridges specification, section 8.1), and its bounds.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bridge/namespace_map.hpp"
#include "core/time.hpp"
#include "mqtt/packet.hpp"

namespace clasp::bridge::mqtt {

namespace wire = clasp::mqtt;

enum class VersionChoice : std::uint8_t { automatic, v311, v5 };         // automatic: 5, and 3.1.1 with brokers that refuse it
enum class MessageKind : std::uint8_t { param, event, retained_aware };  // what a message becomes; retained_aware: retained a param, else an event
enum class Retain : std::uint8_t { never, always, params };
enum class PayloadForm : std::uint8_t { automatic, json, text, bytes };

struct WillConfig {
  std::string topic;
  std::string payload;
  wire::Qos qos{};
  bool retain = false;
  std::uint32_t delay_s = 0;
};

struct MqttLimits {
  std::size_t waiting_params_max = 10'000;    // topics whose newest value waits for the broker; further ones are dropped
  std::size_t waiting_events_max = 1'000;     // then the oldest is dropped
  std::size_t waiting_bytes_max = 8'388'608;  // of both; then the oldest events, and if that is not enough what is new
  std::size_t packet_bytes_max = 1'048'576;   // from the broker; larger: the connection ends (MQTT 5 brokers are told)
  std::uint16_t receive_maximum = 64;         // QoS 1 and 2 messages of an MQTT 5 broker that are not done
  std::uint16_t in_flight_max = 64;           // towards a broker that doesn't ask for less
  std::size_t own_publications_max = 4'096;   // remembered to know them again; older ones pass as foreign
  std::size_t topics_watched_max = 4'096;     // for the end of loops
  std::size_t thinned_topics_max = 4'096;     // for rate_hz_max; further topics are not thinned
  std::size_t filters_max = 1'000;
};

struct MqttConfig {
  std::string name = "mqtt-bridge";
  NamespaceMap ns = NamespaceMap::parse("/mqtt").value();

  // Who we are.
  std::string client_id;  // empty: "clasp-" and eight random digits
  std::string user_name;  // empty: none
  std::optional<std::string> password;
  VersionChoice version = VersionChoice::automatic;
  std::chrono::seconds keep_alive{60};  // 0: none
  bool clean_start = true;
  std::uint32_t session_expiry_s = 0;  // MQTT 5; how long the broker keeps our session without us
  std::optional<WillConfig> will;

  // From the broker.
  std::vector<std::string> filters{"#"};
  wire::Qos subscribe_qos{};
  bool no_local = true;  // MQTT 5: the broker does not return what we publish. Otherwise we know our own again
  MessageKind kind = MessageKind::param;
  bool end_to_end_ack = false;  // QoS 1 and 2 are acknowledged when the router has answered, not when its link has taken the message
  PayloadForm payload = PayloadForm::automatic;

  // To the broker.
  wire::Qos publish_qos{};
  bool qos_by_kind = false;  // the kind's own QoS, at most publish_qos
  Retain retain = Retain::never;
  bool preserve_float = false;               // 42.0 instead of 42
  std::string publish_topic = "{address}";   // what stands for {address}: the address without namespace and leading slash
  std::optional<std::uint32_t> rate_hz_max;  // for each topic; params, streams and gesture moves only
  bool echo = false;                         // also publish what came from the broker
  bool sync_on_connect = false;              // publish the current state once the router is there

  std::uint32_t repeats_max = 8;  // the same value on the same topic so many times in a row and fast: a loop, which ends; 0: never

  MqttLimits limits;
};

}  // namespace clasp::bridge::mqtt
