#include "bridge/osc/udp_socket.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

namespace clasp::bridge::osc {
namespace {

constexpr int receive_buffer_bytes = 4 << 20;  // a mixing desk answers a refresh with thousands of datagrams at once

struct AddressList {
  explicit AddressList(addrinfo* all) : first(all) {}
  AddressList(const AddressList&) = delete;
  ~AddressList() {
    if (first != nullptr) ::freeaddrinfo(first);
  }
  addrinfo* first;
};

// Addresses of a host, numeric only or with a name server's help; errno-like text in `error`.
std::unique_ptr<AddressList> look_up(const std::string& host, const std::string& port, int flags, std::string& error) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &found); code != 0) {
    error = ::gai_strerror(code);
    return nullptr;
  }
  return std::make_unique<AddressList>(found);
}

sockaddr_storage storage_of(const addrinfo& entry) {
  sockaddr_storage address{};
  std::memcpy(&address, entry.ai_addr, entry.ai_addrlen);
  return address;
}

socklen_t length_of(const sockaddr_storage& address) { return address.ss_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in); }

sockaddr_storage any_address(int family, std::uint16_t port) {
  sockaddr_storage address{};
  address.ss_family = static_cast<sa_family_t>(family);
  (family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port : reinterpret_cast<sockaddr_in&>(address).sin_port) = htons(port);
  return address;
}

bool is_any_v6(const sockaddr_storage& address) {
  return address.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr) != 0;
}

void set_option(int descriptor, int level, int name, int value) { ::setsockopt(descriptor, level, name, &value, sizeof value); }

sockaddr_storage to_sockaddr(const Endpoint& endpoint, bool socket_is_v4) {
  sockaddr_storage address = any_address(socket_is_v4 ? AF_INET : AF_INET6, endpoint.port);
  if (socket_is_v4) {
    std::memcpy(&reinterpret_cast<sockaddr_in&>(address).sin_addr, endpoint.address.data() + 12, 4);
  } else {
    auto& six = reinterpret_cast<sockaddr_in6&>(address);
    std::memcpy(&six.sin6_addr, endpoint.address.data(), 16);
    six.sin6_scope_id = endpoint.scope;
  }
  return address;
}

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

Error failed(std::string_view what, int error) {
  return {ErrorCode::connection_failed, fmt::format("osc: cannot {}: {}", what, std::strerror(error)), {}};
}

Result<sockaddr_storage> bind_address(std::string_view text) {
  const std::optional<HostPort> name = parse_host_port(text);
  if (!name) return Error{ErrorCode::invalid_argument, fmt::format("osc: \"{}\" is no address to listen on, expected host:port", text), {}};
  if (name->host.empty()) return any_address(AF_INET6, static_cast<std::uint16_t>(std::stoi(name->port)));
  std::string error;
  const auto found = look_up(name->host, name->port, AI_PASSIVE, error);
  if (!found) return Error{ErrorCode::invalid_argument, fmt::format("osc: cannot find the address to listen on, {}: {}", text, error), {}};
  return storage_of(*found->first);
}

}  // namespace

std::optional<HostPort> parse_host_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  std::uint16_t number = 0;
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), number);
  if (parsed.ec != std::errc{} || parsed.ptr != port.data() + port.size()) return std::nullopt;
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos)
    return std::nullopt;
  return HostPort{.host = std::string(host), .port = std::string(port)};
}

std::optional<Endpoint> numeric_endpoint(const HostPort& name) {
  std::string error;
  const auto found = look_up(name.host, name.port, AI_NUMERICHOST, error);
  if (!found) return std::nullopt;
  return from_sockaddr(storage_of(*found->first));
}

Endpoint from_sockaddr(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const auto& four = reinterpret_cast<const sockaddr_in&>(address);
    std::array<std::uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), &four.sin_addr, bytes.size());
    return Endpoint::ipv4(bytes, ntohs(four.sin_port));
  }
  const auto& six = reinterpret_cast<const sockaddr_in6&>(address);
  Endpoint endpoint{.port = ntohs(six.sin6_port), .scope = six.sin6_scope_id};
  std::memcpy(endpoint.address.data(), &six.sin6_addr, endpoint.address.size());
  return endpoint;
}

Result<OpenUdp> open_udp(std::string_view bind, std::string_view multicast_group) {
  Result<sockaddr_storage> local = bind_address(bind);
  if (!local) return local.error();
  const auto open = [](int family) { return ::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); };
  int descriptor = open(local->ss_family);
  if (descriptor < 0 && is_any_v6(*local)) {  // a machine without IPv6
    *local = any_address(AF_INET, ntohs(reinterpret_cast<sockaddr_in6&>(*local).sin6_port));
    descriptor = open(AF_INET);
  }
  if (descriptor < 0) return failed("open a UDP socket", errno);
  const auto give_up = [descriptor](std::string_view what) {
    const int error = errno;
    ::close(descriptor);
    return failed(what, error);
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

Endpoint local_endpoint(int descriptor) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length);
  return from_sockaddr(address);
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
  const sockaddr_storage address = to_sockaddr(to, socket.is_v4);
  return ::sendto(socket.descriptor, packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
                  length_of(address)) >= 0;
}

}  // namespace clasp::bridge::osc
