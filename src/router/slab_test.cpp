#include "router/slab.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace clasp::router {
namespace {

std::string text_of(const Slabs& slabs, Slabs::Ref ref, std::size_t bytes) { return std::string(as_text(slabs.view(ref, bytes))); }

TEST(Slabs, ASlotHasRoomForItsRunAndWastesAtMostSevenBytesOrAThird) {
  for (std::size_t bytes = 1; bytes <= Slabs::bytes_max; bytes += 1 + bytes / 97) {
    const std::size_t slot = Slabs::slot_bytes(bytes);
    ASSERT_GE(slot, bytes);
    ASSERT_LE(slot - bytes, std::max<std::size_t>(7, slot / 3)) << bytes;
  }
  EXPECT_EQ(Slabs::slot_bytes(0), 0u);
  EXPECT_EQ(Slabs::slot_bytes(8), 8u);
  EXPECT_EQ(Slabs::slot_bytes(24), 24u);
  EXPECT_EQ(Slabs::slot_bytes(64), 64u);
  EXPECT_EQ(Slabs::slot_bytes(65), 96u);
  EXPECT_EQ(Slabs::slot_bytes(97), 128u);
  EXPECT_EQ(Slabs::slot_bytes(Slabs::bytes_max), Slabs::bytes_max);
}

TEST(Slabs, AnEmptyRunCostsNothing) {
  Slabs slabs;
  const std::size_t before = slabs.memory_bytes();
  EXPECT_EQ(slabs.store({}), Slabs::Ref::none);
  EXPECT_TRUE(slabs.view(Slabs::Ref::none, 0).empty());
  slabs.free(Slabs::Ref::none);
  EXPECT_EQ(slabs.memory_bytes(), before);
}

TEST(Slabs, ARunIsReplacedInPlaceWithinItsClassAndMovesOtherwise) {
  Slabs slabs;
  const Slabs::Ref eight = slabs.store(as_bytes("12345678"));
  EXPECT_EQ(slabs.replace(eight, as_bytes("abc")), eight);
  EXPECT_EQ(text_of(slabs, eight, 3), "abc");
  const Slabs::Ref nine = slabs.replace(eight, as_bytes("123456789"));
  EXPECT_NE(nine, eight);
  EXPECT_EQ(text_of(slabs, nine, 9), "123456789");
  EXPECT_EQ(slabs.store(as_bytes("x")), eight) << "the old slot is free again";
  EXPECT_EQ(slabs.replace(nine, {}), Slabs::Ref::none);
}

TEST(Slabs, ARunMayBeReplacedByAPartOfItself) {
  Slabs slabs;
  const Slabs::Ref ref = slabs.store(as_bytes("0123456789abcdef"));
  const Slabs::Ref same = slabs.replace(ref, slabs.view(ref, 16).subspan(2));
  EXPECT_EQ(text_of(slabs, same, 14), "23456789abcdef");
  const Slabs::Ref smaller = slabs.replace(same, slabs.view(same, 16).subspan(1, 5));
  EXPECT_EQ(text_of(slabs, smaller, 5), "34567");
}

TEST(Slabs, LargeSlotsGiveTheirMemoryBackWhenTheyAreFreed) {
  Slabs slabs;
  const std::string large(200'000, 'x');
  const Slabs::Ref first = slabs.store(as_bytes(large));
  const std::size_t one = slabs.memory_bytes();
  const Slabs::Ref second = slabs.store(as_bytes(large));
  EXPECT_GT(slabs.memory_bytes(), one + large.size());
  slabs.free(first);
  slabs.free(second);
  EXPECT_LT(slabs.memory_bytes(), one);
  EXPECT_EQ(text_of(slabs, slabs.store(as_bytes(large)), large.size()), large);
}

TEST(Slabs, FreedSlotsAreUsedBeforeMemoryIsAskedFor) {
  Slabs slabs;
  std::vector<Slabs::Ref> refs;
  for (int i = 0; i < 20'000; ++i) refs.push_back(slabs.store(as_bytes("sixteen bytes...")));
  const std::uint64_t chunks = slabs.chunks_made();
  EXPECT_EQ(chunks, 5u) << "4,096 slots of 16 bytes in a chunk of 64 KiB";
  for (int round = 0; round < 3; ++round) {
    for (Slabs::Ref& ref : refs) slabs.free(ref);
    for (Slabs::Ref& ref : refs) ref = slabs.store(as_bytes("another text"));
  }
  EXPECT_EQ(slabs.chunks_made(), chunks);
}

TEST(Slabs, KeepManyRunsOfAllSizesApart) {
  Slabs slabs;
  std::mt19937_64 random(11);
  std::map<Slabs::Ref, std::string> kept;
  for (int i = 0; i < 20'000; ++i) {
    const std::size_t bytes = 1 + random() % (random() % 50 == 0 ? 100'000 : 200);
    std::string text(bytes, static_cast<char>('a' + i % 26));
    const auto some =
        kept.empty() ? kept.end() : std::next(kept.begin(), static_cast<std::ptrdiff_t>(random() % std::min<std::size_t>(kept.size(), 20)));
    if (some != kept.end() && random() % 2 == 0) {
      ASSERT_EQ(text_of(slabs, some->first, some->second.size()), some->second);
      const Slabs::Ref old = some->first;
      kept.erase(some);
      if (random() % 2 == 0) {
        slabs.free(old);
        continue;
      }
      ASSERT_TRUE(kept.emplace(slabs.replace(old, as_bytes(text)), text).second);
    } else {
      ASSERT_TRUE(kept.emplace(slabs.store(as_bytes(text)), text).second) << "handed out twice";
    }
  }
  for (const auto& [ref, text] : kept) ASSERT_EQ(text_of(slabs, ref, text.size()), text);
}

}  // namespace
}  // namespace clasp::router
