#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "net/bare_framer.hpp"
#include "net/first_bytes.hpp"
#include "net/length_framer.hpp"
#include "net/splitter.hpp"

namespace clasp::net {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// The Arduino examples of transports, section 5.1.
const std::string set_frame{"\x53\x01\x00\x0c\x21\x06\x00\x04/a/b\x3f\x00\x00\x00", 16};
const std::string hello_frame{
    "\x53\x41\x00\x0e\x01\x01\xe0\x00\x07"
    "arduino\x00\x00",
    18};
const std::string stamped_frame{"\x53\x20\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x41", 13};

std::string prefixed(const std::string& frame) {
  ByteBuffer out;
  out.u32(static_cast<std::uint32_t>(frame.size()));
  out.append(as_bytes(frame));
  return std::string{as_text(out.view())};
}

struct Outcome {
  std::vector<std::string> frames;
  std::optional<FramingFault> fault;
  std::size_t bytes_held = 0;
};

template <typename F>
Outcome split(std::string stream, std::size_t read_bytes) {
  Splitter<F> splitter;
  Outcome outcome;
  for (std::size_t at = 0; at < stream.size() && !splitter.fault(); at += read_bytes) {
    std::string read = stream.substr(at, read_bytes);
    std::span<std::byte> input{reinterpret_cast<std::byte*>(read.data()), read.size()};
    while (const std::optional<Piece> piece = splitter.next(input)) outcome.frames.emplace_back(as_text(piece->payload));
  }
  std::span<std::byte> nothing;
  EXPECT_FALSE(splitter.next(nothing));
  outcome.fault = splitter.fault();
  outcome.bytes_held = splitter.bytes_held();
  return outcome;
}

TEST(LengthFramer, CutsFramesWhereverTheReadsEnd) {
  const std::string stream = prefixed(hello_frame) + prefixed(set_frame) + prefixed(stamped_frame);
  for (std::size_t read_bytes = 1; read_bytes <= stream.size(); ++read_bytes) {
    const Outcome outcome = split<LengthFramer>(stream, read_bytes);
    EXPECT_THAT(outcome.frames, ElementsAre(hello_frame, set_frame, stamped_frame)) << "reads of " << read_bytes;
    EXPECT_FALSE(outcome.fault);
    EXPECT_EQ(outcome.bytes_held, 0U);
  }
}

TEST(LengthFramer, TakesTheLargestFrameAndNoLarger) {
  const std::string largest(wire::frame_bytes_max, 'x');
  EXPECT_THAT(split<LengthFramer>(prefixed(largest), 1'000).frames, ElementsAre(largest));
  const Outcome outcome = split<LengthFramer>(prefixed(largest + "y"), 1'000);
  EXPECT_THAT(outcome.frames, IsEmpty());
  ASSERT_TRUE(outcome.fault);
  EXPECT_EQ(outcome.fault->close_code, 1009);
}

TEST(LengthFramer, ALengthOfZeroIsFatal) {
  for (const std::size_t read_bytes : {1UL, 2UL, 100UL}) {
    const Outcome outcome = split<LengthFramer>(prefixed(set_frame) + std::string(4, '\0') + prefixed(set_frame), read_bytes);
    EXPECT_THAT(outcome.frames, ElementsAre(set_frame));
    ASSERT_TRUE(outcome.fault);
    EXPECT_EQ(outcome.fault->close_code, 1002);
  }
}

TEST(LengthFramer, AnIncompleteFrameIsNoFrame) {
  const std::string stream = prefixed(set_frame);
  for (std::size_t n = 0; n < stream.size(); ++n) EXPECT_THAT(split<LengthFramer>(stream.substr(0, n), 3).frames, IsEmpty()) << n;
}

TEST(BareFramer, CutsFramesWhereverTheReadsEnd) {
  const std::string stream = hello_frame + set_frame + stamped_frame + hello_frame;
  for (std::size_t read_bytes = 1; read_bytes <= stream.size(); ++read_bytes) {
    const Outcome outcome = split<BareFramer>(stream, read_bytes);
    EXPECT_THAT(outcome.frames, ElementsAre(hello_frame, set_frame, stamped_frame, hello_frame)) << "reads of " << read_bytes;
    EXPECT_FALSE(outcome.fault);
    EXPECT_EQ(outcome.bytes_held, 0U);
  }
}

TEST(BareFramer, TakesTheLargestFrame) {
  std::string largest(wire::frame_bytes_max, 'x');
  largest.replace(0, 4, std::string{"\x53\x20\xff\xff", 4});
  EXPECT_THAT(split<BareFramer>(largest + set_frame, 1'000).frames, ElementsAre(largest, set_frame));
}

TEST(BareFramer, AnotherFirstByteIsFatal) {
  for (const std::size_t read_bytes : {1UL, 7UL, 100UL}) {
    const Outcome outcome = split<BareFramer>(set_frame + "X" + set_frame, read_bytes);
    EXPECT_THAT(outcome.frames, ElementsAre(set_frame));
    ASSERT_TRUE(outcome.fault);
    EXPECT_EQ(outcome.fault->close_code, 1002);
  }
}

TEST(FirstBytes, TellTheProtocolOfAConnection) {
  EXPECT_EQ(protocol_of('G'), Protocol::http);
  EXPECT_EQ(protocol_of('H'), Protocol::http);
  EXPECT_EQ(protocol_of('P'), Protocol::http);
  EXPECT_EQ(protocol_of('O'), Protocol::http);
  EXPECT_EQ(protocol_of('D'), Protocol::http);
  EXPECT_EQ(protocol_of(0x00), Protocol::length_prefixed);
  EXPECT_EQ(protocol_of(0x53), Protocol::bare_frames);
  EXPECT_EQ(protocol_of(0x16), Protocol::tls);
  EXPECT_EQ(protocol_of(0x10), Protocol::mqtt);
  EXPECT_EQ(protocol_of(0xff), Protocol::unknown);
}

TEST(FirstBytes, HaveOneRowEach) {
  for (std::size_t i = 1; i < first_bytes.size(); ++i) EXPECT_LT(first_bytes[i - 1].byte, first_bytes[i].byte);
}

}  // namespace
}  // namespace clasp::net
