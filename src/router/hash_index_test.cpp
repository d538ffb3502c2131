#include "router/hash_index.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>

#include "router/seeded_hash.hpp"

namespace clasp::router {
namespace {

// Few different hashes at few different places: long runs, wrap-around, equal parts.
TEST(HashIndex, FindsWhatIsInItHoweverTheHashesCollide) {
  for (const std::uint64_t distinct : {1u, 3u, 40u, 1'000u}) {
    HashIndex index;
    std::mt19937_64 random(distinct);
    std::map<std::uint32_t, std::uint64_t> in;
    const auto found = [&](std::uint64_t hash, std::uint32_t entry) { return index.find(hash, [entry](std::uint32_t e) { return e == entry; }); };
    for (std::uint32_t i = 0; i < 20'000; ++i) {
      const std::uint64_t hash = ((random() % distinct) * 0x0100'0000'0000'0001) ^ (distinct == 3 ? 0xffff'fff8 : 0);
      const std::uint32_t entry = i % 300;
      if (const auto there = in.find(entry); there != in.end()) {
        ASSERT_EQ(found(there->second, entry), entry);
        index.erase(there->second, entry);
        ASSERT_EQ(found(there->second, entry), HashIndex::none);
        in.erase(there);
      } else {
        ASSERT_EQ(found(hash, entry), HashIndex::none);
        index.insert(hash, entry);
        in.emplace(entry, hash);
      }
      if (i % 1'000 == 0) {
        for (const auto& [e, h] : in) ASSERT_EQ(found(h, e), e);
      }
    }
  }
}

TEST(HashIndex, CostsAtMost22BytesAnEntry) {
  HashIndex index;
  for (std::uint32_t i = 0; i < 100'000; ++i) index.insert(hash_text(fmt::format("/stage/{}/dim", i), 1), i);
  EXPECT_LE(index.memory_bytes(), 100'000u * 22);
}

TEST(SeededHash, DependsOnEveryByteOnTheLengthAndOnTheSeed) {
  std::set<std::uint64_t> seen;
  std::size_t texts = 0;
  for (std::size_t bytes = 0; bytes <= 70; ++bytes) {
    std::string text(bytes, 'a');
    seen.insert(hash_text(text, 1));
    ++texts;
    for (std::size_t i = 0; i < bytes; ++i) {
      text[i] = 'b';
      seen.insert(hash_text(text, 1));
      ++texts;
      text[i] = 'a';
    }
  }
  EXPECT_EQ(seen.size(), texts);
  EXPECT_NE(hash_text("/a", 1), hash_text("/a", 2));
  EXPECT_EQ(hash_text("/a", 3), hash_text("/a", 3));
}

TEST(SeededHash, SpreadsNumberedAddressesEvenlyOverShardsAndPlaces) {
  std::vector<int> shards(256);
  std::vector<int> places(256);
  constexpr int addresses = 256 * 400;
  for (int i = 0; i < addresses; ++i) {
    const std::uint64_t h = hash_text(fmt::format("/bench/params/{:010}", i), 42);
    ++shards[h >> 56];
    ++places[h & 255];
  }
  // Expected 400 each with a deviation of 20: six deviations off is no chance.
  for (const int n : shards) EXPECT_NEAR(n, 400, 120);
  for (const int n : places) EXPECT_NEAR(n, 400, 120);
}

}  // namespace
}  // namespace clasp::router
