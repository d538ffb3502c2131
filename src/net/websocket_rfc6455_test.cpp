// RFC 6455, sections 5, 7.4, 8 and 10, case by case and in its order, as raw bytes. What a server link does with the results is in
// websocket_link_test.cpp, the opening handshake (section 4) in websocket_handshake_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "net/websocket_testing.hpp"

namespace clasp::net {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using Stream = std::vector<std::byte>;

// The first two bytes and whatever follows, with a mask of zeros in its place: what follows is plain.
Stream raw(int first, int second, std::string_view extended, std::string_view payload) {
  Stream stream = bytes_of({first, second});
  for (const std::string_view part : {extended, std::string_view{(second & 0x80) != 0 ? "\0\0\0\0" : "", (second & 0x80) != 0 ? 4U : 0U}, payload}) {
    for (const char c : part) stream.push_back(static_cast<std::byte>(c));
  }
  return stream;
}

std::string length_bytes(std::uint64_t length, std::size_t bytes) {
  std::string text;
  for (std::size_t i = bytes; i-- > 0;) text += static_cast<char>(length >> (8 * i));
  return text;
}

// The close code that a stream ends with, 0 if it is fine; the same for every size of read.
unsigned fault_of(const Stream& stream, Role role = Role::server) {
  const Outcome whole = split(stream, stream.size(), role);
  for (const std::size_t read_bytes : {1UL, 2UL, 3UL, 7UL}) {
    const Outcome cut = split(stream, read_bytes, role);
    EXPECT_EQ(cut.pieces, whole.pieces) << "reads of " << read_bytes;
    EXPECT_EQ(cut.fault.has_value(), whole.fault.has_value()) << "reads of " << read_bytes;
  }
  return whole.fault ? whole.fault->close_code : 0U;
}

// ---- 5.1 and 5.3: masks ----

TEST(Rfc6455Section5_1, ClientsMaskAndServersDoNot) {
  EXPECT_EQ(fault_of(raw(0x82, 0x81, "", "x"), Role::server), 0U);
  EXPECT_EQ(fault_of(raw(0x82, 0x01, "", "x"), Role::server), 1002U);
  EXPECT_EQ(fault_of(raw(0x82, 0x01, "", "x"), Role::client), 0U);
  EXPECT_EQ(fault_of(raw(0x82, 0x81, "", "x"), Role::client), 1002U);
}

TEST(Rfc6455Section5_3, TheMaskBeginsAnewWithEachFrame) {
  const Mask mask{std::byte{0x11}, std::byte{0x22}, std::byte{0x33}, std::byte{0x44}};
  ByteBuffer first;
  ByteBuffer second;
  append_websocket_frame(first, Opcode::text, as_bytes("five!"), &mask);
  append_websocket_frame(second, Opcode::continuation, as_bytes(" and six"), &mask);
  first.data()[0] &= std::byte{0x7f};
  Stream stream(first.data(), first.data() + first.size());
  stream.insert(stream.end(), second.data(), second.data() + second.size());
  for (std::size_t read_bytes = 1; read_bytes <= stream.size(); ++read_bytes) {
    EXPECT_THAT(split(stream, read_bytes).pieces, ElementsAre("text five! and six")) << "reads of " << read_bytes;
  }
}

// ---- 5.2: the header ----

TEST(Rfc6455Section5_2, ReservedBitsAreRefusedWithoutAnExtension) {
  for (const int opcode : {0x1, 0x2, 0x8, 0x9, 0xa}) {
    for (int bits = 0; bits < 8; ++bits)
      EXPECT_EQ(fault_of(raw(0x80 | (bits << 4) | opcode, 0x80, "", "")), bits == 0 ? 0U : 1002U) << bits << opcode;
  }
  EXPECT_EQ(fault_of(client_frame(Opcode::binary, "a", false) + raw(0xc0, 0x80, "", "")), 1002U) << "of a continuation";
}

TEST(Rfc6455Section5_2, ReservedOpcodesAreRefused) {
  for (int opcode = 0; opcode < 16; ++opcode) {
    const bool known = opcode == 0x1 || opcode == 0x2 || opcode == 0x8 || opcode == 0x9 || opcode == 0xa;  // a continuation cannot be first
    EXPECT_EQ(fault_of(raw(0x80 | opcode, 0x80, "", "")), known ? 0U : 1002U) << opcode;
  }
}

TEST(Rfc6455Section5_2, LengthsAreReadInAllThreeForms) {
  for (const std::size_t length : {0UL, 1UL, 124UL, 125UL}) {
    const std::string payload(length, 'p');
    EXPECT_THAT(split(raw(0x82, 0x80 | static_cast<int>(length), "", payload), 100).pieces,
                ElementsAre(payload.empty() ? "frame" : "frame " + payload));
  }
  for (const std::size_t length : {126UL, 127UL, 128UL, 255UL, 256UL, 65'534UL, 65'535UL}) {
    const std::string payload(length, 'p');
    EXPECT_THAT(split(raw(0x82, 0xfe, length_bytes(length, 2), payload), 1'000).pieces, ElementsAre("frame " + payload)) << length;
  }
  for (const std::size_t length : {65'536UL, 65'537UL, 131'072UL}) {
    const std::string payload(length, 'p');
    EXPECT_THAT(split(raw(0x82, 0xff, length_bytes(length, 8), payload), 1'000).pieces, ElementsAre("frame " + payload)) << length;
  }
}

TEST(Rfc6455Section5_2, LengthsHaveToBeWrittenTheShortestWay) {
  for (const std::size_t length : {0UL, 1UL, 125UL}) {
    EXPECT_EQ(fault_of(raw(0x82, 0xfe, length_bytes(length, 2), std::string(length, 'p'))), 1002U) << length << " in two bytes";
  }
  for (const std::size_t length : {0UL, 125UL, 126UL, 65'535UL}) {
    EXPECT_EQ(fault_of(raw(0x82, 0xff, length_bytes(length, 8), std::string(length, 'p'))), 1002U) << length << " in eight bytes";
  }
}

TEST(Rfc6455Section5_2, TheHighestBitOfALengthMustBeZero) {
  EXPECT_EQ(fault_of(raw(0x82, 0xff, length_bytes(std::uint64_t{1} << 63, 8), "")), 1009U) << "it is too long in any case";
  EXPECT_EQ(fault_of(raw(0x82, 0xff, length_bytes(~std::uint64_t{0}, 8), "")), 1009U);
  EXPECT_EQ(fault_of(raw(0x89, 0xff, length_bytes(~std::uint64_t{0}, 8), "")), 1002U) << "a ping is too long for a ping before all else";
}

// ---- 5.4: fragmentation ----

TEST(Rfc6455Section5_4, AMessageComesInAnyNumberOfFragmentsSomeOfThemEmpty) {
  for (const std::size_t fragments : {2UL, 3UL, 50UL}) {
    std::string message;
    Stream stream;
    for (std::size_t i = 0; i < fragments; ++i) {
      const std::string part(i % 4, static_cast<char>('a' + i % 26));
      message += part;
      stream = stream + client_frame(i == 0 ? Opcode::binary : Opcode::continuation, part, i + 1 == fragments);
    }
    EXPECT_THAT(split(stream, 5).pieces, ElementsAre("frame " + message)) << fragments;
  }
  EXPECT_THAT(
      split(client_frame(Opcode::text, "", false) + client_frame(Opcode::continuation, "", false) + client_frame(Opcode::continuation, ""), 1).pieces,
      ElementsAre("text"));
}

TEST(Rfc6455Section5_4, ControlFramesBetweenFragmentsAreHandledAtOnce) {
  const Stream stream = client_frame(Opcode::text, "fr", false) + client_frame(Opcode::ping, "1") + client_frame(Opcode::continuation, "ag", false) +
                        client_frame(Opcode::pong, "2") + client_frame(Opcode::ping, "") + client_frame(Opcode::continuation, "ment");
  for (std::size_t read_bytes = 1; read_bytes <= stream.size(); ++read_bytes) {
    EXPECT_THAT(split(stream, read_bytes).pieces, ElementsAre("ping 1", "pong 2", "ping", "text fragment")) << "reads of " << read_bytes;
  }
  EXPECT_THAT(split(client_frame(Opcode::text, "fr", false) + client_frame(Opcode::close, ""), 3).pieces, ElementsAre("close 1005"))
      << "a close does not wait for the rest";
}

TEST(Rfc6455Section5_4, FragmentsKeepTheirOrder) {
  EXPECT_EQ(fault_of(client_frame(Opcode::continuation, "x")), 1002U);
  EXPECT_EQ(fault_of(client_frame(Opcode::continuation, "x", false)), 1002U);
  EXPECT_EQ(fault_of(client_frame(Opcode::text, "a") + client_frame(Opcode::continuation, "x")), 1002U) << "that message was complete";
  for (const Opcode inner : {Opcode::text, Opcode::binary}) {
    for (const bool fin : {false, true}) {
      EXPECT_EQ(fault_of(client_frame(Opcode::text, "a", false) + client_frame(inner, "b", fin)), 1002U) << "interleaved messages";
    }
  }
}

TEST(Rfc6455Section5_4, ControlFramesAreNotFragmented) {
  for (const Opcode opcode : {Opcode::close, Opcode::ping, Opcode::pong}) EXPECT_EQ(fault_of(client_frame(opcode, "", false)), 1002U);
}

// ---- 5.5: control frames ----

TEST(Rfc6455Section5_5, ControlFramesHaveAtMost125Bytes) {
  for (const Opcode opcode : {Opcode::ping, Opcode::pong}) {
    EXPECT_EQ(fault_of(client_frame(opcode, std::string(125, 'p'))), 0U);
    EXPECT_EQ(fault_of(client_frame(opcode, std::string(126, 'p'))), 1002U);
    EXPECT_EQ(fault_of(client_frame(opcode, std::string(70'000, 'p'))), 1002U);
  }
  EXPECT_EQ(fault_of(client_frame(Opcode::close, "\x03\xe8" + std::string(123, 'r'))), 0U);
  EXPECT_EQ(fault_of(client_frame(Opcode::close, "\x03\xe8" + std::string(124, 'r'))), 1002U);
}

TEST(Rfc6455Section5_5_1, ACloseHasNoBodyOrACodeAndAReason) {
  EXPECT_THAT(split(client_frame(Opcode::close, ""), 2).pieces, ElementsAre("close 1005"));
  EXPECT_EQ(fault_of(client_frame(Opcode::close, "\x03")), 1002U) << "half a code";
  EXPECT_THAT(split(client_frame(Opcode::close, "\x03\xe8"), 2).pieces, ElementsAre("close 1000"));
  EXPECT_THAT(split(client_frame(Opcode::close,
                                 "\x03\xe8"
                                 "bye"),
                    2)
                  .pieces,
              ElementsAre("close 1000 bye"));
  EXPECT_EQ(fault_of(client_frame(Opcode::close, "\x03\xe8\xce\xba\xe1\xbd")), 1007U) << "a reason cut inside a character";
}

// ---- 7.4: close codes ----

TEST(Rfc6455Section7_4, OnlyTheseCodesMayBeSent) {
  for (unsigned code = 0; code <= 0xffff; ++code) {
    const bool registered = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);  // 1004 to 1006 and 1015 are reserved
    const bool ours_to_use = code >= 3000 && code <= 4999;
    Stream stream = bytes_of({0x88, 0x82, 0, 0, 0, 0, static_cast<int>(code >> 8), static_cast<int>(code & 0xff)});
    WebSocketFramer framer{Role::server};
    std::span<std::byte> input{stream};
    const std::optional<Piece> piece = framer.next(input);
    ASSERT_EQ(piece.has_value(), registered || ours_to_use) << code;
    if (piece) {
      ASSERT_EQ(piece->code, code);
    } else {
      ASSERT_EQ(framer.fault()->close_code, 1002U) << code;
    }
  }
}

// ---- 8.1: UTF-8 ----

TEST(Rfc6455Section8_1, TextIsUtf8HoweverItIsFragmented) {
  const std::string good = "Hello-\xc2\xb5@\xc3\x9f\xe2\x82\xac\xf0\x9f\x98\x80!";
  const std::string bad = "\xce\xba\xe1\xbd\xb9\xcf\x83\xed\xa0\x80 edited";
  for (const auto& [text, code] : {std::pair{good, 0U}, std::pair{bad, 1007U}}) {
    EXPECT_EQ(fault_of(client_frame(Opcode::text, text)), code);
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      const Stream stream = client_frame(Opcode::text, text.substr(0, cut), false) + client_frame(Opcode::ping, "") +
                            client_frame(Opcode::continuation, text.substr(cut));
      EXPECT_EQ(fault_of(stream), code) << "fragments of " << cut << " and " << text.size() - cut;
    }
  }
}

TEST(Rfc6455Section8_1, ATextDoesNotEndInsideACharacter) {
  for (const std::string_view text : {"\xc2", "a\xe2\x82", "\xf0\x9f\x98"}) {
    EXPECT_EQ(fault_of(client_frame(Opcode::text, text)), 1007U);
    EXPECT_EQ(fault_of(client_frame(Opcode::text, text, false) + client_frame(Opcode::continuation, "")), 1007U);
    EXPECT_EQ(fault_of(client_frame(Opcode::text, text, false)), 0U) << "more may come";
  }
}

// Rather than when the frame or the message is complete: nobody has to send 128 KiB to learn that the second byte was wrong.
TEST(Rfc6455Section8_1, ABadByteIsRefusedAsSoonAsItIsThere) {
  const std::string text = std::string(1'000, 'a') + "\xf4\x90" + std::string(1'000, 'z');
  for (const bool fragmented : {false, true}) {
    const Stream stream =
        fragmented ? client_frame(Opcode::text, "\xc2\xb5", false) + client_frame(Opcode::continuation, text) : client_frame(Opcode::text, text);
    const std::size_t bad_at = stream.size() - 1'001;
    Splitter<WebSocketFramer> splitter{Role::server};
    for (std::size_t at = 0; at <= bad_at; ++at) {
      Stream read{stream[at]};
      std::span<std::byte> input{read};
      EXPECT_FALSE(splitter.next(input));
      ASSERT_EQ(splitter.fault().has_value(), at == bad_at) << "byte " << at << " of " << stream.size();
    }
    EXPECT_EQ(splitter.fault()->close_code, 1007U);
  }
}

TEST(Rfc6455Section8_1, BinaryMessagesAreNoText) {
  const std::string bytes = "\xff\xfe\x80";
  EXPECT_EQ(fault_of(client_frame(Opcode::binary, bytes)), 0U);
  EXPECT_EQ(fault_of(client_frame(Opcode::binary, bytes, false) + client_frame(Opcode::ping, bytes) + client_frame(Opcode::continuation, bytes)), 0U);
  EXPECT_EQ(fault_of(client_frame(Opcode::text, "t") + client_frame(Opcode::binary, bytes)), 0U) << "what a text left behind does not count";
}

// ---- 10.4: limits ----

TEST(Rfc6455Section10_4, AMessageThatIsTooLongIsRefusedByAHeaderAlone) {
  EXPECT_EQ(fault_of(raw(0x82, 0xff, length_bytes(131'073, 8), "")), 1009U);
  const Stream begun = client_frame(Opcode::binary, std::string(131'000, 'x'), false);
  EXPECT_EQ(fault_of(begun + raw(0x00, 0x80 | 73, "", "")), 1009U);
  EXPECT_THAT(split(begun + raw(0x00, 0x80 | 72, "", ""), 4'096).pieces, IsEmpty());
  EXPECT_EQ(fault_of(begun + raw(0x00, 0x80 | 72, "", "")), 0U);
}

}  // namespace
}  // namespace clasp::net
