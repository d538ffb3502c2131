#include "bridge/osc/osc_packet.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <ostream>

#include "bridge/osc/osc_test_bytes.hpp"
#include "core/limits.hpp"

namespace clasp::bridge::osc {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::IsEmpty;

// A copy without a byte to spare, so that the address sanitizer sees the first one read past the end.
class Exact {
 public:
  explicit Exact(std::string_view bytes) : data_(new std::byte[bytes.size()]), size_(bytes.size()) {
    if (!bytes.empty()) std::memcpy(data_.get(), bytes.data(), bytes.size());
  }
  Bytes view() const { return {data_.get(), size_}; }

 private:
  std::unique_ptr<std::byte[]> data_;
  std::size_t size_;
};

// "/a 1", "/b [1,"x"]@3976214400": what was read, in order.
std::vector<std::string> read(OscDecoder& decoder, std::string_view bytes) {
  const Exact datagram(bytes);
  decoder.decode(datagram.view());
  std::vector<std::string> lines;
  for (const OscMessage& message : decoder.messages()) {
    std::string line = std::string(message.address) + " " + to_json(to_value(message.value));
    if (!is_immediate(message.time)) line += "@" + std::to_string(static_cast<std::uint64_t>(message.time) >> 32);
    lines.push_back(line);
  }
  return lines;
}
std::vector<std::string> read(std::string_view bytes) {
  OscDecoder decoder;
  return read(decoder, bytes);
}

// ---- one message of each kind ----

struct TypeRow {
  const char* title;
  std::string_view tags;
  std::string data;
  Value value;
  std::size_t spare = 0;  // bytes at the end that are only padding
};
std::ostream& operator<<(std::ostream& out, const TypeRow& row) { return out << row.title; }

class ArgumentType : public testing::TestWithParam<TypeRow> {};

TEST_P(ArgumentType, BecomesTheValueOfTheTable) {
  const TypeRow& row = GetParam();
  OscDecoder decoder;
  const Exact datagram(message("/a", row.tags, row.data));
  decoder.decode(datagram.view());
  ASSERT_EQ(decoder.messages().size(), 1U);
  EXPECT_EQ(decoder.faults(), OscFaults{});
  EXPECT_EQ(decoder.messages()[0].address, "/a");
  EXPECT_EQ(to_value(decoder.messages()[0].value), row.value);
}

TEST_P(ArgumentType, CutAnywhereIsRefusedOrWhole) {
  const TypeRow& row = GetParam();
  const std::string whole = message("/a", row.tags, row.data);
  const std::size_t padding_from = row.data.empty() ? 4 + row.tags.size() + 1 : whole.size() - row.spare;
  for (std::size_t n = 0; n < whole.size(); ++n) {
    OscDecoder decoder;
    const Exact datagram(std::string_view(whole).substr(0, n));
    decoder.decode(datagram.view());
    if (n >= padding_from) {  // only padding is missing
      ASSERT_EQ(decoder.messages().size(), 1U) << n;
      EXPECT_EQ(to_value(decoder.messages()[0].value), row.value) << n;
    } else if (n == 3 || n == 4) {  // an address without type tags
      ASSERT_EQ(decoder.messages().size(), 1U) << n;
      EXPECT_TRUE(to_value(decoder.messages()[0].value).is_null()) << n;
    } else {
      EXPECT_TRUE(decoder.messages().empty()) << "accepted when cut after " << n << " bytes";
      EXPECT_EQ(decoder.faults(), OscFaults{.malformed = 1}) << n;
    }
  }
}

constexpr double inf = std::numeric_limits<double>::infinity();
Array four(int a, int b, int c, int d) { return {a, b, c, d}; }

INSTANTIATE_TEST_SUITE_P(Spec, ArgumentType,
                         testing::Values(TypeRow{"Int32", ",i", hex("fffffff6"), -10},                                                        //
                                         TypeRow{"Float32", ",f", hex("3e800000"), 0.25},                                                     //
                                         TypeRow{"Float32Infinite", ",f", hex("ff800000"), -inf},                                             //
                                         TypeRow{"String", ",s", text("Sub"), "Sub"},                                                         //
                                         TypeRow{"StringWithPadding", ",s", text("Subs"), "Subs", 3},                                         //
                                         TypeRow{"StringEmpty", ",s", text(""), "", 3},                                                       //
                                         TypeRow{"StringUtf8", ",s", hex("636166c3 a9000000"), "café", 2},                                    //
                                         TypeRow{"StringLatin1", ",s", hex("636166e9 00000000"), "caf\xef\xbf\xbd", 3},                       //
                                         TypeRow{"Blob", ",b", hex("00000003 01020300"), Blob{std::byte{1}, std::byte{2}, std::byte{3}}, 1},  //
                                         TypeRow{"BlobEmpty", ",b", hex("00000000"), Blob{}},                                                 //
                                         TypeRow{"Int64", ",h", hex("7fffffff ffffffff"), std::numeric_limits<std::int64_t>::max()},          //
                                         TypeRow{"TimeTag", ",t", hex("83aa7e8a 80000000"), 10'500'000},                                      //
                                         TypeRow{"TimeTagNow", ",t", hex("00000000 00000001"), 0},                                            //
                                         TypeRow{"Float64", ",d", hex("3fd3333333333333"), 0.3},                                              //
                                         TypeRow{"Symbol", ",S", text("sym"), "sym"},                                                         //
                                         TypeRow{"Char", ",c", hex("00000041"), "A"},                                                         //
                                         TypeRow{"CharBeyondAscii", ",c", hex("0001f3b9"), "\xf0\x9f\x8e\xb9"},                               //
                                         TypeRow{"CharThatIsNone", ",c", hex("ffffffff"), "\xef\xbf\xbd"},                                    //
                                         TypeRow{"Rgba", ",r", hex("ff800001"), four(255, 128, 0, 1)},                                        //
                                         TypeRow{"Midi", ",m", hex("00903c7f"), four(0, 0x90, 60, 127)},                                      //
                                         TypeRow{"True", ",T", "", true}, TypeRow{"False", ",F", "", false},                                  //
                                         TypeRow{"Nil", ",N", "", nullptr}, TypeRow{"Impulse", ",I", "", inf},                                //
                                         TypeRow{"NoArgument", ",", "", nullptr},                                                             //
                                         TypeRow{"Several", ",isT", hex("00000001") + text("x"), Array{1, "x", true}, 2},                     //
                                         TypeRow{"OneArray", ",[ii]", hex("00000001 00000002"), Array{1, 2}},                                 //
                                         TypeRow{"EmptyArray", ",[]", "", Array{}},                                                           //
                                         TypeRow{"NestedArrays", ",i[i[T]]F", hex("00000001 00000002"), Array{1, Array{2, Array{true}}, false}}),
                         [](const auto& row) { return std::string(row.param.title); });

TEST(OscPacket, KeepsNotANumber) {
  OscDecoder decoder;
  EXPECT_THAT(read(decoder, hex("2f6e0000 2c660000 7fc00000")), ElementsAre("/n null"));
  const Exact datagram(hex("2f6e0000 2c660000 7fc00000"));
  decoder.decode(datagram.view());
  EXPECT_TRUE(std::isnan(*decoder.messages()[0].value.as_number()));
}

TEST(OscPacket, AnImpulseIsWhatTheConfigurationSays) {
  OscDecoder nulls({}, Impulse::null);
  EXPECT_THAT(read(nulls, message("/a", ",I")), ElementsAre("/a null"));
  OscDecoder flags({}, Impulse::boolean_true);
  EXPECT_THAT(read(flags, message("/a", ",I")), ElementsAre("/a true"));
}

// ---- what is wrong is counted ----

struct FaultRow {
  const char* title;
  std::string bytes;
  OscFaults faults;
  std::vector<std::string> readable = {};
};
std::ostream& operator<<(std::ostream& out, const FaultRow& row) { return out << row.title; }

class BrokenDatagram : public testing::TestWithParam<FaultRow> {};

TEST_P(BrokenDatagram, LosesOnlyWhatIsBrokenAndIsCounted) {
  const FaultRow& row = GetParam();
  OscDecoder decoder;
  EXPECT_EQ(read(decoder, row.bytes), row.readable);
  EXPECT_EQ(decoder.faults(), row.faults);
  EXPECT_THAT(read(decoder, hex("2f6f6b00 2c690000 00000001")), ElementsAre("/ok 1")) << "and the next datagram is read as ever";
}

const std::string ok = int_message("/ok", 1);
const std::string after = int_message("/after", 2);

INSTANTIATE_TEST_SUITE_P(
    Case, BrokenDatagram,
    testing::Values(
        FaultRow{"C02BlobLongerThanTheDatagram", hex("2f620000 2c620000 7fffffff 00000000"), {.malformed = 1}},
        FaultRow{"C02BlobOfMinusOneBytes", hex("2f620000 2c620000 ffffffff 00000000"), {.malformed = 1}},
        FaultRow{"C02BlobOfNothingButALength", hex("2f620000 2c620000 80000000"), {.malformed = 1}},
        FaultRow{"C02BundleWithoutTimeTag", hex("2362756e 646c6500"), {.malformed = 1}},
        FaultRow{"C02ElementLongerThanTheBundle", hex("2362756e 646c6500 00000000 00000001 7ffffffc 2f610000"), {.malformed = 1}},
        FaultRow{"C02ElementOfThreeBytes", hex("2362756e 646c6500 00000000 00000001 00000003 2f610000"), {.malformed = 1}},
        FaultRow{"C02ElementOfNoBytes", hex("2362756e 646c6500 00000000 00000001 00000000 2f610000"), {.malformed = 2}},
        FaultRow{"C02ElementOfNegativeSize", hex("2362756e 646c6500 00000000 00000001 fffffffc 2f610000"), {.malformed = 1}},
        FaultRow{"C02NoTerminator", hex("2f6f6b"), {.malformed = 1}},
        FaultRow{"C02TypeTagsWithoutTerminator", hex("2f6f6b00 2c69"), {.malformed = 1}}, FaultRow{"C02EmptyDatagram", "", {.malformed = 1}},
        FaultRow{"C02ThreeThousandBundlesInsideEachOther", nested_bundles(3'000, ""), {.too_deep = 1}},
        FaultRow{"NoSlash", message("ok", ",i", hex("00000001")), {.malformed = 1}},
        FaultRow{"NotOscAtAll", "GET / HTTP/1.1\r\n\r\n", {.malformed = 1}},
        FaultRow{"DataWithoutTypeTags", text("/a") + hex("00000001"), {.malformed = 1}},
        FaultRow{"UnknownTag", message("/a", ",iQ", hex("00000001")), {.unknown_tag = 1}},
        FaultRow{"BracketNotClosed", message("/a", ",[i", hex("00000001")), {.malformed = 1}},
        FaultRow{"BracketNotOpened", message("/a", ",i]", hex("00000001")), {.malformed = 1}},
        FaultRow{"BracketsTooDeep", message("/a", "," + std::string(33, '[') + std::string(33, ']')), {.too_deep = 1}},
        FaultRow{"BadNeighbourInABundle", bundle(TimeTag::immediately, {ok, message("/a", ",Q"), after}), {.unknown_tag = 1}, {"/ok 1", "/after 2"}},
        FaultRow{"ReadableUpToTheBadSize", bundle(TimeTag::immediately, {ok}) + hex("00000040") + after, {.malformed = 1}, {"/ok 1"}},
        FaultRow{"BadSizeInsideLosesOnlyTheInner",
                 bundle(TimeTag::immediately, {bundle(TimeTag::immediately, {ok}) + hex("00000040"), after}),
                 {.malformed = 1},
                 {"/ok 1", "/after 2"}},
        FaultRow{"TrailingBytes", bundle(TimeTag::immediately, {ok}) + "xy", {.malformed = 1}, {"/ok 1"}},
        FaultRow{"FiftyBundlesDeepBesideOthers",
                 bundle(TimeTag::immediately, {ok, nested_bundles(50, int_message("/deep", 3)), after}),
                 {.too_deep = 1},
                 {"/ok 1", "/after 2"}}),
    [](const auto& row) { return std::string(row.param.title); });

TEST(OscPacket, ReadsThirtyTwoBundlesDeepAndNoFurther) {
  EXPECT_THAT(read(nested_bundles(32, ok)), ElementsAre("/ok 1"));
  EXPECT_THAT(read(nested_bundles(33, ok)), IsEmpty());
}

TEST(OscPacket, StopsAfterTheElementsItMayRead) {
  std::vector<std::string> elements(5'000, message("/n", ",N"));
  OscDecoder decoder;
  EXPECT_EQ(read(decoder, bundle(TimeTag::immediately, elements)).size(), 4'096U);
  EXPECT_EQ(decoder.faults(), OscFaults{.too_many = 1});
}

TEST(OscPacket, RefusesValuesNoClaspFrameCanHold) {
  OscDecoder decoder;
  EXPECT_THAT(read(decoder, message("/a", "," + std::string(8'000, 'i'), std::string(32'000, '\0'))), IsEmpty());  // 9 bytes each on our side
  EXPECT_EQ(decoder.faults(), OscFaults{.too_large = 1});
  EXPECT_THAT(read(decoder, message("/a", ",s", text(std::string(30'000, '\xff')))), IsEmpty());  // 3 bytes each
  EXPECT_EQ(decoder.faults(), OscFaults{.too_large = 1});
  EXPECT_EQ(read(decoder, message("/a", ",s", text(std::string(60'000, 'x')))).size(), 1U);
  EXPECT_EQ(decoder.faults(), OscFaults{});
}

TEST(OscPacket, RepairsAddressesThatAreNotUtf8) {
  EXPECT_THAT(read(bundle(TimeTag::immediately, {int_message("/caf\xe9", 1), ok})), ElementsAre("/caf\xef\xbf\xbd 1", "/ok 1"));
}

// ---- bundles and time ----

TEST(OscPacket, FlattensNestedBundlesInOrder) {
  const std::string inner = bundle(TimeTag::immediately, {int_message("/b", 2), bundle(TimeTag::immediately, {int_message("/c", 3)})});
  EXPECT_THAT(read(bundle(TimeTag::immediately, {int_message("/a", 1), inner, int_message("/d", 4)})), ElementsAre("/a 1", "/b 2", "/c 3", "/d 4"));
}

TEST(OscPacket, TheLaterTimeOfInnerAndOuterCounts) {
  const TimeTag early{3'976'214'400ULL << 32};
  const TimeTag late{3'976'214'401ULL << 32};
  EXPECT_THAT(read(bundle(early, {ok, bundle(late, {after})})), ElementsAre("/ok 1@3976214400", "/after 2@3976214401"));
  EXPECT_THAT(read(bundle(late, {ok, bundle(early, {after})})), ElementsAre("/ok 1@3976214401", "/after 2@3976214401"));
  EXPECT_THAT(read(bundle(late, {bundle(TimeTag::immediately, {after})})), ElementsAre("/after 2@3976214401"));
  EXPECT_THAT(read(bundle(TimeTag{0}, {ok})), ElementsAre("/ok 1"));
}

TEST(OscPacket, AnEmptyBundleIsNoFault) {
  OscDecoder decoder;
  EXPECT_THAT(read(decoder, bundle(TimeTag::immediately, {})), IsEmpty());
  EXPECT_EQ(decoder.faults(), OscFaults{});
}

}  // namespace
}  // namespace clasp::bridge::osc
