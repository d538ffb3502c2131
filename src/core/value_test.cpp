#include "clasp/value.hpp"

#include <gmock/gmock.h>

#include <limits>
#include <string>

#include "core/address.hpp"
#include "core/limits.hpp"
#include "core/utf8.hpp"
#include "core/value_view.hpp"
#include "core/wire_vectors_testing.hpp"

namespace clasp {
namespace {

using testing::from_hex;
using testing::to_hex;

// "tag data" after decoding, or the fault.
std::string decoded(ValueTag tag, std::string_view hex) {
  const auto bytes = from_hex(hex);
  ByteBuffer scratch;
  std::size_t offset = 0;
  const auto view = decode_value(tag, bytes, offset, scratch);
  if (!view) return std::string(fault_name(view.error().fault));
  EXPECT_EQ(offset, bytes.size()) << "does not end where the value ends";
  return std::to_string(static_cast<int>(view->tag)) + " " + to_hex(view->data);
}

TEST(ValueView, IsWidenedToI64AndF64) {
  EXPECT_EQ(decoded(ValueTag::i8, "80"), "5 ffffffffffffff80");
  EXPECT_EQ(decoded(ValueTag::i16, "fffe"), "5 fffffffffffffffe");
  EXPECT_EQ(decoded(ValueTag::i32, "7fffffff"), "5 000000007fffffff");
  EXPECT_EQ(decoded(ValueTag::f32, "3dcccccd"), "7 3fb99999a0000000");
  EXPECT_EQ(decoded(ValueTag::f32, "80000000"), "7 8000000000000000");
  EXPECT_EQ(decoded(ValueTag::boolean, "07"), "1 01");
  EXPECT_EQ(decoded(ValueTag::array,
                    "0003"
                    "0201"
                    "0a00010107"
                    "0b00010001"
                    "6b"
                    "0300ff"),
            "10 0003"
            "050000000000000001"
            "0a00010101"
            "0b00010001"
            "6b"
            "0500000000000000ff");
}

TEST(ValueView, LeavesCanonicalValuesWhereTheyLie) {
  const auto bytes = from_hex(
      "ffff"
      "0003"
      "00"
      "0101"
      "0b00010001"
      "6b"
      "090002c328");
  ByteBuffer scratch;
  std::size_t offset = 2;
  const auto view = decode_value(ValueTag::array, bytes, offset, scratch);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->data.data(), bytes.data() + 2);
  EXPECT_EQ(offset, bytes.size());
  EXPECT_TRUE(scratch.empty());
  EXPECT_EQ(scratch.capacity(), 0U);
}

TEST(ValueView, UsesExactlyTheScratchItsCanonicalFormNeeds) {
  const auto bytes = from_hex(
      "0002"
      "0201"
      "0600000000");
  ByteBuffer scratch;
  std::size_t offset = 0;
  ASSERT_TRUE(decode_value(ValueTag::array, bytes, offset, scratch));
  EXPECT_EQ(scratch.size(), 2U + 9U + 9U);
}

TEST(ValueView, IsRefusedForEveryFault) {
  EXPECT_EQ(decoded(ValueTag{12}, ""), "unknown value tag");
  EXPECT_EQ(decoded(ValueTag{255}, ""), "unknown value tag");
  EXPECT_EQ(decoded(ValueTag::array, "000110"), "unknown value tag");
  EXPECT_EQ(decoded(ValueTag::boolean, ""), "truncated message");
  EXPECT_EQ(decoded(ValueTag::f64, "00000000000000"), "truncated message");
  EXPECT_EQ(decoded(ValueTag::string, "000161"), "8 000161");
  EXPECT_EQ(decoded(ValueTag::string, "000261"), "truncated message");
  EXPECT_EQ(decoded(ValueTag::string, "0001ff"), "bad UTF-8");
  EXPECT_EQ(decoded(ValueTag::map, "00010001ff00"), "bad UTF-8");
  EXPECT_EQ(decoded(ValueTag::map, "0001000500"), "truncated message");
  EXPECT_EQ(decoded(ValueTag::array, "ffff00"), "truncated message");
}

TEST(ValueView, IsRefusedWhereverItIsCut) {
  const auto bytes = from_hex(
      "0006"
      "00"
      "0101"
      "02ff"
      "080003616263"
      "0a0002"
      "0700000000000000000601020304"
      "0b0001"
      "0001"
      "6b"
      "0900020102");
  ByteBuffer scratch;
  std::size_t end = 0;
  ASSERT_TRUE(decode_value(ValueTag::array, bytes, end, scratch));
  ASSERT_EQ(end, bytes.size());
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    const std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
    std::size_t offset = 0;
    EXPECT_FALSE(decode_value(ValueTag::array, cut, offset, scratch)) << "accepted when cut after " << n << " bytes";
    EXPECT_EQ(offset, 0U);
  }
}

Value nested(std::size_t containers) {
  Value value{Array{}};
  for (std::size_t i = 1; i < containers; ++i) value = i % 2 == 0 ? Value(Array{std::move(value)}) : Value(Map{{"k", std::move(value)}});
  return value;
}

TEST(ValueView, NestsSixtyFourContainersAndNoMore) {
  const EncodedValue deepest(nested(wire::value_depth_max));
  ASSERT_TRUE(deepest.ok());
  EXPECT_EQ(to_value(deepest.view()), nested(wire::value_depth_max));
  ByteBuffer scratch;
  std::size_t offset = 0;
  ASSERT_TRUE(decode_value(deepest.view().tag, deepest.view().data, offset, scratch));

  EXPECT_FALSE(EncodedValue(nested(wire::value_depth_max + 1)).ok());
  std::vector<std::byte> too_deep = from_hex("0001");  // one array more around it
  too_deep.push_back(static_cast<std::byte>(deepest.view().tag));
  too_deep.insert(too_deep.end(), deepest.view().data.begin(), deepest.view().data.end());
  offset = 0;
  const auto refused = decode_value(ValueTag::array, too_deep, offset, scratch);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, DecodeFault::nesting_too_deep);
}

TEST(ValueView, AnswersOnlyForItsOwnKind) {
  const EncodedValue integer(Value(-3));
  EXPECT_EQ(integer.view().as_integer(), -3);
  EXPECT_EQ(integer.view().as_number(), -3.0);
  EXPECT_FALSE(integer.view().as_bool());
  const EncodedValue floating(Value(0.5));
  EXPECT_EQ(floating.view().as_number(), 0.5);
  EXPECT_FALSE(floating.view().as_integer());
  const EncodedValue text(Value("hi"));
  EXPECT_EQ(text.view().as_string(), "hi");
  EXPECT_FALSE(text.view().as_number());
  const EncodedValue flag(Value(true));
  EXPECT_EQ(flag.view().as_bool(), true);
  EXPECT_FALSE(flag.view().as_string());
  EXPECT_EQ(ValueView{}.encoded_bytes(), 1U);
}

TEST(ValueView, IsComparedBitByBit) {
  const EncodedValue zero(Value(0.0));
  const EncodedValue minus_zero(Value(-0.0));
  const EncodedValue integer_zero(Value(0));
  const EncodedValue nan{Value(std::numeric_limits<double>::quiet_NaN())};
  EXPECT_TRUE(same_value(nan.view(), nan.view()));
  EXPECT_TRUE(same_value({}, {}));
  EXPECT_FALSE(same_value(zero.view(), minus_zero.view()));
  EXPECT_FALSE(same_value(zero.view(), integer_zero.view()));
}

TEST(Value, SurvivesTheWayToBytesAndBack) {
  const Value value(Map{{"null", Value()},
                        {"yes", Value(true)},
                        {"int", Value(std::numeric_limits<std::int64_t>::min())},
                        {"float", Value(-1.5)},
                        {"text", Value("Zoë 🎛")},
                        {"bytes", Value(Blob{std::byte{0}, std::byte{255}})},
                        {"list", Value(Array{Value(1), Value(Array{}), Value(Map{})})}});
  const EncodedValue encoded(value);
  ASSERT_TRUE(encoded.ok());
  EXPECT_EQ(to_value(encoded.view()), value);
}

TEST(Value, TakesTheLastOfDuplicateKeysAtThePlaceOfTheFirst) {
  const auto bytes = from_hex(
      "0003"
      "00016b"
      "0100"
      "000178"
      "00"
      "00016b"
      "0101");
  EXPECT_EQ(to_value({ValueTag::map, bytes}), Value(Map{{"k", Value(true)}, {"x", Value()}}));
}

TEST(Value, BeyondTheLimitsOfTheWireBecomesNull) {
  const std::string longest(wire::string_bytes_max, 'x');
  EXPECT_TRUE(EncodedValue(Value(longest)).ok());
  for (const Value& value : {Value(longest + "x"), Value(Blob(wire::string_bytes_max + 1)), Value(Array(65'536)), Value(std::string("\xff")),
                             Value(Map{{longest + "x", Value()}}), Value(Array{Value(1), Value(longest + "x")})}) {
    const EncodedValue encoded(value);
    EXPECT_FALSE(encoded.ok());
    EXPECT_EQ(encoded.view().tag, ValueTag::null);
    EXPECT_TRUE(encoded.view().data.empty());
    ByteBuffer out;
    out.u8(7);
    EXPECT_FALSE(encode_value(value, out));
    EXPECT_EQ(to_hex(out.view()), "07");
  }
}

// ---- UTF-8 ----

struct Utf8Row {
  std::string_view name;
  std::string_view text;
  bool valid;
};
constexpr std::array utf8_rows{
    Utf8Row{"empty", "", true},
    Utf8Row{"NUL", std::string_view("\0", 1), true},
    Utf8Row{"two bytes", "\xc2\x80", true},
    Utf8Row{"three bytes", "\xe0\xa0\x80", true},
    Utf8Row{"last before the surrogates", "\xed\x9f\xbf", true},
    Utf8Row{"first after the surrogates", "\xee\x80\x80", true},
    Utf8Row{"first of four bytes", "\xf0\x90\x80\x80", true},
    Utf8Row{"U+10FFFF", "\xf4\x8f\xbf\xbf", true},
    Utf8Row{"byte order mark", "\xef\xbb\xbf", true},
    Utf8Row{"lone continuation", "\x80", false},
    Utf8Row{"overlong two", "\xc0\x80", false},
    Utf8Row{"overlong two, c1", "\xc1\xbf", false},
    Utf8Row{"overlong three", "\xe0\x9f\xbf", false},
    Utf8Row{"overlong four", "\xf0\x8f\xbf\xbf", false},
    Utf8Row{"high surrogate", "\xed\xa0\x80", false},
    Utf8Row{"low surrogate", "\xed\xbf\xbf", false},
    Utf8Row{"U+110000", "\xf4\x90\x80\x80", false},
    Utf8Row{"f5", "\xf5\x80\x80\x80", false},
    Utf8Row{"ff", "\xff", false},
    Utf8Row{"cut after one of two", "\xc3", false},
    Utf8Row{"cut after two of three", "\xe2\x82", false},
    Utf8Row{"cut after three of four", "\xf0\x9f\x8e", false},
    Utf8Row{"no continuation", "\xc3(", false},
};

TEST(Utf8, IsCheckedAtEveryPlaceOfATextOfEveryLength) {
  for (const Utf8Row& row : utf8_rows) {
    for (std::size_t before = 0; before < 20; ++before) {
      for (std::size_t after = 0; after < 20; ++after) {
        const std::string text = std::string(before, 'a') + std::string(row.text) + std::string(after, 'z');
        EXPECT_EQ(valid_utf8(text), row.valid) << row.name << " behind " << before << " before " << after;
        EXPECT_EQ(is_utf8(text), row.valid) << row.name << " behind " << before << " before " << after;
        EXPECT_EQ(is_ascii(text), std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
      }
    }
  }
}

}  // namespace
}  // namespace clasp
