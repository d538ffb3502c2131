#include "router/lifetimes.hpp"

#include <algorithm>

#include "core/check.hpp"

namespace clasp::router {
namespace {

constexpr std::size_t children = 4;  // flatter than a binary heap: fewer cache lines a sift

}  // namespace

Lifetimes::Id Lifetimes::add(std::uint32_t entry, std::uint32_t seconds, SteadyTime due) {
  std::uint32_t row = free_;
  if (row != no_place) {
    free_ = rows_[row].place;
  } else {
    row = static_cast<std::uint32_t>(rows_.size());
    rows_.emplace_back();
  }
  rows_[row] = {.entry = entry, .seconds = seconds, .place = no_place};
  push(row, due);
  return Id{row};
}

void Lifetimes::remove(Id& id) {
  if (id == Id::none) return;
  const auto row = static_cast<std::uint32_t>(id);
  if (rows_[row].place != no_place) remove_at(rows_[row].place);
  rows_[row].place = free_;
  free_ = row;
  id = Id::none;
}

void Lifetimes::move(Id id, SteadyTime due) {
  const std::size_t place = rows_[index(id)].place;
  CLASP_CHECK(place < heap_.size());
  heap_[place].due = due;
  sift_up(place);
  sift_down(rows_[index(id)].place);
}

void Lifetimes::not_after(Id id, SteadyTime due) {
  const std::size_t place = rows_[index(id)].place;
  CLASP_CHECK(place < heap_.size());
  if (due < heap_[place].due) move(id, due);
}

Lifetimes::Id Lifetimes::take_first() {
  CLASP_CHECK(!heap_.empty());
  const std::uint32_t row = heap_.front().row;
  remove_at(0);
  rows_[row].place = no_place;
  return Id{row};
}

void Lifetimes::put_back(Id id, SteadyTime due) {
  CLASP_CHECK(rows_[index(id)].place == no_place);
  push(static_cast<std::uint32_t>(id), due);
}

void Lifetimes::push(std::uint32_t row, SteadyTime due) {
  heap_.push_back({due, row});
  rows_[row].place = static_cast<std::uint32_t>(heap_.size() - 1);
  sift_up(heap_.size() - 1);
}

void Lifetimes::remove_at(std::size_t place) {
  const Node last = heap_.back();
  heap_.pop_back();
  if (place == heap_.size()) return;
  set(place, last);
  sift_up(place);
  sift_down(rows_[last.row].place);
}

void Lifetimes::sift_up(std::size_t place) {
  const Node node = heap_[place];
  while (place > 0) {
    const std::size_t parent = (place - 1) / children;
    if (heap_[parent].due <= node.due) break;
    set(place, heap_[parent]);
    place = parent;
  }
  set(place, node);
}

void Lifetimes::sift_down(std::size_t place) {
  const Node node = heap_[place];
  for (;;) {
    const std::size_t first = place * children + 1;
    if (first >= heap_.size()) break;
    std::size_t least = first;
    for (std::size_t child = first + 1; child < std::min(first + children, heap_.size()); ++child) {
      if (heap_[child].due < heap_[least].due) least = child;
    }
    if (heap_[least].due >= node.due) break;
    set(place, heap_[least]);
    place = least;
  }
  set(place, node);
}

}  // namespace clasp::router
