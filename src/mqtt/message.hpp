// An application message that has to be kept: in flight, in a queue. Made at most once per commit and shared by all sessions that keep it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/byte_buffer.hpp"
#include "core/time.hpp"
#include "mqtt/packet.hpp"

namespace clasp::mqtt {

// What a slow QoS 0 link may miss (contract 13–15): of a param or a stream only the newest waits, an event always does.
enum class Importance : std::uint8_t { newest, each };

// What is sent to subscribers, as views that live during one delivery.
struct Rendered {
  std::string_view topic;
  Bytes payload;
  Bytes forwarded;  // MQTT 5 properties, ready made
  std::optional<SteadyTime> expires;
  Qos qos{};            // as published
  bool retain = false;  // as published
  Importance importance = Importance::each;
};

class MessagePool;

struct Message {
  MessagePool* pool = nullptr;
  std::uint32_t references = 0;
  std::uint32_t topic_bytes = 0;
  std::uint32_t forwarded_bytes = 0;
  Importance importance = Importance::each;
  std::optional<SteadyTime> expires;
  ByteBuffer bytes;  // topic, forwarded properties, payload

  std::string_view topic() const { return as_text(bytes.view().first(topic_bytes)); }
  Bytes forwarded() const { return bytes.view().subspan(topic_bytes, forwarded_bytes); }
  Bytes payload() const { return bytes.view().subspan(topic_bytes + forwarded_bytes); }
};

// Counted; not thread-safe. The pool outlives it.
class MessageRef {
 public:
  MessageRef() = default;
  explicit MessageRef(Message* message) : message_(message) { ++message_->references; }
  MessageRef(const MessageRef& other) : message_(other.message_) {
    if (message_ != nullptr) ++message_->references;
  }
  MessageRef(MessageRef&& other) noexcept : message_(std::exchange(other.message_, nullptr)) {}
  MessageRef& operator=(MessageRef other) noexcept {
    std::swap(message_, other.message_);
    return *this;
  }
  inline ~MessageRef();

  explicit operator bool() const { return message_ != nullptr; }
  const Message& operator*() const { return *message_; }
  const Message* operator->() const { return message_; }

 private:
  Message* message_ = nullptr;
};

// Keeps messages that nobody refers to any more, with their memory, for the next ones.
class MessagePool {
 public:
  MessageRef make(const Rendered& rendered) {
    std::unique_ptr<Message> message;
    if (spare_.empty()) {
      message = std::make_unique<Message>();
      message->pool = this;
    } else {
      message = std::move(spare_.back());
      spare_.pop_back();
    }
    message->bytes.clear();
    message->bytes.append(as_bytes(rendered.topic));
    message->bytes.append(rendered.forwarded);
    message->bytes.append(rendered.payload);
    message->topic_bytes = static_cast<std::uint32_t>(rendered.topic.size());
    message->forwarded_bytes = static_cast<std::uint32_t>(rendered.forwarded.size());
    message->importance = rendered.importance;
    message->expires = rendered.expires;
    return MessageRef(message.release());
  }

 private:
  friend class MessageRef;
  static constexpr std::size_t spare_max = 512;
  static constexpr std::size_t spare_bytes_max = 4'096;  // of one

  void give_back(Message* message) {
    std::unique_ptr<Message> owned(message);
    if (spare_.size() < spare_max && owned->bytes.capacity() <= spare_bytes_max) spare_.push_back(std::move(owned));
  }

  std::vector<std::unique_ptr<Message>> spare_;
};

inline MessageRef::~MessageRef() {
  if (message_ != nullptr && --message_->references == 0) message_->pool->give_back(message_);
}

}  // namespace clasp::mqtt
