#include "mqtt/packet.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "mqtt/framer.hpp"
#include "mqtt/hex_testing.hpp"

namespace clasp::mqtt {
namespace {

using ::testing::ElementsAre;

template <typename Packet>
Packet decoded(std::string_view digits, Version version) {
  static std::vector<std::byte> bytes;  // the packet is made of views
  bytes = unhex(digits);
  const auto packet = decode_packet(bytes, version);
  EXPECT_TRUE(packet.has_value()) << (packet ? "" : packet.error().text);
  return packet ? std::get<Packet>(*packet) : Packet{};
}

struct Row {
  const char* title;
  Version version;
  const char* packet;
  Reason reason;  // success: it is valid
};
std::ostream& operator<<(std::ostream& out, const Row& row) { return out << row.title; }

constexpr Version v3 = Version::v311;
constexpr Version v5 = Version::v5;
const std::vector<Row> rows{
    {"Connect311", v3, "100e 0004 4d515454 04 02 003c 0002 6331", Reason::success},
    {"Connect5", v3, "100f 0004 4d515454 05 02 003c 00 0002 6331", Reason::success},
    {"ConnectWithEverything", v3, "1028 0004 4d515454 05 f6 003c 05 11 00000005 0002 6331 05 18 00000003 0001 77 0001 78 0001 75 0002 7061",
     Reason::success},
    {"ConnectOtherName", v3, "100e 0004 6d717474 04 02 003c 0002 6331", Reason::unsupported_protocol_version},
    {"ConnectOtherVersion", v3, "100e 0004 4d515454 03 02 003c 0002 6331", Reason::unsupported_protocol_version},
    {"ConnectReservedFlag", v3, "100e 0004 4d515454 04 03 003c 0002 6331", Reason::malformed_packet},
    {"ConnectWillQosWithoutWill", v3, "100e 0004 4d515454 04 0a 003c 0002 6331", Reason::malformed_packet},
    {"ConnectWillQos3", v3, "1014 0004 4d515454 04 1e 003c 0002 6331 0001 77 0001 78", Reason::malformed_packet},
    {"ConnectPasswordWithoutName", v3, "1011 0004 4d515454 04 42 003c 0002 6331 0001 70", Reason::malformed_packet},
    {"ConnectPasswordWithoutName5", v3, "1012 0004 4d515454 05 42 003c 00 0002 6331 0001 70", Reason::success},
    {"ConnectHeaderFlags", v3, "110e 0004 4d515454 04 02 003c 0002 6331", Reason::malformed_packet},
    {"ConnectReceiveMaximum0", v3, "1012 0004 4d515454 05 02 003c 03 21 0000 0002 6331", Reason::protocol_error},
    {"ConnectPropertyTwice", v3, "1015 0004 4d515454 05 02 003c 06 21 0005 21 0005 0002 6331", Reason::protocol_error},
    {"ConnectPropertyOfAnotherPacket", v3, "1012 0004 4d515454 05 02 003c 03 23 0001 0002 6331", Reason::protocol_error},
    {"ConnectBadClientId", v3, "100e 0004 4d515454 04 02 003c 0002 c328", Reason::malformed_packet},
    {"Publish0", v3, "3006 0003 612f62 31", Reason::success},
    {"Publish1", v3, "3208 0003 612f62 0007 31", Reason::success},
    {"Publish5", v5, "3009 0003 612f62 02 01 01 31", Reason::success},
    {"PublishUserPropertiesTwice", v5, "3015 0003 612f62 0e 26 0001 61 0001 32 26 0001 63 0001 33 31", Reason::success},
    {"PublishQos3", v3, "3608 0003 612f62 0007 31", Reason::malformed_packet},
    {"PublishDupAtQos0", v3, "3806 0003 612f62 31", Reason::malformed_packet},
    {"PublishId0", v3, "3208 0003 612f62 0000 31", Reason::protocol_error},
    {"PublishZeroInTopic", v3, "3006 0003 610062 31", Reason::malformed_packet},
    {"PublishSurrogateInTopic", v3, "3006 0003 eda080 31", Reason::malformed_packet},
    {"PublishPayloadFormat2", v5, "3009 0003 612f62 02 01 02 31", Reason::protocol_error},
    {"PublishResponseTopic", v5, "300c 0003 612f62 05 08 0002 6162 31", Reason::success},
    {"PublishResponseTopicWildcard", v5, "300c 0003 612f62 05 08 0002 6123 31", Reason::topic_name_invalid},
    {"PublishResponseTopicEmpty", v5, "300a 0003 612f62 03 08 0000 31", Reason::topic_name_invalid},
    {"PublishSubscriptionIdentifier", v5, "3009 0003 612f62 02 0b 01 31", Reason::protocol_error},
    {"Puback", v3, "4002 0007", Reason::success},
    {"PubackWithReason", v5, "4003 0007 10", Reason::success},
    {"PubackWithReasonAndText", v5, "4008 0007 10 04 1f 0001 78", Reason::success},
    {"PubackTooLong311", v3, "4003 0007 10", Reason::malformed_packet},
    {"Pubrel", v3, "6202 0007", Reason::success},
    {"PubrelFlags", v3, "6002 0007", Reason::malformed_packet},
    {"Subscribe", v3, "8208 0001 0003 612f62 02", Reason::success},
    {"SubscribeOptions5", v5, "8209 0001 00 0003 612f62 2e", Reason::success},
    {"SubscribeIdentifier", v5, "820b 0001 02 0b 01 0003 612f62 01", Reason::success},
    {"SubscribeIdentifier0", v5, "820b 0001 02 0b 00 0003 612f62 01", Reason::protocol_error},
    {"SubscribeNothing", v3, "8202 0001", Reason::protocol_error},
    {"SubscribeQos3", v3, "8208 0001 0003 612f62 03", Reason::malformed_packet},
    {"SubscribeOptions311", v3, "8208 0001 0003 612f62 04", Reason::malformed_packet},
    {"SubscribeRetainHandling3", v5, "8209 0001 00 0003 612f62 30", Reason::malformed_packet},
    {"Unsubscribe", v3, "a207 0001 0003 612f62", Reason::success},
    {"UnsubscribeNothing", v3, "a202 0001", Reason::protocol_error},
    {"Ping", v3, "c000", Reason::success},
    {"PingWithBody", v3, "c001 00", Reason::malformed_packet},
    {"Disconnect", v3, "e000", Reason::success},
    {"DisconnectWithExpiry", v5, "e007 00 05 11 00000005", Reason::success},
    {"DisconnectWithReason311", v3, "e001 00", Reason::malformed_packet},
    {"Auth311", v3, "f000", Reason::protocol_error},
    {"Auth5", v5, "f000", Reason::success},
    {"Type0", v3, "0000", Reason::protocol_error},
    {"ConnackFromAClient", v3, "2002 0000", Reason::protocol_error},
};

class MqttPacket : public testing::TestWithParam<Row> {};

TEST_P(MqttPacket, IsDecodedOrRefusedAsTheStandardSays) {
  const Row& row = GetParam();
  const std::vector<std::byte> bytes = unhex(row.packet);
  const auto packet = decode_packet(bytes, row.version);
  ASSERT_EQ(packet.has_value(), row.reason == Reason::success) << (packet ? "accepted" : packet.error().text);
  if (!packet) {
    EXPECT_EQ(packet.error().reason, row.reason) << packet.error().text;
  }
}

// A packet whose header is made to fit what is left of its body: only what may end early (payloads, reasons, lists) is accepted still.
TEST_P(MqttPacket, CutAnywhereIsRefusedOrIsAShorterPacket) {
  const Row& row = GetParam();
  std::vector<std::byte> bytes = unhex(row.packet);
  for (std::size_t size = bytes.size(); size-- > 2;) {
    std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    cut[1] = static_cast<std::byte>(size - 2);
    const auto packet = decode_packet(cut, row.version);
    const auto type = std::to_integer<unsigned>(cut[0]) >> 4;
    const bool may_end_early = type == 3 || type == 4 || type == 6 || type == 8 || type == 10 || type == 12 || type == 14 || type == 15;
    if (packet) {
      EXPECT_TRUE(may_end_early) << "accepted after " << size << " bytes";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Standard, MqttPacket, testing::ValuesIn(rows), [](const auto& row) { return std::string(row.param.title); });

TEST(MqttPackets, ConnectHasWhatTheClientAskedFor) {
  const auto connect =
      decoded<Connect>("1028 0004 4d515454 05 f6 003c 05 11 00000005 0002 6331 05 18 00000003 0001 77 0001 78 0001 75 0002 7061", v3);
  EXPECT_EQ(connect.version, Version::v5);
  EXPECT_TRUE(connect.clean_start);
  EXPECT_EQ(connect.keep_alive, 60);
  EXPECT_EQ(connect.client_id, "c1");
  EXPECT_EQ(connect.properties.session_expiry, 5U);
  ASSERT_TRUE(connect.will);
  EXPECT_EQ(connect.will->topic, "w");
  EXPECT_EQ(as_text(connect.will->payload), "x");
  EXPECT_EQ(connect.will->qos, Qos::exactly_once);
  EXPECT_TRUE(connect.will->retain);
  EXPECT_EQ(connect.will->properties.will_delay, 3U);
  EXPECT_EQ(connect.user_name, "u");
  EXPECT_EQ(as_text(*connect.password), "pa");
}

TEST(MqttPackets, SubscriptionOptionsAreReadFilterByFilter) {
  auto subscribe = decoded<SubscribePacket>("820d 0001 00 0001 61 2e 0003 612f62 01", v5);
  const auto first = next_filter(subscribe.filters);
  EXPECT_EQ(first->filter, "a");
  EXPECT_EQ(first->options, (SubscriptionOptions{.qos = Qos::exactly_once, .no_local = true, .retain_as_published = true, .retain_handling = 2}));
  EXPECT_EQ(next_filter(subscribe.filters)->filter, "a/b");
  EXPECT_FALSE(next_filter(subscribe.filters));
}

TEST(MqttPackets, OnlyWhatAServerHandsOnIsForwarded) {
  const auto publish = decoded<PublishPacket>("301c 0003 612f62 15 01 01 02 00000005 26 0001 61 0001 32 08 0001 72 23 0001 31", v5);
  ByteBuffer out;
  append_forwarded(out, publish.properties);
  EXPECT_EQ(hex(out),
            "0101260001610001320800"
            "0172");
  EXPECT_EQ(out.size(), publish.properties.forwarded_bytes);
  EXPECT_EQ(publish.properties.message_expiry, 5U);
  EXPECT_EQ(publish.properties.topic_alias, 1);
}

TEST(MqttPackets, AnswersAreWrittenAsTheStandardSays) {
  const auto written = [](auto write) {
    ByteBuffer out;
    write(out);
    return hex(out);
  };
  EXPECT_EQ(written([](ByteBuffer& out) { append_connack(out, v3, {.session_present = true}); }), "20020100");
  EXPECT_EQ(written([](ByteBuffer& out) { append_connack(out, v3, {.reason = Reason::bad_user_name_or_password}); }), "20020004");
  EXPECT_EQ(written([](ByteBuffer& out) { append_connack(out, v5, {.assigned_client_id = "x", .receive_maximum = 20}); }),
            "200a000007"
            "210014"
            "12000178");
  EXPECT_EQ(written([](ByteBuffer& out) { append_acknowledgement(out, v5, {.type = PacketType::puback, .id = PacketId{7}}); }), "40020007");
  EXPECT_EQ(written([](ByteBuffer& out) {
              append_acknowledgement(out, v5, {.type = PacketType::pubcomp, .id = PacketId{7}, .reason = Reason::packet_identifier_not_found});
            }),
            "7003000792");
  EXPECT_EQ(written([](ByteBuffer& out) {
              append_acknowledgement(out, v3, {.type = PacketType::pubcomp, .id = PacketId{7}, .reason = Reason::packet_identifier_not_found});
            }),
            "70020007");
  const Reason reasons[] = {Reason{1}, Reason::topic_filter_invalid};
  EXPECT_EQ(written([&](ByteBuffer& out) { append_suback(out, v3, PacketId{1}, reasons); }), "900400010180");
  EXPECT_EQ(written([&](ByteBuffer& out) { append_suback(out, v5, PacketId{1}, reasons); }),
            "90050001"
            "00018f");
  EXPECT_EQ(written([&](ByteBuffer& out) { append_unsuback(out, v3, PacketId{1}, reasons); }), "b0020001");
  EXPECT_EQ(written([](ByteBuffer& out) { append_disconnect(out, Reason::session_taken_over, {}); }), "e0028e00");
}

TEST(MqttPackets, APublishHasTheSizeItWasSaidToHave) {
  const std::uint32_t identifiers[] = {1, 456'789};
  const std::string payload(200, 'x');
  for (const Version version : {v3, v5}) {
    const OutgoingPublish publish{.topic = "a/b",
                                  .payload = as_bytes(payload),
                                  .id = PacketId{9},
                                  .qos = Qos::at_least_once,
                                  .retain = true,
                                  .duplicate = true,
                                  .forwarded = {},
                                  .message_expiry = 5,
                                  .topic_alias = 3,
                                  .subscription_identifiers = identifiers};
    ByteBuffer out;
    append_publish(out, version, publish);
    EXPECT_EQ(out.size(), publish_bytes(version, publish));
    EXPECT_EQ(hex(out).substr(0, 2), "3b");
  }
}

TEST(MqttFramer, FaultsAreFoundInTheHeader) {
  const auto fault_of = [](std::string_view digits) {
    PacketFramer framer(1'000);
    std::vector<std::byte> bytes = unhex(digits);
    std::span<std::byte> input{bytes};
    EXPECT_FALSE(framer.next(input));
    return framer.why() == nullptr ? Reason::success : framer.why()->reason;
  };
  EXPECT_EQ(fault_of("10 ffffffff 01"), Reason::malformed_packet);
  EXPECT_EQ(fault_of("10 ffffff7f"), Reason::packet_too_large);
  EXPECT_EQ(fault_of("30 e807"), Reason::packet_too_large) << "1,000 behind a header of 3";
  EXPECT_EQ(fault_of("30 e507"), Reason::success) << "997: not whole yet";
  EXPECT_EQ(fault_of("30 ff"), Reason::success);
}

}  // namespace
}  // namespace clasp::mqtt
