#include "store/thinning.hpp"

#include "store/store_testing.hpp"

namespace clasp::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ThinningTest : public ::testing::Test {
 protected:
  void add(const Entry& entry) {
    batch_.items.u8(static_cast<std::uint8_t>(ItemKind::entry));
    append_record(batch_.items, entry);
    ++batch_.entries;
  }
  std::vector<std::size_t> left_out() {
    thinning_.plan(batch_);
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < batch_.entries; ++i) {
      if (thinning_.left_out(i)) out.push_back(i);
    }
    return out;
  }
  Batch batch_;
  Thinning thinning_;
};

TEST_F(ThinningTest, OfTheSetsOfOneAddressTheLastStays) {
  for (const char* address : {"/a", "/b", "/a", "/c", "/a"}) add({.address = address});
  EXPECT_THAT(left_out(), ElementsAre(0, 2));
}

TEST_F(ThinningTest, EventsLocksAndRemovalsStay) {
  for (int i = 0; i < 2; ++i) {
    add({.kind = EntryKind::publish, .address = "/e", .signal = SignalType::event});
    add({.kind = EntryKind::publish, .address = "/g", .signal = SignalType::gesture, .phase = GesturePhase::start});
    add({.address = "/l", .lock = true});
    add({.kind = EntryKind::removed, .address = "/r"});
    add({.kind = EntryKind::lock_freed, .address = "/f"});
  }
  EXPECT_THAT(left_out(), IsEmpty());
}

TEST_F(ThinningTest, StreamsAndMovesKeepTheNewestOfEachKind) {
  for (int i = 0; i < 2; ++i) {
    add({.kind = EntryKind::publish, .address = "/x", .signal = SignalType::stream});
    add({.kind = EntryKind::publish, .address = "/x", .signal = SignalType::gesture, .phase = GesturePhase::move, .id = 1});
    add({.kind = EntryKind::publish, .address = "/x", .signal = SignalType::gesture, .phase = GesturePhase::move, .id = 2});
    add({.address = "/x"});
  }
  EXPECT_THAT(left_out(), ElementsAre(0, 1, 2, 3));
}

TEST_F(ThinningTest, ALifetimeIsHandedOnButNotAcrossARemoval) {
  add({.address = "/a", .ttl = Ttl{Ttl::Mode::sliding, 5}});
  add({.address = "/a"});
  add({.address = "/a"});
  add({.address = "/b", .ttl = Ttl{Ttl::Mode::sliding, 6}});
  add({.kind = EntryKind::removed, .address = "/b"});
  add({.address = "/b"});
  EXPECT_THAT(left_out(), ElementsAre(0, 1));
  EXPECT_EQ(thinning_.lifetime(2), (Ttl{Ttl::Mode::sliding, 5}));
  EXPECT_FALSE(thinning_.lifetime(5));
}

}  // namespace
}  // namespace clasp::store
