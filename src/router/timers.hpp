// All deadlines of the engine in one place: an indexed heap of (due time, kind, key). Arming, moving and cancelling are O(log n), the next
// deadline is exact (docs/decisions/timers.md says why no wheel).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/time.hpp"

namespace clasp::router {

enum class TimerKind : std::uint8_t { handshake, idle, ping, stall, bundle, gesture, held_params, overload_notice, pace, detached };

enum class TimerId : std::uint32_t { none = 0xffff'ffff };

struct DueTimer {
  TimerKind kind{};
  std::uint64_t key = 0;  // what the owner gave: a link, session, bundle …
};

class Timers {
 public:
  TimerId arm(TimerKind kind, std::uint64_t key, SteadyTime due);
  void move(TimerId timer, SteadyTime due);  // an armed one
  void cancel(TimerId& timer);               // harmless if it is none; sets it to none
  // The earliest timer that is due at `now`, removed; its id may be reused. Equal due times come in the order they were armed.
  std::optional<DueTimer> pop_due(SteadyTime now);
  std::optional<SteadyTime> next_deadline() const;
  std::size_t size() const { return heap_.size(); }

 private:
  struct Node {
    SteadyTime due;
    std::uint64_t order = 0;
    std::uint32_t slot = 0;
  };
  struct Slot {
    std::uint64_t key = 0;
    std::uint32_t place = 0;  // in heap_, or the next free slot
    TimerKind kind{};
    bool armed = false;
  };
  static bool before(const Node& a, const Node& b) { return a.due < b.due || (a.due == b.due && a.order < b.order); }
  void sift_up(std::size_t place);
  void sift_down(std::size_t place);
  void remove_at(std::size_t place);

  std::vector<Node> heap_;
  std::vector<Slot> slots_;
  std::uint32_t free_ = 0xffff'ffff;
  std::uint64_t order_ = 0;
};

}  // namespace clasp::router
