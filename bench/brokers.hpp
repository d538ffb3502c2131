// The words of the brokers we are compared with: NATS, Redis publish/subscribe and MQTT 3.1.1 at QoS 0 and 1, as far as a load generator needs them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "bench/peer.hpp"
#include "clasp/error.hpp"
#include "core/byte_buffer.hpp"

namespace clasp::bench {

// A CLASP address or pattern as the broker's subject, channel or topic: /a/*/c is a.*.c, a/*/c and a/+/c.
std::string broker_topic(Protocol protocol, std::string_view address);

// After connecting: NATS without echo of verbose replies, Redis without a reply to each PUBLISH (else it does twice the work of the others).
Result<void> broker_greet(Protocol protocol, Peer& peer, Interest interest);
Result<void> broker_subscribe(Protocol protocol, Peer& peer, std::string_view pattern);  // returns when the broker has confirmed it

// One whole publish command whose payload is `payload_bytes` zeros; behind the payload stand broker_publish_tail_bytes().
void append_broker_publish(ByteBuffer& out, Protocol protocol, std::string_view address, std::size_t payload_bytes);
std::size_t broker_publish_tail_bytes(Protocol protocol);

}  // namespace clasp::bench
