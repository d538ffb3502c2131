// Clock readings as different types, so that mixing them up does not compile. Engines get time as an argument and never ask for it.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace clasp {

using Micros = std::chrono::microseconds;

// Monotonic reading in µs from an arbitrary start: for deadlines and ages. Never on the wire.
struct SteadyTime {
  std::int64_t us = 0;
  auto operator<=>(const SteadyTime&) const = default;
};
constexpr SteadyTime operator+(SteadyTime t, Micros d) { return {t.us + d.count()}; }
constexpr SteadyTime operator-(SteadyTime t, Micros d) { return {t.us - d.count()}; }
constexpr Micros operator-(SteadyTime a, SteadyTime b) { return Micros{a.us - b.us}; }

// µs since the Unix epoch, as every timestamp on the wire (wire format, section 12). Information only: wall clocks never decide an order.
struct UnixTime {
  std::uint64_t us = 0;
  auto operator<=>(const UnixTime&) const = default;
};

// What one turn of the loop knows about time. `received` is when the bytes being handled were read (SYNC t2).
struct Now {
  SteadyTime steady;
  UnixTime unix_time;
  UnixTime received;
};

}  // namespace clasp
