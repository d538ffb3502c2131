#include "bridge/socketio/packet.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <array>
#include <limits>

#include "clasp/value.hpp"

namespace clasp::bridge::socketio {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::string_view_literals;
using namespace std::string_literals;

std::string describe(const Packet& packet) {
  static constexpr std::array names{"CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK"};
  std::string text = fmt::format("{} {}", names[static_cast<std::size_t>(packet.type)], packet.nsp);
  if (packet.id) text += fmt::format(" #{}", *packet.id);
  if (!packet.data.is_null()) text += " " + to_json(packet.data);
  return text;
}

std::string describe(const Result<std::optional<Packet>>& taken) {
  if (!taken) return "error: " + taken.error().message;
  return *taken ? describe(**taken) : "more";
}

struct Row {
  std::string_view text;
  std::string_view packet;
};

TEST(SocketPacket, IsDecodedAsTheProtocolSays) {
  static constexpr Row rows[] = {
      {"0", "CONNECT /"},
      {"0{\"token\":\"t\"}", "CONNECT / {\"token\":\"t\"}"},
      {"0/admin", "CONNECT /admin"},
      {"0/admin,", "CONNECT /admin"},
      {"0/admin,{\"token\":\"t\"}", "CONNECT /admin {\"token\":\"t\"}"},
      {"0/admin?x=1,{}", "CONNECT /admin {}"},
      {"1", "DISCONNECT /"},
      {"1/admin,", "DISCONNECT /admin"},
      {"2[\"ev\",1]", "EVENT / [\"ev\",1]"},
      {"2/admin,7[\"ev\"]", "EVENT /admin #7 [\"ev\"]"},
      {"212[\"x\"]", "EVENT / #12 [\"x\"]"},
      {"2[\"big\",9007199254740993,1.5,null]", "EVENT / [\"big\",9007199254740993,1.5,null]"},
      {"2[\"b\",{\"$bytes\":\"AQL/\"}]", "EVENT / [\"b\",{\"$bytes\":\"AQL/\"}]"},
      {"31[]", "ACK / #1 []"},
      {"3/admin,456[\"ok\",{}]", "ACK /admin #456 [\"ok\",{}]"},
      {"4{\"message\":\"no\"}", "CONNECT_ERROR / {\"message\":\"no\"}"},
      {"50-[\"x\"]", "EVENT / [\"x\"]"},
  };
  for (const Row& row : rows) EXPECT_EQ(describe(PacketAssembler().take_text(row.text)), row.packet) << row.text;
}

TEST(SocketPacket, WhatTheProtocolDoesNotSayIsRefused) {
  for (const std::string_view text : {"",
                                      "7",
                                      "x",
                                      "0[]",
                                      "0\"a\"",
                                      "1[]",
                                      "2",
                                      "2{}",
                                      "2[]",
                                      "2[1]",
                                      "2[null,1]",
                                      "2[\"connect\"]",
                                      "2[\"disconnect\",1]",
                                      "2[\"newListener\"]",
                                      "2[\"a\"",
                                      "2[\"a\"]x",
                                      "2[\"\\ud800",
                                      "3[]",
                                      "31",
                                      "31{}",
                                      "4",
                                      "4[]",
                                      "5[\"a\"]",
                                      "5-[\"a\"]",
                                      "51[\"a\"]",
                                      "565-[\"a\"]",
                                      "599999999999999999999-[\"a\"]",
                                      "299999999999999999999999[\"a\"]",
                                      "2[\"a\",NaN]",
                                      "2[\"a\",\"\xff\"]"}) {
    EXPECT_THAT(describe(PacketAssembler().take_text(text)), HasSubstr("error: Socket.IO packet: ")) << text;
  }
  EXPECT_THAT(describe(PacketAssembler().take_text("2" + std::string(10'000, '['))), HasSubstr("nested deeper"));
  EXPECT_THAT(describe(PacketAssembler().take_text("2" + std::string(1'000'001, ' '))), HasSubstr("at most 1000000"));
  EXPECT_THAT(describe(PacketAssembler({.values_max = 10}).take_text("2[\"a\",1,2,3,4,5,6,7,8,9,10]")), HasSubstr("more values"));
  EXPECT_THAT(describe(PacketAssembler().take_text("0/" + std::string(300, 'n'))), HasSubstr("too long"));
}

// Field case C29.
TEST(SocketPacket, AttachmentsGoToTheirPlacesWhateverTheOrderOfKeys) {
  PacketAssembler assembler;
  EXPECT_EQ(describe(assembler.take_text("51-[\"b\",{\"num\":0,\"_placeholder\":true}]")), "more");
  EXPECT_EQ(describe(assembler.take_binary(as_bytes("\x01\x02\xff"sv))), "EVENT / [\"b\",{\"$bytes\":\"AQL/\"}]");
  EXPECT_EQ(describe(assembler.take_text("52-/n,3[\"b\",{\"_placeholder\":true,\"num\":1},{\"deep\":[{\"_placeholder\":true,\"num\":0}]}]")), "more");
  EXPECT_EQ(describe(assembler.take_binary(as_bytes("\xaa"sv))), "more");
  EXPECT_EQ(describe(assembler.take_binary(as_bytes("\xbb"sv))), "EVENT /n #3 [\"b\",{\"$bytes\":\"uw==\"},{\"deep\":[{\"$bytes\":\"qg==\"}]}]");
  EXPECT_EQ(describe(assembler.take_text("61-5[{\"_placeholder\":true,\"num\":0}]")), "more");
  EXPECT_EQ(describe(assembler.take_binary({})), "ACK / #5 [{\"$bytes\":\"\"}]");
}

TEST(SocketPacket, AttachmentsThatDoNotFitAreRefused) {
  const auto with_one = [](std::string_view text) {
    PacketAssembler assembler;
    EXPECT_EQ(describe(assembler.take_text(text)), "more");
    return describe(assembler.take_binary(as_bytes("x")));
  };
  EXPECT_THAT(with_one("51-[\"b\",{\"_placeholder\":true,\"num\":1}]"), HasSubstr("do not fit"));
  EXPECT_THAT(with_one("51-[\"b\",{\"_placeholder\":true,\"num\":-1}]"), HasSubstr("do not fit"));
  EXPECT_THAT(with_one("51-[\"b\"]"), HasSubstr("do not fit"));
  EXPECT_THAT(with_one("51-[\"b\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":0}]"), HasSubstr("do not fit"))
      << "no memory is multiplied";

  PacketAssembler assembler({.bytes_max = 100});
  EXPECT_THAT(describe(assembler.take_binary(as_bytes("x"))), HasSubstr("no packet has announced"));
  EXPECT_EQ(describe(assembler.take_text("52-[\"b\",{\"_placeholder\":true,\"num\":0}]")), "more");
  EXPECT_THAT(describe(assembler.take_text("2[\"x\"]")), HasSubstr("where an attachment should be (2 are missing)"));
  EXPECT_THAT(describe(assembler.take_binary(as_bytes(std::string(100, 'x')))), HasSubstr("more than 100 bytes"));
}

TEST(SocketPacket, WhatIsEncodedComesBack) {
  const Value blob(Blob{std::byte{1}, std::byte{0}});
  const Array data{"ev", blob, Map{{"a", Array{blob, nullptr, 1.0}}}, std::int64_t{9'007'199'254'740'993}};
  const EncodedPacket encoded = encode_packet(PacketType::event, "/admin", 7, data);
  EXPECT_EQ(encoded.text,
            "52-/admin,7[\"ev\",{\"_placeholder\":true,\"num\":0},{\"a\":[{\"_placeholder\":true,\"num\":1},null,1.0]},9007199254740993]");
  EXPECT_THAT(encoded.attachments, ElementsAre("\x01\0"s, "\x01\0"s));
  PacketAssembler assembler;
  EXPECT_EQ(describe(assembler.take_text(encoded.text)), "more");
  EXPECT_EQ(describe(assembler.take_binary(as_bytes(encoded.attachments[0]))), "more");
  const auto back = assembler.take_binary(as_bytes(encoded.attachments[1]));
  ASSERT_TRUE(back && *back);
  EXPECT_EQ((*back)->data, Value(data));

  EXPECT_EQ(encode_packet(PacketType::connect, "/", std::nullopt, Map{{"sid", "x"}}).text, "0{\"sid\":\"x\"}");
  EXPECT_EQ(encode_packet(PacketType::connect, "/a", std::nullopt, {}).text, "0/a,");
  EXPECT_EQ(encode_packet(PacketType::ack, "/", 12, Array{}).text, "312[]");
  EXPECT_EQ(encode_packet(PacketType::ack, "/", 12, Array{blob}).text, "61-12[{\"_placeholder\":true,\"num\":0}]");
  EXPECT_EQ(encode_packet(PacketType::event, "/", std::nullopt, Array{"n", std::numeric_limits<double>::quiet_NaN()}).text, "2[\"n\",null]")
      << "C31: JSON has no NaN";
}

TEST(SocketPacket, IsRefusedWhereverItIsCut) {
  const std::string whole = "51-/admin,12[\"b\",{\"_placeholder\":true,\"num\":0},\"\\u00e9\"]";
  for (std::size_t n = 0; n < whole.size(); ++n) {
    PacketAssembler assembler;
    const std::string cut(whole.data(), n);
    EXPECT_THAT(describe(assembler.take_text(cut)), HasSubstr("error: ")) << cut;
  }
}

}  // namespace
}  // namespace clasp::bridge::socketio
