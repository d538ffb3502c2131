#include "mapping/surface.hpp"

#include <algorithm>
#include <cmath>

#include "core/saturated.hpp"

namespace clasp::mapping {

Surface::Control& Surface::of(std::string_view name) {
  if (const auto found = places_.find(name); found != places_.end()) {
    used_.splice(used_.begin(), used_, found->second);
    return used_.front();
  }
  if (places_.size() >= config_.controls_max) {
    forget_pending(used_.back());
    places_.erase(std::string_view(used_.back().name));
    used_.pop_back();
  }
  used_.emplace_front().name = name;
  places_.emplace(std::string_view(used_.front().name), used_.begin());
  return used_.front();
}

std::optional<double> Surface::from_device(std::string_view name, double position, SteadyTime now) {
  Control& control = of(name);
  if (!std::isfinite(position)) return std::nullopt;
  if (config_.latch) {
    const bool rises = position > 0.5 && !control.pressed;
    control.pressed = position > 0.5;
    if (!rises) return std::nullopt;
    control.current = control.current.value_or(0) > 0.5 ? 0 : 1;
    return control.current;
  }
  if (is_motor(control, position, now)) {
    control.position = position;
    return std::nullopt;
  }
  control.moved_at = now;
  control.sent.reset();  // a hand has taken over
  reschedule(control, now);
  const bool effective = !config_.pickup || picks_up(control, position);
  control.position = position;
  if (!effective) return std::nullopt;
  control.current = position;
  return position;
}

// On its way to where it was sent, and no further from there than before.
bool Surface::is_motor(Control& control, double position, SteadyTime now) const {
  if (config_.echo_window.count() == 0 || !control.sent || control.touched || now - control.sent_at > config_.echo_window) return false;
  const double target = *control.sent;
  const double from = control.on_the_way.value_or(control.position.value_or(target));
  const double tolerance = config_.tolerance;
  const bool between = position >= std::min(from, target) - tolerance && position <= std::max(from, target) + tolerance;
  if (!control.position && !control.on_the_way) {  // nobody knows where it started
    control.on_the_way = position;
    return true;
  }
  if (!between) return false;
  control.on_the_way = position;
  return true;
}

bool Surface::picks_up(Control& control, double position) const {
  if (control.picked_up || !control.current) return control.picked_up = true;
  const double current = *control.current;
  const bool there = std::abs(position - current) <= config_.tolerance;
  const bool passed = control.position && (*control.position - current) * (position - current) < 0;
  return control.picked_up = there || passed;
}

void Surface::touch(std::string_view name, bool touched, SteadyTime now) {
  Control& control = of(name);
  control.touched = touched;
  if (!touched) control.moved_at.reset();  // it says itself when it is free
  reschedule(control, now);
}

bool Surface::to_device(std::string_view name, const Value& value, bool own, SteadyTime now) {
  Control& control = of(name);
  const auto number = value.as_number();
  if (number && !own) {
    control.current = *number;
    if (!control.position || std::abs(*control.position - *number) > config_.tolerance) control.picked_up = false;
  }
  if (own) {
    forget_pending(control);  // older than what the hand has just brought about
    return true;
  }
  const auto free = free_at(control, now);
  if (!free || *free > now) {
    hold(control, value, now);
    return false;
  }
  send(control, value, now);
  return true;
}

std::optional<SteadyTime> Surface::free_at(const Control& control, SteadyTime now) const {
  if (control.touched) return std::nullopt;
  SteadyTime at = now;
  if (control.moved_at) at = std::max(at, *control.moved_at + config_.touch_hold);
  if (control.allowed_at) at = std::max(at, *control.allowed_at);
  return at;
}

void Surface::send(Control& control, const Value& value, SteadyTime now) {
  forget_pending(control);
  if (config_.feedback_hz_max > 0) control.allowed_at = now + Micros{saturated(1e6 / config_.feedback_hz_max)};
  control.sent = value.as_number();
  control.sent_at = now;
  control.on_the_way = control.position;
}

void Surface::hold(Control& control, const Value& value, SteadyTime now) {
  control.pending = value;
  reschedule(control, now);
}

void Surface::reschedule(Control& control, SteadyTime now) {
  if (control.due_at) due_.erase({*control.due_at, &control});
  control.due_at.reset();
  if (!control.pending) return;
  control.due_at = free_at(control, now);
  if (control.due_at) due_.insert({*control.due_at, &control});
}

void Surface::forget_pending(Control& control) {
  if (control.due_at) due_.erase({*control.due_at, &control});
  control.due_at.reset();
  control.pending.reset();
}

void Surface::advance(SteadyTime now, std::vector<DueFeedback>& due) {
  while (!due_.empty() && due_.begin()->first <= now) {
    Control& control = *due_.begin()->second;
    const Value value = *control.pending;
    send(control, value, now);
    due.push_back({control.name, value});
  }
}

std::optional<SteadyTime> Surface::next_deadline() const {
  if (due_.empty()) return std::nullopt;
  return due_.begin()->first;
}

}  // namespace clasp::mapping
