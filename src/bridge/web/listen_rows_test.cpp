#include "bridge/web/listen_rows.hpp"

#include <gtest/gtest.h>

namespace clasp::bridge::web {
namespace {

TEST(ListenRows, APlaceIsAHostAPortOrBoth) {
  struct Row {
    std::string_view text, host;
    std::uint16_t port;
  };
  for (const Row& row : {Row{"9000", "0.0.0.0", 9'000},
                         {"127.0.0.1", "127.0.0.1", 1},
                         {"localhost:5", "localhost", 5},
                         {"[::1]:6", "::1", 6},
                         {"::1", "::1", 1},
                         {"[::]:7", "", 7},
                         {":8", "", 8}}) {
    ListenPlace place{.host = "0.0.0.0", .port = 1};
    EXPECT_TRUE(set_place(place, row.text)) << row.text;
    EXPECT_EQ(place.host, row.host) << row.text;
    EXPECT_EQ(place.port, row.port) << row.text;
  }
  ListenPlace place{.host = "h", .port = 1};
  for (const char* wrong : {"h:x", "h:70000", "h:"}) EXPECT_FALSE(set_place(place, wrong)) << wrong;
  EXPECT_EQ(place.host, "h");
}

TEST(ListenRows, HeadersAreNamesAndValues) {
  std::vector<net::HttpField> fields;
  EXPECT_TRUE(add_header(fields, "Authorization: Bearer x:y"));
  EXPECT_TRUE(add_header(fields, "X:"));
  EXPECT_EQ(fields, (std::vector<net::HttpField>{{"Authorization", "Bearer x:y"}, {"X", ""}}));
  for (const char* wrong : {"", "x", ": y", "a b: c", "a: b\r\nc: d"}) EXPECT_FALSE(add_header(fields, wrong)) << wrong;
}

TEST(ListenRows, KindsArePatternsAndNames) {
  std::vector<KindRule> rules;
  EXPECT_TRUE(add_kind(rules, "/a/**=event"));
  EXPECT_TRUE(add_kind(rules, "/b=x=stream"));
  for (const char* wrong : {"/a", "a=event", "/a=gesture", "/a="}) EXPECT_FALSE(add_kind(rules, wrong)) << wrong;
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[0].kind, SignalType::event);
  EXPECT_EQ(rules[1].pattern.text(), "/b=x");
}

}  // namespace
}  // namespace clasp::bridge::web
