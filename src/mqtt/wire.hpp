// The one connection a client has: where bytes go. TCP and WebSocket implement it (mqtt_link.hpp), and tests.
#pragma once

#include <cstddef>

#include "core/bytes.hpp"

namespace clasp::mqtt {

// None of these calls back into the broker.
class Wire {
 public:
  virtual ~Wire() = default;
  virtual void send(Bytes packets) = 0;  // whole packets
  virtual std::size_t waiting_bytes() const = 0;
  virtual void set_reading(bool on) = 0;
  virtual void close() = 0;        // when everything has been sent
  virtual void established() = 0;  // CONNECT was accepted: the time limit for it is over
};

}  // namespace clasp::mqtt
