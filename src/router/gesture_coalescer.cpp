#include "router/gesture_coalescer.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "core/check.hpp"
#include "core/codec.hpp"
#include "router/timers.hpp"

namespace clasp::router {
namespace {

struct KeyView {
  SessionId session = nobody;
  std::uint32_t id = 0;
  std::string_view address;
};
struct Key {
  SessionId session = nobody;
  std::uint32_t id = 0;
  std::string address;
  operator KeyView() const { return {session, id, address}; }
};
// Ordered, not hashed: foreign text cannot make it slow, and what belongs to a session lies together.
struct Less {
  using is_transparent = void;
  bool operator()(const KeyView& a, const KeyView& b) const { return std::tie(a.session, a.id, a.address) < std::tie(b.session, b.id, b.address); }
};

}  // namespace

class GestureCoalescer::Impl {
 public:
  explicit Impl(GestureLimits limits) : limits_(limits) {}

  GestureAction handle(SessionId session, const Publish& publish, const Provenance& provenance, SteadyTime now, std::optional<HeldMove>& before);
  void advance(SteadyTime now, std::vector<HeldMove>& due);
  void end_session(SessionId session, std::vector<HeldMove>& due);

  const Timers& timers() const { return timers_; }
  std::size_t size() const { return gestures_.size(); }
  std::uint64_t untracked = 0;
  std::uint64_t coalesced = 0;
  std::uint64_t abandoned = 0;

 private:
  struct Gesture {
    SteadyTime started;
    std::optional<SteadyTime> forwarded;  // the last move; none since the start
    bool holds = false;                   // `frame` and `provenance` are of a move that waits
    ByteBuffer frame;
    Provenance provenance;
    TimerId timer = TimerId::none;  // when the waiting move is due or, without one, when it is too old
    std::uint32_t slot = 0;
  };
  using Gestures = std::map<Key, Gesture, Less>;

  void start(const KeyView& key, SteadyTime now, std::optional<HeldMove>& before);
  GestureAction move(const KeyView& key, const Publish& publish, const Provenance& provenance, SteadyTime now);
  Gesture* create(const KeyView& key, SteadyTime now);
  void erase(Gestures::iterator at);
  bool hold(Gesture& gesture, const Publish& publish, const Provenance& provenance);
  HeldMove take_held(const Key& key, Gesture& gesture);
  SteadyTime too_old_at(const Gesture& gesture) const { return gesture.started + limits_.age_max; }
  SteadyTime move_due_at(const Gesture& gesture) const { return *gesture.forwarded + limits_.interval; }
  SteadyTime deadline(const Gesture& gesture) const {
    return gesture.holds ? std::min(move_due_at(gesture), too_old_at(gesture)) : too_old_at(gesture);
  }

  GestureLimits limits_;
  Gestures gestures_;
  std::vector<Gestures::iterator> by_slot_;  // what a timer's key stands for
  std::vector<std::uint32_t> free_slots_;
  Timers timers_;
};

GestureAction GestureCoalescer::Impl::handle(SessionId session, const Publish& publish, const Provenance& provenance, SteadyTime now,
                                             std::optional<HeldMove>& before) {
  const KeyView key{session, publish.id.value_or(0), publish.address};
  switch (publish.phase) {
    case GesturePhase::start: start(key, now, before); return GestureAction::forward;
    case GesturePhase::move: return move(key, publish, provenance, now);
    case GesturePhase::end:
    case GesturePhase::cancel:
      if (const auto at = gestures_.find(key); at != gestures_.end()) {
        if (at->second.holds) before = take_held(at->first, at->second);
        erase(at);
      }
      return GestureAction::forward;
  }
  return GestureAction::forward;
}

// A start without the end of the one before: what waits belongs to that one and goes first, then everything counts anew.
void GestureCoalescer::Impl::start(const KeyView& key, SteadyTime now, std::optional<HeldMove>& before) {
  const auto at = gestures_.find(key);
  if (at == gestures_.end()) {
    create(key, now);
    return;
  }
  Gesture& gesture = at->second;
  if (gesture.holds) before = take_held(at->first, gesture);
  gesture.started = now;
  gesture.forwarded.reset();
  timers_.move(gesture.timer, deadline(gesture));
}

GestureAction GestureCoalescer::Impl::move(const KeyView& key, const Publish& publish, const Provenance& provenance, SteadyTime now) {
  const auto at = gestures_.find(key);
  Gesture* gesture = at != gestures_.end() ? &at->second : create(key, now);  // moves may come without their start
  if (gesture == nullptr) return GestureAction::forward;

  const bool held = gesture->holds;
  const bool too_early = gesture->forwarded && now < move_due_at(*gesture);
  const GestureAction action = too_early && hold(*gesture, publish, provenance) ? GestureAction::hold : GestureAction::forward;
  if (action == GestureAction::forward) {
    gesture->holds = false;
    gesture->forwarded = now;
  }
  if (held) ++coalesced;  // by this newer one
  timers_.move(gesture->timer, deadline(*gesture));
  return action;
}

void GestureCoalescer::Impl::advance(SteadyTime now, std::vector<HeldMove>& due) {
  while (const auto timer = timers_.pop_due(now)) {
    const auto at = by_slot_[timer->key];
    Gesture& gesture = at->second;
    gesture.timer = TimerId::none;
    if (gesture.holds) {
      due.push_back(take_held(at->first, gesture));
      gesture.forwarded = now;
    }
    if (now < too_old_at(gesture)) {
      gesture.timer = timers_.arm(TimerKind::gesture, gesture.slot, deadline(gesture));
    } else {
      ++abandoned;
      erase(at);
    }
  }
}

void GestureCoalescer::Impl::end_session(SessionId session, std::vector<HeldMove>& due) {
  const auto first = gestures_.lower_bound(KeyView{session, 0, {}});
  auto last = first;
  std::vector<Gestures::iterator> holding;
  for (; last != gestures_.end() && last->first.session == session; ++last) {
    if (last->second.holds) holding.push_back(last);
  }
  std::ranges::sort(holding, [this](const Gestures::iterator& a, const Gestures::iterator& b) {
    const SteadyTime due_a = move_due_at(a->second);
    const SteadyTime due_b = move_due_at(b->second);
    return due_a != due_b ? due_a < due_b : Less{}(a->first, b->first);
  });
  for (const auto& at : holding) due.push_back(take_held(at->first, at->second));
  for (auto at = first; at != last;) erase(at++);
}

GestureCoalescer::Impl::Gesture* GestureCoalescer::Impl::create(const KeyView& key, SteadyTime now) {
  if (gestures_.size() >= limits_.gestures_max) {
    ++untracked;
    return nullptr;
  }
  const auto at = gestures_.emplace(Key{key.session, key.id, std::string(key.address)}, Gesture{}).first;
  Gesture& gesture = at->second;
  if (free_slots_.empty()) {
    gesture.slot = static_cast<std::uint32_t>(by_slot_.size());
    by_slot_.push_back(at);
  } else {
    gesture.slot = free_slots_.back();
    free_slots_.pop_back();
    by_slot_[gesture.slot] = at;
  }
  gesture.started = now;
  gesture.timer = timers_.arm(TimerKind::gesture, gesture.slot, deadline(gesture));
  return &gesture;
}

void GestureCoalescer::Impl::erase(Gestures::iterator at) {
  timers_.cancel(at->second.timer);
  free_slots_.push_back(at->second.slot);
  gestures_.erase(at);
}

// False if it cannot be kept, because it would not fit a frame again.
bool GestureCoalescer::Impl::hold(Gesture& gesture, const Publish& publish, const Provenance& provenance) {
  gesture.frame.clear();
  if (!append_payload(gesture.frame, Message{publish})) return false;
  gesture.provenance = provenance;
  gesture.holds = true;
  return true;
}

HeldMove GestureCoalescer::Impl::take_held(const Key& key, Gesture& gesture) {
  CLASP_CHECK(gesture.holds);
  gesture.holds = false;
  return {.session = key.session,
          .address = key.address,
          .id = key.id,
          .frame = std::exchange(gesture.frame, ByteBuffer{}),
          .provenance = gesture.provenance};
}

GestureCoalescer::GestureCoalescer(GestureLimits limits) : impl_(std::make_unique<Impl>(limits)) {}
GestureCoalescer::~GestureCoalescer() = default;

GestureAction GestureCoalescer::handle(SessionId session, const Publish& publish, const Provenance& provenance, SteadyTime now,
                                       std::optional<HeldMove>& before) {
  before.reset();
  return impl_->handle(session, publish, provenance, now, before);
}
void GestureCoalescer::advance(SteadyTime now, std::vector<HeldMove>& due) { impl_->advance(now, due); }
void GestureCoalescer::end_session(SessionId session, std::vector<HeldMove>& due) { impl_->end_session(session, due); }
std::optional<SteadyTime> GestureCoalescer::next_deadline() const { return impl_->timers().next_deadline(); }
std::size_t GestureCoalescer::size() const { return impl_->size(); }
std::uint64_t GestureCoalescer::untracked() const { return impl_->untracked; }
std::uint64_t GestureCoalescer::coalesced() const { return impl_->coalesced; }
std::uint64_t GestureCoalescer::abandoned() const { return impl_->abandoned; }

}  // namespace clasp::router
