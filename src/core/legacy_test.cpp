// The legacy MessagePack encoding against the vectors, and the rules they do not cover.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <functional>
#include <map>
#include <random>

#include "core/codec.hpp"
#include "core/msgpack.hpp"
#include "core/wire_vectors_testing.hpp"

namespace clasp {
namespace {

using testing::by_name;
using testing::check_round_trip;
using testing::decode_whole;
using testing::Json;
using testing::load_vectors;
using testing::normal;
using testing::payload_of;
using testing::to_hex;
using testing::to_json;
using ::testing::ValuesIn;
using testing::Vector;

// Rows where we do something else than the reference, and why. `message` is what we decode; nothing: we refuse.
struct Deviation {
  std::string reason;
  std::optional<std::string> message;
  bool same_compact_bytes = false;
};
const std::map<std::string, Deviation, std::less<>> deviations{
    {"legacy/hello-capabilities",
     {"nobody implements capabilities: read for their form, then dropped",
      R"({"type":"HELLO","version":2,"features":["param","custom"],"name":"v2"})", true}},
    {"legacy/result",
     {"RESULT never carries meta (section 6.15)", R"({"type":"RESULT","signals":[{"address":"/a/b","type":"param","datatype":"f32","access":"r"}]})",
      true}},
    {"legacy/type-int-0x21-rejected",
     {"integers from 0x20 on are message codes (section 7, recommended)",
      R"({"type":"SET","address":"/a/b","value":{"int":"1"},"lock":false,"unlock":false})"}},
    {"legacy/key-as-int-0", {"integers as field names are an accident of the reference, no need to copy (section 7)", std::nullopt}},
    {"legacy/publish-timeline",
     {"timelines travel as a map in the value slot (section 22.4)",
      R"({"type":"PUBLISH","address":"/a/b","signal":"timeline","value":{"map":[["duration",{"int":"2000000"}],["keyframes",[
          {"map":[["easing","ease-in"],["time",{"int":"0"}],["value",{"bits":"3fe0000000000000"}]]},
          {"map":[["bezier",[{"bits":"3fdae147ae147ae1"},{"bits":"0000000000000000"},{"bits":"3fe28f5c28f5c28f"},{"bits":"3ff0000000000000"}]],
                  ["easing","cubic-bezier"],["time",{"int":"1000000"}],["value",{"int":"1"}]]}]],
          ["loop",true],["start_time",{"int":"5"}]]}})"}},
    {"legacy/publish-timeline-loop-key-ignored",
     {"`loop` is accepted beside `loop_` (section 22.4)",
      R"({"type":"PUBLISH","address":"/a/b","signal":"timeline","value":{"map":[["keyframes",[]],["loop",true]]}})"}},
    {"legacy/publish-js-keyframes-ignored",
     {"the keyframes of JavaScript peers are accepted (section 22.4)",
      R"({"type":"PUBLISH","address":"/a/b","signal":"timeline","timestamp":"9","value":{"map":[["keyframes",[
          {"map":[["easing","linear"],["time",{"int":"0"}],["value",{"int":"0"}]]}]],["loop",true]]}})"}},
};

class Legacy : public ::testing::TestWithParam<Vector> {
 protected:
  bool accepted() const {
    const auto deviation = deviations.find(GetParam().name);
    return deviation != deviations.end() ? deviation->second.message.has_value() : GetParam().row.at("expect") == "accept";
  }
  Bytes payload() const {
    const auto frame = decode_frame(GetParam().bytes);
    return frame ? frame->payload : Bytes{};
  }
};

TEST_P(Legacy, IsDecodedOrRefusedAsTheSpecSays) {
  Decoder decoder;
  const auto message = decode_whole(decoder, GetParam().bytes);
  ASSERT_EQ(message.has_value(), accepted()) << (message ? normal(to_json(*message)) : describe(message.error()));
  if (!message) {
    EXPECT_LE(message.error().offset, GetParam().bytes.size());
    return;
  }
  const auto deviation = deviations.find(GetParam().name);
  const bool deviates = deviation != deviations.end();
  EXPECT_EQ(normal(to_json(*message)), normal(deviates ? Json::parse(*deviation->second.message) : GetParam().row.at("message")));
  EXPECT_EQ(check_round_trip(*message), "");
  if (!GetParam().row.contains("compact_hex")) return;
  EXPECT_EQ(to_hex(payload_of(*message)) == GetParam().row.at("compact_hex").get<std::string>(), !deviates || deviation->second.same_compact_bytes);
}

TEST_P(Legacy, IsRefusedWhereverItIsCut) {
  if (!accepted()) return;
  MsgpackReader in(payload(), 0);
  ASSERT_TRUE(in.skip());
  Decoder decoder;
  for (std::size_t n = 0; n < in.at(); ++n) {
    const std::vector<std::byte> cut(payload().begin(), payload().begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_FALSE(decoder.decode(cut)) << "accepted when cut after " << n << " bytes";
  }
}

TEST_P(Legacy, SurvivesEveryChangeOfOneByteAndRandomOnes) {
  Decoder decoder;
  std::vector<std::byte> bytes(payload().begin(), payload().end());
  const auto examine = [&] {
    if (const auto message = decoder.decode(bytes)) {
      EXPECT_EQ(check_round_trip(*message), "") << to_hex(bytes);
    }
  };
  for (std::byte& byte : bytes) {
    const std::byte original = byte;
    for (const int changed :
         {0x00, 0x7f, 0x80, 0x81, 0x90, 0x91, 0xa0, 0xa1, 0xc0, 0xc1, 0xc3, 0xc4, 0xc7, 0xca, 0xcb, 0xcf, 0xd3, 0xd4, 0xd9, 0xdc, 0xdd, 0xdf, 0xff}) {
      byte = static_cast<std::byte>(changed);
      examine();
    }
    byte = original;
  }
  std::mt19937 random(7330);
  for (int run = 0; run < 100 && !bytes.empty(); ++run) {
    const std::vector<std::byte> original = bytes;
    for (std::size_t changes = random() % 4 + 1; changes > 0; --changes) bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    examine();
    bytes = original;
  }
}

INSTANTIATE_TEST_SUITE_P(Spec, Legacy, ValuesIn(load_vectors("legacy")), by_name);

// ---- rules beyond the vectors: messages written down as MessagePack ----

class Pack {
 public:
  Pack& raw(std::initializer_list<int> bytes) {
    for (const int byte : bytes) bytes_.push_back(static_cast<std::byte>(byte));
    return *this;
  }
  Pack& map(int count) { return raw({0x80 + count}); }
  Pack& array(int count) { return raw({0x90 + count}); }
  Pack& text(std::string_view text) {
    raw({0xd9, static_cast<int>(text.size())});
    for (const char c : text) bytes_.push_back(static_cast<std::byte>(c));
    return *this;
  }
  Pack& field(std::string_view key, std::string_view value) { return text(key).text(value); }
  Pack& repeat(int byte, std::size_t count) {
    bytes_.insert(bytes_.end(), count, static_cast<std::byte>(byte));
    return *this;
  }
  Bytes bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

Pack set_of(std::function<void(Pack&)> value) {
  Pack pack;
  pack.map(3).field("type", "SET").field("address", "/a").text("value");
  value(pack);
  return pack;
}

// The message in the vectors' notation, or "refused: …".
std::string decoded(const Pack& pack) {
  Decoder decoder;
  const auto message = decoder.decode(pack.bytes());
  if (!message) return fmt::format("refused: {}", fault_name(message.error().fault));
  EXPECT_EQ(check_round_trip(*message), "");
  return normal(to_json(*message));
}

std::string decoded_value(std::initializer_list<int> value) {
  const Pack pack = set_of([&](Pack& out) { out.raw(value); });
  Decoder decoder;
  const auto message = decoder.decode(pack.bytes());
  if (!message) return fmt::format("refused: {}", fault_name(message.error().fault));
  EXPECT_EQ(check_round_trip(*message), "");
  return to_json(std::get<Set>(message->body).value).dump();
}

constexpr std::string_view bad = "refused: bad legacy message";

TEST(LegacyValues, TakesIntegersOfEveryWidth) {
  EXPECT_EQ(decoded_value({0x7f}), R"({"int":"127"})");
  EXPECT_EQ(decoded_value({0xe0}), R"({"int":"-32"})");
  EXPECT_EQ(decoded_value({0xcc, 0xff}), R"({"int":"255"})");
  EXPECT_EQ(decoded_value({0xcd, 0xff, 0xff}), R"({"int":"65535"})");
  EXPECT_EQ(decoded_value({0xce, 0xff, 0xff, 0xff, 0xff}), R"({"int":"4294967295"})");
  EXPECT_EQ(decoded_value({0xcf, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), R"({"int":"9223372036854775807"})");
  EXPECT_EQ(decoded_value({0xcf, 0x80, 0, 0, 0, 0, 0, 0, 0}), R"({"bits":"43e0000000000000"})");
  EXPECT_EQ(decoded_value({0xd0, 0x80}), R"({"int":"-128"})");
  EXPECT_EQ(decoded_value({0xd1, 0x80, 0x00}), R"({"int":"-32768"})");
  EXPECT_EQ(decoded_value({0xd2, 0xff, 0xff, 0xff, 0xff}), R"({"int":"-1"})");
  EXPECT_EQ(decoded_value({0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0}), R"({"int":"-9223372036854775808"})");
  EXPECT_EQ(decoded_value({0xd3, 0, 0, 0, 0, 0, 0, 0, 5}), R"({"int":"5"})");
}

TEST(LegacyValues, TakesEveryLengthPrefixAndRefusesTheUnusedMarker) {
  EXPECT_EQ(decoded_value({0xda, 0, 1, 'x'}), R"("x")");
  EXPECT_EQ(decoded_value({0xdb, 0, 0, 0, 1, 'x'}), R"("x")");
  EXPECT_EQ(decoded_value({0xc5, 0, 1, 'x'}), R"("x")");
  EXPECT_EQ(decoded_value({0xc6, 0, 0, 0, 1, 'x'}), R"("x")");
  EXPECT_EQ(decoded_value({0xdc, 0, 1, 0xc3}), "[true]");
  EXPECT_EQ(decoded_value({0xdd, 0, 0, 0, 1, 0xc2}), "[false]");
  EXPECT_EQ(decoded_value({0xde, 0, 1, 0xa1, 'k', 0xc0}), R"({"map":[["k",null]]})");
  EXPECT_EQ(decoded_value({0x81, 0xc4, 1, 'k', 0xc0}), R"({"map":[["k",null]]})");
  EXPECT_EQ(decoded_value({0xc1}), bad);
  EXPECT_EQ(decoded_value({0xc7, 1, 5, 0}), bad);
  EXPECT_EQ(decoded_value({0xd8, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), bad);
  EXPECT_EQ(decoded_value({0xa2, 0xc3, 0x28}), "refused: bad UTF-8");
}

TEST(LegacyValues, PromisesOfCountsThatCannotBeThereAreRefusedAtOnce) {
  EXPECT_EQ(decoded_value({0xdd, 0xff, 0xff, 0xff, 0xff, 0xc0}), bad);
  EXPECT_EQ(decoded_value({0xdf, 0xff, 0xff, 0xff, 0xff, 0xc0}), bad);
  EXPECT_EQ(decoded_value({0xdb, 0xff, 0xff, 0xff, 0xff, 0xc0}), bad);
  EXPECT_EQ(decoded_value({0xc9, 0xff, 0xff, 0xff, 0xff, 0xc0}), bad);
}

TEST(LegacyValues, NestSixtyFourDeepAndNoFurther) {
  const auto nested = [](std::size_t containers) { return set_of([=](Pack& out) { out.repeat(0x91, containers - 1).raw({0x90}); }); };
  EXPECT_THAT(decoded(nested(wire::value_depth_max)), ::testing::StartsWith(R"({"address":"/a")"));
  EXPECT_EQ(decoded(nested(wire::value_depth_max + 1)), "refused: nesting too deep");
}

TEST(LegacyValues, OfTheMostExpensiveKindFitTheScratch) {  // small integers grow ninefold
  Pack pack = set_of([](Pack& out) { out.raw({0xdc, 0xf0, 0x00}).repeat(0x05, 0xf000); });
  Decoder decoder;
  const auto message = decoder.decode(pack.bytes());
  ASSERT_TRUE(message) << describe(message.error());
  EXPECT_EQ(std::get<Set>(message->body).value.data.size(), 2U + 9U * 0xf000);
  ByteBuffer out;
  EXPECT_FALSE(append_payload(out, *message)) << "more than a frame can hold";
}

TEST(LegacyFields, UnknownOnesArePassedOverHoweverDeepTheyNest) {
  Pack pack;
  pack.map(2).text("junk").repeat(0x91, 60'000).raw({0x90}).field("type", "PING");
  EXPECT_EQ(decoded(pack), R"({"type":"PING"})");
}

TEST(LegacyFields, AreRefusedWhenGivenTwiceIfTheMessageReadsThem) {
  EXPECT_EQ(decoded(Pack().map(3).field("type", "GET").field("address", "/a").field("address", "/b")), bad);
  EXPECT_EQ(decoded(Pack().map(3).field("type", "PING").field("address", "/a").field("address", "/b")), R"({"type":"PING"})");
}

TEST(LegacyFields, HoldIntegersOfTheirRangeAndNoFloats) {
  const auto unsubscribe = [](std::initializer_list<int> id) { return decoded(Pack().map(2).field("type", "UNSUBSCRIBE").text("id").raw(id)); };
  EXPECT_EQ(unsubscribe({0xce, 0xff, 0xff, 0xff, 0xff}), R"({"id":4294967295,"type":"UNSUBSCRIBE"})");
  EXPECT_EQ(unsubscribe({0xd3, 0, 0, 0, 0, 0, 0, 0, 1}), R"({"id":1,"type":"UNSUBSCRIBE"})");
  EXPECT_EQ(unsubscribe({0xcf, 0, 0, 0, 1, 0, 0, 0, 0}), bad);
  EXPECT_EQ(unsubscribe({0xff}), bad);
  EXPECT_EQ(unsubscribe({0xca, 0x3f, 0x80, 0, 0}), bad);
  EXPECT_EQ(unsubscribe({0xc0}), bad);
}

TEST(LegacyFields, TakeIntegersForFloats) {
  EXPECT_EQ(
      decoded(Pack().map(3).field("type", "PUBLISH").field("address", "/s").text("samples").array(2).raw({0x02, 0xff})),
      R"({"address":"/s","phase":"start","samples":[{"bits":"4000000000000000"},{"bits":"bff0000000000000"}],"signal":"event","type":"PUBLISH"})");
}

TEST(LegacyFields, NameEnumerationsExactly) {
  const auto publish = [](std::string_view key, std::string_view value) {
    return decoded(Pack().map(3).field("type", "PUBLISH").field("address", "/a").field(key, value));
  };
  EXPECT_THAT(publish("phase", "cancel"), ::testing::HasSubstr(R"("phase":"cancel")"));
  EXPECT_EQ(publish("phase", "Cancel"), bad);
  EXPECT_EQ(publish("signal", "PARAM"), bad);
}

TEST(LegacyTypes, AreNamesPositionsOrMessageCodes) {
  const auto get = [](int type) { return decoded(Pack().map(2).text("type").raw({type}).field("address", "/a")); };
  const std::string expected = R"({"address":"/a","type":"GET"})";
  EXPECT_EQ(get(7), expected);
  EXPECT_EQ(get(0x22), expected);
  EXPECT_EQ(get(19), bad);
  EXPECT_EQ(get(0x1f), bad);
  EXPECT_EQ(get(0x25), bad);
}

TEST(LegacyTtl, OfZeroSecondsIsNever) {
  const auto set = [](std::string_view mode, int seconds) {
    Pack pack;
    pack.map(4).field("type", "SET").field("address", "/a").text("value").raw({0xc0}).text("ttl").map(1).text(mode).raw({seconds});
    return decoded(pack);
  };
  EXPECT_THAT(set("Absolute", 0), ::testing::HasSubstr(R"("ttl":{"mode":"never"})"));
  EXPECT_THAT(set("Sliding", 0), ::testing::HasSubstr(R"("ttl":{"mode":"never"})"));
  EXPECT_THAT(set("Absolute", 5), ::testing::HasSubstr(R"("ttl":{"mode":"absolute","secs":5})"));
  EXPECT_EQ(set("Other", 5), bad);
}

TEST(LegacyBundles, NestEightDeepAndNoFurther) {
  const auto nested = [](std::size_t depth) {
    Pack pack;
    for (std::size_t i = 0; i < depth; ++i) pack.map(2).field("type", "BUNDLE").text("messages").array(1);
    return pack.map(1).field("type", "PING");
  };
  EXPECT_THAT(decoded(nested(wire::bundle_depth_max)), ::testing::StartsWith(R"({"messages")"));
  EXPECT_EQ(decoded(nested(wire::bundle_depth_max + 1)), "refused: nesting too deep");
}

// ---- timelines ----

Pack timeline_publish(std::function<void(Pack&)> keyframe) {
  Pack pack;
  pack.map(4).field("type", "PUBLISH").field("address", "/t").field("signal", "timeline").text("keyframes").array(1);
  keyframe(pack);
  return pack;
}

TEST(LegacyTimelines, RefuseKeyframesThatAreNone) {
  EXPECT_EQ(decoded(timeline_publish([](Pack& out) { out.map(1).text("time").raw({0}); })), bad);
  EXPECT_EQ(decoded(timeline_publish([](Pack& out) { out.map(2).text("time").raw({0xff}).text("value").raw({1}); })), bad);
  EXPECT_EQ(decoded(timeline_publish([](Pack& out) { out.map(3).text("time").raw({0}).text("value").raw({1}).field("easing", "bounce"); })), bad);
  EXPECT_EQ(
      decoded(timeline_publish([](Pack& out) { out.map(3).text("time").raw({0}).text("value").raw({1}).text("bezier").array(3).raw({0, 0, 0}); })),
      bad);
  EXPECT_EQ(decoded(timeline_publish([](Pack& out) { out.raw({5}); })), bad);
}

TEST(LegacyTimelines, LeaveRoomForTheirOwnNesting) {
  const auto with_value = [](std::size_t containers) {
    return timeline_publish([=](Pack& out) { out.map(2).text("time").raw({0}).text("value").repeat(0x91, containers - 1).raw({0x90}); });
  };
  EXPECT_THAT(decoded(with_value(wire::value_depth_max - 3)), ::testing::StartsWith(R"({"address":"/t")"));
  EXPECT_EQ(decoded(with_value(wire::value_depth_max - 2)), "refused: nesting too deep");
}

TEST(LegacyTimelines, StandBehindAnExplicitValue) {
  Pack pack;
  pack.map(4).field("type", "PUBLISH").field("address", "/t").text("value").raw({1}).text("keyframes").array(0);
  EXPECT_EQ(decoded(pack), R"({"address":"/t","phase":"start","signal":"event","type":"PUBLISH","value":{"int":"1"}})");
}

}  // namespace
}  // namespace clasp
