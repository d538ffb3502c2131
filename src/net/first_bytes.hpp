// One port, many protocols: which one a connection speaks shows in its first byte (transports, section 15.7).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace clasp::net {

enum class Protocol : std::uint8_t {
  http,             // plain or on its way to WebSocket
  length_prefixed,  // CLASP over TCP: any length below 16 MiB begins with 0x00
  bare_frames,      // CLASP frames back to back
  tls,              // a handshake record
  mqtt,             // a CONNECT packet
  unknown,
};
inline constexpr std::size_t protocols = 6;

struct FirstByte {
  std::uint8_t byte;
  Protocol protocol;
};

// Bytes that are in no row belong to nobody: such a connection is closed and counted.
inline constexpr std::array first_bytes{
    FirstByte{0x00, Protocol::length_prefixed},
    FirstByte{'\r', Protocol::http},        // an empty line before a request (RFC 9112, section 2.2)
    FirstByte{0x10, Protocol::mqtt},
    FirstByte{0x16, Protocol::tls},
    FirstByte{'C', Protocol::http},         // CONNECT
    FirstByte{'D', Protocol::http},         // DELETE
    FirstByte{'G', Protocol::http},         // GET
    FirstByte{'H', Protocol::http},         // HEAD
    FirstByte{'O', Protocol::http},         // OPTIONS
    FirstByte{'P', Protocol::http},         // POST, PUT, PATCH
    FirstByte{'S', Protocol::bare_frames},  // 0x53, the magic of a frame
    FirstByte{'T', Protocol::http},         // TRACE
};

constexpr Protocol protocol_of(std::uint8_t byte) {
  for (const FirstByte& row : first_bytes) {
    if (row.byte == byte) return row.protocol;
  }
  return Protocol::unknown;
}

constexpr std::string_view protocol_name(Protocol protocol) {
  constexpr std::array<std::string_view, protocols> names{"HTTP", "length-prefixed TCP", "bare frames", "TLS", "MQTT", "unknown"};
  return names[static_cast<std::size_t>(protocol)];
}

}  // namespace clasp::net
