#include "bridge/osc/socket_address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>

#include <charconv>
#include <cstring>
#include <memory>

namespace clasp::bridge::osc {
namespace {

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

sockaddr_storage to_sockaddr(const Endpoint& endpoint, int family) {
  sockaddr_storage address = any_address(family, endpoint.port);
  if (family == AF_INET) {
    std::memcpy(&reinterpret_cast<sockaddr_in&>(address).sin_addr, endpoint.address.data() + 12, 4);
  } else {
    auto& six = reinterpret_cast<sockaddr_in6&>(address);
    std::memcpy(&six.sin6_addr, endpoint.address.data(), 16);
    six.sin6_scope_id = endpoint.scope;
  }
  return address;
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

Endpoint local_endpoint(int descriptor) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length);
  return from_sockaddr(address);
}

Error socket_error(std::string_view what, int error) {
  return {ErrorCode::connection_failed, fmt::format("osc: cannot {}: {}", what, std::strerror(error)), {}};
}

}  // namespace clasp::bridge::osc
