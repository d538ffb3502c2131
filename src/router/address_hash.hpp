// A fast keyed hash of short texts. The key makes it impossible to prepare addresses that all land in one place; it is no cryptographic hash.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace clasp::router {

class AddressHash {
 public:
  explicit AddressHash(std::uint64_t seed) : first_(mix(seed ^ golden, root_2)), second_(mix(seed ^ root_3, golden)) {}

  // 16 bytes a round, each multiplied with what came before. Both factors carry the secret, so that no input can make a product zero on purpose.
  std::uint64_t operator()(std::string_view text) const {
    const char* at = text.data();
    std::size_t left = text.size();
    std::uint64_t state = second_ ^ (left * golden);
    for (; left > 16; left -= 16, at += 16) state = mix(load64(at) ^ first_, load64(at + 8) ^ state);
    const auto [low, high] = tail(at, left);
    return mix(mix(low ^ first_, high ^ state) ^ first_, state ^ root_2);
  }

 private:
  static constexpr std::uint64_t golden = 0x9e37'79b9'7f4a'7c15;  // fractions of the golden ratio and of two roots: nothing up the sleeve
  static constexpr std::uint64_t root_2 = 0x6a09'e667'f3bc'c909;
  static constexpr std::uint64_t root_3 = 0xbb67'ae85'84ca'a73b;

  struct Words {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
  };

  static std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }
  static std::uint64_t load64(const char* at) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    return word;
  }
  static std::uint64_t load32(const char* at) {
    std::uint32_t word;
    std::memcpy(&word, at, sizeof word);
    return word;
  }
  // 0 to 16 bytes as two words; the length is already in the state, so overlapping loads lose nothing.
  static Words tail(const char* at, std::size_t bytes) {
    if (bytes >= 8) return {load64(at), load64(at + bytes - 8)};
    if (bytes >= 4) return {load32(at), load32(at + bytes - 4)};
    if (bytes == 0) return {};
    const auto byte = [at](std::size_t i) { return static_cast<std::uint64_t>(static_cast<unsigned char>(at[i])); };
    return {byte(0) | byte(bytes / 2) << 8 | byte(bytes - 1) << 16, 0};
  }

  std::uint64_t first_;
  std::uint64_t second_;
};

}  // namespace clasp::router
