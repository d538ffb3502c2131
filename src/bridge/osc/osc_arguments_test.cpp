#include "bridge/osc/osc_arguments.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "bridge/osc/osc_packet.hpp"
#include "bridge/osc/osc_test_bytes.hpp"

namespace clasp::bridge::osc {
namespace {

using namespace test;

std::string encode(const Value& value, OscEncoding encoding = {}) {
  OscArguments arguments(encoding);
  const EncodedValue encoded(value);
  arguments.add(encoded.view());
  ByteBuffer out;
  EXPECT_TRUE(append_message(out, "/a", arguments, 65'507));
  EXPECT_EQ(out.size() % 4, 0U);
  return std::string(as_text(out.view()));
}

TEST(OscArguments, StayWithTheFourCommonTypesByDefault) {
  EXPECT_EQ(encode(0.5), message("/a", ",f", hex("3f000000")));
  EXPECT_EQ(encode(-1), message("/a", ",i", hex("ffffffff")));
  EXPECT_EQ(encode("Groß 9°"), message("/a", ",s", text("Groß 9°")));
  EXPECT_EQ(encode(Blob{std::byte{1}}), message("/a", ",b", hex("00000001 01000000")));
  EXPECT_EQ(encode(Blob{}), message("/a", ",b", hex("00000000")));
  EXPECT_EQ(encode(true), message("/a", ",T"));
  EXPECT_EQ(encode(false), message("/a", ",F"));
  EXPECT_EQ(encode(nullptr), message("/a", ","));
}

TEST(OscArguments, WidenOnlyWhatDoesNotFit) {
  EXPECT_EQ(encode(std::int64_t{1} << 31), message("/a", ",h", u64(std::uint64_t{1} << 31)));
  EXPECT_EQ(encode(-(std::int64_t{1} << 31)), message("/a", ",i", hex("80000000")));
  EXPECT_EQ(encode(1e300), message("/a", ",d", u64(std::bit_cast<std::uint64_t>(1e300))));
  EXPECT_EQ(encode(std::numeric_limits<double>::infinity()), message("/a", ",f", hex("7f800000")));
  EXPECT_EQ(encode(std::nan("")), message("/a", ",f", hex("7fc00000")));
}

TEST(OscArguments, ObeyTheNumberFormat) {
  const OscEncoding wide{.number_format = NumberFormat::native64};
  EXPECT_EQ(encode(1, wide), message("/a", ",h", u64(1)));
  EXPECT_EQ(encode(0.5, wide), message("/a", ",d", u64(std::bit_cast<std::uint64_t>(0.5))));
  const OscEncoding narrow{.number_format = NumberFormat::native32};
  EXPECT_EQ(encode(std::numeric_limits<std::int64_t>::max(), narrow), message("/a", ",i", hex("7fffffff")));
  EXPECT_EQ(encode(-1e300, narrow), message("/a", ",f", hex("ff800000")));
}

TEST(OscArguments, FlattenArraysUnlessBracketsAreWanted) {
  const Value value = Array{1, Array{2, Array{"x"}}, nullptr};
  EXPECT_EQ(encode(value), message("/a", ",iis", u32(1) + u32(2) + text("x")));
  EXPECT_EQ(encode(value, {.nested_arrays = true}), message("/a", ",i[i[s]]", u32(1) + u32(2) + text("x")));
  EXPECT_EQ(encode(value, {.null_as_nil = true}), message("/a", ",iisN", u32(1) + u32(2) + text("x")));
  EXPECT_EQ(encode(Array{}), message("/a", ","));
}

TEST(OscArguments, WriteMapsAsJsonWithBytesAsNumbers) {
  const Value value = Map{{"x", 1}, {"raw", Blob{std::byte{0}, std::byte{255}}}, {"list", Array{1.0, Map{{"deep", nullptr}}}}};
  EXPECT_EQ(encode(value), message("/a", ",s", text(R"({"x":1,"raw":[0,255],"list":[1.0,{"deep":null}]})")));
  EXPECT_EQ(encode(Array{Map{{"a", 1}}, 2}), message("/a", ",si", text(R"({"a":1})") + u32(2))) << "and what follows a map is still read";
}

TEST(OscArguments, WriteTextThatOscCannotCarryAsItIs) {
  EXPECT_EQ(encode(std::string("a\0b", 3)), message("/a", ",s",
                                                    text("a\xef\xbf\xbd"
                                                         "b")));
  EXPECT_EQ(encode("x", {.strings_as_symbols = true}), message("/a", ",S", text("x")));
}

TEST(OscArguments, WriteSamplesAsFloats) {
  OscArguments arguments;
  const std::string samples = u64(std::bit_cast<std::uint64_t>(0.5)) + u64(std::bit_cast<std::uint64_t>(0.25)) + "rest";
  arguments.add_samples(as_bytes(samples));
  EXPECT_EQ(arguments.tags(), ",ff");
  EXPECT_EQ(as_text(arguments.data()), hex("3f000000 3e800000"));
}

TEST(OscArguments, RefuseWhatIsLongerThanAPacketOrNoAddress) {
  OscArguments arguments;
  arguments.add_text("12345");
  ByteBuffer out;
  out.u8(7);
  EXPECT_FALSE(append_message(out, "/a", arguments, 15));
  EXPECT_FALSE(append_message(out, "a", arguments, 100));
  EXPECT_FALSE(append_message(out, std::string_view("/a\0b", 4), arguments, 100));
  EXPECT_EQ(out.size(), 1U) << "nothing of them is left";
  EXPECT_TRUE(append_message(out, "/a", arguments, 16));
}

TEST(OscArguments, ComeBackFromTheDecoderAsTheyWere) {
  const Value values[] = {nullptr, true, 42, -0.5, "text", Blob(7, std::byte{9}), Array{1, 0.5, "x", Array{true, false}, Blob{}}};
  for (const Value& value : values) {
    const std::string packet = encode(value, {.null_as_nil = true, .nested_arrays = true});
    OscDecoder decoder;
    decoder.decode(as_bytes(packet));
    ASSERT_EQ(decoder.messages().size(), 1U);
    EXPECT_EQ(to_value(decoder.messages()[0].value), value) << to_json(value);
  }
}

}  // namespace
}  // namespace clasp::bridge::osc
