#include "bridge/web/url_query.hpp"

#include <gtest/gtest.h>

#include "bridge/web/access_token.hpp"

namespace clasp::bridge::web {
namespace {

TEST(UrlQuery, FindsAndDecodes) {
  constexpr std::string_view query = "EIO=4&transport=polling&&t&token=a%20b%2Bc+d&bad=%zz&short=%4&EIO=3&%74wo=2";
  EXPECT_EQ(find_query(query, "EIO"), "4") << "the first of two";
  EXPECT_EQ(find_query(query, "transport"), "polling");
  EXPECT_EQ(find_query(query, "t"), "");
  EXPECT_EQ(find_query(query, "token"), "a b+c d");
  EXPECT_EQ(find_query(query, "two"), "2");
  EXPECT_EQ(find_query(query, "bad"), std::nullopt);
  EXPECT_EQ(find_query(query, "short"), std::nullopt);
  EXPECT_EQ(find_query(query, "none"), std::nullopt);
  EXPECT_EQ(find_query("", "none"), std::nullopt);
}

TEST(UrlQuery, WhatIsEncodedComesBack) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(find_query("x=" + percent_encode(all), "x"), all);
}

TEST(AccessToken, OnlyTheRightOneFits) {
  EXPECT_TRUE(same_token("secret", "secret"));
  for (const char* wrong : {"", "s", "secrets", "secreT", "secretsecret"}) EXPECT_FALSE(same_token(wrong, "secret")) << wrong;
  EXPECT_FALSE(same_token("x", ""));
  EXPECT_EQ(bearer_token("Bearer abc"), "abc");
  EXPECT_EQ(bearer_token("Basic abc"), "");
  EXPECT_EQ(bearer_token("Bearer "), "");
}

}  // namespace
}  // namespace clasp::bridge::web
