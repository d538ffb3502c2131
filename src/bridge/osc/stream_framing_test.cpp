#include "bridge/osc/stream_framing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace clasp::bridge::osc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Outcome {
  std::vector<std::string> packets;
  std::string fault;
  StreamFraming framing = StreamFraming::automatic;
  bool operator==(const Outcome&) const = default;
};

Outcome split(std::string_view stream, std::size_t read_bytes, StreamFraming framing = StreamFraming::automatic, std::size_t packet_bytes_max = 100) {
  StreamSplitter splitter(framing, packet_bytes_max);
  Outcome outcome;
  for (std::size_t at = 0; at < stream.size(); at += read_bytes) {
    if (!splitter.feed(as_bytes(stream.substr(at, read_bytes)), [&](Bytes packet) { outcome.packets.emplace_back(as_text(packet)); })) break;
  }
  EXPECT_LE(splitter.bytes_held(), 512U);
  outcome.fault = splitter.fault();
  outcome.framing = splitter.framing();
  return outcome;
}

Outcome split_at_every_cut(const std::string& stream, StreamFraming framing = StreamFraming::automatic) {
  const Outcome whole = split(stream, stream.size() + 1, framing);
  for (std::size_t read_bytes = 1; read_bytes <= stream.size(); ++read_bytes) EXPECT_EQ(split(stream, read_bytes, framing), whole) << read_bytes;
  return whole;
}

std::string framed(const std::vector<std::string>& packets, StreamFraming framing) {
  ByteBuffer out;
  for (const std::string& packet : packets) append_framed(out, as_bytes(packet), framing);
  return std::string(as_text(out.view()));
}

const std::vector<std::string> packets{"/a\0\0,\0\0\0", std::string("/b\0\0,i\0\0\xC0\xDB\xDC\xDD", 12), "/c"};

TEST(OscStreamFraming, BothFramingsGiveBackWhatWasPutIn) {
  for (const StreamFraming framing : {StreamFraming::length, StreamFraming::slip}) {
    const Outcome outcome = split_at_every_cut(framed(packets, framing));
    EXPECT_EQ(outcome.packets, packets);
    EXPECT_EQ(outcome.framing, framing);
    EXPECT_THAT(outcome.fault, IsEmpty());
  }
}

TEST(OscStreamFraming, SlipWithOneEndBetweenPacketsAndNoneBeforeTheFirst) {
  EXPECT_THAT(split_at_every_cut("/a\xC0/b\xC0\xC0\xC0#bundle\xC0/incomplete").packets, ElementsAre("/a", "/b", "#bundle"));
}

TEST(OscStreamFraming, EmptyPacketsAreLeftOut) {
  EXPECT_THAT(split_at_every_cut(std::string("\0\0\0\0\0\0\0\2/a", 10)).packets, ElementsAre("/a"));
}

TEST(OscStreamFraming, SaysWhatIsWrongWithAStream) {
  EXPECT_THAT(split_at_every_cut("GET / HTTP/1.1\r\n").fault, HasSubstr("neither"));
  EXPECT_THAT(split_at_every_cut(std::string("\0\0\0\x65/", 5)).fault, HasSubstr("longer than permitted"));
  EXPECT_THAT(split_at_every_cut("/" + std::string(100, 'x') + "\xC0").fault, HasSubstr("longer than permitted"));
  EXPECT_THAT(split_at_every_cut("/a\xDBz\xC0").fault, HasSubstr("SLIP escape"));
  EXPECT_THAT(split_at_every_cut("/a\xDB\xC0").fault, HasSubstr("SLIP escape"));
  EXPECT_THAT(split_at_every_cut(std::string("/a\0\0", 4), StreamFraming::length).fault, HasSubstr("longer than permitted"));
}

TEST(OscStreamFraming, AnIdleStreamHoldsNothing) {
  StreamSplitter splitter(StreamFraming::automatic, 100);
  splitter.feed(as_bytes(framed(packets, StreamFraming::slip)), [](Bytes) {});
  EXPECT_EQ(splitter.bytes_held(), 0U);
}

}  // namespace
}  // namespace clasp::bridge::osc
