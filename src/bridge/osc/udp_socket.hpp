// A UDP socket without its waiting: opens, binds, joins a multicast group, sends and receives without blocking.
#pragma once

#include <sys/socket.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "bridge/osc/osc_endpoint.hpp"
#include "clasp/error.hpp"
#include "core/bytes.hpp"

namespace clasp::bridge::osc {

struct HostPort {
  std::string host;  // brackets removed; may be empty
  std::string port;
  bool operator==(const HostPort&) const = default;
};

// "host:port", "[v6]:port", ":port". Nothing if there is no port, or none that exists.
std::optional<HostPort> parse_host_port(std::string_view text);
std::optional<Endpoint> numeric_endpoint(const HostPort& name);  // nothing if the host is a name

Endpoint from_sockaddr(const sockaddr_storage& address);

// Opens and binds one; the caller owns the descriptor. `is_v4`: it reaches IPv4 only. An empty host is any address of both families.
// Errors name the address and the reason.
struct OpenUdp {
  int descriptor = -1;
  bool is_v4 = true;
};
Result<OpenUdp> open_udp(std::string_view bind, std::string_view multicast_group);

Endpoint local_endpoint(int descriptor);

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
