// One encoded frame that several slow sessions wait to get: immutable, counted, router thread only (the count is not atomic).
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "core/bytes.hpp"

namespace clasp::router {

class SharedFrame {
 public:
  SharedFrame() = default;
  explicit SharedFrame(Bytes bytes) {
    void* memory = std::malloc(sizeof(Block) + bytes.size());
    if (memory == nullptr) throw std::bad_alloc();
    block_ = new (memory) Block{1, static_cast<std::uint32_t>(bytes.size())};
    if (!bytes.empty()) std::memcpy(block_ + 1, bytes.data(), bytes.size());
  }
  SharedFrame(const SharedFrame& other) : block_(other.block_) {
    if (block_ != nullptr) ++block_->count;
  }
  SharedFrame(SharedFrame&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  SharedFrame& operator=(SharedFrame other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~SharedFrame() {
    if (block_ != nullptr) release(block_);
  }

  explicit operator bool() const { return block_ != nullptr; }
  std::size_t size() const { return block_ == nullptr ? 0 : block_->size; }
  Bytes view() const { return block_ == nullptr ? Bytes{} : Bytes{reinterpret_cast<const std::byte*>(block_ + 1), block_->size}; }

 private:
  struct Block {
    std::uint32_t count;
    std::uint32_t size;
  };
  [[gnu::noinline]] static void release(Block* block) {
    if (--block->count == 0) std::free(block);
  }
  Block* block_ = nullptr;
};

}  // namespace clasp::router
