#include "bridge/mqtt/waiting_messages.hpp"

#include <utility>

namespace clasp::bridge::mqtt {

void WaitingMessages::push(OutMessage message) {
  if (const auto waiting = params_.find(message.topic); message.is_param && waiting != params_.end()) {
    ++counters_.replaced;
    OutMessage& old = *waiting->second;
    bytes_ += message.payload.size();
    bytes_ -= old.payload.size();
    old.payload = std::move(message.payload);
    old.retain = message.retain;
    old.qos = message.qos;
    old.content = message.content;
    return;
  }
  const bool too_many = message.is_param && params_.size() >= limits_.waiting_params_max;
  if (too_many || !make_room(message.bytes())) {
    ++(message.is_param ? counters_.params_dropped : counters_.events_dropped);
    return;
  }
  if (!message.is_param && events_.size() >= limits_.waiting_events_max) drop_oldest_event();
  bytes_ += message.bytes();
  messages_.push_back(std::move(message));
  const auto at = std::prev(messages_.end());
  at->is_param ? void(params_.emplace(at->topic, at)) : events_.push_back(at);
}

void WaitingMessages::push_front(OutMessage message) {
  if (message.is_param && params_.contains(message.topic)) return;
  bytes_ += message.bytes();
  messages_.push_front(std::move(message));
  const auto at = messages_.begin();
  at->is_param ? void(params_.emplace(at->topic, at)) : events_.push_front(at);
}

OutMessage WaitingMessages::pop() {
  OutMessage& first = messages_.front();
  bytes_ -= first.bytes();
  first.is_param ? void(params_.erase(first.topic)) : events_.pop_front();
  OutMessage popped = std::move(first);
  messages_.pop_front();
  return popped;
}

// Events go, oldest first; the values of params stay.
bool WaitingMessages::make_room(std::size_t bytes) {
  if (bytes > limits_.waiting_bytes_max) return false;
  while (bytes_ + bytes > limits_.waiting_bytes_max && !events_.empty()) drop_oldest_event();
  return bytes_ + bytes <= limits_.waiting_bytes_max;
}

void WaitingMessages::drop_oldest_event() {
  ++counters_.events_dropped;
  const auto at = events_.front();
  events_.pop_front();
  bytes_ -= at->bytes();
  messages_.erase(at);
}

}  // namespace clasp::bridge::mqtt
