#include "net/message_deflater.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "net/websocket_testing.hpp"

namespace clasp::net {
namespace {

using testing::ElementsAre;

constexpr std::size_t limit = websocket_message_bytes_max;

std::string repetitive(std::size_t bytes) {
  std::string text;
  for (int i = 0; text.size() < bytes; ++i) text += "/stage/" + std::to_string(i % 40) + "/dim ";
  return text.substr(0, bytes);
}
std::string noise(std::size_t bytes) {
  std::mt19937 random{7};
  std::string text(bytes, '\0');
  std::ranges::generate(text, [&] { return static_cast<char>(random()); });
  return text;
}

// "ok: MESSAGE", or the close code.
std::string inflated(MessageDeflater& deflater, std::string_view payload, PieceKind kind = PieceKind::frame, std::size_t bytes_max = limit) {
  const auto piece = deflater.inflate({.kind = kind, .compressed = true, .payload = as_bytes(payload)}, bytes_max);
  if (!piece) return std::to_string(piece.error().close_code);
  EXPECT_FALSE(piece->compressed);
  EXPECT_EQ(piece->kind, kind);
  return "ok: " + std::string{as_text(piece->payload)};
}

TEST(MessageDeflater, ReadsTheExamplesOfTheStandard) {  // RFC 7692, section 7.2.3
  MessageDeflater deflater;
  const std::string hello{"\xf2\x48\xcd\xc9\xc9\x07\x00", 7};
  EXPECT_EQ(inflated(deflater, hello), "ok: Hello") << "7.2.3.1";
  EXPECT_EQ(inflated(deflater, std::string{"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11}), "ok: Hello") << "7.2.3.3: no compression";
  EXPECT_EQ(inflated(deflater, std::string{"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8}), "ok: Hello") << "7.2.3.4: a final block";
  EXPECT_EQ(inflated(deflater, std::string{"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13}), "ok: Hello") << "7.2.3.5: two blocks";
  EXPECT_EQ(inflated(deflater, std::string{"\x00", 1}), "ok: ") << "7.2.3.6: an empty message";
  EXPECT_EQ(inflated(deflater, std::string{"\xf2\x00\x11\x00\x00", 5}), "1007") << "7.2.3.2: the second of two messages that share a window";
}

TEST(MessageDeflater, EveryMessageComesBackFromEveryWindow) {
  MessageDeflater deflater;
  for (std::uint8_t bits = DeflateAgreement::window_bits_min; bits <= DeflateAgreement::window_bits_max; ++bits) {
    for (const std::size_t bytes : {256UL, 257UL, 1'000UL, 40'000UL, 65'547UL, 131'072UL}) {
      const std::string message = repetitive(bytes);
      const std::optional<Bytes> payload = deflater.deflate(as_bytes(message), bits);
      ASSERT_TRUE(payload) << bytes;
      EXPECT_LT(payload->size(), message.size() / 2);
      EXPECT_EQ(inflated(deflater, as_text(*payload)), "ok: " + message);
    }
  }
}

TEST(MessageDeflater, CompressesOnlyWhereItPays) {
  MessageDeflater deflater;
  EXPECT_FALSE(deflater.deflate(as_bytes(std::string(255, 'a')), 15)) << "short";
  EXPECT_TRUE(deflater.deflate(as_bytes(std::string(256, 'a')), 15));
  for (const std::size_t bytes : {256UL, 5'000UL, 131'072UL}) EXPECT_FALSE(deflater.deflate(as_bytes(noise(bytes)), 15)) << "it would become longer";
  EXPECT_TRUE(deflater.deflate(as_bytes(noise(5'000) + std::string(5'000, 'a')), 15)) << "and works on after that";
}

TEST(MessageDeflater, RemembersTheLastMessageAndMixesNothingUp) {
  MessageDeflater deflater;
  constexpr std::uint8_t windows[] = {15, 9};
  const std::string a = repetitive(1'000);
  std::string b = a;
  b.back() = '!';
  for (const std::string& message : {a, a, b, a}) {
    for (const std::uint8_t bits : windows) {
      const std::optional<Bytes> payload = deflater.deflate(as_bytes(message), bits);
      ASSERT_TRUE(payload);
      EXPECT_EQ(inflated(deflater, as_text(*payload)), "ok: " + message);
    }
  }
  EXPECT_FALSE(deflater.deflate(as_bytes(noise(1'000)), 15));
  EXPECT_FALSE(deflater.deflate(as_bytes(noise(1'000)), 15)) << "a refusal is remembered as one";
}

TEST(MessageDeflater, AStreamCutAnywhereIsRefused) {
  MessageDeflater deflater;
  const std::string message = repetitive(3'000);
  const std::string payload{as_text(*deflater.deflate(as_bytes(message), 15))};
  ASSERT_EQ(inflated(deflater, payload), "ok: " + message);
  for (std::size_t bytes = 1; bytes < payload.size(); ++bytes)
    EXPECT_EQ(inflated(deflater, payload.substr(0, bytes)), "1007") << "cut after " << bytes;
  EXPECT_EQ(inflated(deflater, payload), "ok: " + message) << "and the next is read as if nothing had been";
}

TEST(MessageDeflater, OtherBytesAreRefused) {
  MessageDeflater deflater;
  for (const std::string& garbage :
       {std::string{"\xff"}, std::string{"\x06\x00", 2}, std::string{"\x01\x05\x00\x00\x00", 5}, noise(500), std::string{"Hello"}}) {
    EXPECT_EQ(inflated(deflater, garbage), "1007");
  }
  const std::string message = repetitive(300);
  std::string payload{as_text(*deflater.deflate(as_bytes(message), 15))};
  payload += "more";
  EXPECT_EQ(inflated(deflater, payload), "1007") << "bytes behind the last block";
}

TEST(MessageDeflater, TextIsCheckedBehindTheCompression) {
  MessageDeflater deflater;
  const std::string good = repetitive(300) + "\xc3\xa9";
  const std::string bad = repetitive(300) + "\xc3";
  EXPECT_EQ(inflated(deflater, as_text(*deflater.deflate(as_bytes(good), 15)), PieceKind::text), "ok: " + good);
  EXPECT_EQ(inflated(deflater, as_text(*deflater.deflate(as_bytes(bad), 15)), PieceKind::text), "1007");
  EXPECT_EQ(inflated(deflater, as_text(*deflater.deflate(as_bytes(bad), 15)), PieceKind::frame), "ok: " + bad);
}

TEST(MessageDeflater, TheLimitCountsWhatComesOut) {
  MessageDeflater deflater;
  const std::string message = repetitive(10'000);
  const std::string payload{as_text(*deflater.deflate(as_bytes(message), 15))};
  EXPECT_EQ(inflated(deflater, payload, PieceKind::frame, 10'000), "ok: " + message);
  EXPECT_EQ(inflated(deflater, payload, PieceKind::frame, 9'999), "1009");
  EXPECT_EQ(inflated(deflater, payload, PieceKind::frame, 10'000), "ok: " + message);
}

// ---- RFC 7692, section 6: the first reserved bit ----

std::vector<std::byte> with_bits(std::vector<std::byte> frame, int bits) {
  frame[0] |= static_cast<std::byte>(bits);
  return frame;
}

class CompressedFrames : public testing::Test {
 protected:
  // Each piece as text, "compressed" before those that are; the fault's code last.
  static std::vector<std::string> pieces(const std::vector<std::byte>& stream, Deflate deflate = Deflate::yes) {
    std::vector<std::string> whole;
    for (const std::size_t step : {stream.size(), std::size_t{1}, std::size_t{3}}) {
      Splitter<WebSocketFramer> splitter{Role::server, std::size_t{1'000}, deflate};
      std::vector<std::string> found;
      for (std::size_t at = 0; at < stream.size() && !splitter.fault(); at += step) {
        std::vector<std::byte> read(stream.begin() + static_cast<std::ptrdiff_t>(at),
                                    stream.begin() + static_cast<std::ptrdiff_t>(std::min(at + step, stream.size())));
        std::span<std::byte> input{read};
        while (const std::optional<Piece> piece = splitter.next(input)) found.push_back((piece->compressed ? "compressed " : "") + describe(*piece));
      }
      if (splitter.fault()) found.push_back(std::to_string(splitter.fault()->close_code));
      if (step == stream.size()) whole = found;
      EXPECT_EQ(found, whole) << "reads of " << step;
    }
    return whole;
  }
};

TEST_F(CompressedFrames, AreMarkedByTheirFirstFrame) {
  EXPECT_THAT(pieces(with_bits(client_frame(Opcode::binary, "abc"), 0x40) + client_frame(Opcode::binary, "abc")),
              ElementsAre("compressed frame abc", "frame abc"));
  EXPECT_THAT(pieces(with_bits(client_frame(Opcode::text, "\xff", false), 0x40) + client_frame(Opcode::ping, "p") +
                     client_frame(Opcode::continuation, "\xfe")),
              ElementsAre("ping p", "compressed text \xff\xfe"))
      << "compressed text is no UTF-8 yet";
  EXPECT_THAT(
      pieces(with_bits(client_frame(Opcode::text, "a", false), 0x40) + client_frame(Opcode::continuation, "b") + client_frame(Opcode::text, "\xff")),
      ElementsAre("compressed text ab", "1007"))
      << "the next message is not compressed";
}

TEST_F(CompressedFrames, HaveTheBitNowhereElse) {
  EXPECT_THAT(pieces(with_bits(client_frame(Opcode::binary, "a"), 0x40), Deflate::no), ElementsAre("1002"));
  for (const Opcode control : {Opcode::ping, Opcode::pong, Opcode::close})
    EXPECT_THAT(pieces(with_bits(client_frame(control, ""), 0x40)), ElementsAre("1002"));
  EXPECT_THAT(pieces(with_bits(client_frame(Opcode::binary, "a", false), 0x40) + with_bits(client_frame(Opcode::continuation, "b"), 0x40)),
              ElementsAre("1002"));
  EXPECT_THAT(pieces(client_frame(Opcode::binary, "a", false) + with_bits(client_frame(Opcode::continuation, "b"), 0x40)), ElementsAre("1002"));
  for (const int bits : {0x10, 0x20, 0x30, 0x50, 0x60, 0x70})
    EXPECT_THAT(pieces(with_bits(client_frame(Opcode::binary, "a"), bits)), ElementsAre("1002")) << bits;
}

TEST_F(CompressedFrames, MayBeALittleLongerThanTheLongestMessage) {
  const std::string longest(1'000 + 1'000 / 64 + 64, 'x');
  EXPECT_THAT(pieces(with_bits(client_frame(Opcode::binary, longest), 0x40)), ElementsAre("compressed frame " + longest));
  EXPECT_THAT(pieces(with_bits(client_frame(Opcode::binary, longest + "x"), 0x40)), ElementsAre("1009"));
  EXPECT_THAT(pieces(with_bits(client_frame(Opcode::binary, longest, false), 0x40) + client_frame(Opcode::continuation, "x")), ElementsAre("1009"));
  EXPECT_THAT(pieces(client_frame(Opcode::binary, std::string(1'001, 'x'))), ElementsAre("1009"));
}

}  // namespace
}  // namespace clasp::net
