// Timelines: keyframes with easing, and the player that evaluates them (wire format, section 14).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "clasp/error.hpp"
#include "clasp/value.hpp"

namespace clasp {
inline namespace v0 {

enum class Easing : std::uint8_t { linear, ease_in, ease_out, ease_in_out, step, cubic_bezier };

struct Keyframe {
  std::uint64_t time_us = 0;  // µs from the timeline's start
  Value value;
  Easing easing = Easing::linear;                // of the segment that begins here
  std::optional<std::array<double, 4>> bezier;   // x1 y1 x2 y2, for cubic_bezier; missing → linear
  bool operator==(const Keyframe&) const = default;
};

struct Timeline {
  std::vector<Keyframe> keyframes;  // ascending in time
  bool loop = false;
  std::optional<std::uint64_t> start_time_us;  // Unix time
  std::optional<std::uint64_t> duration_us;    // default: time of the last keyframe
  std::uint64_t duration() const { return duration_us ? *duration_us : keyframes.empty() ? 0 : keyframes.back().time_us; }
  bool operator==(const Timeline&) const = default;
};

// The map that travels in the value slot of a timeline PUBLISH: {keyframes:[{time,value,easing,bezier?}], loop, start_time?, duration?}.
Value to_value(const Timeline& timeline);

// Reads that map; also accepts "loop_" for "loop". Keyframes are sorted by time. The error says which field is wrong.
Result<Timeline> parse_timeline(const Value& value);

std::string_view easing_name(Easing easing);  // "ease-in-out"
std::optional<Easing> find_easing(std::string_view name);
double ease(Easing easing, const std::optional<std::array<double, 4>>& bezier, double t);  // t is clamped to 0…1
Value interpolate(const Value& a, const Value& b, double t);

class TimelinePlayer {
 public:
  enum class State : std::uint8_t { stopped, playing, paused, finished };

  explicit TimelinePlayer(Timeline timeline);

  // All times in µs of one clock of the caller's choice.
  void start(std::uint64_t now_us);
  void pause(std::uint64_t now_us);
  void resume(std::uint64_t now_us);
  void stop();
  std::optional<Value> sample(std::uint64_t now_us);

  State state() const { return state_; }
  std::uint64_t loops() const { return loops_; }
  const Timeline& timeline() const { return timeline_; }

 private:
  Timeline timeline_;
  State state_ = State::stopped;
  std::uint64_t start_us_ = 0;
  std::uint64_t pause_us_ = 0;
  std::uint64_t loops_ = 0;
};

}  // namespace v0
}  // namespace clasp
