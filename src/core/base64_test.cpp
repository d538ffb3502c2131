#include "core/base64.hpp"

#include <gtest/gtest.h>

namespace clasp {
namespace {

// RFC 4648, section 10.
constexpr std::pair<const char*, const char*> vectors[] = {
    {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"},
};

TEST(Base64, AgreesWithTheVectorsOfItsRfc) {
  for (const auto& [plain, text] : vectors) {
    EXPECT_EQ(base64_encode(as_bytes(plain)), text);
    const auto decoded = base64_decode(text);
    ASSERT_TRUE(decoded) << text;
    EXPECT_EQ(as_text(*decoded), plain);
  }
}

TEST(Base64, CarriesEveryByteAtEveryPlace) {
  for (int byte = 0; byte < 256; ++byte) {
    for (std::size_t before = 0; before < 3; ++before) {
      Blob bytes(before, std::byte{0x5a});
      bytes.push_back(static_cast<std::byte>(byte));
      EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
    }
  }
  EXPECT_EQ(base64_encode(Blob{std::byte{0xfb}, std::byte{0xff}}), "+/8=") << "the standard alphabet, not the one for URLs";
}

TEST(Base64, RefusesEverythingThatIsNotItsOneText) {
  for (const char* text :
       {"A", "AA", "AAA", "AA=", "A===", "====", "=", "AA==AA==", "A=AA", "AA=A", "Zm9v\n", " Zm9", "Zm-_", "Zh==", "Zm9=", "Zm9\xff"}) {
    EXPECT_EQ(base64_decode(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace clasp
