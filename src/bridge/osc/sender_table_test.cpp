#include "bridge/osc/sender_table.hpp"

#include <gtest/gtest.h>

namespace clasp::bridge::osc {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime at(Micros t) { return {t.count()}; }
Endpoint sender(std::uint16_t port) { return Endpoint::ipv4({10, 0, 0, 1}, port); }

TEST(SenderTable, TellsPortsOfOneHostApart) {
  SenderTable table(30s, 16);
  const PeerTag first = table.heard(sender(40001), at(0s)).tag;
  const PeerTag second = table.heard(sender(40002), at(0s)).tag;
  EXPECT_NE(first, second);
  EXPECT_EQ(table.heard(sender(40001), at(1s)).tag, first);
  ASSERT_NE(table.find(second), nullptr);
  EXPECT_EQ(table.find(second)->from, sender(40002));
}

TEST(SenderTable, ForgetsWhoIsSilent) {
  SenderTable table(30s, 16);
  EXPECT_EQ(table.next_expiry(), std::nullopt);
  const PeerTag quiet = table.heard(sender(1), at(0s)).tag;
  table.heard(sender(2), at(0s));
  table.heard(sender(2), at(5s));
  EXPECT_EQ(table.next_expiry(), at(30s));
  EXPECT_EQ(table.expire(at(30s) - 1us), 0U);
  EXPECT_EQ(table.expire(at(30s)), 1U);
  EXPECT_EQ(table.find(quiet), nullptr);
  EXPECT_EQ(table.next_expiry(), at(35s));
  EXPECT_NE(table.heard(sender(1), at(31s)).tag, quiet);
}

TEST(SenderTable, MakesRoomByForgettingTheOneSilentForLongest) {
  SenderTable table(30s, 2);
  table.heard(sender(1), at(0s));
  table.heard(sender(2), at(1s));
  table.heard(sender(1), at(2s));
  EXPECT_TRUE(table.heard(sender(3), at(3s)).evicted);
  ASSERT_EQ(table.senders().size(), 2U);
  EXPECT_EQ(table.senders().front().from, sender(3));
  EXPECT_EQ(table.senders().back().from, sender(1));
}

TEST(Endpoint, IsWrittenAsPeopleWriteIt) {
  EXPECT_EQ(to_text(sender(9000)), "10.0.0.1:9000");
  Endpoint local{.address = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34}, .port = 8000, .scope = 2};
  EXPECT_EQ(to_text(local), "[fe80:0:0:0:0:0:0:1234%2]:8000");
}

}  // namespace
}  // namespace clasp::bridge::osc
