// A growing run of bytes to encode into. Unlike std::vector it does not zero what it is about to overwrite, and clear() keeps the memory.
// Not thread-safe. Growth doubles; a caller that feeds it foreign input bounds the size itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include "core/bytes.hpp"

namespace clasp {

class ByteBuffer {
 public:
  ByteBuffer() = default;
  ByteBuffer(const ByteBuffer&) = delete;
  ByteBuffer& operator=(const ByteBuffer&) = delete;
  ByteBuffer(ByteBuffer&& other) noexcept { swap(other); }
  ByteBuffer& operator=(ByteBuffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ~ByteBuffer() { std::free(data_); }

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  Bytes view() const { return {data_, size_}; }
  Bytes view(std::size_t from) const { return {data_ + from, size_ - from}; }

  void clear() { size_ = 0; }
  void truncate(std::size_t size) { size_ = size; }  // size <= size()
  void release() {                                     // empties it and gives the memory back
    std::free(data_);
    data_ = nullptr;
    size_ = capacity_ = 0;
  }

  // Adds n bytes of unspecified content and returns where they start. Earlier pointers and views are invalid afterwards.
  std::byte* extend(std::size_t n) {
    if (capacity_ - size_ < n) grow(n);
    std::byte* at = data_ + size_;
    size_ += n;
    return at;
  }

  void append(Bytes bytes) {
    if (!bytes.empty()) std::memcpy(extend(bytes.size()), bytes.data(), bytes.size());
  }
  void u8(std::uint8_t value) { *extend(1) = std::byte{value}; }
  void u16(std::uint16_t value) { store_be(extend(2), value); }
  void u32(std::uint32_t value) { store_be(extend(4), value); }
  void u64(std::uint64_t value) { store_be(extend(8), value); }

 private:
  void swap(ByteBuffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }
  void grow(std::size_t n) {
    std::size_t capacity = capacity_ < 64 ? 128 : capacity_ * 2;
    while (capacity - size_ < n) capacity *= 2;
    void* moved = std::realloc(data_, capacity);
    if (moved == nullptr) throw std::bad_alloc();
    data_ = static_cast<std::byte*>(moved);
    capacity_ = capacity;
  }

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace clasp
