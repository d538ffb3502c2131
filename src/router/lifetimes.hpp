// Which params have a lifetime, and when to look at each next: an indexed heap of (time, entry).
//
// The time is a lower bound: a write that prolongs a lifetime does not touch the heap, it is moved down when it surfaces too early. Only a shorter
// lifetime moves up at once. Params without a lifetime have no row here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/time.hpp"

namespace clasp::router {

class Lifetimes {
 public:
  enum class Id : std::uint32_t { none = 0xffff'ffff };

  Id add(std::uint32_t entry, std::uint32_t seconds, SteadyTime due);  // entry has none yet
  void remove(Id& id);                                                 // harmless if it is none; sets it to none
  void set_seconds(Id id, std::uint32_t seconds) { rows_[index(id)].seconds = seconds; }
  std::uint32_t seconds(Id id) const { return rows_[index(id)].seconds; }
  std::uint32_t entry(Id id) const { return rows_[index(id)].entry; }
  void move(Id id, SteadyTime due);
  void not_after(Id id, SteadyTime due);  // moves it up if it would surface later than this

  bool empty() const { return heap_.empty(); }
  std::size_t size() const { return heap_.size(); }
  SteadyTime first_due() const { return heap_.front().due; }  // call only when !empty()
  std::uint32_t first_entry() const { return rows_[heap_.front().row].entry; }

  // Takes the first one out of the order without removing its row; put_back() returns it. For looking at several due ones at once.
  Id take_first();
  void put_back(Id id, SteadyTime due);

  std::size_t memory_bytes() const { return heap_.capacity() * sizeof(Node) + rows_.capacity() * sizeof(Row); }

 private:
  static constexpr std::uint32_t no_place = 0xffff'ffff;
  struct Node {
    SteadyTime due;
    std::uint32_t row = 0;
  };
  struct Row {
    std::uint32_t entry = 0;
    std::uint32_t seconds = 0;  // as the writer gave it; unused for the default lifetime
    std::uint32_t place = 0;    // in heap_, no_place if taken out, the next free row if free
  };

  static std::size_t index(Id id) { return static_cast<std::size_t>(id); }
  void push(std::uint32_t row, SteadyTime due);
  void remove_at(std::size_t place);
  void sift_up(std::size_t place);
  void sift_down(std::size_t place);
  void set(std::size_t place, const Node& node) {
    heap_[place] = node;
    rows_[node.row].place = static_cast<std::uint32_t>(place);
  }

  std::vector<Node> heap_;
  std::vector<Row> rows_;
  std::uint32_t free_ = no_place;
};

}  // namespace clasp::router
