#include "url/url.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace clasp::url {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::array schemes{Scheme{"mqtt", 1883}, Scheme{"mqtts", 8883, true}, Scheme{"wss", 443, true, true}};

struct Row {
  std::string text;
  Url url;
};

TEST(Url, SaysWhereAndHow) {
  const Row rows[] = {
      {"broker.local", {.scheme = "mqtt", .host = "broker.local", .port = 1883, .target = "/"}},
      {"broker.local:1884", {.scheme = "mqtt", .host = "broker.local", .port = 1884, .target = "/"}},
      {"mqtt://10.0.0.1:65535", {.scheme = "mqtt", .host = "10.0.0.1", .port = 65535, .target = "/"}},
      {"mqtt://h:", {.scheme = "mqtt", .host = "h", .port = 1883, .target = "/"}},
      {"mqtt://Host?x", {.scheme = "mqtt", .host = "Host", .port = 1883, .target = "/?x"}},
      {"mqtt://h/a@b:c", {.scheme = "mqtt", .host = "h", .port = 1883, .target = "/a@b:c"}},
      {"mqtt://h#a/b@c", {.scheme = "mqtt", .host = "h", .port = 1883, .target = "/"}},
      {"[::1]", {.scheme = "mqtt", .host = "::1", .port = 1883, .target = "/"}},
      {"mqtt://[::ffff:10.0.0.1]:1/", {.scheme = "mqtt", .host = "::ffff:10.0.0.1", .port = 1, .target = "/"}},
      {"MQTTS://[fe80::1%25eth0]:9", {.scheme = "mqtts", .tls = true, .host = "fe80::1%eth0", .port = 9, .target = "/"}},
      {"mqtt://[fe80::1%2]", {.scheme = "mqtt", .host = "fe80::1%2", .port = 1883, .target = "/"}},
      {"wss://u:p%40ss%3A@h/mqtt?a=b#c",
       {.scheme = "wss", .tls = true, .websocket = true, .user = "u", .password = "p@ss:", .host = "h", .port = 443, .target = "/mqtt?a=b"}},
      {"mqtt://u@[::1]:5", {.scheme = "mqtt", .user = "u", .host = "::1", .port = 5, .target = "/"}},
      {"mqtt://:p@h", {.scheme = "mqtt", .password = "p", .host = "h", .port = 1883, .target = "/"}},
      {"mqtt://a@b@h", {.scheme = "mqtt", .user = "a@b", .host = "h", .port = 1883, .target = "/"}},
  };
  for (const Row& row : rows) {
    const Result<Url> url = parse_url(row.text, schemes);
    ASSERT_TRUE(url) << row.text << ": " << url.error().message;
    EXPECT_EQ(*url, row.url) << row.text;
  }
}

TEST(Url, IsRefusedWithAReason) {
  const std::pair<std::string, std::string> rows[] = {
      {"", "invalid URL \"\": it is empty"},
      {"http://h", "invalid URL \"http://h\": unknown scheme \"http\" (mqtt://, mqtts://, wss:// are supported)"},
      {"://h", "unknown scheme \"\""},
      {"mqtt://", "it names no host"},
      {"mqtt://:80", "it names no host"},
      {"mqtt://[]:80", "it names no host"},
      {"mqtt://u@", "it names no host"},
      {"mqtt:///path", "it names no host"},
      {"mqtt://h:0", "\"0\" is no port number (1 to 65535)"},
      {"mqtt://h:65536", "\"65536\" is no port number (1 to 65535)"},
      {"mqtt://h:-1", "\"-1\" is no port number"},
      {"mqtt://h:+1", "\"+1\" is no port number"},
      {"mqtt://h:12x", "\"12x\" is no port number"},
      {"mqtt://[::1]:x", "\"x\" is no port number"},
      {"mqtt://[::1", "'[' without ']'"},
      {"mqtt://[::1]x", "something other than a port behind ']'"},
      {"mqtt://[::1::2]", "\"::1::2\" is no IPv6 address"},
      {"mqtt://[10.0.0.1]", "\"10.0.0.1\" is no IPv6 address"},
      {"mqtt://[fe80::1%]", "the zone behind '%' of fe80::1 is empty"},
      {"mqtt://[fe80::1%25]", "the zone behind '%' of fe80::1 is empty"},
      {"mqtt://::1", "an IPv6 address has to stand in brackets"},
      {"mqtt://h/a b", "spaces or control characters"},
      {"mqtt://h/\r\nX: y", "spaces or control characters"},
      {"mqtt://u:%4@h", "a '%' in the user or password is not followed by two hexadecimal digits"},
      {"mqtt://u:a/b@h", "'/', '?' and '#' in a user or password have to be written as %2F, %3F and %23"},
      {"mqtt://%zz@h", "a '%' in the user or password is not followed by two hexadecimal digits"},
      {"mqtt://" + std::string(254, 'h'), "its host name is too long"},
      {"mqtt://h/" + std::string(5'000, 'h'), "it is too long, more than 4096 bytes"},
  };
  for (const auto& [text, reason] : rows) {
    const Result<Url> url = parse_url(text, schemes);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, ErrorCode::invalid_argument);
    EXPECT_THAT(url.error().message, HasSubstr("invalid URL"));
    EXPECT_THAT(url.error().message, HasSubstr(reason));
    EXPECT_LT(url.error().message.size(), 1'000U) << text;
  }
}

TEST(Url, AnErrorNeverShowsThePassword) {
  for (const std::string_view bad : {"mqtt://user:geheim@h:0", "http://user:geheim@h", "user:geheim@", "mqtt://user:geh%eim@h", "mqtt://user:geh/eim@h:x"}) {
    const Result<Url> url = parse_url(bad, schemes);
    ASSERT_FALSE(url) << bad;
    EXPECT_THAT(url.error().message, Not(HasSubstr("geh"))) << bad;
  }
}

TEST(Url, OrAnAddressWithoutAScheme) {
  EXPECT_EQ(find_scheme("WS://h"), "ws");
  EXPECT_EQ(find_scheme("://h"), "");
  EXPECT_EQ(find_scheme("h/a?next=http://other"), std::nullopt);
  EXPECT_EQ(find_scheme("0.0.0.0:8080"), std::nullopt);
  EXPECT_EQ(find_scheme("[::1]:8080"), std::nullopt);
}

TEST(Url, OfAnOriginHasNothingBehindThePort) {
  for (const char* good : {"https://desk.example", "http://desk.example:8443", "http://[::1]:80", "capacitor://localhost", "http://10.0.0.1"})
    EXPECT_TRUE(is_origin(good)) << good;
  for (const char* bad : {"", "*", "null", "desk.example", "https://", "://desk", "https://desk.example/", "https://desk.example/a", "https://desk.example?a",
                          "https://desk.example#a", "https://u@desk.example", "https://desk.example:x", "https://desk.example:", "https://desk example"})
    EXPECT_FALSE(is_origin(bad)) << bad;
}

TEST(Url, IsShownWithoutWhatIsSecret) {
  EXPECT_EQ(shown_url("https://user:geheim@host:8443/a/b?token=geheim#c"), "https://host:8443/a/b");
  EXPECT_EQ(shown_url("https://host/a@b"), "https://host/a@b");
  EXPECT_EQ(shown_url("https://geheim@host?x"), "https://host");
  EXPECT_EQ(shown_url("host/a?x"), "host/a");
}

TEST(Url, APlaceHasBracketsAroundIpv6) {
  EXPECT_EQ(place("h", 1), "h:1");
  EXPECT_EQ(place("::1", 1883), "[::1]:1883");
  EXPECT_EQ(host_header("h", 80, 80), "h");
  EXPECT_EQ(host_header("h", 81, 80), "h:81");
  EXPECT_EQ(host_header("::1", 80, 80), "[::1]");
  EXPECT_EQ(host_header("fe80::1%eth0", 81, 80), "[fe80::1]:81");
}

}  // namespace
}  // namespace clasp::url
