// CRC-32 over a row's columns: finds every flipped bit and every burst of up to 32.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string_view>

#include "core/bytes.hpp"

namespace clasp::store {

class Checksum {
 public:
  Checksum& add(Bytes bytes) {
    add(static_cast<std::uint64_t>(bytes.size()));
    if (!bytes.empty()) sum_ = crc32_z(sum_, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
    return *this;
  }
  // Bytes whose number is not a part of it: always the same.
  Checksum& add_fixed(Bytes bytes) {
    sum_ = crc32_z(sum_, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
    return *this;
  }
  Checksum& add(std::string_view text) { return add(as_bytes(text)); }
  Checksum& add(std::uint64_t number) {
    std::byte bytes[8];
    store_be(bytes, number);
    sum_ = crc32_z(sum_, reinterpret_cast<const Bytef*>(bytes), sizeof bytes);
    return *this;
  }
  std::uint32_t value() const { return static_cast<std::uint32_t>(sum_); }

 private:
  uLong sum_ = 0;
};

}  // namespace clasp::store
