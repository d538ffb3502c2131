#include "clasp/timeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "core/saturated.hpp"

namespace clasp {
inline namespace v0 {
namespace {

struct EasingName {
  Easing easing;
  std::string_view name;
};

constexpr EasingName easing_names[] = {
    {Easing::linear, "linear"},           {Easing::ease_in, "ease-in"}, {Easing::ease_out, "ease-out"},
    {Easing::ease_in_out, "ease-in-out"}, {Easing::step, "step"},       {Easing::cubic_bezier, "cubic-bezier"},
};

double clamped(double t) { return t > 0 ? (t < 1 ? t : 1) : 0; }  // NaN becomes 0

double bezier_at(double u, double p, double q) { return 3 * (1 - u) * (1 - u) * u * p + 3 * (1 - u) * u * u * q + u * u * u; }

double bezier_slope(double u, double p, double q) { return 3 * (1 - u) * (1 - u) * p + 6 * (1 - u) * u * (q - p) + 3 * u * u * (1 - q); }

double ease_bezier(const std::array<double, 4>& points, double t) {
  const auto [x1, y1, x2, y2] = points;
  double u = t;
  for (int step = 0; step < 8; ++step) {
    const double slope = bezier_slope(u, x1, x2);
    if (std::abs(slope) < 1e-10) break;
    u = clamped(u - (bezier_at(u, x1, x2) - t) / slope);
  }
  return bezier_at(u, y1, y2);
}

std::int64_t interpolate_integers(std::int64_t a, std::int64_t b, double t) {
  std::int64_t distance = 0;
  if (!__builtin_sub_overflow(b, a, &distance)) {
    std::int64_t result = 0;
    if (!__builtin_add_overflow(a, saturated(static_cast<double>(distance) * t), &result)) return result;
  }
  return saturated(static_cast<double>(a) + (static_cast<double>(b) - static_cast<double>(a)) * t);  // too far for i64: the nearest it has
}

Value interpolate_arrays(const Array& a, const Array& b, double t) {
  Array items;
  items.reserve(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) items.push_back(interpolate(a[i], b[i], t));
  return items;
}

Value value_at(const std::vector<Keyframe>& keyframes, std::uint64_t position_us) {
  const auto next = std::ranges::upper_bound(keyframes, position_us, {}, &Keyframe::time_us);
  if (next == keyframes.begin()) return keyframes.front().value;
  if (next == keyframes.end()) return keyframes.back().value;
  const Keyframe& previous = *std::prev(next);
  const double local = static_cast<double>(position_us - previous.time_us) / static_cast<double>(next->time_us - previous.time_us);
  return interpolate(previous.value, next->value, ease(previous.easing, previous.bezier, local));
}

// Times beyond i64 (292,000 years) have no integer on the wire.
Value time_value(std::uint64_t time_us) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(time_us, std::numeric_limits<std::int64_t>::max()));
}

Error wrong(std::string_view field, std::string_view what) {
  return {.code = ErrorCode::invalid_value, .message = fmt::format("{} {}", field, what), .address = {}};
}

// Null counts as absent: senders that know no "absent" write it.
const Value* find_present(const Value& map, std::string_view key) {
  const Value* value = map.find(key);
  return value && !value->is_null() ? value : nullptr;
}

Result<std::uint64_t> parse_time(const Value& value, std::string_view field) {
  const std::optional<double> number = value.as_number();
  if (!number) return wrong(field, "is not a number");
  if (!(*number >= 0)) return wrong(field, "is negative or not a number");
  if (const std::int64_t* integer = value.integer()) return static_cast<std::uint64_t>(*integer);
  if (*number >= 9'223'372'036'854'775'808.0) return wrong(field, "is too large");
  return static_cast<std::uint64_t>(*number);
}

Result<std::array<double, 4>> parse_bezier(const Value& value, std::string_view field) {
  const Array* items = value.array();
  if (!items || items->size() != 4) return wrong(field, "is not an array of four numbers");
  std::array<double, 4> points{};
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::optional<double> number = (*items)[i].as_number();
    if (!number || !std::isfinite(*number)) return wrong(fmt::format("{}[{}]", field, i), "is not a finite number");
    points[i] = *number;
  }
  return points;
}

Result<Keyframe> parse_keyframe(const Value& value, std::size_t index) {
  const auto field = [index](std::string_view name) { return fmt::format("keyframes[{}].{}", index, name); };
  if (!value.map()) return wrong(fmt::format("keyframes[{}]", index), "is not a map");
  Keyframe keyframe;

  const Value* time = find_present(value, "time");
  if (!time) return wrong(field("time"), "is missing");
  const Result<std::uint64_t> time_us = parse_time(*time, field("time"));
  if (!time_us) return time_us.error();
  keyframe.time_us = *time_us;

  const Value* content = value.find("value");  // null is a value
  if (!content) return wrong(field("value"), "is missing");
  keyframe.value = *content;

  if (const Value* name = find_present(value, "easing")) {
    const std::optional<Easing> easing = name->string() ? find_easing(*name->string()) : std::nullopt;
    if (!easing) return wrong(field("easing"), "is not linear, ease-in, ease-out, ease-in-out, step or cubic-bezier");
    keyframe.easing = *easing;
  }
  if (const Value* points = find_present(value, "bezier")) {
    const Result<std::array<double, 4>> bezier = parse_bezier(*points, field("bezier"));
    if (!bezier) return bezier.error();
    keyframe.bezier = *bezier;
  }
  return keyframe;
}

// nullopt inside the result: the field is absent.
Result<std::optional<std::uint64_t>> parse_optional_time(const Value& map, std::string_view key) {
  const Value* value = find_present(map, key);
  if (!value) return std::optional<std::uint64_t>{};
  const Result<std::uint64_t> time_us = parse_time(*value, key);
  if (!time_us) return time_us.error();
  return std::optional<std::uint64_t>{*time_us};
}

}  // namespace

Value to_value(const Timeline& timeline) {
  Array keyframes;
  keyframes.reserve(timeline.keyframes.size());
  for (const Keyframe& keyframe : timeline.keyframes) {
    Map entries{{"time", time_value(keyframe.time_us)}, {"value", keyframe.value}, {"easing", easing_name(keyframe.easing)}};
    if (keyframe.bezier) entries.emplace_back("bezier", Array(keyframe.bezier->begin(), keyframe.bezier->end()));
    keyframes.emplace_back(std::move(entries));
  }
  Map map{{"keyframes", std::move(keyframes)}, {"loop", timeline.loop}};
  if (timeline.start_time_us) map.emplace_back("start_time", time_value(*timeline.start_time_us));
  if (timeline.duration_us) map.emplace_back("duration", time_value(*timeline.duration_us));
  return map;
}

Result<Timeline> parse_timeline(const Value& value) {
  if (!value.map()) return wrong("timeline", "is not a map");
  Timeline timeline;

  const Value* keyframes = find_present(value, "keyframes");
  if (!keyframes) return wrong("keyframes", "is missing");
  if (!keyframes->array()) return wrong("keyframes", "is not an array");
  timeline.keyframes.reserve(keyframes->array()->size());
  for (const Value& item : *keyframes->array()) {
    Result<Keyframe> keyframe = parse_keyframe(item, timeline.keyframes.size());
    if (!keyframe) return keyframe.error();
    timeline.keyframes.push_back(*std::move(keyframe));
  }
  std::ranges::stable_sort(timeline.keyframes, {}, &Keyframe::time_us);

  for (const std::string_view key : {"loop", "loop_"}) {
    const Value* loop = find_present(value, key);
    if (!loop) continue;
    if (!loop->boolean()) return wrong(key, "is not true or false");
    timeline.loop = *loop->boolean();
    break;
  }

  const Result<std::optional<std::uint64_t>> start_time = parse_optional_time(value, "start_time");
  if (!start_time) return start_time.error();
  const Result<std::optional<std::uint64_t>> duration = parse_optional_time(value, "duration");
  if (!duration) return duration.error();
  timeline.start_time_us = *start_time;
  timeline.duration_us = *duration;
  return timeline;
}

std::string_view easing_name(Easing easing) {
  const auto* row = std::ranges::find(easing_names, easing, &EasingName::easing);
  return row == std::end(easing_names) ? "linear" : row->name;
}

std::optional<Easing> find_easing(std::string_view name) {
  const auto* row = std::ranges::find(easing_names, name, &EasingName::name);
  if (row == std::end(easing_names)) return std::nullopt;
  return row->easing;
}

double ease(Easing easing, const std::optional<std::array<double, 4>>& bezier, double t) {
  t = clamped(t);
  switch (easing) {
    case Easing::linear: return t;
    case Easing::ease_in: return t * t;
    case Easing::ease_out: return 1 - (1 - t) * (1 - t);
    case Easing::ease_in_out: return t < 0.5 ? 2 * t * t : 1 - (2 - 2 * t) * (2 - 2 * t) / 2;
    case Easing::step: return t < 1 ? 0 : 1;
    case Easing::cubic_bezier: return bezier ? ease_bezier(*bezier, t) : t;
  }
  return t;
}

Value interpolate(const Value& a, const Value& b, double t) {
  if (a.floating() && b.floating()) return *a.floating() + (*b.floating() - *a.floating()) * t;
  if (a.integer() && b.integer()) return interpolate_integers(*a.integer(), *b.integer(), t);
  if (a.array() && b.array() && a.array()->size() == b.array()->size()) return interpolate_arrays(*a.array(), *b.array(), t);
  return t < 0.5 ? a : b;
}

TimelinePlayer::TimelinePlayer(Timeline timeline) : timeline_(std::move(timeline)) {
  std::ranges::stable_sort(timeline_.keyframes, {}, &Keyframe::time_us);
}

void TimelinePlayer::start(std::uint64_t now_us) {
  start_us_ = now_us;
  state_ = State::playing;
  loops_ = 0;
}

void TimelinePlayer::pause(std::uint64_t now_us) {
  if (state_ != State::playing) return;
  pause_us_ = now_us;
  state_ = State::paused;
}

void TimelinePlayer::resume(std::uint64_t now_us) {
  if (state_ != State::paused) return;
  if (now_us > pause_us_) start_us_ += std::min(now_us - pause_us_, std::numeric_limits<std::uint64_t>::max() - start_us_);
  state_ = State::playing;
}

void TimelinePlayer::stop() { state_ = State::stopped; }

std::optional<Value> TimelinePlayer::sample(std::uint64_t now_us) {
  if (state_ == State::stopped || timeline_.keyframes.empty()) return std::nullopt;
  const std::uint64_t until = state_ == State::paused ? pause_us_ : now_us;
  const std::uint64_t elapsed = until > start_us_ ? until - start_us_ : 0;
  const std::uint64_t duration = timeline_.duration();
  if (duration == 0) return timeline_.keyframes.front().value;
  if (timeline_.loop) {
    loops_ = std::max(loops_, elapsed / duration);
    return value_at(timeline_.keyframes, elapsed % duration);
  }
  if (elapsed >= duration) {
    state_ = State::finished;
    return timeline_.keyframes.back().value;
  }
  return value_at(timeline_.keyframes, elapsed);
}

}  // namespace v0
}  // namespace clasp
