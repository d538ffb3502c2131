#include "router/address_index.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "core/address.hpp"

namespace clasp::router {
namespace {

struct Addresses final : AddressSource {
  std::vector<std::string> texts;
  std::string_view address(std::uint32_t entry) const override { return texts[entry]; }
};

std::vector<std::uint32_t> all_of(const AddressIndex& index) {
  std::vector<std::uint32_t> entries;
  for (auto cursor = index.begin(); index.at(cursor) != AddressIndex::none; cursor = index.next(cursor)) entries.push_back(index.at(cursor));
  return entries;
}

constexpr std::uint32_t many = 20'000;

Addresses numbered() {
  Addresses source;
  for (std::uint32_t i = 0; i < many; ++i) source.texts.push_back(fmt::format("/param/{:06}", i));
  return source;
}

// What differs comes late, behind what the index keeps of the first address of a leaf; and some end before.
Addresses long_ones() {
  Addresses source;
  std::string prefix;
  for (std::uint32_t i = 0; i < 60; ++i) source.texts.push_back(prefix += "/x");
  for (std::uint32_t i = 0; i < 3'000; ++i) source.texts.push_back(fmt::format("{}/{:04}", prefix, i));
  return source;
}

class AddressIndexOrder : public testing::TestWithParam<std::string> {
 protected:
  std::vector<std::uint32_t> order() const {
    std::vector<std::uint32_t> entries(many);
    for (std::uint32_t i = 0; i < many; ++i) entries[i] = i;
    if (GetParam() == "backwards") std::ranges::reverse(entries);
    if (GetParam() == "shuffled") std::ranges::shuffle(entries, std::mt19937_64(5));
    if (GetParam() == "odd_then_even") std::ranges::stable_partition(entries, [](std::uint32_t i) { return i % 2 == 1; });
    return entries;
  }
};

TEST_P(AddressIndexOrder, DoesNotMatterForWhatIsFoundAndCostsAtMostTenBytesAnEntry) {
  const Addresses source = numbered();
  AddressIndex index(source);
  for (const std::uint32_t entry : order()) index.insert(entry);
  const std::vector<std::uint32_t> entries = all_of(index);
  ASSERT_EQ(entries.size(), many);
  EXPECT_TRUE(std::ranges::is_sorted(entries));
  EXPECT_LE(index.memory_bytes(), many * 10u);
  for (std::uint32_t i = 0; i < many; i += 7) {
    EXPECT_EQ(index.at(index.seek(source.texts[i])), i);
    EXPECT_EQ(index.at(index.seek(source.texts[i] + "/below")), i + 1 == many ? AddressIndex::none : i + 1);
  }
}

TEST_P(AddressIndexOrder, OfRemovingLeavesTheRestInOrderAndGivesMemoryBack) {
  const Addresses source = numbered();
  AddressIndex index(source);
  for (std::uint32_t i = 0; i < many; ++i) index.insert(i);
  const std::vector<std::uint32_t> entries = order();
  std::set<std::uint32_t> left(entries.begin(), entries.end());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    index.erase(entries[i]);
    left.erase(entries[i]);
    if (i % 4'000 == 0) {
      ASSERT_EQ(all_of(index), std::vector<std::uint32_t>(left.begin(), left.end()));
    }
    if (i == many * 3 / 4) {
      EXPECT_LE(index.memory_bytes(), left.size() * 12);
    }
  }
  EXPECT_EQ(index.size(), 0u);
  EXPECT_EQ(index.at(index.begin()), AddressIndex::none);
  EXPECT_EQ(index.at(index.seek("/param")), AddressIndex::none);
}

INSTANTIATE_TEST_SUITE_P(Each, AddressIndexOrder, testing::Values("forwards", "backwards", "shuffled", "odd_then_even"),
                         [](const auto& order) { return order.param; });

TEST(AddressIndex, AgreesWithASortedSetWhateverIsAddedRemovedAndSought) {
  Addresses source;
  std::mt19937_64 random(9);
  for (int i = 0; i < 3'000; ++i) {
    std::string text;
    for (std::uint64_t depth = 1 + random() % 4; depth > 0; --depth)
      text += "/" + std::string(1 + random() % 2, static_cast<char>('!' + random() % 90));
    std::ranges::replace(text, '*', 'x');
    source.texts.push_back(text);
  }
  const auto less = [&](std::uint32_t a, std::uint32_t b) { return compare_addresses(source.texts[a], source.texts[b]) < 0; };
  std::set<std::uint32_t, decltype(less)> expected(less);
  AddressIndex index(source);
  for (int step = 0; step < 60'000; ++step) {
    const bool growing = step / 10'000 % 2 == 0;
    const auto entry = static_cast<std::uint32_t>(random() % source.texts.size());
    if (random() % 4 == 0 ? !growing : growing) {
      if (expected.insert(entry).second) index.insert(entry);
    } else if (const auto there = expected.find(entry); there != expected.end()) {
      index.erase(*there);  // maybe another entry with the same address
      expected.erase(there);
    }
    const auto sought = static_cast<std::uint32_t>(random() % source.texts.size());
    const auto bound = expected.lower_bound(sought);
    ASSERT_EQ(index.at(index.seek(source.texts[sought])), bound == expected.end() ? AddressIndex::none : *bound);
  }
  EXPECT_EQ(all_of(index), std::vector<std::uint32_t>(expected.begin(), expected.end()));
}

TEST(AddressIndex, OrdersAddressesThatDifferOnlyAtTheirEnd) {
  const Addresses source = long_ones();
  const auto count = static_cast<std::uint32_t>(source.texts.size());
  std::vector<std::uint32_t> shuffled(count);
  for (std::uint32_t i = 0; i < count; ++i) shuffled[i] = i;
  std::ranges::shuffle(shuffled, std::mt19937_64(6));
  AddressIndex index(source);
  for (const std::uint32_t entry : shuffled) index.insert(entry);
  ASSERT_EQ(index.size(), count);
  EXPECT_TRUE(std::ranges::is_sorted(all_of(index)));
  for (const std::uint32_t entry : shuffled) ASSERT_EQ(index.at(index.seek(source.texts[entry])), entry);
  for (const std::uint32_t entry : shuffled) index.erase(entry);
  EXPECT_EQ(index.size(), 0u);
}

TEST(AddressIndex, SaysOfAnOldCursorWhetherItStillHoldsSomething) {
  const Addresses source = numbered();
  AddressIndex index(source);
  for (std::uint32_t i = 0; i < 300; ++i) index.insert(i);
  const AddressIndex::Cursor last = index.seek(source.texts[299]);
  EXPECT_TRUE(index.holds(last));
  index.erase(299);
  EXPECT_FALSE(index.holds(last));
  for (std::uint32_t i = 0; i < 299; ++i) index.erase(i);
  EXPECT_FALSE(index.holds(index.begin()));
}

}  // namespace
}  // namespace clasp::router
