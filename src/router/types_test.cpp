#include "router/types.hpp"

#include <gtest/gtest.h>

namespace clasp::router {
namespace {

constexpr Uuid counting{{0x00, 0x01, 0x02, 0x03, 0x44, 0x45, 0x46, 0x47, 0x88, 0x89, 0xaa, 0xab, 0xcc, 0xcd, 0xee, 0xff}};
constexpr std::string_view counting_text = "00010203-4445-4647-8889-aaabcccdeeff";

TEST(Uuid, IsWrittenInLowerCaseInGroupsOf8And4And4And4And12) { EXPECT_EQ(to_text(counting), counting_text); }

TEST(Uuid, IsReadBackFromItsText) {
  Uuid uuid;
  ASSERT_TRUE(parse_uuid(counting_text, uuid));
  EXPECT_EQ(uuid, counting);
}

TEST(Uuid, MayBeGivenInUpperCase) {
  Uuid uuid;
  ASSERT_TRUE(parse_uuid("00010203-4445-4647-8889-AAABCCCDEEFF", uuid));
  EXPECT_EQ(uuid, counting);
}

TEST(Uuid, OfAnyOtherFormIsRefusedAndLeavesTheTargetAlone) {
  for (const std::string_view text :
       {"", "00010203", "00010203-4445-4647-8889-aaabcccdeef", "00010203-4445-4647-8889-aaabcccdeefff", "0001020344454647-8889-aaabcccdeeff-00",
        "{0010203-4445-4647-8889-aaabcccdeeff", "0001020g-4445-4647-8889-aaabcccdeeff", "00010203 4445 4647 8889 aaabcccdeeff",
        "00010203-4445-4647-8889aaabcccdeeff--"}) {
    Uuid uuid = counting;
    EXPECT_FALSE(parse_uuid(text, uuid)) << text;
    EXPECT_EQ(uuid, counting) << text;
  }
}

TEST(Uuid, IsRefusedWhenOneCharacterIsWrongWhereverItIs) {
  for (std::size_t i = 0; i < counting_text.size(); ++i) {
    std::string text(counting_text);
    text[i] = text[i] == '-' ? '0' : '-';
    Uuid uuid;
    EXPECT_FALSE(parse_uuid(text, uuid)) << text;
  }
}

TEST(Uuid, IsRefusedWhenCutAtAnyLength) {
  for (std::size_t n = 0; n < counting_text.size(); ++n) {
    Uuid uuid;
    EXPECT_FALSE(parse_uuid(counting_text.substr(0, n), uuid)) << n;
  }
}

}  // namespace
}  // namespace clasp::router
