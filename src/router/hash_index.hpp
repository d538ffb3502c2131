// Which entry has an address: a FlatIndex in 256 shards, each growing on its own, so that growing never stops the world (a shard of a store with a
// million params has 4,000 rows and is rebuilt in microseconds). 11 to 22 bytes a param.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "router/flat_index.hpp"

namespace clasp::router {

class HashIndex {
 public:
  static constexpr std::uint32_t none = FlatIndex::none;

  template <typename Same>
  std::uint32_t find(std::uint64_t hash, const Same& same) const {
    return shards_[hash >> 56].find(hash, same);
  }
  void insert(std::uint64_t hash, std::uint32_t entry) {  // not there yet
    FlatIndex& shard = shards_[hash >> 56];
    memory_bytes_ -= shard.memory_bytes();
    shard.insert(hash, entry);
    memory_bytes_ += shard.memory_bytes();
  }
  void erase(std::uint64_t hash, std::uint32_t entry) { shards_[hash >> 56].erase(hash, entry); }  // is there

  std::size_t memory_bytes() const { return sizeof *this + memory_bytes_; }

 private:
  std::array<FlatIndex, 256> shards_;
  std::size_t memory_bytes_ = 0;
};

}  // namespace clasp::router
