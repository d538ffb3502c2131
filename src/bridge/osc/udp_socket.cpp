#include "bridge/osc/udp_socket.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace clasp::bridge::osc {
namespace {

constexpr int receive_buffer_bytes = 4 << 20;  // a mixing desk answers a refresh with thousands of datagrams at once

void set_option(int descriptor, int level, int name, int value) { ::setsockopt(descriptor, level, name, &value, sizeof value); }

// Whether it joined; if not, errno says why. EINVAL: that is no multicast group.
bool join(int descriptor, const std::string& group, const sockaddr_storage& local) {
  in_addr four{};
  if (::inet_pton(AF_INET, group.c_str(), &four) == 1) {
    ip_mreq request{.imr_multiaddr = four, .imr_interface = {}};
    if (local.ss_family == AF_INET) request.imr_interface = reinterpret_cast<const sockaddr_in&>(local).sin_addr;
    if (IN_MULTICAST(ntohl(four.s_addr))) return ::setsockopt(descriptor, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request) == 0;
  }
  ipv6_mreq request{};
  if (::inet_pton(AF_INET6, group.c_str(), &request.ipv6mr_multiaddr) == 1 && IN6_IS_ADDR_MULTICAST(&request.ipv6mr_multiaddr) != 0) {
    return ::setsockopt(descriptor, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof request) == 0;
  }
  errno = EINVAL;
  return false;
}

}  // namespace

Result<OpenUdp> open_udp(std::string_view bind, std::string_view multicast_group) {
  Result<sockaddr_storage> local = bind_address(bind);
  if (!local) return local.error();
  const auto open = [](int family) { return ::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); };
  int descriptor = open(local->ss_family);
  if (descriptor < 0 && is_any_v6(*local)) {  // a machine without IPv6
    *local = any_address(AF_INET, ntohs(reinterpret_cast<sockaddr_in6&>(*local).sin6_port));
    descriptor = open(AF_INET);
  }
  if (descriptor < 0) return socket_error("open a UDP socket", errno);
  const auto give_up = [descriptor](std::string_view what) {
    const int error = errno;
    ::close(descriptor);
    return socket_error(what, error);
  };

  const bool is_v4 = local->ss_family == AF_INET;
  if (!is_v4) set_option(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (!multicast_group.empty()) set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);  // others may listen to the group too
  set_option(descriptor, SOL_SOCKET, SO_RCVBUF, receive_buffer_bytes);                // as much as the system allows
  set_option(descriptor, SOL_SOCKET, SO_BROADCAST, 1);
  if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&*local), length_of(*local)) != 0) return give_up(fmt::format("listen on UDP {}", bind));
  if (!multicast_group.empty() && !join(descriptor, std::string(multicast_group), *local)) {
    return give_up(fmt::format("join the multicast group {}", multicast_group));
  }
  return OpenUdp{.descriptor = descriptor, .is_v4 = is_v4};
}

Received receive_from(int descriptor, std::span<std::byte> buffer) {
  sockaddr_storage from{};
  socklen_t length = sizeof from;
  const ssize_t bytes = ::recvfrom(descriptor, buffer.data(), buffer.size(), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &length);
  if (bytes >= 0) return {.state = Received::State::datagram, .bytes = static_cast<std::size_t>(bytes), .from = from_sockaddr(from)};
  return {.state = errno == EAGAIN || errno == EWOULDBLOCK ? Received::State::nothing : Received::State::failed, .bytes = 0, .from = {}};
}

bool can_reach(const OpenUdp& socket, const Endpoint& to) { return !socket.is_v4 || to.is_ipv4(); }

bool send_to(const OpenUdp& socket, Bytes packet, const Endpoint& to) {
  if (socket.descriptor < 0 || !can_reach(socket, to)) return false;
  const sockaddr_storage address = to_sockaddr(to, socket.is_v4 ? AF_INET : AF_INET6);
  return ::sendto(socket.descriptor, packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
                  length_of(address)) >= 0;
}

}  // namespace clasp::bridge::osc
