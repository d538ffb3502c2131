#include "core/codec.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <openssl/sha.h>

#include <map>
#include <random>

#include "core/wire_vectors_testing.hpp"

namespace clasp {
namespace {

using testing::by_name;
using testing::check_round_trip;
using testing::decode_whole;
using testing::from_hex;
using testing::load_vectors;
using testing::normal;
using testing::payload_of;
using testing::to_hex;
using testing::to_json;
using ::testing::ValuesIn;
using testing::Vector;

// Rows whose payload we write differently from the implementation that produced them, and why.
const std::map<std::string, std::string, std::less<>> written_differently{
    {"subscribe/types-all-five", "all five types and 0xff mean the same; we always write 0xff"},
    {"replay/all", "all five types and 0xff mean the same; we always write 0xff"},
    {"set/ttl-absolute-0", "absolute 0 s reads as never (section 22.8), and never is written as 0"},
    {"python/set-ttl-zero-absolute", "absolute 0 s reads as never (section 22.8), and never is written as 0"},
};

class Frames : public ::testing::TestWithParam<Vector> {};

TEST_P(Frames, AreDecodedAsTheVectorSays) {
  Decoder decoder;
  const auto frame = decode_frame(GetParam().bytes);
  ASSERT_TRUE(frame) << describe(frame.error());
  const auto& expected = GetParam().row.at("frame");
  EXPECT_EQ(static_cast<int>(frame->header.qos), expected.at("qos"));
  EXPECT_EQ(frame->header.timestamp.has_value(), expected.at("has_timestamp"));
  if (expected.contains("timestamp")) {
    EXPECT_EQ(std::to_string(frame->header.timestamp.value().us), expected.at("timestamp").get<std::string>());
  }
  EXPECT_EQ(frame->header.frame_bytes(), GetParam().bytes.size());

  const auto message = decoder.decode(frame->payload);
  ASSERT_TRUE(message) << describe(message.error());
  EXPECT_EQ(normal(to_json(*message)), normal(GetParam().row.at("message")));
}

TEST_P(Frames, AreWrittenWithTheSameBytes) {
  Decoder decoder;
  const auto frame = decode_frame(GetParam().bytes);
  ASSERT_TRUE(frame);
  const auto message = decoder.decode(frame->payload);
  ASSERT_TRUE(message);
  EXPECT_EQ(check_round_trip(*message), "");
  if (!GetParam().row.at("reencodes").get<bool>()) return;

  const bool differs = written_differently.contains(GetParam().name);
  EXPECT_EQ(to_hex(payload_of(*message)) != to_hex(frame->payload), differs);
  if (differs || frame->header.timestamp) return;
  ByteBuffer out;
  ASSERT_TRUE(append_frame(out, *message, frame->header.qos));
  EXPECT_EQ(to_hex(out.view()), to_hex(GetParam().bytes));
}

TEST_P(Frames, AreRefusedWhereverTheyAreCut) {
  Decoder decoder;
  const std::vector<std::byte>& bytes = GetParam().bytes;
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    // A copy of its own for each cut: the sanitizer sees every byte that is read beyond it.
    const std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_FALSE(decode_frame(cut)) << "accepted when cut after " << n << " bytes";
    const auto expected = frame_bytes_expected(cut);
    ASSERT_TRUE(expected);
    EXPECT_TRUE(n < wire::header_bytes ? !*expected : **expected == bytes.size());
  }
  const auto frame = decode_frame(bytes);
  ASSERT_TRUE(frame);
  for (std::size_t n = 0; n < frame->payload.size(); ++n) {
    const std::vector<std::byte> cut(frame->payload.begin(), frame->payload.begin() + static_cast<std::ptrdiff_t>(n));
    if (const auto message = decoder.decode(cut)) {
      EXPECT_EQ(check_round_trip(*message), "") << "cut after " << n << " bytes";
    }
  }
}

TEST_P(Frames, SurviveEveryChangeOfOneByteAndRandomOnes) {
  Decoder decoder;
  const auto frame = decode_frame(GetParam().bytes);
  ASSERT_TRUE(frame);
  std::vector<std::byte> payload(frame->payload.begin(), frame->payload.end());
  const auto examine = [&] {
    if (const auto message = decoder.decode(payload)) {
      EXPECT_EQ(check_round_trip(*message), "") << to_hex(payload);
    }
  };
  for (std::byte& byte : payload) {
    const std::byte original = byte;
    for (const int changed : {0x00, 0x01, 0x02, 0x0a, 0x0b, 0x7f, 0x80, 0xc0, 0xff}) {
      byte = static_cast<std::byte>(changed);
      examine();
    }
    byte = original ^ std::byte{1};
    examine();
    byte = original;
  }
  std::mt19937 random(7330);
  for (int run = 0; run < 100; ++run) {
    std::vector<std::byte> original = payload;
    for (std::size_t changes = random() % 4 + 1; changes > 0 && !payload.empty(); --changes) {
      const std::size_t place = random() % payload.size();
      switch (random() % 3) {
        case 0: payload[place] = static_cast<std::byte>(random()); break;
        case 1: payload.erase(payload.begin() + static_cast<std::ptrdiff_t>(place)); break;
        default: payload.insert(payload.begin() + static_cast<std::ptrdiff_t>(place), static_cast<std::byte>(random())); break;
      }
    }
    examine();
    payload = std::move(original);
  }
}

INSTANTIATE_TEST_SUITE_P(Spec, Frames, ValuesIn(load_vectors("frames")), by_name);

// ---- edge cases ----

// The fault behind the words the vectors use for it.
const std::map<std::string, DecodeFault, std::less<>> faults{
    {"error: short header", DecodeFault::short_header},
    {"error: bad magic", DecodeFault::bad_magic},
    {"error: truncated frame", DecodeFault::truncated_frame},
    {"error: empty payload", DecodeFault::empty_payload},
    {"error: empty inner message", DecodeFault::empty_payload},
    {"error: truncated", DecodeFault::truncated_message},
    {"error: unknown message type", DecodeFault::unknown_message},
    {"error: unknown message type 0x81 (inner messages are never legacy)", DecodeFault::unknown_message},
    {"error: whole bundle rejected", DecodeFault::unknown_message},
    {"error: unknown value type", DecodeFault::unknown_value_tag},
    {"error: invalid utf-8", DecodeFault::bad_utf8},
    {"error: unknown federation op", DecodeFault::unknown_federation_op},
    {"error: nesting too deep (recommended); reference accepts", DecodeFault::nesting_too_deep},
    {"error: legacy decode failure", DecodeFault::bad_legacy},
    {"error: truncated msgpack", DecodeFault::bad_legacy},
};

std::optional<DecodeFault> expected_fault(std::string comment) {
  if (const auto end = comment.find(" —"); end != std::string::npos) comment.resize(end);
  const auto row = faults.find(comment);
  return row != faults.end() ? std::optional(row->second) : std::nullopt;
}

class EdgeCases : public ::testing::TestWithParam<Vector> {};

TEST_P(EdgeCases, AreDecodedOrRefusedAsTheSpecSays) {
  Decoder decoder;
  const auto message = decode_whole(decoder, GetParam().bytes);
  const bool accepted = GetParam().row.at("expect") == "accept" || GetParam().row.contains("lenient");
  ASSERT_EQ(message.has_value(), accepted) << GetParam().row.at("comment");
  if (!accepted) {
    const std::string comment = GetParam().row.at("comment");
    const auto fault = expected_fault(comment);
    ASSERT_TRUE(fault) << "no fault known for: " << comment;
    EXPECT_EQ(fault_name(message.error().fault), fault_name(*fault)) << describe(message.error());
    EXPECT_LE(message.error().offset, GetParam().bytes.size());
    return;
  }
  EXPECT_EQ(check_round_trip(*message), "");
  if (GetParam().row.contains("message")) {
    EXPECT_EQ(normal(to_json(*message)), normal(GetParam().row.at("message")));
  }
}

INSTANTIATE_TEST_SUITE_P(Spec, EdgeCases, ValuesIn(load_vectors("decode_edge_cases")), by_name);

TEST(Codec, AcceptsHelloAndWelcomeWithoutTheTrailingToken) {
  Decoder decoder;
  const auto hello_bytes = from_hex("530100060101e000016e");
  const auto hello = decode_whole(decoder, hello_bytes);
  ASSERT_TRUE(hello);
  EXPECT_EQ(normal(to_json(*hello)), R"({"features":["param","event","stream"],"name":"n","type":"HELLO","version":1})");
  const auto welcome_bytes = from_hex("530100210201f800000000000000000008656d626564646564000a4d696e69526f75746572");
  const auto welcome = decode_whole(decoder, welcome_bytes);
  ASSERT_TRUE(welcome);
  EXPECT_EQ(std::get<Welcome>(welcome->body).session, "embedded");
  EXPECT_EQ(std::get<Welcome>(welcome->body).token, "");
}

// ---- limits ----

std::vector<std::byte> set_of_string(std::size_t length, ByteBuffer& value_bytes) {
  value_bytes.clear();
  value_bytes.u16(static_cast<std::uint16_t>(length));
  value_bytes.append(as_bytes(std::string(length, 'x')));
  ByteBuffer out;
  if (!append_frame(out, Set{.address = "/a", .value = {ValueTag::string, value_bytes.view()}, .revision = {}, .ttl = {}}, Qos::fire)) {
    EXPECT_TRUE(out.empty()) << "something of a frame that does not fit is left";
    return {};
  }
  return {out.data(), out.data() + out.size()};
}

std::string sha256(Bytes bytes) {
  std::array<std::byte, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()));
  return to_hex(digest);
}

class Limits : public ::testing::TestWithParam<Vector> {};

TEST_P(Limits, AreKeptToTheByte) {
  ByteBuffer value;
  const testing::Json& row = GetParam().row;
  const bool too_large = row.at("expect") != "accept";
  std::vector<std::byte> frame = set_of_string(too_large ? 65528 : 65527, value);
  if (too_large) {
    EXPECT_TRUE(frame.empty());
    return;
  }
  if (row.at("length") == wire::frame_bytes_max) {  // the same payload behind a frame timestamp of 0
    frame[1] |= std::byte{0x20};
    frame.insert(frame.begin() + wire::header_bytes, 8, std::byte{0});
  }
  EXPECT_EQ(frame.size(), row.at("length").get<std::size_t>());
  EXPECT_EQ(sha256(frame), row.at("sha256").get<std::string>());
  Decoder decoder;
  const auto message = decode_whole(decoder, frame);
  ASSERT_TRUE(message) << describe(message.error());
  EXPECT_EQ(std::get<Set>(message->body).value.as_string().value_or("").size(), 65527U);
}

INSTANTIATE_TEST_SUITE_P(Spec, Limits, ValuesIn(load_vectors("limits")), by_name);

TEST(Codec, RefusesToDecodeMoreThanAPayload) {
  Decoder decoder;
  const std::vector<std::byte> bytes(wire::payload_bytes_max + 1, std::byte{0x41});
  const auto message = decoder.decode(bytes);
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().fault, DecodeFault::payload_too_large);
}

TEST(Codec, LeavesTheBufferUnchangedWhenAMessageDoesNotFit) {
  const std::string long_text(40'000, 'n');
  Message snapshot{Snapshot{}};
  auto& params = std::get<Snapshot>(snapshot.body).params;
  params.resize(2, SnapshotParam{.address = long_text, .value = {}, .writer = {}, .timestamp = {}});
  const Message query{Query{.pattern = std::string_view(long_text)}};
  Message bundle{Bundle{}};
  std::get<Bundle>(bundle.body).messages = {query, query};
  const std::string too_long(wire::string_bytes_max + 1, 'n');
  const Message get{Get{.address = too_long}};
  Message patterns{FederationSync{}};
  std::get<FederationSync>(patterns.body).patterns.resize(65'536);

  ByteBuffer out;
  out.u8(7);
  for (const Message& message : {snapshot, bundle, get, patterns}) {
    EXPECT_FALSE(append_frame(out, message));
    EXPECT_FALSE(append_payload(out, message));
    EXPECT_EQ(to_hex(out.view()), "07");
  }
}

// ---- streams ----

class TcpStreams : public ::testing::TestWithParam<Vector> {};

TEST_P(TcpStreams, AreCutIntoTheirFrames) {
  std::vector<std::string> by_prefix;
  std::vector<std::byte> without_prefixes;
  Decoder decoder;
  for (Bytes left = GetParam().bytes; !left.empty();) {
    ASSERT_GE(left.size(), 4U);
    const std::size_t length = load_be<std::uint32_t>(left.data());
    ASSERT_LE(length, left.size() - 4);
    const Bytes frame = left.subspan(4, length);
    EXPECT_TRUE(decode_whole(decoder, frame));
    by_prefix.push_back(to_hex(frame));
    without_prefixes.insert(without_prefixes.end(), frame.begin(), frame.end());
    left = left.subspan(4 + length);
  }
  EXPECT_EQ(by_prefix, GetParam().row.at("frames").get<std::vector<std::string>>());

  // The same frames back to back, as QUIC and serial lines carry them, arriving byte by byte.
  std::vector<std::string> by_header;
  std::vector<std::byte> buffer;
  for (const std::byte byte : without_prefixes) {
    buffer.push_back(byte);
    const auto expected = frame_bytes_expected(buffer);
    ASSERT_TRUE(expected);
    if (*expected && **expected == buffer.size()) {
      by_header.push_back(to_hex(buffer));
      buffer.clear();
    }
  }
  EXPECT_EQ(by_header, by_prefix);
  EXPECT_TRUE(buffer.empty());
}

INSTANTIATE_TEST_SUITE_P(Spec, TcpStreams, ValuesIn(load_vectors("tcp_streams")), by_name);

TEST(Codec, SeesABadStreamAtItsFirstByte) {
  const auto bytes = from_hex("54");
  ASSERT_FALSE(frame_bytes_expected(bytes));
  EXPECT_EQ(frame_bytes_expected(bytes).error(), (DecodeError{DecodeFault::bad_magic, 0}));
  ASSERT_TRUE(frame_bytes_expected({}));
  EXPECT_FALSE(frame_bytes_expected({}).value().has_value());
}

// ---- what the vectors do not cover ----

TEST(Codec, CarriesABlockBehindTheTokenOfHelloAndWelcome) {
  const EncodedValue none(Value("none"));
  const EncodedValue number(Value(7));
  const Message hello{
      Hello{.features = feature::param, .name = "n", .token = "", .block = {{"snapshot", none.view()}, {"k", number.view()}}, .legacy_features = {}}};
  EXPECT_EQ(to_hex(payload_of(hello)),
            "010181"
            "00016e"
            "0000"
            "0002"
            "0008736e617073686f74"
            "0800046e6f6e65"
            "00016b"
            "050000000000000007");
  EXPECT_EQ(check_round_trip(hello), "");
  const Message welcome{Welcome{.features = feature::event, .time = {5}, .session = "s", .name = "n", .token = "t", .block = {{"k", number.view()}}}};
  EXPECT_EQ(check_round_trip(welcome), "");

  const auto bytes = payload_of(hello);
  Decoder decoder;
  const auto decoded = decoder.decode(bytes);
  ASSERT_TRUE(decoded);
  const Hello& again = std::get<Hello>(decoded->body);
  EXPECT_EQ(again.features, feature::param | feature::extended);
  ASSERT_EQ(again.block.size(), 2U);
  EXPECT_EQ(again.block[0].second.as_string(), "none");
  EXPECT_EQ(again.block[1].second.as_integer(), 7);

  for (std::size_t n = 9; n < bytes.size(); ++n) EXPECT_FALSE(decoder.decode(Bytes(bytes).first(n))) << "accepted when cut after " << n << " bytes";
}

TEST(Codec, TakesTheBlockBitWithoutABlockForNothing) {
  Decoder decoder;
  const auto bytes = from_hex("01010300016e0000");
  const auto message = decoder.decode(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(std::get<Hello>(message->body).features, 0);
  EXPECT_TRUE(std::get<Hello>(message->body).block.empty());
}

// Each of these values is rewritten into the decoder's scratch; if it moved, the views of the first would dangle (seen by ASan).
TEST(Codec, KeepsEveryViewOfASnapshotOfNarrowNumbersValid) {
  constexpr std::size_t params = 800;
  constexpr std::size_t items = 30;
  ByteBuffer payload;
  payload.u8(static_cast<std::uint8_t>(MessageType::snapshot));
  payload.u16(params);
  for (std::size_t i = 0; i < params; ++i) {
    payload.u16(2);
    payload.append(as_bytes("/n"));
    payload.u8(static_cast<std::uint8_t>(ValueTag::array));
    payload.u16(items);
    for (std::size_t k = 0; k < items; ++k) {
      payload.u8(static_cast<std::uint8_t>(ValueTag::i8));
      payload.u8(static_cast<std::uint8_t>(i + k));
    }
    payload.u64(i);
    payload.u8(0);
  }
  Decoder decoder;
  for (int round = 0; round < 2; ++round) {
    const auto message = decoder.decode(payload.view());
    ASSERT_TRUE(message) << describe(message.error());
    const auto& decoded = std::get<Snapshot>(message->body).params;
    ASSERT_EQ(decoded.size(), params);
    for (std::size_t i = 0; i < params; ++i) {
      const Value value = to_value(decoded[i].value);
      ASSERT_NE(value.array(), nullptr);
      ASSERT_EQ(value.array()->size(), items);
      for (std::size_t k = 0; k < items; ++k) EXPECT_EQ(*(*value.array())[k].integer(), static_cast<std::int8_t>(i + k));
    }
  }
}

TEST(Codec, WidensAPayloadOfNothingButNarrowNumbers) {  // the worst case the scratch is sized for
  std::vector<std::byte> payload = from_hex("30000000");
  std::size_t count = 0;
  for (const auto set = from_hex("0005"
                                 "21020000"
                                 "80");
       payload.size() + set.size() <= wire::payload_bytes_max; ++count) {
    payload.insert(payload.end(), set.begin(), set.end());
  }
  store_be(payload.data() + 2, static_cast<std::uint16_t>(count));
  Decoder decoder;
  const auto message = decoder.decode(payload);
  ASSERT_TRUE(message) << describe(message.error());
  for (const Message& set : std::get<Bundle>(message->body).messages) ASSERT_EQ(std::get<Set>(set.body).value.as_integer(), -128);
}

std::vector<std::byte> nested_bundle(std::size_t depth) {
  std::vector<std::byte> payload{std::byte{0x41}};
  for (std::size_t i = 0; i < depth; ++i) {
    std::vector<std::byte> outer = from_hex("30000001");
    outer.resize(6);
    store_be(outer.data() + 4, static_cast<std::uint16_t>(payload.size()));
    outer.insert(outer.end(), payload.begin(), payload.end());
    payload = std::move(outer);
  }
  return payload;
}

TEST(Codec, NestsBundlesEightDeepAndNoFurther) {
  Decoder decoder;
  const auto deepest = nested_bundle(wire::bundle_depth_max);
  const auto accepted = decoder.decode(deepest);
  ASSERT_TRUE(accepted) << describe(accepted.error());
  EXPECT_EQ(check_round_trip(*accepted), "");

  const auto too_deep = nested_bundle(wire::bundle_depth_max + 1);
  const auto refused = decoder.decode(too_deep);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, DecodeFault::nesting_too_deep);

  Message bundle{Bundle{.timestamp = {}, .messages = {*accepted}}};
  ByteBuffer out;
  EXPECT_FALSE(append_payload(out, bundle));
  EXPECT_TRUE(out.empty());
}

TEST(Codec, SaysWhereABundleIsBroken) {
  Decoder decoder;
  const auto bytes = from_hex(
      "30000002"
      "000141"
      "000199");
  const auto message = decoder.decode(bytes);
  ASSERT_FALSE(message);
  EXPECT_EQ(describe(message.error()), "unknown message type at byte 9");
}

TEST(Codec, ReservesNoMemoryForPromisedElements) {  // 65535 signals, patterns, messages … in a few bytes
  Decoder decoder;
  for (const std::string_view hex : {"030000ffff", "61ffff", "0401ffff", "04010000ffff", "23ffff", "3000ffff", "210a0000ffff", "210b0000ffff",
                                     "20400000"
                                     "02ffff"}) {
    const auto bytes = from_hex(hex);
    const auto message = decoder.decode(bytes);
    ASSERT_FALSE(message) << hex;
    EXPECT_EQ(message.error().fault, DecodeFault::truncated_message) << hex;
  }
}

TEST(Codec, GivesEachMessageItsDefaultQos) {
  const auto flags = [](const Message& message) {
    ByteBuffer out;
    EXPECT_TRUE(append_frame(out, message));
    return to_hex(out.view()).substr(2, 2);
  };
  const auto publish = [](SignalType signal) {
    return Message{Publish{.address = "/a", .signal = signal, .value = {}, .samples = {}, .timestamp = {}, .id = {}, .rate = {}}};
  };
  EXPECT_EQ(flags({Set{}}), "41");
  EXPECT_EQ(flags(publish(SignalType::param)), "41");
  EXPECT_EQ(flags(publish(SignalType::event)), "41");
  EXPECT_EQ(flags(publish(SignalType::stream)), "01");
  EXPECT_EQ(flags(publish(SignalType::gesture)), "01");
  EXPECT_EQ(flags(publish(SignalType::timeline)), "81");
  EXPECT_EQ(flags({Publish{}}), "01");
  EXPECT_EQ(flags({Bundle{}}), "81");
  EXPECT_EQ(flags({FederationSync{}}), "41");
  EXPECT_EQ(flags({Subscribe{}}), "41");
  EXPECT_EQ(flags({Welcome{}}), "01");
  EXPECT_EQ(flags({Ack{}}), "01");
}

TEST(Codec, SaturatesLifetimesThatDoNotFit) {
  EXPECT_EQ((Ttl{.mode = Ttl::Mode::sliding, .seconds = 0xffff'ffff}.to_wire()), 0x7fff'ffffU);
  EXPECT_EQ((Ttl{.mode = Ttl::Mode::absolute, .seconds = 0x8000'0001}.to_wire()), 0xffff'ffffU);
  EXPECT_EQ(Ttl::from_wire(0x8000'0000), Ttl{});
}

// ---- snapshots ----

TEST(SnapshotWriter, FillsAFrameToItsLastByteAndSaysWhenItIsFull) {
  const EncodedValue value(Value(0.5));
  const std::size_t entry = snapshot_entry_bytes(2, value.view(), 1);
  ByteBuffer out;
  out.u8(9);
  SnapshotWriter writer(out, 3 + 4 * entry);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(writer.add("/a", value.view(), 1, "w", UnixTime{2}));
  EXPECT_FALSE(writer.add("/a", value.view(), 1, "w", UnixTime{2}));
  EXPECT_EQ(writer.count(), 4U);
  EXPECT_EQ(writer.bytes(), 3 + 4 * entry);
  writer.finish();

  Decoder decoder;
  const auto message = decode_whole(decoder, out.view(1));
  ASSERT_TRUE(message) << describe(message.error());
  const auto& params = std::get<Snapshot>(message->body).params;
  ASSERT_EQ(params.size(), 4U);
  EXPECT_EQ(params[3].writer, "w");
  EXPECT_EQ(params[3].timestamp, UnixTime{2});
  EXPECT_EQ(params[3].value.as_number(), 0.5);
  EXPECT_EQ(to_hex(out.view(1).subspan(4)), to_hex(payload_of(*message)));
}

TEST(SnapshotWriter, StopsAtTheNumberOfParamsAndWritesEmptySnapshots) {
  ByteBuffer out;
  SnapshotWriter writer(out);
  std::size_t added = 0;
  while (writer.add("/a", {}, 1, "", UnixTime{})) ++added;
  EXPECT_EQ(added, wire::snapshot_params_max);
  writer.finish();
  Decoder decoder;
  const auto full = decode_whole(decoder, out.view());
  ASSERT_TRUE(full);
  EXPECT_FALSE(std::get<Snapshot>(full->body).params[0].writer);

  out.clear();
  SnapshotWriter(out).finish();
  EXPECT_EQ(to_hex(out.view()), "53010003230000");
}

TEST(SnapshotWriter, AgreesWithTheSpecOnTheLargestEntry) {  // section 20: address + value data <= 65535 - 61 with a writer id of 36 bytes
  const std::string text(65'535 - 61 - 2 - 2, 'x');         // less the address and the string's own length
  const EncodedValue value{Value(text)};
  const std::string writer_id(36, 'w');
  ByteBuffer out;
  SnapshotWriter writer(out);
  EXPECT_TRUE(writer.add("/a", value.view(), 1, writer_id, UnixTime{}));
  writer.finish();
  EXPECT_EQ(out.size(), wire::header_bytes + wire::payload_bytes_max);

  const EncodedValue larger{Value(text + "x")};
  SnapshotWriter second(out);
  EXPECT_FALSE(second.add("/a", larger.view(), 1, writer_id, UnixTime{}));
}

// ---- tables ----

TEST(MessageTable, NamesEveryMessage) {
  for (const MessageInfo& info : messages) EXPECT_EQ(find_message_info(info.type), &info);
  EXPECT_EQ(find_message_info(MessageType{0x05}), nullptr);
  EXPECT_EQ(find_message_info(MessageType{0xff}), nullptr);
  EXPECT_EQ(type_of({Bundle{}}), MessageType::bundle);
  EXPECT_EQ(type_of({Set{}}), MessageType::set);
  for (std::size_t i = 0; i < signal_type_count; ++i) {
    const auto type = static_cast<SignalType>(i);
    EXPECT_EQ(find_signal_type(signal_name(type)), type);
  }
  EXPECT_FALSE(find_signal_type("Event"));
  EXPECT_EQ(find_phase("cancel"), GesturePhase::cancel);
  EXPECT_EQ(phase_name(GesturePhase::move), "move");
  EXPECT_FALSE(find_phase(""));
}

TEST(ErrorTable, NamesTheCodesOfTheCatalogue) {
  EXPECT_EQ(error_name(ErrorCode::revision_conflict), "RevisionConflict");
  EXPECT_EQ(error_name(ErrorCode::no_answer), "NoAnswer");
  EXPECT_EQ(error_name(ErrorCode{999}), "Unknown");
}

TEST(DecodeError, ReadsAsOneLine) {
  EXPECT_EQ(describe({DecodeFault::truncated_message, 17}), "truncated message at byte 17");
  EXPECT_EQ(fault_name(DecodeFault::bad_legacy), "bad legacy message");
}

}  // namespace
}  // namespace clasp
