#include "dial/url.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "dial/target.hpp"

namespace clasp::dial {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::array schemes{Scheme{"mqtt", 1883}, Scheme{"mqtts", 8883, true}, Scheme{"wss", 443, true, true}};

struct Row {
  std::string text;
  Url url;
};

TEST(DialUrl, SaysWhereAndHow) {
  const Row rows[] = {
      {"broker.local", {.scheme = "mqtt", .host = "broker.local", .port = 1883, .target = "/"}},
      {"broker.local:1884", {.scheme = "mqtt", .host = "broker.local", .port = 1884, .target = "/"}},
      {"mqtt://h:", {.scheme = "mqtt", .host = "h", .port = 1883, .target = "/"}},
      {"MQTTS://[fe80::1%25eth0]:9", {.scheme = "mqtts", .tls = true, .host = "fe80::1%25eth0", .port = 9, .target = "/"}},
      {"wss://u:p%40ss%3A@h/mqtt?a=b#c",
       {.scheme = "wss", .tls = true, .websocket = true, .user = "u", .password = "p@ss:", .host = "h", .port = 443, .target = "/mqtt?a=b"}},
      {"mqtt://a@b@h", {.scheme = "mqtt", .user = "a@b", .host = "h", .port = 1883, .target = "/"}},
  };
  for (const Row& row : rows) {
    const Result<Url> url = parse_url(row.text, schemes);
    ASSERT_TRUE(url) << row.text << ": " << url.error().message;
    EXPECT_EQ(*url, row.url) << row.text;
  }
}

TEST(DialUrl, RefusesWhatIsNone) {
  for (const std::string_view bad : {"", "http://h", "mqtt://", "mqtt://:80", "mqtt://h:0", "mqtt://h:65536", "mqtt://h:x", "mqtt://[::1",
                                     "mqtt://[::1]x", "mqtt://::1", "mqtt://h/a b", "mqtt://h/\r\nX: y", "mqtt://u:%4@h", "mqtt://u:%zz@h"}) {
    const Result<Url> url = parse_url(bad, schemes);
    ASSERT_FALSE(url) << bad;
    EXPECT_EQ(url.error().code, ErrorCode::invalid_argument);
    EXPECT_THAT(url.error().message, HasSubstr("invalid URL"));
  }
}

TEST(DialUrl, AnErrorNeverShowsThePassword) {
  for (const std::string_view bad : {"mqtt://user:geheim@h:0", "http://user:geheim@h", "user:geheim@", "mqtt://user:geh%eim@h"}) {
    const Result<Url> url = parse_url(bad, schemes);
    ASSERT_FALSE(url) << bad;
    EXPECT_THAT(url.error().message, Not(HasSubstr("geh"))) << bad;
  }
}

TEST(DialUrl, APlaceHasBracketsAroundIpv6) {
  EXPECT_EQ(place("h", 1), "h:1");
  EXPECT_EQ(place("::1", 1883), "[::1]:1883");
}

}  // namespace
}  // namespace clasp::dial
