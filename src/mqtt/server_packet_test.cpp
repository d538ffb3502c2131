#include "mqtt/server_packet.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "mqtt/hex_testing.hpp"

namespace clasp::mqtt {
namespace {

constexpr Version v3 = Version::v311;
constexpr Version v5 = Version::v5;

struct Row {
  const char* title;
  Version version;
  const char* packet;
  Reason reason;  // success: it is valid
};
std::ostream& operator<<(std::ostream& out, const Row& row) { return out << row.title; }

constexpr Row rows[] = {
    {"Connack311", v3, "2002 0000", Reason::success},
    {"ConnackRefused311", v3, "2002 0005", Reason::success},
    {"Connack5", v5, "2003 0100 00", Reason::success},
    {"ConnackWithEverything", v5,
     "2038 0000 35 11 00000005 21 0010 24 01 25 00 27 00001000 12 0002 6331 22 0000 1f 0001 78 26 0001 61 0001 62 28 00 29 00 2a 00 13 0005 1a 0001 "
     "79 1c 0001 7a",
     Reason::success},
    {"ConnackOf311To5", v5, "2002 0001", Reason::success},
    {"ConnackReservedFlag", v3, "2002 0200", Reason::malformed_packet},
    {"ConnackQos2Limit", v5, "2005 0000 02 24 02", Reason::protocol_error},
    {"ConnackPropertyOfClients", v5, "2005 0000 02 17 01", Reason::protocol_error},
    {"ConnackHeaderFlags", v3, "2102 0000", Reason::malformed_packet},
    {"Publish0", v3, "3006 0003 612f62 31", Reason::success},
    {"PublishWithIdentifiers", v5, "300a 0003 612f62 04 0b01 0b02", Reason::success},
    {"PublishQos3", v3, "3608 0003 612f62 0001 31", Reason::malformed_packet},
    {"PublishIdentifier0", v3, "3208 0003 612f62 0000 31", Reason::protocol_error},
    {"Puback", v3, "4002 0001", Reason::success},
    {"PubackReason", v5, "4004 0001 87 00", Reason::success},
    {"Pubrel", v3, "6202 0001", Reason::success},
    {"PubrelFlags", v3, "6002 0001", Reason::malformed_packet},
    {"Suback", v3, "9005 0001 00 01 80", Reason::success},
    {"Suback5", v5, "9004 0001 00 8f", Reason::success},
    {"SubackNothing", v3, "9002 0001", Reason::protocol_error},
    {"SubackUnknown", v3, "9003 0001 03", Reason::malformed_packet},
    {"Unsuback311", v3, "b002 0001", Reason::success},
    {"Unsuback5", v5, "b004 0001 00 11", Reason::success},
    {"Pingresp", v3, "d000", Reason::success},
    {"PingrespWithBody", v3, "d001 00", Reason::malformed_packet},
    {"Disconnect5", v5, "e001 8e", Reason::success},
    {"DisconnectWithText", v5, "e006 8b 04 1f 0001 78", Reason::success},
    {"DisconnectExpiryOfServer", v5, "e007 00 05 11 00000005", Reason::protocol_error},
    {"Disconnect311", v3, "e000", Reason::protocol_error},
    {"ConnectFromAServer", v3, "100e 0004 4d515454 04 02 003c 0002 6331", Reason::protocol_error},
    {"Pingreq", v3, "c000", Reason::protocol_error},
};

class MqttServerPacket : public testing::TestWithParam<Row> {};

TEST_P(MqttServerPacket, IsDecodedOrRefusedAsTheStandardSays) {
  const Row& row = GetParam();
  const std::vector<std::byte> bytes = unhex(row.packet);
  ASSERT_EQ(std::to_integer<std::size_t>(bytes[1]), bytes.size() - 2) << "the row's own length";
  const auto packet = decode_server_packet(bytes, row.version);
  ASSERT_EQ(packet.has_value(), row.reason == Reason::success) << (packet ? "accepted" : packet.error().text);
  if (!packet) {
    EXPECT_EQ(packet.error().reason, row.reason) << packet.error().text;
  }
}

// Only what may end early is accepted when cut: payloads, reasons, lists, and a CONNACK of 3.1.1.
TEST_P(MqttServerPacket, CutAnywhereIsRefusedOrIsAShorterPacket) {
  const Row& row = GetParam();
  const std::vector<std::byte> bytes = unhex(row.packet);
  for (std::size_t size = bytes.size(); size-- > 2;) {
    std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    cut[1] = static_cast<std::byte>(size - 2);
    const auto packet = decode_server_packet(cut, row.version);
    const auto type = std::to_integer<unsigned>(cut[0]) >> 4;
    const bool may_end_early = (type == 2 && size == 4) || type == 3 || type == 4 || type == 6 || type == 9 || type == 11 || type == 13 || type == 14;
    if (packet) {
      EXPECT_TRUE(may_end_early) << "accepted after " << size << " bytes";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Standard, MqttServerPacket, testing::ValuesIn(rows), [](const auto& row) { return std::string(row.param.title); });

TEST(MqttServerPackets, ConnackHasWhatTheServerAllows) {
  const std::vector<std::byte> bytes = unhex(rows[3].packet);
  const auto packet = decode_server_packet(bytes, v5);
  ASSERT_TRUE(packet);
  const auto& connack = std::get<ConnackPacket>(*packet);
  EXPECT_EQ(connack.properties.session_expiry, 5U);
  EXPECT_EQ(connack.properties.receive_maximum, 16);
  EXPECT_EQ(connack.properties.maximum_qos, 1);
  EXPECT_FALSE(connack.properties.retain_available);
  EXPECT_EQ(connack.properties.maximum_packet_size, 4'096U);
  EXPECT_EQ(connack.properties.assigned_client_id, "c1");
  EXPECT_EQ(connack.properties.server_keep_alive, 5);
  EXPECT_EQ(find_user_property(connack.properties, "a"), "b");
  EXPECT_EQ(find_user_property(connack.properties, "b"), std::nullopt);
}

TEST(MqttServerPackets, RefusalsAreToldInWords) {
  const auto words = [](const char* digits, Version version) {
    const std::vector<std::byte> bytes = unhex(digits);
    const auto packet = decode_server_packet(bytes, version);
    return packet ? describe_connack(std::get<ConnackPacket>(*packet), version) : std::string(packet.error().text);
  };
  EXPECT_EQ(words("2003 0087 00", v5), "not authorized (0x87)");
  EXPECT_EQ(words("2008 0086 05 1f 0002 6e6f", v5), "bad user name or password (0x86): no");
  EXPECT_EQ(words("2002 0005", v3), "not authorized (code 5)");
  EXPECT_EQ(words("2002 0001", v5), "unsupported protocol version (code 1)") << "a server of 3.1.1 answers in its own form";
  EXPECT_EQ(words("2002 00ee", v3), "unknown reason (code 238)");
}

TEST(MqttServerPackets, WhatWeSendIsWhatTheStandardSays) {
  const auto connect = [](const OutgoingConnect& packet) {
    ByteBuffer out;
    append_connect(out, packet);
    const auto back = decode_packet(out.view(), v5);
    EXPECT_TRUE(back) << "our own broker understands it: " << (back ? "" : back.error().text);
    return hex(out);
  };
  EXPECT_EQ(connect({.version = v3, .keep_alive = 60, .client_id = "c1"}), "100e00044d5154540402003c00026331");
  EXPECT_EQ(connect({.version = v5, .keep_alive = 60, .client_id = "c1"}), "100f00044d5154540502003c0000026331");
  EXPECT_EQ(connect({.version = v5,
                     .clean_start = false,
                     .keep_alive = 60,
                     .client_id = "c1",
                     .will = OutgoingWill{.topic = "w", .payload = as_bytes("x"), .qos = Qos::exactly_once, .retain = true, .delay = 3},
                     .user_name = "u",
                     .password = as_bytes("pa"),
                     .session_expiry = 5}),
            "102700044d51545405f4003c0511000000050002633105180000000300017700017800017500027061");
  EXPECT_EQ(connect({.version = v5, .keep_alive = 1, .client_id = "", .receive_maximum = 16, .maximum_packet_size = 4'096}),
            "101500044d51545405020001082100102700001000"
            "0000");

  ByteBuffer out;
  append_subscribe(out, v3, PacketId{1}, std::vector<std::string>{"a/b", "#"}, {.qos = Qos::at_least_once, .no_local = true});
  EXPECT_EQ(hex(out), "820c00010003612f620100012301");
  out.clear();
  append_subscribe(out, v5, PacketId{2}, std::vector<std::string>{"#"},
                   {.qos = Qos::exactly_once, .no_local = true, .retain_as_published = true, .retain_handling = 1});
  EXPECT_EQ(hex(out),
            "8207000200000123"
            "1e");
  out.clear();
  append_pingreq(out);
  append_goodbye(out, v3, Reason::protocol_error);
  append_goodbye(out, v5, Reason::protocol_error);
  append_goodbye(out, v5, Reason::success);
  EXPECT_EQ(hex(out), "c000e000e00182e000");
}

}  // namespace
}  // namespace clasp::mqtt
