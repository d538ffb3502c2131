#include "net/http_request.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace clasp::net {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct Outcome {
  std::vector<std::string> requests;  // "GET /path version=11 keep body"
  std::optional<HttpFault> fault;
  std::string left;  // what the parser did not take
};

std::string describe(const HttpRequest& request) {
  std::string text = request.method + " " + request.target + (request.version == 10 ? " 1.0" : "") + (request.keep_alive ? "" : " close");
  if (!request.body.empty()) text += " [" + request.body + "]";
  return text;
}

Outcome parse(std::string stream, std::size_t read_bytes, HttpLimits limits = {}, std::size_t requests_max = 100) {
  HttpRequestParser parser{limits};
  Outcome outcome;
  for (std::size_t at = 0; at < stream.size(); at += read_bytes) {
    std::string read = stream.substr(at, read_bytes);
    std::span<std::byte> input{reinterpret_cast<std::byte*>(read.data()), read.size()};
    while (outcome.requests.size() < requests_max) {
      const std::optional<HttpRequest> request = parser.next(input);
      if (!request) break;
      outcome.requests.push_back(describe(*request));
    }
    if (outcome.requests.size() == requests_max) {
      outcome.left = std::string{as_text(input)} + stream.substr(std::min(stream.size(), at + read_bytes));
      break;
    }
    if (parser.fault()) break;
    EXPECT_TRUE(input.empty()) << "neither taken nor answered";
  }
  outcome.fault = parser.fault();
  return outcome;
}

TEST(HttpRequest, PipelinedRequestsComeOneAfterTheOther) {
  // Field case: bytes that arrive together with the request.
  const std::string stream =
      "GET /v1/state/w/1 HTTP/1.1\r\nHost: a\r\n\r\n"
      "PUT /v1/state/w/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n{\"value\":1}"
      "\r\nGET /v1/health HTTP/1.1\r\nHost: a\r\n\r\n"
      "POST /chunks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n"
      "GET /old HTTP/1.0\r\n\r\n"
      "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  for (std::size_t read_bytes = 1; read_bytes <= stream.size(); ++read_bytes) {
    const Outcome outcome = parse(stream, read_bytes);
    EXPECT_FALSE(outcome.fault) << outcome.fault->text;
    EXPECT_THAT(outcome.requests, ElementsAre("GET /v1/state/w/1", "PUT /v1/state/w/1 [{\"value\":1}]", "GET /v1/health",
                                              "POST /chunks [hello world]", "GET /old 1.0 close", "GET /last close"))
        << "reads of " << read_bytes;
  }
}

TEST(HttpRequest, WhatFollowsARequestIsLeftAlone) {
  const std::string request = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
  const std::string frames{"\x89\x82\0\0\0\0hi", 8};
  for (std::size_t read_bytes = 1; read_bytes <= request.size() + frames.size(); ++read_bytes) {
    const Outcome outcome = parse(request + frames, read_bytes, {}, 1);
    EXPECT_THAT(outcome.requests, ElementsAre("GET /"));
    EXPECT_EQ(outcome.left, frames);
  }
}

TEST(HttpRequest, FieldsKeepTheirLinesAndLoseTheirBlanks) {
  HttpRequestParser parser;
  std::string text = "GET /?token=x HTTP/1.1\r\nhost:\t a \t\r\nConnection: keep-alive\r\nCONNECTION: Upgrade\r\n\r\n";
  std::span<std::byte> input{reinterpret_cast<std::byte*>(text.data()), text.size()};
  const std::optional<HttpRequest> request = parser.next(input);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->path(), "/");
  EXPECT_EQ(request->query(), "token=x");
  ASSERT_NE(find_field(request->fields, "Host"), nullptr);
  EXPECT_EQ(*find_field(request->fields, "Host"), "a");
  EXPECT_TRUE(has_token(request->fields, "connection", "upgrade"));
  EXPECT_TRUE(has_token(request->fields, "connection", "Keep-Alive"));
  EXPECT_FALSE(has_token(request->fields, "connection", "up"));
  EXPECT_TRUE(parser.idle());
  EXPECT_EQ(parser.bytes_held(), 0U);
}

struct Bad {
  std::string name;
  std::string stream;
  unsigned status;
};
class BadRequests : public testing::TestWithParam<Bad> {};

TEST_P(BadRequests, AreRefusedWithTheRightStatus) {
  const HttpLimits limits{.head_bytes_max = 1'024, .body_bytes_max = 100};
  for (const std::size_t read_bytes : {1UL, 7UL, 1'000UL, 1'000'000UL}) {
    const Outcome outcome = parse(GetParam().stream, read_bytes, limits);
    ASSERT_TRUE(outcome.fault) << "reads of " << read_bytes;
    EXPECT_EQ(outcome.fault->status, GetParam().status) << outcome.fault->text;
    EXPECT_THAT(outcome.requests, IsEmpty());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Http, BadRequests,
    testing::Values(Bad{"HeadTooLarge", "GET / HTTP/1.1\r\nX: " + std::string(1'100, 'x') + "\r\n\r\n", 431},
                    Bad{"HeadWithoutEnd", "GET /" + std::string(2'000, 'x'), 431},
                    Bad{"BodyTooLarge", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n" + std::string(101, 'b'), 413},
                    Bad{"ChunksTooLarge",
                        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + std::string(101, 'b') + "\r\n0\r\n\r\n", 413},
                    Bad{"NoHttp", "GARBAGE\r\n\r\n", 400}, Bad{"LineFeedsAlone", "GET / HTTP/1.1\nHost: a\n\n", 400},
                    Bad{"OneLineFeedAlone", "GET / HTTP/1.1\r\nHost: a\n\r\n", 400}, Bad{"Http2", "PRI * HTTP/2.0\r\n\r\n", 505},
                    Bad{"BadContentLength", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: two\r\n\r\nxx", 400},
                    Bad{"TwoContentLengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400},
                    Bad{"LengthAndChunked", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
                    Bad{"BadChunk", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nxx\r\n", 400},
                    Bad{"ChunkLineOfControls", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n8;x=\"\a\r\nxx", 400},
                    Bad{"ChunkSizeOverflow", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000001\r\nx\r\n0\r\n\r\n", 413},
                    Bad{"ChunkLongerThanItsSize", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n", 400},
                    Bad{"EndlessTrailers", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + std::string(9'000, 'e'), 431},
                    Bad{"EndlessChunkLine", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(20'000, 'e'), 400},
                    Bad{"UnknownCoding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nbody without an end", 400},
                    Bad{"CodingBehindChunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400},
                    Bad{"EmptyCoding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \r\n\r\n1\r\nx\r\n0\r\n\r\n", 400},
                    Bad{"NoHost", "GET / HTTP/1.1\r\n\r\n", 400}, Bad{"TwoHosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
                    Bad{"TwoHostsOf10", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400},
                    Bad{"Connect", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501},
                    Bad{"BlankInName", "GET / HTTP/1.1\r\nBad Name: x\r\n\r\n", 400},
                    Bad{"ZeroByteInHead", std::string{"GET / HTTP/1.1\r\nX: \0\r\n\r\n", 24}, 400}),
    [](const auto& instance) { return instance.param.name; });

TEST(HttpRequest, ATargetWithSchemeAndHostMeansItsPath) {
  const std::pair<const char*, const char*> rows[] = {{"http://a/v1/health", "/v1/health"}, {"HTTP://a:7330/x?y=z", "/x?y=z"}, {"https://a", "/"},
                                                      {"http://a?y=z", "/?y=z"},           {"/http://a/b", "/http://a/b"},   {"*", "*"}};
  for (const auto& [target, path] : rows)
    EXPECT_THAT(parse(std::string("OPTIONS ") + target + " HTTP/1.1\r\nHost: a\r\n\r\n", 1'000).requests, ElementsAre(std::string("OPTIONS ") + path));
}

TEST(HttpRequest, AnExpectationIsReportedOnce) {
  HttpRequestParser parser;
  std::string head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n";
  std::span<std::byte> input{reinterpret_cast<std::byte*>(head.data()), head.size()};
  EXPECT_FALSE(parser.next(input));
  EXPECT_TRUE(parser.take_expectation());
  EXPECT_FALSE(parser.take_expectation());
  EXPECT_FALSE(parser.idle());
  std::string body = "ok";
  input = {reinterpret_cast<std::byte*>(body.data()), body.size()};
  const std::optional<HttpRequest> request = parser.next(input);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->body, "ok");
}

TEST(HttpResponse, IsWrittenWithItsLength) {
  ByteBuffer out;
  append_response(out, text_response(200, "ok\n"), Persist::yes, Body::send);
  EXPECT_EQ(as_text(out.view()),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nok\n");
}

TEST(HttpResponse, AnswersHeadWithoutABodyButWithItsLength) {
  ByteBuffer out;
  append_response(out, text_response(404, "nothing here\n"), Persist::no, Body::omit);
  const std::string text{as_text(out.view())};
  EXPECT_THAT(text, HasSubstr("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(text, HasSubstr("Content-Length: 13\r\nConnection: close\r\n\r\n"));
  EXPECT_TRUE(text.ends_with("\r\n\r\n"));
}

TEST(HttpResponse, ValuesCannotForgeHeaders) {
  ByteBuffer out;
  append_response(out, {.status = 302, .fields = {{"Location", "/a\r\nSet-Cookie: x"}}, .body = {}}, Persist::yes, Body::send);
  EXPECT_THAT(std::string{as_text(out.view())}, Not(HasSubstr("\r\nSet-Cookie")));
}

TEST(HttpResponse, HeadIsParsedForClients) {
  const Result<HttpResponseHead> head = parse_response_head("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->status, 101U);
  EXPECT_TRUE(has_token(head->fields, "Upgrade", "WebSocket"));
  EXPECT_FALSE(parse_response_head("SSH-2.0-OpenSSH_9.2\r\n\r\n"));
}

}  // namespace
}  // namespace clasp::net
