#include "client/url.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace clasp::client {
namespace {

struct Accepted {
  std::string_view url;
  Endpoint endpoint;
};

TEST(Url, IsReadAsPeopleWriteIt) {
  const Accepted rows[] = {
      {"ws://localhost:7330", {Transport::websocket, "localhost", 7330, "/"}},
      {"WS://Host/clasp?room=1", {Transport::websocket, "Host", 80, "/clasp?room=1"}},
      {"ws://host:80", {Transport::websocket, "host", 80, "/"}},
      {"ws://host?x", {Transport::websocket, "host", 80, "/?x"}},
      {"ws://[::1]:9000/a#part", {Transport::websocket, "::1", 9000, "/a"}},
      {"ws://[fe80::1]", {Transport::websocket, "fe80::1", 80, "/"}},
      {"tcp://10.0.0.1", {Transport::tcp, "10.0.0.1", 7330, "/"}},
      {"tcp://[::1]:1", {Transport::tcp, "::1", 1, "/"}},
      {"stage.local:7331", {Transport::websocket, "stage.local", 7331, "/"}},
      {"stage.local", {Transport::websocket, "stage.local", 7330, "/"}},
      {"[::1]", {Transport::websocket, "::1", 7330, "/"}},
      {"ws://host:", {Transport::websocket, "host", 80, "/"}},
      {"ws://h:65535", {Transport::websocket, "h", 65535, "/"}},
  };
  for (const Accepted& row : rows) {
    const auto endpoint = parse_url(row.url);
    ASSERT_TRUE(endpoint) << row.url << ": " << endpoint.error().message;
    EXPECT_EQ(*endpoint, row.endpoint) << row.url;
  }
}

TEST(Url, IsRefusedWithAReason) {
  const std::pair<std::string, std::string> rows[] = {
      {"", "empty"},
      {"wss://host", "built without wss"},
      {"quic://host", "built without quic"},
      {"serial:///dev/ttyUSB0", "built without serial"},
      {"http://host", "unknown scheme"},
      {"ws://", "no host"},
      {"ws://:7330", "no host"},
      {"ws://host:0", "no port"},
      {"ws://host:65536", "no port"},
      {"ws://host:-1", "no port"},
      {"ws://host:12x", "no port"},
      {"ws://::1", "brackets"},
      {"ws://[::1", "without ']'"},
      {"ws://[::1]x", "behind ']'"},
      {"ws://user@host", "token"},
      {"user:geheim@host", "invalid URL \"host\": user names"},
      {"ws://host/a b", "spaces"},
      {"ws://host/a\r\nX: y", "control"},
      {"ws://" + std::string(300, 'h'), "too long"},
      {"ws://h/" + std::string(5'000, 'h'), "too long"},
  };
  for (const auto& [url, reason] : rows) {
    const auto endpoint = parse_url(url);
    ASSERT_FALSE(endpoint) << url;
    EXPECT_EQ(endpoint.error().code, ErrorCode::invalid_argument);
    EXPECT_THAT(endpoint.error().message, ::testing::HasSubstr(reason)) << url;
  }
}

}  // namespace
}  // namespace clasp::client
