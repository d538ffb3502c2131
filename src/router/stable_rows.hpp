// Numbered rows that never move: references stay valid while others come and go, and growing copies nothing. Numbers are reused, the memory of
// the largest extent is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace clasp::router {

template <typename Row>
class StableRows {
 public:
  std::size_t size() const { return extent_ - free_.size(); }
  std::uint32_t extent() const { return extent_; }  // every number is below

  std::uint32_t take() {  // a row as default construction leaves it
    if (!free_.empty()) {
      const std::uint32_t row = free_.back();
      free_.pop_back();
      return row;
    }
    if (extent_ % chunk_rows == 0) chunks_.push_back(std::make_unique<Row[]>(chunk_rows));
    return extent_++;
  }
  void give_back(std::uint32_t row) {  // taken; given back once
    (*this)[row] = Row{};
    free_.push_back(row);
  }

  Row& operator[](std::uint32_t row) { return chunks_[row / chunk_rows][row % chunk_rows]; }
  const Row& operator[](std::uint32_t row) const { return chunks_[row / chunk_rows][row % chunk_rows]; }

 private:
  static constexpr std::uint32_t chunk_rows = 256;

  std::vector<std::unique_ptr<Row[]>> chunks_;
  std::vector<std::uint32_t> free_;
  std::uint32_t extent_ = 0;
};

}  // namespace clasp::router
