#include "net/websocket_frame.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/utf8.hpp"
#include "net/websocket_testing.hpp"

namespace clasp::net {
namespace {

using testing::ElementsAre;

TEST(WebSocketFrame, AnUnfragmentedMessageIsHandedOutWhereItLies) {
  std::vector<std::byte> stream = client_frame(Opcode::binary, "Hello");
  WebSocketFramer framer{Role::server};
  std::span<std::byte> input{stream};
  const std::optional<Piece> piece = framer.next(input);
  ASSERT_TRUE(piece);
  EXPECT_EQ(as_text(piece->payload), "Hello");
  EXPECT_EQ(piece->payload.data(), stream.data() + 6);
  EXPECT_TRUE(input.empty());
}

TEST(WebSocketFrame, TheExamplesOfTheStandardAreRead) {
  // RFC 6455, section 5.7.
  EXPECT_THAT(split(bytes_of({0x81, 0x05, 'H', 'e', 'l', 'l', 'o'}), 100, Role::client).pieces, ElementsAre("text Hello"));
  EXPECT_THAT(split(bytes_of({0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}), 100).pieces, ElementsAre("text Hello"));
  EXPECT_THAT(split(bytes_of({0x01, 0x03, 'H', 'e', 'l', 0x80, 0x02, 'l', 'o'}), 100, Role::client).pieces, ElementsAre("text Hello"));
  EXPECT_THAT(split(bytes_of({0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}), 100).pieces, ElementsAre("pong Hello"));
}

TEST(WebSocketFrame, AnyCutGivesTheSamePieces) {
  const std::string medium(300, 'm');
  const std::string large(70'000, 'l');
  const std::vector<std::byte> stream = client_frame(Opcode::binary, "one") + client_frame(Opcode::ping, "hi") + client_frame(Opcode::binary, "") +
                                        client_frame(Opcode::binary, "fir", false) + client_frame(Opcode::ping, "between") +
                                        client_frame(Opcode::continuation, "st", false) + client_frame(Opcode::continuation, "") +
                                        client_frame(Opcode::binary, medium) + client_frame(Opcode::text, "{}") +
                                        client_frame(Opcode::close, std::string{"\x03\xe8", 2} + "bye");
  for (std::size_t read_bytes = 1; read_bytes <= stream.size(); ++read_bytes) {
    SCOPED_TRACE("reads of " + std::to_string(read_bytes));
    const Outcome outcome = split(stream, read_bytes);
    EXPECT_FALSE(outcome.fault);
    EXPECT_THAT(outcome.pieces,
                ElementsAre("frame one", "ping hi", "frame", "ping between", "frame first", "frame " + medium, "text {}", "close 1000 bye"));
  }
  for (const std::size_t read_bytes : {1UL, 1'000UL, 65'536UL, 100'000UL}) {
    EXPECT_THAT(split(client_frame(Opcode::binary, large), read_bytes).pieces, ElementsAre("frame " + large));
  }
}

TEST(WebSocketFrame, EachMessageMayBeCutInTwoAtEveryByte) {
  const std::vector<std::byte> stream = client_frame(Opcode::binary, std::string(130, 'x')) + client_frame(Opcode::binary, "next");
  for (std::size_t cut = 1; cut < stream.size(); ++cut) {
    Splitter<WebSocketFramer> splitter{Role::server};
    std::vector<std::byte> first(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(cut));
    std::vector<std::byte> second(stream.begin() + static_cast<std::ptrdiff_t>(cut), stream.end());
    std::vector<std::string> pieces;
    for (std::vector<std::byte>* read : {&first, &second}) {
      std::span<std::byte> input{*read};
      while (const std::optional<Piece> piece = splitter.next(input)) pieces.push_back(describe(*piece));
    }
    EXPECT_THAT(pieces, ElementsAre("frame " + std::string(130, 'x'), "frame next")) << "cut after " << cut;
    std::span<std::byte> nothing;
    EXPECT_FALSE(splitter.next(nothing));
    EXPECT_EQ(splitter.bytes_held(), 0U) << "memory kept after the last piece";
  }
}

struct BadFrame {
  std::string name;
  Role role;
  std::vector<std::byte> bytes;
  std::uint16_t code;
};

class BadFrames : public testing::TestWithParam<BadFrame> {};

TEST_P(BadFrames, EndTheStreamWithTheRightCode) {
  for (std::size_t read_bytes = 1; read_bytes <= GetParam().bytes.size(); ++read_bytes) {
    const Outcome outcome = split(GetParam().bytes, read_bytes, GetParam().role);
    ASSERT_TRUE(outcome.fault);
    EXPECT_EQ(outcome.fault->close_code, GetParam().code) << outcome.fault->text;
  }
}

TEST_P(BadFrames, AreNotFollowedByAnything) {
  Splitter<WebSocketFramer> splitter{GetParam().role};
  std::vector<std::byte> stream = GetParam().bytes + client_frame(Opcode::binary, "more");
  std::span<std::byte> input{stream};
  while (splitter.next(input)) {
  }
  EXPECT_TRUE(splitter.fault());
  EXPECT_FALSE(splitter.next(input));
}

INSTANTIATE_TEST_SUITE_P(
    Rfc6455, BadFrames,
    testing::Values(BadFrame{"ReservedBit1", Role::server, bytes_of({0xc2, 0x80, 0, 0, 0, 0}), 1002},
                    BadFrame{"ReservedBit3", Role::server, bytes_of({0x92, 0x80, 0, 0, 0, 0}), 1002},
                    BadFrame{"UnmaskedFromClient", Role::server, bytes_of({0x82, 0x01, 0x53}), 1002},
                    BadFrame{"MaskedFromServer", Role::client, bytes_of({0x82, 0x81, 0, 0, 0, 0, 0x53}), 1002},
                    BadFrame{"DataOpcode3", Role::server, bytes_of({0x83, 0x80, 0, 0, 0, 0}), 1002},
                    BadFrame{"ControlOpcode11", Role::server, bytes_of({0x8b, 0x80, 0, 0, 0, 0}), 1002},
                    BadFrame{"FragmentedPing", Role::server, bytes_of({0x09, 0x80, 0, 0, 0, 0}), 1002},
                    BadFrame{"LongPing", Role::server, bytes_of({0x89, 0xfe, 0x00, 0x7e, 0, 0, 0, 0}), 1002},
                    BadFrame{"ContinuationFirst", Role::server, bytes_of({0x80, 0x80, 0, 0, 0, 0}), 1002},
                    BadFrame{"MessageInsideMessage", Role::server, bytes_of({0x02, 0x80, 0, 0, 0, 0, 0x82, 0x80, 0, 0, 0, 0}), 1002},
                    BadFrame{"TwoByteLengthFor125", Role::server, bytes_of({0x82, 0xfe, 0x00, 0x7d, 0, 0, 0, 0}), 1002},
                    BadFrame{"EightByteLengthFor65535", Role::server, bytes_of({0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0}), 1002},
                    BadFrame{"LengthWithTopBit", Role::server, bytes_of({0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), 1009},
                    BadFrame{"MessageOf128KiBAndOne", Role::server, bytes_of({0x82, 0xff, 0, 0, 0, 0, 0, 2, 0, 1, 0, 0, 0, 0}), 1009},
                    BadFrame{"CloseWithOneByte", Role::server, bytes_of({0x88, 0x81, 0, 0, 0, 0, 0x03}), 1002},
                    BadFrame{"CloseWith1005", Role::server, bytes_of({0x88, 0x82, 0, 0, 0, 0, 0x03, 0xed}), 1002},
                    BadFrame{"CloseWith999", Role::server, bytes_of({0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe7}), 1002},
                    BadFrame{"CloseReasonNotUtf8", Role::server, bytes_of({0x88, 0x83, 0, 0, 0, 0, 0x03, 0xe8, 0xff}), 1007}),
    [](const auto& instance) { return instance.param.name; });

TEST(WebSocketFrame, FragmentsTogetherAreBoundedToo) {
  const std::string half(600, 'h');
  const std::vector<std::byte> stream = client_frame(Opcode::binary, half, false) + client_frame(Opcode::continuation, half);
  EXPECT_EQ(split(stream, 64, Role::server, 1'200).pieces.size(), 1U);
  const Outcome outcome = split(stream, 64, Role::server, 1'199);
  ASSERT_TRUE(outcome.fault);
  EXPECT_EQ(outcome.fault->close_code, 1009);
}

TEST(WebSocketFrame, AnOversizedFrameIsRefusedByItsHeaderAlone) {
  WebSocketFramer framer{Role::server, 1'000};
  std::vector<std::byte> header = bytes_of({0x82, 0xfe, 0x03, 0xe9, 1, 2, 3, 4});
  std::span<std::byte> input{header};
  EXPECT_FALSE(framer.next(input));
  ASSERT_TRUE(framer.fault());
  EXPECT_EQ(framer.fault()->close_code, 1009);
}

TEST(WebSocketFrame, ACloseWithoutACodeIs1005) { EXPECT_THAT(split(client_frame(Opcode::close, ""), 100).pieces, ElementsAre("close 1005")); }

TEST(WebSocketFrame, MaskingAnyLengthTwiceGivesTheBytesBack) {
  const Mask mask{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
  for (std::size_t length = 0; length < 200; ++length) {
    std::vector<std::byte> bytes(length);
    for (std::size_t i = 0; i < length; ++i) bytes[i] = static_cast<std::byte>(i * 7);
    const std::vector<std::byte> original = bytes;
    apply_mask(bytes, mask);
    for (std::size_t i = 0; i < length; ++i) ASSERT_EQ(bytes[i], original[i] ^ mask[i % 4]) << "byte " << i << " of " << length;
    apply_mask(bytes, mask);
    EXPECT_EQ(bytes, original);
  }
}

TEST(WebSocketFrame, HeadersHaveTheShortestLength) {
  std::byte out[websocket_header_bytes_max];
  EXPECT_EQ(write_websocket_header(out, Opcode::binary, 125), 2U);
  EXPECT_EQ(write_websocket_header(out, Opcode::binary, 126), 4U);
  EXPECT_EQ(write_websocket_header(out, Opcode::binary, 65'535), 4U);
  EXPECT_EQ(write_websocket_header(out, Opcode::binary, 65'536), 10U);
  for (const std::size_t length : {0UL, 1UL, 125UL, 126UL, 65'535UL, 65'536UL, 131'072UL}) {
    EXPECT_EQ(split(client_frame(Opcode::binary, std::string(length, 'x')), 1'000'000).pieces.size(), 1U) << length;
  }
}

TEST(WebSocketFrame, ACloseReasonIsCutBetweenCharacters) {
  std::string reason;
  for (int i = 0; i < 62; ++i) reason += "é";  // 124 bytes: one too many
  const ClosePayload payload = close_payload(1008, reason);
  EXPECT_EQ(payload.size, 2U + 122U);
  EXPECT_TRUE(is_utf8(as_text(payload.view().subspan(2))));
  EXPECT_EQ(close_payload(1008, "why").size, 5U);
}

}  // namespace
}  // namespace clasp::net
