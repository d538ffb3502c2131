// The last revisions of addresses whose param is gone, so that the next one continues above (contract 19, 20 and 30).
//
// Remembers `rows_max` addresses by their hash. When one more is removed the longest-forgotten row is dropped, and a floor rises to its revision:
// an address without a row starts above the floor, which is above all revisions it can have had. The floor of a fresh store is 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "router/hash_index.hpp"
#include "router/types.hpp"

namespace clasp::router {

// Adds that do not wrap: a revision that came from elsewhere may be at the end of its range.
constexpr Revision raised(Revision revision, Revision by) { return revision > ~by ? ~Revision{0} : revision + by; }

class RemovedRevisions {
 public:
  static constexpr std::size_t rows_max = 65'536;

  // How often raise() was called when a revision was given; what came before has been added already.
  using Generation = std::uint8_t;
  static constexpr std::size_t raises_max = 255;

  void remember(std::uint64_t hash, Revision last);  // of an address that has no row
  Revision floor_of(std::uint64_t hash) const;       // the next revision of this address is above it
  Revision highest() const;                          // of all, dropped ones included: a floor for a table that remembers none of them
  void raise_floor(Revision floor);                  // every address without a row had at most this
  void forget(std::uint64_t hash);                   // its param is back

  void raise(Revision by);  // at most raises_max times
  Generation generation() const { return static_cast<Generation>(sums_.size() - 1); }
  Revision pending(Generation since) const { return sums_.back() - sums_[since]; }  // sum of the raises since then

  std::size_t size() const { return size_; }
  std::uint64_t dropped() const { return dropped_; }  // rows that only the floor remembers
  std::size_t memory_bytes() const { return index_.memory_bytes() + rows_.capacity() * sizeof(Row); }

 private:
  static constexpr std::uint32_t none = 0xffff'ffff;
  struct Row {
    std::uint64_t hash = 0;
    Revision last = 0;
    std::uint32_t older = none;
    std::uint32_t newer = none;  // or the next free row
    Generation generation = 0;
  };

  std::uint32_t find(std::uint64_t hash) const;
  Revision floor_of(const Row& row) const { return raised(row.last, pending(row.generation)); }
  void unlink(std::uint32_t row);

  HashIndex index_;
  std::vector<Row> rows_;
  std::vector<Revision> sums_{0};  // of all raises up to each generation
  Revision floor_ = 0;
  std::uint32_t oldest_ = none;
  std::uint32_t newest_ = none;
  std::uint32_t free_ = none;
  std::size_t size_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace clasp::router
