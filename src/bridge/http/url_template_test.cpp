#include "bridge/http/url_template.hpp"

#include <gtest/gtest.h>

namespace clasp::bridge::http {
namespace {

const ChangeText change{
    .address = "/http/lamp 1/on", .name = "lamp 1/on", .value = R"("a\"b")", .text = R"(a"b)", .revision = "7", .signal = "param"};

TEST(UrlTemplate, EverythingIsEncoded) {
  EXPECT_EQ(fill_url("http://h/x{address}", change), "http://h/x/http/lamp%201/on");
  EXPECT_EQ(fill_url("http://h/{name}?v={text}&r={revision}&k={signal}", change), "http://h/lamp%201/on?v=a%22b&r=7&k=param");
  EXPECT_EQ(fill_url("http://h/{other}", change), "http://h/{other}");
}

TEST(UrlTemplate, NobodyWhoNamesAnAddressLeavesThePath) {
  ChangeText hostile = change;
  for (const char* name : {"../admin", "a/../../b", "a/..", "."}) {
    hostile.name = name;
    EXPECT_FALSE(fill_url("http://h/x/{name}", hostile)) << name;
  }
  hostile.name = "a?b#c@d:e\\f";
  EXPECT_EQ(fill_url("http://h/{name}", hostile), "http://h/a%3Fb%23c%40d%3Ae%5Cf");
  hostile.text = "../x/y";
  EXPECT_EQ(fill_url("http://h/?v={text}", hostile), "http://h/?v=..%2Fx%2Fy");
}

TEST(UrlTemplate, NobodyWhoWritesChoosesTheHost) {
  EXPECT_TRUE(check_template("http://h{address}"));
  EXPECT_TRUE(check_template("http://h:80/{value}"));
  for (const char* url : {"http://{name}/", "http://h{name}", "http://h.{name}/", "{address}", "http://h:{revision}/"})
    EXPECT_FALSE(check_template(url)) << url;
}

TEST(UrlTemplate, ABodyStaysJsonWhateverTheValue) {
  EXPECT_EQ(fill_body(R"({"v":{value},"t":"is {text} at {address}","x":{}})", change), R"({"v":"a\"b","t":"is a\"b at /http/lamp 1/on","x":{}})");
}

TEST(UrlTemplate, AnErrorShowsNoSecrets) {
  const auto bad = check_template("ftp://me:secret@h:1/a?token=secret");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message, "ftp://h:1/a: ftp://h:1/a is no http or https URL");
}

}  // namespace
}  // namespace clasp::bridge::http
