// A UDP socket without its waiting: opens, binds, joins a multicast group, sends and receives without blocking.
#pragma once

#include <span>
#include <string_view>

#include "bridge/osc/socket_address.hpp"
#include "clasp/error.hpp"
#include "core/bytes.hpp"

namespace clasp::bridge::osc {

// Opens and binds one; the caller owns the descriptor. `is_v4`: it reaches IPv4 only. An empty host is any address of both families.
// Errors name the address and the reason.
struct OpenUdp {
  int descriptor = -1;
  bool is_v4 = true;
};
Result<OpenUdp> open_udp(std::string_view bind, std::string_view multicast_group);

struct Received {
  enum class State { datagram, nothing, failed } state = State::nothing;
  std::size_t bytes = 0;
  Endpoint from;
};
Received receive_from(int descriptor, std::span<std::byte> buffer);

// false: not sent, because the system has no room, or because this socket cannot reach that address.
bool send_to(const OpenUdp& socket, Bytes packet, const Endpoint& to);
bool can_reach(const OpenUdp& socket, const Endpoint& to);

}  // namespace clasp::bridge::osc
