// An address and port that datagrams come from and go to, without any socket library.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>

namespace clasp::bridge::osc {

// IPv4 is kept in its IPv6 form (::ffff:a.b.c.d), so that one peer has one Endpoint whatever socket it was heard on.
struct Endpoint {
  std::array<std::uint8_t, 16> address{};
  std::uint16_t port = 0;
  std::uint32_t scope = 0;  // interface of a link-local IPv6 address

  static constexpr Endpoint ipv4(std::array<std::uint8_t, 4> four, std::uint16_t port_number) {
    return {.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, four[0], four[1], four[2], four[3]}, .port = port_number};
  }
  bool is_ipv4() const { return *this == ipv4({address[12], address[13], address[14], address[15]}, port); }
  auto operator<=>(const Endpoint&) const = default;
};

std::string to_text(const Endpoint& endpoint);  // "127.0.0.1:9000", "[fe80:0:0:0:0:0:0:1%2]:9000"

struct EndpointHash {
  std::size_t operator()(const Endpoint& endpoint) const;
};

}  // namespace clasp::bridge::osc
