#include "cli/http_get.hpp"

#include <gmock/gmock.h>

namespace clasp::cli {
namespace {

TEST(HttpReply, HasAStatusAndABody) {
  EXPECT_EQ(parse_http_reply("HTTP/1.1 200 OK\r\ncontent-LENGTH: 3\r\n\r\nok\n"), (HttpReply{200, "ok\n"}));
  EXPECT_EQ(parse_http_reply("HTTP/1.0 503 Busy\r\n\r\nuntil the end"), (HttpReply{503, "until the end"}));
  EXPECT_EQ(parse_http_reply("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokay"), (HttpReply{200, "ok"}));
}

TEST(HttpReply, IsNothingWhenCutOffAnywhere) {
  const std::string whole = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
  for (std::size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(parse_http_reply(std::string_view(whole).substr(0, n))) << n;
}

TEST(HttpReply, IsNothingWhenItIsNoHttp) {
  for (const char* text : {"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n", "HTTP/1.1\r\n\r\n", "HTTP/1.1 099 OK\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"})
    EXPECT_FALSE(parse_http_reply(text)) << text;
}

TEST(Metric, IsFoundByItsWholeName) {
  const std::string text =
      "# HELP clasp_sessions_active Sessions.\nclasp_sessions_active_max 9\nclasp_sessions_active 3\nclasp_uptime_seconds 1.5e1\n";
  EXPECT_EQ(find_metric(text, "clasp_sessions_active"), 3);
  EXPECT_EQ(find_metric(text, "clasp_uptime_seconds"), 15);
  EXPECT_EQ(find_metric(text, "clasp_sessions"), std::nullopt);
  EXPECT_EQ(find_metric("", "clasp_sessions"), std::nullopt);
}

TEST(HttpGet, SaysThatNobodyListens) {
  const auto reply = http_get("127.0.0.1", 1, "/healthz", std::chrono::seconds{5});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::connection_failed);
  EXPECT_EQ(reply.error().message, "cannot reach 127.0.0.1:1: Connection refused");
}

}  // namespace
}  // namespace clasp::cli
