// The ceiling of what a router on this machine could reach: a relay that reads lengths and nothing else.
#pragma once

#include <cstdint>
#include <functional>

namespace clasp::bench {

inline constexpr char relay_subscriber = 'S';  // a connection's first byte, which the relay sends back when it is registered
inline constexpr char relay_publisher = 'P';
inline constexpr char relay_paired_subscriber = 's';  // hears the one paired publisher that has none yet, and nobody else
inline constexpr char relay_paired_publisher = 'p';
inline constexpr std::size_t relay_connections_max = 16'384;        // further ones are closed at once
inline constexpr std::size_t relay_waiting_bytes_max = 67'108'864;  // of one subscriber that does not read; then it is closed

// Serves 127.0.0.1:`port` (0: any) on the calling thread, with the length-prefixed framing of the router's TCP transport: each frame that comes
// from any connection is written to every other one that registered as a subscriber, or to its partner. Level-triggered epoll, TCP_NODELAY, all frames of a turn
// leave with one write each at its end. `ready` is told the port. Returns only if it cannot serve, with errno.
int run_relay(std::uint16_t port, const std::function<void(std::uint16_t)>& ready);

}  // namespace clasp::bench
