// OSC time tags (64-bit NTP: seconds since 1900 and a 32-bit fraction) and the µs since 1970 that CLASP uses (bridges specification 3.5).
#pragma once

#include <cstdint>
#include <optional>

#include "core/time.hpp"

namespace clasp::bridge::osc {

enum class TimeTag : std::uint64_t { immediately = 1 };

inline constexpr std::uint64_t seconds_1900_to_1970 = 2'208'988'800;
inline constexpr std::uint64_t micros_per_second = 1'000'000;

// 1 is "now" by OSC 1.0; 0 is what many senders write instead.
constexpr bool is_immediate(TimeTag tag) { return static_cast<std::uint64_t>(tag) <= 1; }

// The seconds wrap in 2036. As in RFC 4330: values with the top bit set lie in 1968–2036, the others in 2036–2104. Rounds down to 1 µs.
constexpr UnixTime to_unix(TimeTag tag) {
  const auto bits = static_cast<std::uint64_t>(tag);
  std::uint64_t seconds = bits >> 32;
  if (seconds < 0x8000'0000) seconds += 0x1'0000'0000;
  const std::uint64_t fraction_us = ((bits & 0xffff'ffff) * micros_per_second) >> 32;
  if (seconds < seconds_1900_to_1970) return {0};  // 1968 and 1969
  return {(seconds - seconds_1900_to_1970) * micros_per_second + fraction_us};
}

constexpr TimeTag to_time_tag(UnixTime time) {
  const std::uint64_t seconds = (time.us / micros_per_second + seconds_1900_to_1970) & 0xffff'ffff;
  const std::uint64_t fraction = (((time.us % micros_per_second) << 32) + micros_per_second / 2) / micros_per_second;
  return TimeTag{seconds << 32 | fraction};
}

// True if `a` is later; immediate is earlier than everything else. Right across the wrap of 2036.
constexpr bool is_later(TimeTag a, TimeTag b) {
  if (is_immediate(a)) return false;
  return is_immediate(b) || static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b)) > 0;
}

// When a bundle with this tag is to be executed: nothing = at once (the tag says so, or is past). A tag further ahead than `lookahead_max`
// comes from a wrong clock and is executed at once too, so that a fader moves and nothing piles up.
struct Schedule {
  std::optional<UnixTime> at;
  bool wrong_clock = false;
  bool operator==(const Schedule&) const = default;
};
constexpr Schedule schedule(TimeTag tag, UnixTime now, Micros lookahead_max) {
  if (is_immediate(tag)) return {};
  const UnixTime at = to_unix(tag);
  if (at <= now) return {};
  if (at.us - now.us > static_cast<std::uint64_t>(lookahead_max.count())) return {.at = std::nullopt, .wrong_clock = true};
  return {.at = at};
}

}  // namespace clasp::bridge::osc
