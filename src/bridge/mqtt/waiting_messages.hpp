// What waits for the broker: because it is absent, because it is slow, or because others wait before it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "bridge/mqtt/mqtt_config.hpp"

namespace clasp::bridge::mqtt {

enum class ContentType : std::uint8_t { bytes, text, json };

struct OutMessage {
  std::string topic;
  std::string payload;
  wire::Qos qos{};
  bool retain = false;
  bool is_param = true;  // only the newest counts
  ContentType content = ContentType::text;

  std::size_t bytes() const { return topic.size() + payload.size() + sizeof(OutMessage); }
};

struct WaitingCounters {
  std::uint64_t replaced = 0;        // params by a newer value
  std::uint64_t events_dropped = 0;  // the oldest, for want of room
  std::uint64_t params_dropped = 0;  // the new ones, for want of room
};

// In order. Of a param only the newest value waits, at the place of the first: who hears an event has the params before it (delivery contract, 2).
class WaitingMessages {
 public:
  explicit WaitingMessages(const MqttLimits& limits) : limits_(limits) {}
  WaitingMessages(const WaitingMessages&) = delete;

  void push(OutMessage message);
  // As the first, unless it is a param that has become newer: of messages whose sending came to nothing.
  void push_front(OutMessage message);
  const OutMessage& front() const { return messages_.front(); }
  OutMessage pop();
  bool empty() const { return messages_.empty(); }
  std::size_t size() const { return messages_.size(); }
  std::size_t bytes() const { return bytes_; }
  bool has_param(std::string_view topic) const { return params_.contains(topic); }
  const WaitingCounters& counters() const { return counters_; }

 private:
  using Messages = std::list<OutMessage>;

  bool make_room(std::size_t bytes);
  void drop_oldest_event();

  const MqttLimits& limits_;
  Messages messages_;
  std::unordered_map<std::string_view, Messages::iterator> params_;  // by the topic in the list
  std::deque<Messages::iterator> events_;                            // oldest first
  std::size_t bytes_ = 0;
  WaitingCounters counters_;
};

}  // namespace clasp::bridge::mqtt
