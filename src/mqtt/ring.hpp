// A queue in a ring that grows by doubling and gives its memory back when it has become empty: ten thousand idle sessions have two each.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "core/check.hpp"

namespace clasp::mqtt {

template <typename T>
class Ring {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  T& operator[](std::size_t index) { return slots_[(first_ + index) & (slots_.size() - 1)]; }
  const T& operator[](std::size_t index) const { return slots_[(first_ + index) & (slots_.size() - 1)]; }
  T& front() {
    CLASP_CHECK(size_ > 0);
    return (*this)[0];
  }

  void push(T item) {
    if (size_ == slots_.size()) grow();
    ++size_;
    (*this)[size_ - 1] = std::move(item);
  }
  T pop() {
    CLASP_CHECK(size_ > 0);
    T item = std::exchange((*this)[0], T{});
    first_ = (first_ + 1) & (slots_.size() - 1);
    if (--size_ == 0 && slots_.size() > kept_slots) clear();
    return item;
  }
  void clear() {
    std::vector<T>().swap(slots_);
    first_ = size_ = 0;
  }

 private:
  static constexpr std::size_t first_slots = 4;
  static constexpr std::size_t kept_slots = 16;

  void grow() {
    std::vector<T> larger(slots_.empty() ? first_slots : slots_.size() * 2);
    for (std::size_t i = 0; i < size_; ++i) larger[i] = std::move((*this)[i]);
    slots_ = std::move(larger);
    first_ = 0;
  }

  std::vector<T> slots_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace clasp::mqtt
