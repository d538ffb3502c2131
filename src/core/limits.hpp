// Limits of the wire format (sections 1, 6 and 20) and those we add (section 22). Limits of the router are in router/config.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace clasp::wire {

inline constexpr std::uint8_t magic = 0x53;             // 'S'
inline constexpr std::uint8_t protocol_version = 1;     // in HELLO and WELCOME
inline constexpr std::uint16_t default_port = 7330;     // WebSocket, TCP, HTTP
inline constexpr std::size_t header_bytes = 4;
inline constexpr std::size_t header_bytes_timestamped = 12;
inline constexpr std::size_t payload_bytes_max = 65'535;  // u16 on the wire; there is no fragmentation
inline constexpr std::size_t frame_bytes_max = header_bytes_timestamped + payload_bytes_max;
inline constexpr std::size_t string_bytes_max = 65'535;
inline constexpr std::size_t value_depth_max = 64;      // nested containers; the reference has no limit and overflows its stack
inline constexpr std::size_t bundle_depth_max = 8;
inline constexpr std::size_t snapshot_params_max = 800;  // per SNAPSHOT frame; it is split by bytes as well
inline constexpr std::uint32_t ttl_seconds_max = 0x7fff'ffff;

static_assert(payload_bytes_max <= std::numeric_limits<std::uint16_t>::max());
static_assert(frame_bytes_max == 65'547);

}  // namespace clasp::wire
