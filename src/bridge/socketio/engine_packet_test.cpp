#include "bridge/socketio/engine_packet.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "core/base64.hpp"

namespace clasp::bridge::socketio {
namespace {

using testing::ElementsAre;
using namespace std::string_view_literals;

std::string describe(const EnginePacket& packet) {
  if (packet.blob) return fmt::format("bytes {}", base64_encode(*packet.blob));
  return fmt::format("{}{}", static_cast<char>(packet.type), packet.text);
}

std::vector<std::string> read(std::string_view body) {
  std::vector<std::string> out;
  for (PayloadReader reader(body); !reader.done();) {
    const auto packet = reader.next();
    out.push_back(packet ? describe(*packet) : "fault");
  }
  return out;
}

TEST(EnginePacket, IsATypeAndText) {
  struct Row {
    std::string_view text;
    bool accepted;
  };
  for (const Row& row : {Row{"2", true},
                         {"2probe", true},
                         {"4hello", true},
                         {"40{\"sid\":\"x\"}", true},
                         {"6", true},
                         {"", false},
                         {"7", false},
                         {"x", false},
                         {"b", false},
                         {"4\xff", false},
                         {"4caf\xc3\xa9", true},
                         {"4caf\xc3", false}}) {
    EXPECT_EQ(decode_engine_packet(row.text).has_value(), row.accepted) << row.text;
  }
}

TEST(EnginePayload, IsPacketsBetweenSeparators) {
  EXPECT_THAT(read("42[\"a\"]\x1e"
                   "2\x1e"
                   "bAQL/\x1e"
                   "4"),
              ElementsAre("42[\"a\"]", "2", "bytes AQL/", "4"));
  EXPECT_THAT(read("4"), ElementsAre("4"));
  EXPECT_THAT(read("b"), ElementsAre("bytes "));
}

TEST(EnginePayload, WhatIsNoPacketEndsIt) {
  EXPECT_THAT(read(""), ElementsAre("fault"));
  EXPECT_THAT(read("4a\x1e\x1e"
                   "4b"),
              ElementsAre("4a", "fault"));
  EXPECT_THAT(read("4a\x1e"), ElementsAre("4a", "fault"));
  EXPECT_THAT(read("bAQL\x1e"
                   "4b"),
              ElementsAre("fault"));
  EXPECT_THAT(read("9"), ElementsAre("fault"));
}

TEST(EnginePayload, ComesBackAndIsNeverReadPastItsEnd) {
  PayloadWriter writer;
  writer.add_text(EngineType::ping, {});
  writer.add_text(EngineType::message, "2[\"caf\xc3\xa9\"]");
  writer.add_binary(as_bytes("\x00\x1e\xff"sv));
  EXPECT_THAT(read(writer.body()), ElementsAre("2", "42[\"caf\xc3\xa9\"]", "bytes AB7/"));
  for (std::size_t n = 0; n < writer.body().size(); ++n) {
    const std::string cut(writer.body().data(), n);  // of its own, so that reading behind it is seen
    EXPECT_LE(read(cut).size(), 3U);
  }
}

}  // namespace
}  // namespace clasp::bridge::socketio
