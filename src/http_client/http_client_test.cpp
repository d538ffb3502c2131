#include "http_client/http_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>

#include "http_client/http_server_testing.hpp"
#include "io/io_loop.hpp"

namespace clasp::http_client {
namespace {

using namespace std::chrono_literals;
using test::BadServer;
using test::Hand;
using ::testing::HasSubstr;
using ::testing::Not;

class HttpClientTest : public ::testing::Test {
 protected:
  HttpClient& client() {
    if (!client_) client_ = std::move(HttpClient::create(loop, config).value());
    return *client_;
  }
  Result<HttpAnswer> call(HttpCall what) {
    std::optional<Result<HttpAnswer>> result;
    client().start(std::move(what), [&result](Result<HttpAnswer> got) { result.emplace(std::move(got)); });
    EXPECT_TRUE(until([&] { return result.has_value(); })) << "never answered";
    return result ? std::move(*result) : Result<HttpAnswer>(Error{ErrorCode::timeout, "never answered", {}});
  }
  Result<HttpAnswer> get(const std::string& url) { return call({.url = url, .fields = {}, .body = {}}); }
  template <typename Condition>
  bool until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (!condition() && std::chrono::steady_clock::now() < end) loop.turn(Micros{20'000});
    return condition();
  }
  static std::string error_of(const Result<HttpAnswer>& result) {
    return result ? "an answer: " + std::to_string(result->status) : result.error().message;
  }

  io::IoLoop loop;
  HttpClientConfig config;

 private:
  std::unique_ptr<HttpClient> client_;
};

TEST_F(HttpClientTest, SendsWhatItIsToldAndGivesTheWholeAnswer) {
  BadServer server([](const std::string&, const Hand& hand) { hand.answer("201 Created", "ETag: \"7\"\r\nX-Two: a\r\n", "made"); });
  const auto answer =
      call({.method = "PATCH", .url = server.url("/x?y=1"), .fields = {{"X-Mine", "here"}, {"Content-Type", "text/plain"}}, .body = "body"});
  ASSERT_TRUE(answer) << error_of(answer);
  EXPECT_EQ(answer->status, 201U);
  EXPECT_EQ(answer->body, "made");
  ASSERT_NE(answer->find("etag"), nullptr);
  EXPECT_EQ(*answer->find("etag"), "\"7\"");
  const std::string request = server.requests().at(0);
  EXPECT_THAT(request, HasSubstr("PATCH /x?y=1 HTTP/1.1\r\n"));
  EXPECT_THAT(request, HasSubstr("X-Mine: here\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\n\r\nbody"));
  EXPECT_THAT(request, Not(HasSubstr("Expect")));
}

TEST_F(HttpClientTest, AFieldCannotForgeAnother) {
  BadServer server([](const std::string&, const Hand& hand) { hand.answer("200 OK", "", ""); });
  ASSERT_TRUE(call({.url = server.url(), .fields = {{"X-Mine", "a\r\nX-Forged: b"}}, .body = {}}));
  EXPECT_THAT(server.requests().at(0), Not(HasSubstr("\r\nX-Forged")));
}

TEST_F(HttpClientTest, ConnectionsAreKept) {
  BadServer server([](const std::string&, const Hand& hand) { hand.answer("200 OK", "", "a"); });
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(get(server.url()));
  EXPECT_EQ(server.requests().size(), 5U);
}

TEST_F(HttpClientTest, EveryStatusIsAnAnswer) {
  BadServer server([](const std::string&, const Hand& hand) { hand.answer("503 Busy", "Retry-After: 3\r\n", "{}"); });
  const auto answer = get(server.url());
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503U);
  EXPECT_FALSE(answer->is_success());
}

TEST_F(HttpClientTest, WhoIsNotThereIsAFailureThatSaysSo) {
  std::string url;
  {
    BadServer server([](const std::string&, const Hand&) {});
    url = server.url();
  }
  const auto answer = get(url);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::connection_failed);
  EXPECT_THAT(answer.error().message, HasSubstr("connect"));
}

TEST_F(HttpClientTest, ANameThatDoesNotExistIsAFailure) {
  const auto answer = get("http://no-such-host.invalid/");
  ASSERT_FALSE(answer);
  EXPECT_THAT(error_of(answer), HasSubstr("no-such-host.invalid"));
}

TEST_F(HttpClientTest, ASilentServerIsGivenUpInTime) {
  BadServer server([](const std::string&, const Hand& hand) { hand.wait_for_end(); });
  const auto answer = call({.url = server.url(), .fields = {}, .body = {}, .timeout = Micros{200'000}});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::timeout);
}

TEST_F(HttpClientTest, AConnectionThatEndsEarlyIsAFailure) {
  BadServer server([](const std::string&, const Hand& hand) { hand.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"); });
  server.closing_ = true;
  const auto answer = get(server.url());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::connection_failed);
}

TEST_F(HttpClientTest, WhatIsNoHttpIsAFailure) {
  BadServer server([](const std::string&, const Hand& hand) { hand.write("220 mail.example ESMTP\r\n"); });
  server.closing_ = true;
  EXPECT_FALSE(get(server.url()));
}

TEST_F(HttpClientTest, ABodyAboveTheBoundIsCutOff) {
  BadServer server([](const std::string&, const Hand& hand) { hand.answer("200 OK", "", std::string(3'000'000, 'x')); });
  const auto answer = call({.url = server.url(), .fields = {}, .body = {}, .answer_bytes_max = 1'000'000});
  ASSERT_FALSE(answer);
  EXPECT_EQ(error_of(answer), "the answer's body is larger than 1000000 bytes");
}

TEST_F(HttpClientTest, AHeadWithoutEndIsCutOff) {
  BadServer server([](const std::string&, const Hand& hand) {
    hand.write("HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 3'000; ++i) hand.write("X-More: " + std::string(100, 'y') + "\r\n");
    hand.wait_for_end();
  });
  const auto answer = get(server.url());
  ASSERT_FALSE(answer);
  EXPECT_THAT(error_of(answer), HasSubstr("head is larger than 65536 bytes"));
}

TEST_F(HttpClientTest, RedirectsWithinTheHostAreFollowed) {
  BadServer server([](const std::string& request, const Hand& hand) {
    if (request.starts_with("GET /old ")) return hand.answer("301 Moved", "Location: /new?a=b\r\n", "");
    hand.answer("200 OK", "", "there");
  });
  const auto answer = get(server.url("/old"));
  ASSERT_TRUE(answer) << error_of(answer);
  EXPECT_EQ(answer->body, "there");
  EXPECT_THAT(server.requests().at(1), HasSubstr("GET /new?a=b "));
}

TEST_F(HttpClientTest, ARedirectInACircleEnds) {
  BadServer server([](const std::string&, const Hand& hand) { hand.answer("302 Found", "Location: /again\r\n", ""); });
  const auto answer = get(server.url());
  ASSERT_FALSE(answer);
  EXPECT_EQ(error_of(answer), "it redirects more than 5 times");
  EXPECT_EQ(server.requests().size(), 6U);
}

TEST_F(HttpClientTest, ARedirectToAnotherPlaceIsNotFollowed) {
  BadServer inside([](const std::string&, const Hand& hand) { hand.answer("200 OK", "", "secret"); });
  BadServer server([&](const std::string&, const Hand& hand) { hand.answer("302 Found", "Location: " + inside.url("/metadata") + "\r\n", ""); });
  const auto answer = get(server.url());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::refused);
  EXPECT_THAT(error_of(answer), HasSubstr("redirects to another place"));
  EXPECT_TRUE(inside.requests().empty());
}

TEST_F(HttpClientTest, ARedirectToAFileIsNotFollowed) {
  BadServer server([&](const std::string&, const Hand& hand) { hand.answer("302 Found", "Location: file:///etc/passwd\r\n", ""); });
  EXPECT_THAT(error_of(get(server.url())), HasSubstr("no http or https URL"));
}

TEST_F(HttpClientTest, APostIsRepeatedOnlyWhereItIsMeantToBe) {
  BadServer server([](const std::string& request, const Hand& hand) {
    if (request.starts_with("POST /a ")) return hand.answer("302 Found", "Location: /b\r\n", "");
    if (request.starts_with("POST /c ")) return hand.answer("307 Here", "Location: /d\r\n", "");
    hand.answer("200 OK", "", "");
  });
  EXPECT_EQ(call({.method = "POST", .url = server.url("/a"), .fields = {}, .body = "x"}).value().status, 302U);
  EXPECT_EQ(call({.method = "POST", .url = server.url("/c"), .fields = {}, .body = "x"}).value().status, 200U);
  EXPECT_THAT(server.requests().back(), HasSubstr("POST /d "));
}

TEST_F(HttpClientTest, WhatIsNoUrlIsRefusedBeforeAnythingIsSent) {
  EXPECT_EQ(error_of(get("desk.example/x")), "expected a URL as http://host/path");
  EXPECT_EQ(error_of(get("file:///etc/passwd")), "file:///etc/passwd is no http or https URL");
  EXPECT_EQ(error_of(get("http://")), "http:// is no http or https URL");
}

TEST_F(HttpClientTest, ACallThatIsCancelledIsNotAnswered) {
  BadServer server([](const std::string&, const Hand& hand) { hand.wait_for_end(); });
  bool told = false;
  const CallId id = client().start({.url = server.url(), .fields = {}, .body = {}}, [&told](const Result<HttpAnswer>&) { told = true; });
  ASSERT_TRUE(until([&] { return !server.requests().empty(); }));
  client().cancel(id);
  client().cancel(id);
  EXPECT_EQ(client().calls_open(), 0U);
  EXPECT_FALSE(told);
}

TEST_F(HttpClientTest, TheLoopGoesOnWhileServersAreSlow) {
  BadServer slow([](const std::string&, const Hand& hand) { hand.wait_for_end(); });
  BadServer quick([](const std::string&, const Hand& hand) { hand.answer("200 OK", "", "q"); });
  bool told = false;
  for (int i = 0; i < 20; ++i) client().start({.url = slow.url(), .fields = {}, .body = {}}, [&told](const Result<HttpAnswer>&) { told = true; });
  const auto answer = get(quick.url());
  ASSERT_TRUE(answer) << error_of(answer);
  EXPECT_FALSE(told);
  EXPECT_EQ(client().calls_open(), 20U);
}

TEST_F(HttpClientTest, MoreCallsThanTheBoundAreRefused) {
  config.calls_max = 3;
  BadServer slow([](const std::string&, const Hand& hand) { hand.wait_for_end(); });
  for (int i = 0; i < 3; ++i) client().start({.url = slow.url(), .fields = {}, .body = {}}, [](const Result<HttpAnswer>&) {});
  EXPECT_EQ(error_of(get(slow.url())), "more than 3 calls at a time");
}

TEST_F(HttpClientTest, WhoeverIsToldMayDestroyTheClient) {
  BadServer server([](const std::string&, const Hand& hand) { hand.answer("200 OK", "", ""); });
  auto own = std::move(HttpClient::create(loop, {}).value());
  bool told = false;
  own->start({.url = server.url(), .fields = {}, .body = {}}, [&](const Result<HttpAnswer>&) {
    told = true;
    own.reset();
  });
  EXPECT_TRUE(until([&] { return told; }));
}

}  // namespace
}  // namespace clasp::http_client
