// Bytes on their way out of one stream: a chain of pooled blocks, so that an idle stream holds nothing and a busy one never copies twice.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/bytes.hpp"

namespace clasp::net {

struct Block {
  Block* next = nullptr;
  std::uint32_t begin = 0;  // bytes before it are gone
  std::uint32_t end = 0;    // bytes up to it are filled
  std::uint32_t capacity = 0;

  std::byte* bytes() { return reinterpret_cast<std::byte*>(this + 1); }
};

// Two sizes of blocks: the first of a chain is small, because most streams get one short frame a turn and there may be 10,000 of them.
// One per loop, loop thread only. Keeps up to `spare_bytes_max` of free blocks; what is above goes back to the allocator.
class BlockPool {
 public:
  static constexpr std::size_t small_bytes = 512;  // with the block's own fields
  static constexpr std::size_t large_bytes = 4'096;
  static constexpr std::size_t spare_bytes_max = 8'388'608;

  BlockPool() = default;
  BlockPool(const BlockPool&) = delete;
  ~BlockPool();

  Block* take(bool large);
  void give(Block* block);
  std::size_t bytes_in_use() const { return in_use_; }
  std::size_t bytes_spare() const { return spare_; }

 private:
  Block* free_small_ = nullptr;
  Block* free_large_ = nullptr;
  std::size_t in_use_ = 0;
  std::size_t spare_ = 0;
};

// The pool is an argument of every call that may need it, so that ten thousand idle buffers don't each store it.
// The owner clears it before it goes.
class OutBuffer {
 public:
  OutBuffer() = default;
  OutBuffer(const OutBuffer&) = delete;
  ~OutBuffer();

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  void append(BlockPool& pool, Bytes bytes);
  // Adds `bytes` of unspecified content and returns where they start, to be filled at once; nullptr if there is no room for them in one piece.
  std::byte* extend(BlockPool& pool, std::size_t bytes) {
    if (tail_ == nullptr && !begin(pool, bytes)) return nullptr;
    if (tail_->capacity - tail_->end < bytes) return nullptr;
    std::byte* at = tail_->bytes() + tail_->end;
    tail_->end += static_cast<std::uint32_t>(bytes);
    size_ += bytes;
    return at;
  }
  // All there is, if it lies in one block; else empty.
  Bytes only_block() const { return head_ != nullptr && head_ == tail_ ? Bytes{head_->bytes() + head_->begin, head_->end - head_->begin} : Bytes{}; }
  void prefetch() const { __builtin_prefetch(head_); }
  // Describes the front of the chain for a gather write; returns how many of `out` it used.
  std::size_t gather(std::span<iovec> out) const;
  void consume(BlockPool& pool, std::size_t bytes);  // the first `bytes` are gone
  void clear(BlockPool& pool) { consume(pool, size_); }
  // Replaces bytes that are still here, `offset` from the front.
  void overwrite(std::size_t offset, Bytes bytes);

 private:
  bool begin(BlockPool& pool, std::size_t bytes);  // false: no block is that large

  Block* head_ = nullptr;
  Block* tail_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace clasp::net
