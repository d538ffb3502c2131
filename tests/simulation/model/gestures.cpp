#include "gestures.hpp"

#include <algorithm>

namespace clasp::simulation::model {

Us Gestures::deadline(const Gesture& gesture) const {
  const Us abandoned = gesture.started + rules_.gesture_age_max;
  return gesture.waiting ? std::min(*gesture.moved + rules_.gesture_interval, abandoned) : abandoned;
}

std::vector<PublishFields> Gestures::publish(SessionNo sender, const PublishFields& publish, Us now) {
  const Key key{sender, publish.id.value_or(0), publish.address};
  auto found = gestures_.find(key);
  std::vector<PublishFields> out;
  if (publish.phase != GesturePhase::move) {
    if (found != gestures_.end() && found->second.waiting) out.push_back(*found->second.waiting);
    out.push_back(publish);
    if (publish.phase == GesturePhase::start) {
      if (found != gestures_.end() || gestures_.size() < rules_.gestures_max) gestures_[key] = {.started = now};
    } else if (found != gestures_.end()) {
      gestures_.erase(found);
    }
    return out;
  }
  if (found == gestures_.end()) {
    if (gestures_.size() >= rules_.gestures_max) return {publish};  // too many to keep track of: not thinned
    found = gestures_.emplace(key, Gesture{.started = now}).first;
  }
  Gesture& gesture = found->second;
  if (gesture.moved && now < *gesture.moved + rules_.gesture_interval) {
    gesture.waiting = publish;
    return {};
  }
  gesture.waiting.reset();
  gesture.moved = now;
  return {publish};
}

std::vector<Move> Gestures::due(Us now) {
  std::vector<Move> out;
  for (auto at = gestures_.begin(); at != gestures_.end();) {
    Gesture& gesture = at->second;
    const bool is_due = deadline(gesture) <= now;
    if (is_due && gesture.waiting) {
      out.push_back({std::get<SessionNo>(at->first), *gesture.waiting});
      gesture.waiting.reset();
      gesture.moved = now;
    }
    at = is_due && gesture.started + rules_.gesture_age_max <= now ? gestures_.erase(at) : std::next(at);
  }
  return out;
}

std::vector<Move> Gestures::ended(SessionNo sender) {
  std::vector<Move> out;
  for (auto at = gestures_.begin(); at != gestures_.end();) {
    if (std::get<SessionNo>(at->first) != sender) {
      ++at;
      continue;
    }
    if (at->second.waiting) out.push_back({sender, *at->second.waiting});
    at = gestures_.erase(at);
  }
  return out;
}

std::optional<Us> Gestures::next() const {
  std::optional<Us> next;
  for (const auto& [key, gesture] : gestures_) {
    if (!next || deadline(gesture) < *next) next = deadline(gesture);
  }
  return next;
}

}  // namespace clasp::simulation::model
