// Addresses as people write them, as sockets take them, and as endpoints.
#pragma once

#include <sys/socket.h>

#include <optional>
#include <string>
#include <string_view>

#include "bridge/osc/osc_endpoint.hpp"
#include "clasp/error.hpp"

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
sockaddr_storage to_sockaddr(const Endpoint& endpoint, int family);  // AF_INET6 takes IPv4 in its IPv6 form
sockaddr_storage any_address(int family, std::uint16_t port);
bool is_any_v6(const sockaddr_storage& address);
socklen_t length_of(const sockaddr_storage& address);

// What "host:port" to listen on means; an empty host is any address of both families. Looks names up, which may take a while. The error names it.
Result<sockaddr_storage> bind_address(std::string_view text);

Endpoint local_endpoint(int descriptor);

Error socket_error(std::string_view what, int error);  // "osc: cannot WHAT: Address already in use"

}  // namespace clasp::bridge::osc
