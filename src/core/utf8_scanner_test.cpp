#include "core/utf8_scanner.hpp"

#include <gtest/gtest.h>

#include <string>

#include "core/address.hpp"

namespace clasp {
namespace {

std::string sequence(unsigned a, unsigned b, unsigned c, unsigned d, std::size_t bytes) {
  const std::string all{static_cast<char>(a), static_cast<char>(b), static_cast<char>(c), static_cast<char>(d)};
  return all.substr(0, bytes);
}

TEST(Utf8Scanner, AgreesWithTheWholeTextCheckOnEveryKindOfSequence) {
  constexpr unsigned edges[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};  // where a range begins or ends
  for (unsigned a = 0; a < 256; ++a) {
    for (const unsigned b : edges) {
      for (const unsigned c : edges) {
        for (std::size_t bytes = 1; bytes <= 4; ++bytes) {
          const std::string text = sequence(a, b, c, 0x80, bytes);
          Utf8Scanner scanner;
          const bool possible = scanner.take(text);
          ASSERT_EQ(possible && scanner.complete(), valid_utf8(text)) << std::hex << a << ' ' << b << ' ' << c << ", bytes " << bytes;
        }
      }
    }
  }
}

TEST(Utf8Scanner, GivesTheSameWhereverTheTextIsCut) {
  const std::string texts[] = {"Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!!", "\xf4\x8f\xbf\xbf and plain text behind it",
                               "plain text before \xed\xa0\x80 a surrogate", "eight by\xf4\x90\x80\x80te"};
  for (const std::string& text : texts) {
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      Utf8Scanner scanner;
      const bool first = scanner.take(std::string_view{text}.substr(0, cut));
      const bool both = scanner.take(std::string_view{text}.substr(cut)) && scanner.complete();
      EXPECT_EQ(both, valid_utf8(text)) << text << " cut after " << cut;
      EXPECT_TRUE(first || !both) << "a refusal stands";
    }
  }
}

TEST(Utf8Scanner, RefusesWithTheFirstBadByte) {
  struct Row {
    std::string text;
    std::size_t good;  // bytes before the one that cannot be
  };
  const Row rows[] = {{"\x80", 0},         {"\xc0\x80", 0},     {"\xc1\xbf", 0},         {"\xf5", 0},     {"ab\xff", 2},    {"\xc3(", 1},
                      {"\xe0\x9f\x80", 1}, {"\xed\xa0\x80", 1}, {"\xf0\x8f\x80\x80", 1}, {"\xf4\x90", 1}, {"\xe2\x82(", 2}, {"\xf0\x9f\x98(", 3},
                      {"\xf0\x9f(", 2},    {"12345678\x80", 8}, {"1234567\xe2\x82z", 9}};
  for (const Row& row : rows) {
    Utf8Scanner scanner;
    for (std::size_t i = 0; i < row.text.size(); ++i) {
      const bool taken = scanner.take(std::string_view{row.text}.substr(i, 1));
      EXPECT_EQ(taken, i < row.good) << "byte " << i << " of a text with " << row.good << " good bytes";
    }
    scanner.reset();
    EXPECT_TRUE(scanner.take("plain") && scanner.complete());
  }
}

}  // namespace
}  // namespace clasp
