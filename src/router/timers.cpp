#include "router/timers.hpp"

#include <utility>

#include "core/check.hpp"

namespace clasp::router {
namespace {

constexpr std::size_t children =
    4;  // a node's four children are 96 bytes side by side: half the levels of a binary heap, about the same misses a level
constexpr std::uint32_t no_slot = 0xffff'ffff;

}  // namespace

TimerId Timers::arm(TimerKind kind, std::uint64_t key, SteadyTime due) {
  std::uint32_t slot = free_;
  if (slot == no_slot) {
    slot = static_cast<std::uint32_t>(slots_.size());
    CLASP_CHECK(slot != no_slot);
    slots_.emplace_back();
  } else {
    free_ = slots_[slot].place;
  }
  slots_[slot] = {.key = key, .place = static_cast<std::uint32_t>(heap_.size()), .kind = kind, .armed = true};
  heap_.push_back({due, order_++, slot});
  sift_up(heap_.size() - 1);
  return TimerId{slot};
}

void Timers::move(TimerId timer, SteadyTime due) {
  const auto slot = static_cast<std::uint32_t>(timer);
  CLASP_CHECK(slot < slots_.size() && slots_[slot].armed);
  Node& node = heap_[slots_[slot].place];
  if (node.due == due) return;
  node.due = due;
  node.order = order_++;
  sift_up(slots_[slot].place);
  sift_down(slots_[slot].place);
}

void Timers::cancel(TimerId& timer) {
  const auto slot = static_cast<std::uint32_t>(std::exchange(timer, TimerId::none));
  if (slot == no_slot) return;
  CLASP_CHECK(slot < slots_.size() && slots_[slot].armed);
  remove_at(slots_[slot].place);
}

std::optional<DueTimer> Timers::pop_due(SteadyTime now) {
  if (heap_.empty() || now < heap_.front().due) return std::nullopt;
  const Slot& slot = slots_[heap_.front().slot];
  const DueTimer due{slot.kind, slot.key};
  remove_at(0);
  return due;
}

std::optional<SteadyTime> Timers::next_deadline() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front().due;
}

void Timers::sift_up(std::size_t place) {
  const Node node = heap_[place];
  while (place > 0) {
    const std::size_t parent = (place - 1) / children;
    if (!before(node, heap_[parent])) break;
    heap_[place] = heap_[parent];
    slots_[heap_[place].slot].place = static_cast<std::uint32_t>(place);
    place = parent;
  }
  heap_[place] = node;
  slots_[node.slot].place = static_cast<std::uint32_t>(place);
}

void Timers::sift_down(std::size_t place) {
  const Node node = heap_[place];
  for (;;) {
    const std::size_t first = place * children + 1;
    if (first >= heap_.size()) break;
    const std::size_t end = first + children < heap_.size() ? first + children : heap_.size();
    std::size_t least = first;
    for (std::size_t child = first + 1; child < end; ++child) {
      if (before(heap_[child], heap_[least])) least = child;
    }
    if (!before(heap_[least], node)) break;
    heap_[place] = heap_[least];
    slots_[heap_[place].slot].place = static_cast<std::uint32_t>(place);
    place = least;
  }
  heap_[place] = node;
  slots_[node.slot].place = static_cast<std::uint32_t>(place);
}

void Timers::remove_at(std::size_t place) {
  const std::uint32_t slot = heap_[place].slot;
  slots_[slot] = {.place = std::exchange(free_, slot)};
  const Node last = heap_.back();
  heap_.pop_back();
  if (place == heap_.size()) return;
  heap_[place] = last;
  slots_[last.slot].place = static_cast<std::uint32_t>(place);
  sift_up(place);
  sift_down(slots_[last.slot].place);
}

}  // namespace clasp::router
