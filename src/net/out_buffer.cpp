#include "net/out_buffer.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "core/check.hpp"

namespace clasp::net {

namespace {

void free_all(Block* block) {
  while (block != nullptr) std::free(std::exchange(block, block->next));
}

}  // namespace

BlockPool::~BlockPool() {
  free_all(free_small_);
  free_all(free_large_);
}

Block* BlockPool::take(bool large) {
  const std::size_t bytes = large ? large_bytes : small_bytes;
  Block*& free = large ? free_large_ : free_small_;
  in_use_ += bytes;
  if (free != nullptr) {
    spare_ -= bytes;
    Block* block = std::exchange(free, free->next);
    block->next = nullptr;
    block->begin = block->end = 0;
    return block;
  }
  void* memory = std::malloc(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  Block* block = new (memory) Block;
  block->capacity = static_cast<std::uint32_t>(bytes - sizeof(Block));
  return block;
}

void BlockPool::give(Block* block) {
  const std::size_t bytes = block->capacity + sizeof(Block);
  in_use_ -= bytes;
  if (spare_ + bytes > spare_bytes_max) {
    std::free(block);
    return;
  }
  spare_ += bytes;
  Block*& free = bytes == large_bytes ? free_large_ : free_small_;
  block->next = free;
  free = block;
}

OutBuffer::~OutBuffer() { CLASP_CHECK(head_ == nullptr); }

void OutBuffer::append(BlockPool& pool, Bytes bytes) {
  size_ += bytes.size();
  while (!bytes.empty()) {
    if (tail_ == nullptr) {
      head_ = tail_ = pool.take(bytes.size() > BlockPool::small_bytes - sizeof(Block));
    } else if (tail_->end == tail_->capacity) {
      tail_->next = pool.take(true);
      tail_ = tail_->next;
    }
    const std::size_t n = std::min<std::size_t>(bytes.size(), tail_->capacity - tail_->end);
    std::memcpy(tail_->bytes() + tail_->end, bytes.data(), n);
    tail_->end += static_cast<std::uint32_t>(n);
    bytes = bytes.subspan(n);
  }
}

bool OutBuffer::begin(BlockPool& pool, std::size_t bytes) {
  if (bytes > BlockPool::large_bytes - sizeof(Block)) return false;
  head_ = tail_ = pool.take(bytes > BlockPool::small_bytes - sizeof(Block));
  return true;
}

std::size_t OutBuffer::gather(std::span<iovec> out) const {
  std::size_t used = 0;
  for (Block* block = head_; block != nullptr && used < out.size(); block = block->next) {
    out[used++] = {.iov_base = block->bytes() + block->begin, .iov_len = block->end - block->begin};
  }
  return used;
}

void OutBuffer::consume(BlockPool& pool, std::size_t bytes) {
  CLASP_CHECK(bytes <= size_);
  size_ -= bytes;
  while (bytes > 0) {
    const std::size_t n = std::min<std::size_t>(bytes, head_->end - head_->begin);
    head_->begin += static_cast<std::uint32_t>(n);
    bytes -= n;
    if (head_->begin == head_->end) pool.give(std::exchange(head_, head_->next));
  }
  if (head_ == nullptr) tail_ = nullptr;
}

void OutBuffer::overwrite(std::size_t offset, Bytes bytes) {
  CLASP_CHECK(offset + bytes.size() <= size_);
  for (Block* block = head_; !bytes.empty(); block = block->next) {
    const std::size_t filled = block->end - block->begin;
    if (offset >= filled) {
      offset -= filled;
      continue;
    }
    const std::size_t n = std::min(bytes.size(), filled - offset);
    std::memcpy(block->bytes() + block->begin + offset, bytes.data(), n);
    bytes = bytes.subspan(n);
    offset = 0;
  }
}

}  // namespace clasp::net
